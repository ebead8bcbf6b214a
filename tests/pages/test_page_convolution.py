"""The hand-written layers of the pages about convolution, as they stand in the notebooks, against torch."""

import functools
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F

CONVOLUTION, COST = "2_model/03_convolution", "2_model/04_cost_and_receptive_field"
conv2d, transposed, output_size, matrix_of = (
    definition_of_page(CONVOLUTION, name, torch=torch, F=F, itertools=itertools, math=math)
    for name in ("conv2d_by_hand", "conv_transpose2d_by_hand", "output_size", "matrix_of")
)
layer_costs, receptive_field, gradient_map, side_of, kept_bytes = (
    definition_of_page(COST, name, torch=torch, nn=nn, functools=functools)
    for name in ("layer_costs", "receptive_field", "gradient_map", "side_of", "kept_bytes")
)
few = settings(max_examples=25, deadline=None)
side, kernel = st.integers(1, 8), st.integers(1, 3)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@st.composite
def convolutions(draw):
    """Input, weight, bias and settings of a convolution that has at least one output."""
    groups, per_group, per_group_out = (draw(st.integers(1, 3)) for _ in range(3))
    stride, padding, dilation = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.integers(1, 3))
    k = draw(kernel), draw(kernel)
    spans = [dilation * (n - 1) + 1 for n in k]
    H, W = (max(draw(side), span - 2 * padding) for span in spans)
    x = numbers(draw(st.integers(1, 2)), groups * per_group, H, W)
    weight = numbers(groups * per_group_out, per_group, *k)
    bias = numbers(len(weight)) if draw(st.booleans()) else None
    return x, weight, bias, stride, padding, dilation, groups


@st.composite
def transposed_convolutions(draw):
    """Input, weight, bias and settings of a transposed convolution that has at least one output."""
    groups, per_group, per_group_out = (draw(st.integers(1, 3)) for _ in range(3))
    stride, padding, dilation = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.integers(1, 3))
    extra = draw(st.integers(0, max(stride, dilation) - 1))
    k = draw(kernel), draw(kernel)
    least = [math.ceil((2 * padding - dilation * (n - 1) - extra) / stride) + 1 for n in k]
    H, W = (max(draw(st.integers(1, 5)), n) for n in least)
    x = numbers(draw(st.integers(1, 2)), groups * per_group, H, W)
    weight = numbers(groups * per_group, per_group_out, *k)
    bias = numbers(groups * per_group_out) if draw(st.booleans()) else None
    return x, weight, bias, stride, padding, extra, groups, dilation


def with_gradients(function, arguments) -> list[torch.Tensor]:
    """The result, and the gradients of a fixed sum of it with respect to input, weight and bias."""
    tensors = [a.clone().requires_grad_() for a in arguments if isinstance(a, torch.Tensor)]
    fresh = iter(tensors)
    y = function(*(next(fresh) if isinstance(a, torch.Tensor) else a for a in arguments))
    upstream = torch.arange(1.0, y.numel() + 1, dtype=y.dtype).sin().reshape(y.shape)
    return [y, *torch.autograd.grad(y, tensors, upstream)]


@given(convolutions())
@few
def test_the_convolution_of_the_page_has_values_and_gradients_of_torch(arguments):
    torch.testing.assert_close(with_gradients(conv2d, arguments), with_gradients(F.conv2d, arguments))


@given(transposed_convolutions())
@few
def test_the_transposed_one_has_values_and_gradients_of_torch(arguments):
    torch.testing.assert_close(with_gradients(transposed, arguments), with_gradients(F.conv_transpose2d, arguments))


@pytest.mark.parametrize("function", [conv2d, transposed], ids=["convolution", "transposed"])
def test_the_gradients_are_those_of_small_differences(function):
    x, weight, bias = (t.requires_grad_() for t in (numbers(1, 2, 3, 2), numbers(2, 1, 2, 3), numbers(2)))
    groups = {"groups": 2} if function is conv2d else {"groups": 2, "output_padding": 1}
    run = functools.partial(function, stride=2, padding=1, **groups)
    assert torch.autograd.gradcheck(run, (x, weight, bias))


@given(convolutions())
@few
def test_the_formula_gives_both_sides(arguments):
    x, weight, bias, stride, padding, dilation, groups = arguments
    expected = F.conv2d(*arguments).shape[2:]
    sizes = zip(x.shape[2:], weight.shape[2:], strict=True)
    assert tuple(output_size(size, k, stride, padding, dilation) for size, k in sizes) == expected


@given(st.integers(3, 5), st.integers(3, 5), st.integers(1, 2), st.integers(0, 1))
@few
def test_the_transposed_convolution_multiplies_by_the_transposed_matrix(H, W, stride, padding):
    weight = numbers(2, 3, 3, 3)
    M = matrix_of(lambda x: F.conv2d(x, weight, None, stride, padding), (3, H, W))
    g = numbers(*F.conv2d(numbers(1, 3, H, W), weight, None, stride, padding).shape)
    extra = (H + 2 * padding - 3) % stride, (W + 2 * padding - 3) % stride
    back = F.conv_transpose2d(g, weight, None, stride, padding, extra)
    torch.testing.assert_close(M.T @ g.flatten(), back.flatten())


layers = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(1, 3)), min_size=1, max_size=3)


@given(layers)
@few
def test_the_field_of_the_page_is_where_the_gradient_is_not_zero(stack):
    field, jump = receptive_field(stack)
    model = nn.Sequential(*(nn.Conv2d(1, 1, k, s, dilation=d) for k, s, d in stack)).requires_grad_(False)
    for layer in model:
        nn.init.ones_(layer.weight)
    size = field + 2 * jump  # three outputs a side
    assert model(torch.zeros(1, 1, size, size)).shape[2:] == (3, 3)
    seen = gradient_map(model, torch.zeros(1, 1, size, size)) > 0
    assert side_of(seen) == field
    assert seen.nonzero()[0].tolist() == [jump, jump]  # the middle one begins one jump in


def test_costs_of_a_layer_with_groups_and_of_one_that_is_linear():
    model = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2), nn.Flatten(), nn.Linear(6 * 3 * 4, 5, bias=False))
    costs = layer_costs(model, torch.zeros(1, 4, 7, 9))
    assert costs == {"0": ([6, 3, 4], 6 * 2 * 9 + 6, 12 * 6 * 2 * 9), "2": ([5], 360, 360)}
    assert not model[0]._forward_hooks


def test_what_is_kept_grows_with_the_batch_and_holds_no_parameter():
    model = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.ReLU())
    assert kept_bytes(model, torch.zeros(1, 3, 5, 5)) == 4 * (3 * 25 + 2 * 9)  # the input and what ReLU returned
    assert kept_bytes(model, torch.zeros(4, 3, 5, 5)) == 4 * 4 * (3 * 25 + 2 * 9)
