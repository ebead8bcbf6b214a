"""The functions on the page about Grad-CAM, as they stand in the notebook: maps, hooks, ranks, squares."""

import captum.attr
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from helpers.visualization import hooks

PAGE = "4_visualization/07_grad_cam"


def of_page(name: str, **globals_: object):
    return definition_of_page(PAGE, name, torch=torch, nn=nn, F=F, **globals_)


class_activation_maps = of_page("class_activation_maps")
grad_cam_by_hand, grad_cam_with_hooks = of_page("grad_cam_by_hand"), of_page("grad_cam_with_hooks")
alpha_by_differences, input_gradient = of_page("alpha_by_differences"), of_page("input_gradient")
scaled, stretched, placed = of_page("scaled"), of_page("stretched"), of_page("placed")
best_square, hidden, GuidedReLU = of_page("best_square"), of_page("hidden"), of_page("GuidedReLU")
ranks = of_page("ranks")
rank_correlation = of_page("rank_correlation", ranks=ranks)
occlusion_solution, hits_solution = of_page("occlusion_solution"), of_page("hits_solution")
sizes = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(2, 6), st.integers(2, 6))


def double(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_net() -> nn.Sequential:
    torch.manual_seed(4)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 16, 30)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(30, 3)).double().eval()


def residual_net() -> nn.Module:
    torch.manual_seed(1)
    model = torchvision.models.resnet18(num_classes=3).double().eval()
    for layer in model.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # a full backward hook needs it
    return model


@given(sizes)
@settings(deadline=None, max_examples=30)
def test_the_mean_of_a_class_map_is_the_score_and_grad_cam_its_positive_part(size):
    B, C, K, H, W = size
    features, head = double(B, C, H, W), nn.Linear(C, K).double()
    tail = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    cams = class_activation_maps(features, head.weight.detach())
    assert_close(cams.mean(dim=(2, 3)) + head.bias, tail(features))
    classes = torch.arange(B) % K
    wanted = cams[torch.arange(B), classes].clamp(min=0) / (H * W)
    assert_close(grad_cam_by_hand(tail, features, classes), wanted)


def test_three_ways_give_one_map_also_for_class_0():
    model, images = small_net(), double(4, 3, 8, 8)
    for k in range(3):
        classes = torch.full((4,), k)
        wanted = hooks.grad_cam(model, "3", images, classes)
        assert wanted.amax() > 0.005
        assert_close(grad_cam_with_hooks(model, model[3], images, classes), wanted)
        maps = model[:4](images).detach()
        assert_close(grad_cam_by_hand(model[4:], maps, classes), wanted)
        alpha = alpha_by_differences(model[4:], maps, classes)
        moved = (alpha[:, :, None, None] * maps).sum(dim=1).clamp(min=0)
        assert_close(moved, wanted, rtol=1e-4, atol=1e-7)
    assert not model[3]._forward_hooks and not model[3]._backward_hooks
    assert all(p.grad is None for p in model.parameters())


def test_hooks_are_removed_also_when_the_model_raises():
    model = small_net()
    with pytest.raises(RuntimeError):
        grad_cam_with_hooks(model, model[3], double(4, 3, 9, 9), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(RuntimeError):
        input_gradient(model, double(4, 3, 9, 9), torch.zeros(4, dtype=torch.int64), guided=True)
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in model)


def test_guided_gradients_by_hooks_and_by_an_own_relu():
    images, classes = double(4, 3, 8, 8), torch.tensor([0, 1, 2, 0])
    model, own = small_net(), small_net()
    for k in (1, 3, 6):
        own[k].forward = GuidedReLU.apply
    guided = input_gradient(model, images, classes, guided=True)
    assert_close(guided, input_gradient(own, images, classes))
    leaf = images.clone().requires_grad_()
    model(leaf)[torch.arange(4), classes].sum().backward()
    assert_close(input_gradient(model, images, classes), leaf.grad)
    assert (guided - leaf.grad).abs().max() > 1e-4


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")  # captum says that it does
@pytest.mark.parametrize(("build", "layer", "size"), [(small_net, "3", 8), (residual_net, "layer2", 32)])
def test_guided_gradients_and_their_product_with_the_map_are_those_of_captum(build, layer, size):
    model, images = build(), double(4, 3, size, size).requires_grad_()
    for classes in (torch.tensor([0, 1, 2, 0]), torch.zeros(4, dtype=torch.int64)):
        guided = input_gradient(model, images, classes, guided=True)
        wanted = captum.attr.GuidedBackprop(model).attribute(images, classes)
        assert_close(guided, wanted)
        assert (guided - input_gradient(model, images, classes)).abs().max() > 1e-4
        maps = hooks.grad_cam(model, layer, images, classes)
        product = guided * F.interpolate(maps[:, None], images.shape[2:])
        library = captum.attr.GuidedGradCam(model, model.get_submodule(layer))
        assert_close(product, library.attribute(images, classes).detach())
        assert product.abs().max() > 0


def test_the_guided_relu_of_the_page_number_by_number():
    x = torch.tensor([-1.0, 2, 3, -4, 0], requires_grad=True)
    GuidedReLU.apply(x).backward(torch.tensor([1.0, 2, -3, -4, 5]))
    assert x.grad.tolist() == [0, 2, 0, 0, 0]
    assert GuidedReLU.apply(x).tolist() == [0, 2, 3, 0, 0]


@given(st.lists(st.lists(st.integers(0, 5), min_size=6, max_size=6), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_ranks_are_those_of_scipy_with_ties(rows):
    values = torch.tensor(rows).double()
    assert_close(ranks(values), torch.from_numpy(rankdata(values.numpy(), axis=1)))


def test_the_rank_correlation_is_that_of_scipy():
    a, b = double(5, 4, 6).relu(), double(5, 4, 6, seed=1).relu()
    wanted = [spearmanr(p.flatten(), q.flatten()).statistic for p, q in zip(a, b, strict=True)]
    assert_close(rank_correlation(a, b), torch.tensor(wanted, dtype=torch.float64))
    assert rank_correlation(0 * a, b).isnan().all()


def test_scaling_reaches_1_and_leaves_an_empty_map_alone():
    maps = torch.stack([torch.zeros(2, 3), torch.tensor([[0, 1, 2], [4, 0, 1.0]])])
    assert scaled(maps).tolist() == [[[0] * 3] * 2, [[0, 0.25, 0.5], [1, 0, 0.25]]]


def test_a_place_of_the_map_lands_on_the_centre_of_what_it_sees():
    for i, j in ((0, 0), (3, 7), (9, 9)):
        maps = torch.zeros(1, 10, 10)
        maps[0, i, j] = 1
        rows, columns = placed(maps)[0].sum(dim=1), placed(maps)[0].sum(dim=0)
        if 0 < i < 9 and 0 < j < 9:  # at the border the interpolation is one-sided
            assert (rows @ torch.arange(32.0) / rows.sum()).item() == pytest.approx(2 * i + 6.5, abs=1e-4)
            assert (columns @ torch.arange(32.0) / columns.sum()).item() == pytest.approx(2 * j + 6.5, abs=1e-4)
        assert placed(maps).shape == stretched(maps).shape == (1, 32, 32)
        assert placed(maps)[0, [5, 26]].abs().max() == 0  # six rows on each side stay empty


@given(st.integers(0, 7), st.integers(0, 5))
@settings(deadline=None, max_examples=20)
def test_the_best_square_is_found_and_hidden(i, j):
    maps = torch.rand(2, 10, 8, generator=torch.Generator().manual_seed(1)) / 10
    maps[:, i : i + 3, j : j + 3] += 1
    corners = best_square(maps, side=3)
    assert corners.tolist() == [[i, j]] * 2
    images = torch.ones(2, 3, 10, 8)
    covered = hidden(images, corners, side=3)
    assert covered.sum() == images.sum() - 2 * 3 * 9 and covered[:, :, i : i + 3, j : j + 3].abs().sum() == 0
    assert images.min() == 1


@given(st.integers(1, 3), st.integers(1, 3))
@settings(deadline=None, max_examples=9)
def test_occlusion_of_a_linear_score_is_the_sum_of_its_evidence(side, stride):
    image, w = double(2, 5, 7), double(2, 5, 7, seed=1)
    got = occlusion_solution(lambda x: (w * x).sum(dim=(1, 2, 3)), image, side, stride)
    assert_close(got, side**2 * F.avg_pool2d((w * image).sum(dim=0)[None], side, stride)[0])


def test_hits_count_peaks_in_boxes():
    maps = torch.zeros(3, 4, 6)
    maps[0, 1, 5] = maps[1, 3, 0] = 1
    boxes = torch.tensor([[5, 1, 6, 2], [0, 0, 1, 3], [0, 0, 6, 4]])
    assert hits_solution(maps, boxes) == pytest.approx(1 / 3)
