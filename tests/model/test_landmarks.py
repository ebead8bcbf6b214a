"""`helpers.model.landmarks`: blocks against torchvision's, values and gradients; the small networks of the record."""

import json

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import densenet, resnet
from torchvision.models.googlenet import Inception as TorchInception

from helpers.model import landmarks
from helpers.paths import project_root

WIDTHS = (3, 2, 4, 5, 6, 1)


def shortcut(channels: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))


PAIRS = {
    "inception": lambda: (landmarks.Inception(8, WIDTHS, size=3), TorchInception(8, *WIDTHS)),
    "bottleneck": lambda: (landmarks.Bottleneck(8, 2), resnet.Bottleneck(8, 2)),
    "bottleneck, projected": lambda: (landmarks.Bottleneck(8, 3, 2), resnet.Bottleneck(8, 3, 2, shortcut(8, 12, 2))),
    "dense block": lambda: (landmarks.dense_block(8, 3, 2), densenet._DenseBlock(2, 8, 4, 3, 0.0)),
    "transition": lambda: (landmarks.transition(8), densenet._Transition(8, 4)),
}


def same_weights(mine: nn.Module, theirs: nn.Module) -> None:
    """Random weights and statistics for both: running means of 0 would hide an exchanged layer."""
    state = {name: torch.rand_like(t) + 0.5 if t.is_floating_point() else t for name, t in theirs.state_dict().items()}
    assert [t.shape for t in state.values()] == [t.shape for t in mine.state_dict().values()]
    theirs.load_state_dict(state)
    mine.load_state_dict(dict(zip(mine.state_dict(), state.values(), strict=True)))
    for layer in theirs.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 1e-5  # torchvision's inception has another


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_a_block_has_the_values_and_gradients_of_torchvisions(name, training):
    torch.manual_seed(0)
    mine, theirs = (block.double().train(training) for block in PAIRS[name]())
    same_weights(mine, theirs)
    x = torch.randn(2, 8, 6, 6, dtype=torch.float64)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [block(one) for block, one in zip((mine, theirs), inputs, strict=True)]
    torch.testing.assert_close(*outputs)
    weights = torch.randn_like(outputs[0])
    for output in outputs:
        (output * weights).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("name", ["inception", "bottleneck", "dense block"])
def test_the_gradient_of_a_block_is_that_of_its_values(name):
    torch.manual_seed(0)
    block = PAIRS[name]()[0].double().eval()
    assert torch.autograd.gradcheck(block, torch.randn(1, 8, 3, 3, dtype=torch.float64, requires_grad=True))


@given(st.tuples(*[st.integers(1, 9)] * 6), st.integers(1, 9), st.sampled_from((1, 3, 5)), st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_inception_puts_the_channels_of_its_branches_together_and_keeps_the_size(widths, channels, size, side):
    with torch.device("meta"):
        block = landmarks.Inception(channels, widths, size).eval()
        one, _, three, _, five, pool = widths
        assert block(torch.zeros(2, channels, side, side + 1)).shape == (2, one + three + five + pool, side, side + 1)
        kernels = [layer.kernel_size[0] for layer in block.modules() if isinstance(layer, nn.Conv2d)]
    assert kernels == [1, 1, 3, 1, size, 1]


def test_dense_block_returns_its_input_first():
    x = torch.randn(2, 5, 4, 4)
    result = landmarks.dense_block(5, 3, 2).eval()(x)
    assert result.shape == (2, 11, 4, 4) and torch.equal(result[:, :5], x)


@pytest.mark.parametrize("name, column", [("vgg11", "64 M 128 M 256 256 M 512 512 M 512 512 M"),
                                          ("vgg13_bn", "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M")])  # fmt: skip
def test_vgg_features_are_layer_for_layer_torchvisions(name, column):
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name).features
        mine = landmarks.vgg_features(column, batch_norm="bn" in name)
    assert list(map(type, mine)) == list(map(type, theirs))
    assert [(k, t.shape) for k, t in mine.state_dict().items()] == [
        (k, t.shape) for k, t in theirs.state_dict().items()
    ]


def test_vgg_features_know_1x1_and_local_response_normalization():
    one, _, norm, two, _ = landmarks.vgg_features("4 LRN 6/1")
    assert one.kernel_size == (3, 3) and two.kernel_size == (1, 1) and two.padding == (0, 0)
    x = torch.rand(1, 7, 1, 1)  # of the third channel: the sum of squares of itself and two neighbours on each side
    by_hand = x[0, 2, 0, 0] / (2 + 1e-4 * x[0, :5].square().sum()) ** 0.75
    torch.testing.assert_close(norm(x)[0, 2, 0, 0], by_hand)


@pytest.mark.parametrize("name", landmarks.LANDMARKS)
def test_a_small_network_is_the_one_that_was_recorded(name):
    recorded = json.loads((project_root() / "book" / "results" / "architectures.json").read_text())["networks"][name]
    model = landmarks.build(name).eval()
    with FlopCounterMode(display=False) as counter:
        assert model(torch.randn(1, 3, 32, 32)).shape == (1, 10)
    assert sum(p.numel() for p in model.parameters()) == recorded["parameters"]
    assert counter.get_total_flops() == recorded["flops"] and 1e6 < recorded["flops"] < 80e6
    assert landmarks.build(name, 7)(torch.randn(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("layers", [12, 26])
def test_plain_and_residual_networks_differ_by_the_shortcuts_only(layers):
    plain, residual = (landmarks.build(f"{kind} {layers}") for kind in ("plain", "ResNet"))
    kernels = [[tuple(layer.weight.shape) for layer in model.modules() if isinstance(layer, nn.Conv2d)]
               for model in (plain, residual)]  # fmt: skip
    projections = [shape for shape in kernels[1] if shape[2:] == (1, 1)]
    assert kernels[0] == [shape for shape in kernels[1] if shape[2:] == (3, 3)]
    assert len(kernels[0]) == layers - 1 and len(projections) == 2  # the last layer is linear


def test_networks_have_batch_norm_where_their_name_says_so():
    normalized = {
        name for name in landmarks.LANDMARKS
        if any(isinstance(layer, nn.BatchNorm2d) for layer in landmarks.build(name).modules())
    }  # fmt: skip
    assert set(landmarks.LANDMARKS) - normalized == {"LeNet", "AlexNet", "no dropout", "VGG"}
    dropout = {n for n in landmarks.LANDMARKS if any(type(m) is nn.Dropout for m in landmarks.build(n).modules())}
    assert dropout == {"AlexNet"}


def test_the_weights_are_drawn_by_kaimings_rule():
    torch.manual_seed(0)
    layer = [m for m in landmarks.build("plain 12").modules() if isinstance(m, nn.Conv2d)][-1]
    assert layer.weight.var().item() == pytest.approx(2 / layer.weight[0].numel(), rel=0.1)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="unknown network 'vgg': use one of LeNet, AlexNet"):
        landmarks.build("vgg")
