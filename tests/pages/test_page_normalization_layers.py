"""Normalization layers and ResNet34 as pages 7 and 8 of part 2 write them, against torch and torchvision."""

import copy

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.testing import assert_close

from helpers.model import resnet

NORMALIZATION, RESNET = "2_model/07_normalization_layers", "2_model/08_sequential_and_resnet34"
MyBatchNorm2d = definition_of_page(NORMALIZATION, "MyBatchNorm2d", torch=torch, nn=nn)
normalize = definition_of_page(NORMALIZATION, "normalize", torch=torch)
group_norm = definition_of_page(NORMALIZATION, "group_norm", normalize=normalize)
fold = definition_of_page(NORMALIZATION, "fold", copy=copy, nn=nn)
fold_all = definition_of_page(NORMALIZATION, "fold_all", fold=fold, nn=nn)
fold_before = definition_of_page(NORMALIZATION, "fold_before_solution", copy=copy, nn=nn)
reestimate = definition_of_page(NORMALIZATION, "reestimate_solution", torch=torch, nn=nn)

conv3x3 = definition_of_page(RESNET, "conv3x3", nn=nn)
BasicBlock = definition_of_page(RESNET, "BasicBlock", nn=nn, conv3x3=conv3x3)
stage = definition_of_page(RESNET, "stage", nn=nn, BasicBlock=BasicBlock)
TABLE = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # He et al., 2016, table 1
ResNet34 = definition_of_page(RESNET, "ResNet34", nn=nn, stage=stage, TABLE=TABLE)

maps = st.tuples(st.integers(2, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))  # B C H W
momenta = st.sampled_from([0.1, 0.5, 1.0, None])
seeds = st.integers(0, 2**31)


def draw(shape, seed) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(norm: nn.Module, seed: int = 0) -> nn.Module:
    """Other numbers than the 1 and 0 of a new layer, with which a forgotten factor would not show."""
    with torch.no_grad():
        for k, tensor in enumerate((norm.weight, norm.bias, norm.running_mean, norm.running_var)):
            tensor.copy_(draw(tensor.shape, seed + k).abs() + 0.1)
    return norm


@given(maps, momenta, seeds)
@settings(max_examples=20)
def test_the_batch_norm_of_the_page_is_that_of_torch_in_values_gradients_and_buffers(shape, momentum, seed):
    mine = filled(MyBatchNorm2d(shape[1], momentum=momentum).double(), seed)
    torchs = nn.BatchNorm2d(shape[1], momentum=momentum).double()
    torchs.load_state_dict(mine.state_dict())
    for training in (True, True, False):
        x = draw(shape, seed + 7).requires_grad_()
        outputs, gradients = [], []
        for layer in (mine, torchs):
            outputs.append(layer.train(training)(x))
            inputs = (x, layer.weight, layer.bias)
            gradients.append(torch.autograd.grad(outputs[-1].sin().sum(), inputs))
        assert_close(*outputs)
        assert_close(*gradients)
        assert_close(dict(mine.state_dict()), dict(torchs.state_dict()))


@pytest.mark.parametrize("training", [True, False])
def test_the_gradients_of_the_batch_norm_are_slopes(training):
    layer = filled(MyBatchNorm2d(2).double()).train(training)
    layer.momentum = 0.0  # the buffers stay, so that every call computes the same
    x = draw((3, 2, 2, 2), 0).requires_grad_()
    assert gradcheck(layer, x) and gradgradcheck(layer, x)


@given(maps, seeds)
@settings(max_examples=20)
def test_one_formula_over_four_choices_of_axes_is_the_four_layers_of_torch(shape, seed):
    B, C, H, W = shape
    x = draw(shape, seed).requires_grad_()
    pairs = [
        (normalize(x, (0, 2, 3)), F.batch_norm(x, None, None, training=True)),
        (normalize(x, (1, 2, 3)), F.layer_norm(x, shape[1:])),
        (group_norm(x, C), F.group_norm(x, C)),
        (group_norm(x, 1), F.group_norm(x, 1)),
    ]
    if H * W > 1:
        pairs.append((normalize(x, (2, 3)), F.instance_norm(x)))
    for by_hand, torchs in pairs:
        assert_close(by_hand, torchs)
        assert_close(*(torch.autograd.grad(y.sin().sum(), x)[0] for y in (by_hand, torchs)))


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), seeds)
@settings(max_examples=20)
def test_groups_are_neighbouring_channels(groups, channels_each, side, seed):
    x = draw((2, groups * channels_each, side, side), seed)
    assert_close(group_norm(x, groups), F.group_norm(x, groups))


@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.integers(1, 2), st.integers(0, 1), seeds)
@settings(max_examples=20)
def test_a_folded_convolution_does_what_both_layers_do(channels, out, bias, stride, padding, seed):
    torch.manual_seed(seed)
    conv = nn.Conv2d(channels, out, 2, stride, padding, bias=bias).double().eval()
    norm = filled(nn.BatchNorm2d(out).double(), seed).eval()
    model = nn.Sequential(conv, norm, nn.ReLU()).eval()
    kept, x = copy.deepcopy(model.state_dict()), draw((2, channels, 5, 4), seed)
    folded, torchs = fold(conv, norm), fuse_conv_bn_eval(conv, norm)
    assert_close([folded.weight, folded.bias], [torchs.weight, torchs.bias])
    assert_close(fold_all(model)(x), model(x))
    assert len(fold_all(model)) == 2
    assert_close(dict(model.state_dict()), dict(kept), atol=0, rtol=0)


@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), seeds)
@settings(max_examples=20)
def test_a_norm_folds_into_the_linear_layer_behind_it(channels, out, bias, seed):
    torch.manual_seed(seed)
    norm, linear = filled(nn.BatchNorm1d(channels), seed).eval(), nn.Linear(channels, out, bias=bias)
    x = torch.randn(3, channels)
    assert_close(fold_before(norm, linear)(x), linear(norm(x)), atol=1e-4, rtol=1e-4)


def test_statistics_estimated_again_are_plain_means_of_the_batches():
    norm = filled(nn.BatchNorm2d(2).double())
    batches = [draw((3, 2, 4, 5), k) for k in range(4)]
    reestimate(nn.Sequential(norm), batches)
    assert_close(norm.running_mean, torch.stack([x.mean((0, 2, 3)) for x in batches]).mean(0))
    assert_close(norm.running_var, torch.stack([x.var((0, 2, 3)) for x in batches]).mean(0))


@pytest.mark.parametrize(("into", "stride"), [((4, 4), 1), ((4, 6), 1), ((4, 4), 2), ((3, 8), 2)])
def test_the_block_of_the_page_is_that_of_torchvision_and_of_helpers(into, stride):
    torch.manual_seed(0)
    mine, helper = BasicBlock(*into, stride).double(), resnet.BasicBlock(*into, stride).double()
    downsample = None if into[0] == into[1] and stride == 1 else copy.deepcopy(mine.downsample)
    theirs = torchvision.models.resnet.BasicBlock(*into, stride, downsample).double()
    x = draw((2, into[0], 6, 5), 0)
    for other in (helper, theirs):
        other.load_state_dict(mine.state_dict())
        for training in (True, False):
            outputs = [block.train(training)(x) for block in (mine, other)]
            assert_close(*outputs)
        mine.load_state_dict(copy.deepcopy(other.state_dict()))


def test_the_gradients_of_the_block_are_slopes():
    torch.manual_seed(0)
    block = BasicBlock(2, 4, 2).double().eval()
    assert gradcheck(block, draw((2, 2, 4, 4), 1).requires_grad_())


def test_the_resnet34_of_the_page_is_that_of_torchvision_and_of_helpers():
    theirs = torchvision.models.resnet34(weights=None, num_classes=7)
    mine, helper = ResNet34(num_classes=7), resnet.ResNet34(num_classes=7)
    kinds = [[(name, type(m).__name__) for name, m in net.named_modules() if name] for net in (mine, theirs)]
    assert kinds[0] == kinds[1]
    assert list(mine.state_dict()) == list(theirs.state_dict()) == list(helper.state_dict())
    state, images = copy.deepcopy(theirs.state_dict()), torch.randn(2, 3, 33, 40)
    wanted = theirs(images)
    for net in (mine, helper):
        net.load_state_dict(state)
        assert_close(net(images), wanted)
        assert_close(dict(net.state_dict()), dict(theirs.state_dict()))


def test_the_table_of_the_page_is_that_of_the_paper_and_the_tutorials_is_counted():
    with torch.device("meta"):
        right, wrong = ResNet34(), ResNet34(((128, 3, 1), (256, 4, 2), (512, 6, 2), (512, 3, 2)))
    counts = [sum(p.numel() for p in net.parameters()) for net in (right, wrong)]
    assert counts == [21_797_672, 47_505_960]
