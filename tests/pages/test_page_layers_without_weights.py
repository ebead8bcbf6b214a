"""Layers without weights, as they stand in the notebooks: pooling, unpooling, enlarging, activations, dropout."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

POOLING, ACTIVATIONS = "2_model/05_pooling", "2_model/06_activations_and_dropout"
of_pooling = {"torch": torch, "math": math, "F": F}
for name in ("count", "windows", "bounds"):  # what the others use
    of_pooling[name] = definition_of_page(POOLING, name, **of_pooling)
max_by_hand, mean_by_hand, adaptive_by_hand, unpool_by_hand, bilinear_by_hand, shuffle_by_hand = (
    definition_of_page(POOLING, name, **of_pooling)
    for name in (
        "max_by_hand",
        "mean_by_hand",
        "adaptive_by_hand",
        "unpool_by_hand",
        "bilinear_by_hand",
        "shuffle_by_hand",
    )
)
by_hand, dropout_by_hand = (
    definition_of_page(ACTIVATIONS, name, torch=torch, math=math) for name in ("by_hand", "dropout_by_hand")
)
dead_units = definition_of_page(ACTIVATIONS, "dead_units", torch=torch, nn=nn)
without_scale = definition_of_page(ACTIVATIONS, "without_scale", nn=nn)

QUICK = settings(deadline=None, max_examples=25)
sides = st.tuples(st.integers(1, 9), st.integers(1, 9))  # H, W


def distinct(*shape: int) -> torch.Tensor:
    """Numbers of which no two are equal, far enough from each other for a numerical derivative; float64."""
    count = math.prod(shape)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(count))
    return (order.double() / 10 - count / 20).view(shape).requires_grad_()


def assert_same(ours, theirs, x: torch.Tensor) -> None:
    """Two functions agree in value, and in the gradient of a weighted sum of their outputs."""
    y, wanted = ours(x), theirs(x)
    assert_close(y, wanted)
    weight = torch.rand(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    assert_close(*(torch.autograd.grad((z * weight).sum(), x)[0] for z in (y, wanted)))


@given(sides, st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.booleans(), st.booleans())
@QUICK
def test_pools_by_hand_have_the_values_and_gradients_of_torch(size, k, s, p, ceil_mode, counted):
    p = min(p, k // 2)
    k = min(k, min(size) + 2 * p)
    p = min(p, k // 2)
    x = distinct(2, 2, *size)
    assert_same(lambda x: max_by_hand(x, k, s, p, ceil_mode), lambda x: F.max_pool2d(x, k, s, p, 1, ceil_mode), x)
    assert_same(
        lambda x: mean_by_hand(x, k, s, p, ceil_mode, counted),
        lambda x: F.avg_pool2d(x, k, s, p, ceil_mode, counted),
        x,
    )


@given(sides, st.integers(1, 3))
@QUICK
def test_the_stride_of_a_pool_by_hand_is_its_window_unless_given(size, k):
    k = min(k, *size)
    x = distinct(1, 2, *size)
    assert_same(lambda x: max_by_hand(x, k), nn.MaxPool2d(k), x)
    assert_same(lambda x: mean_by_hand(x, k), nn.AvgPool2d(k), x)


@given(sides, sides)
@QUICK
def test_adaptive_pooling_by_hand_has_the_values_and_gradients_of_torch(size, wanted):
    x = distinct(2, 2, *size)
    assert_same(lambda x: adaptive_by_hand(x, *wanted), nn.AdaptiveAvgPool2d(wanted), x)


@given(sides, st.integers(1, 3))
@QUICK
def test_unpooling_by_hand_is_that_of_torch_and_the_gradient_of_the_pool(size, k):
    k = min(k, *size)
    x = distinct(2, 3, *size)
    values, winners = F.max_pool2d(x, k, return_indices=True)
    back = unpool_by_hand(values, winners, *size)
    assert_close(back, F.max_unpool2d(values, winners, k, output_size=size))
    sent = torch.rand(values.shape, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(values, x, sent)
    assert_close(unpool_by_hand(sent, winners, *size), gradient)


@given(sides, sides, st.booleans())
@QUICK
def test_bilinear_by_hand_has_the_values_and_gradients_of_torch(size, wanted, corners):
    x = distinct(2, 2, *size)
    assert_same(
        lambda x: bilinear_by_hand(x, *wanted, corners),
        lambda x: F.interpolate(x, wanted, mode="bilinear", align_corners=corners),
        x,
    )


@given(st.integers(1, 3), st.integers(1, 3), sides)
@QUICK
def test_pixel_shuffle_by_hand_moves_every_number_as_torch_does(r, channels, size):
    x = distinct(2, channels * r * r, *size)
    assert torch.equal(shuffle_by_hand(x, r), nn.PixelShuffle(r)(x))


def test_gradients_of_pools_and_enlarging_are_right():
    x = distinct(1, 2, 5, 4)
    layers = (
        lambda x: max_by_hand(x, 3, 2, 1),
        lambda x: mean_by_hand(x, 3, 2, 1, True, False),
        lambda x: adaptive_by_hand(x, 2, 3),
        lambda x: bilinear_by_hand(x, 7, 3),
    )
    assert all(torch.autograd.gradcheck(layer, x) for layer in layers)


NAMES = ("ReLU", "LeakyReLU", "GELU", "SiLU", "SELU", "Softplus", "Tanh", "Sigmoid")


@pytest.mark.parametrize("name", NAMES)
def test_activations_by_hand_have_the_values_and_slopes_of_torch(name):
    x = torch.linspace(-15, 15, 3001, dtype=torch.float64, requires_grad=True)  # 0 is one of them
    layer = getattr(nn, name)()
    value, slope = by_hand(name, x.detach())
    assert_close(layer(x).detach(), value)
    assert_close(torch.autograd.grad(layer(x).sum(), x)[0], slope)
    inner = x.detach()[5::100].clone().requires_grad_()  # no corner
    assert torch.autograd.gradcheck(lambda x: by_hand(name, x)[0], inner)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
@QUICK
def test_dropout_by_hand_keeps_or_scales_each_number_and_its_gradient(shape, p):
    x = (torch.rand(shape, dtype=torch.float64) + 1).requires_grad_()
    generator = torch.Generator().manual_seed(3)
    y = dropout_by_hand(x, p, True, generator)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    factor = 1 / (1 - p) if p < 1 else 0
    assert_close(gradient, factor * (y != 0).double())
    assert_close(y, x * gradient)
    again = dropout_by_hand(x, p, True, torch.Generator().manual_seed(3))
    assert torch.equal(y, again)
    assert dropout_by_hand(x, p, False) is x


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_by_hand_drops_the_share_that_torch_drops_and_keeps_the_mean(p):
    x = torch.ones(40_000, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    error = math.sqrt(p / (1 - p) / len(x))
    for y in (dropout_by_hand(x, p, True, generator), nn.Dropout(p)(x)):
        assert abs(y.mean() - 1) < 5 * error
        assert abs((y == 0).double().mean() - p) < 5 * math.sqrt(p * (1 - p) / len(x))
        assert abs(y.var() / (p / (1 - p)) - 1) < 0.1


def test_dead_units_are_those_whose_input_is_never_positive():
    model = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.LeakyReLU())
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[0].bias.copy_(torch.tensor([-2.0, -1.0, 0.5]))  # inputs 0 to 1: never, at 0 only, always
        model[3].weight.zero_()
        model[3].bias.copy_(torch.tensor([-1.0, 0.0, 1.0, 2.0]))
    images = torch.linspace(0, 1, 8).view(2, 1, 2, 2)
    assert dead_units(model, images) == (4, 7)
    with torch.no_grad():
        model[0].bias[1] = -0.99  # one place of one image is positive
    assert dead_units(model, images) == (3, 7)


def test_without_the_scale_each_dropout_doubles_what_follows():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3, bias=False), nn.Dropout(0.5))
    x = torch.rand(2, 3)
    assert_close(without_scale(model, x), 4 * model[1](x))
