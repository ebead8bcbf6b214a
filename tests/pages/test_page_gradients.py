"""The functions on the page about gradients, as they stand in the notebook, against torch: values and derivatives."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch.nn import functional as F
from torch.testing import assert_close

PAGE = "3_loss_optimizer/01_gradients"
of_page = {"torch": torch, "math": math, "F": F}
for name in ("slope", "common", "softmax_by_hand", "wells", "bowl_and_ridge"):
    of_page[name] = definition_of_page(PAGE, name, **of_page)
softmax_jacobian, mse_gradient, cross_entropy_gradient, descend, numerical, linear = (
    definition_of_page(PAGE, name, **of_page)
    for name in (
        "softmax_jacobian",
        "mse_gradient",
        "cross_entropy_gradient",
        "descend",
        "numerical_solution",
        "linear_solution",
    )
)
linear.__globals__["cross_entropy_gradient"] = cross_entropy_gradient
slope, common = of_page["slope"], of_page["common"]

QUICK = settings(deadline=None, max_examples=25)
POSITIVE_ONLY = {"x^a", "log_a x", "log x"}


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.floats(1.1, 4))
@QUICK
def test_the_table_has_the_derivatives_of_torch_also_for_negative_numbers(a):
    x = torch.linspace(-1.45, 1.45, 60, dtype=torch.float64, requires_grad=True)  # 0 is not among them
    for name, (value, derivative) in common(x, a).items():
        (wanted,) = torch.autograd.grad(value.sum(), x, retain_graph=True)
        where = x > 0 if name in POSITIVE_ONLY else torch.ones(len(x), dtype=torch.bool)
        assert_close(derivative[where], wanted[where], msg=name)


def test_the_table_holds_the_functions_that_it_names():
    x = torch.tensor([0.3, 1.2], dtype=torch.float64)
    wanted = {
        "c": 2.0, "ax": 2 * x, "ax²": 2 * x**2, "x^a": x**2, "a^x": 2**x, "e^x": x.exp(), "log_a x": x.log2(),
        "log x": x.log(), "sin x": x.sin(), "cos x": x.cos(), "tan x": x.tan(), "1/x": 1 / x, "sigmoid": x.sigmoid(),
        "tanh": x.tanh(), "ReLU": x.relu(),
    }  # fmt: skip
    found = common(x, 2.0)
    assert found.keys() == wanted.keys()
    for name, (value, _) in found.items():
        assert_close(value, torch.as_tensor(wanted[name], dtype=torch.float64).expand(2), msg=name)


def test_relu_has_slope_zero_at_its_corner_as_in_torch():
    zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    assert common(zero, 2.0)["ReLU"][1].item() == torch.autograd.grad(torch.relu(zero), zero)[0].item() == 0


@pytest.mark.parametrize(("central", "order"), [(True, 2), (False, 1)])
def test_the_error_of_a_difference_falls_with_its_order(central, order):
    errors = [abs(slope(math.exp, 1.0, h, central) - math.e) for h in (0.1, 0.01)]
    assert errors[0] / errors[1] == pytest.approx(10**order, rel=0.1)


def test_a_central_difference_is_exact_for_a_parabola():
    assert slope(lambda x: 3 * x**2 + x, 2.0, 0.5) == pytest.approx(13)
    assert slope(lambda x: 3 * x + 1, 2.0, -0.5, central=False) == pytest.approx(3)


@given(st.integers(1, 6), st.integers(2, 7), st.integers(0, 100))
@QUICK
def test_gradients_by_hand_are_those_of_torch(B, K, seed):
    z = (3 * numbers(B, K, seed=seed)).requires_grad_()
    labels = torch.arange(B) % K
    y = numbers(B, K, seed=seed + 1)
    for row in z.detach():
        wanted = torch.autograd.functional.jacobian(lambda row: F.softmax(row, dim=0), row)
        assert_close(softmax_jacobian(row), wanted)
    assert_close(mse_gradient(z.detach(), y), torch.autograd.grad(F.mse_loss(z, y), z)[0])
    wanted = torch.autograd.grad(F.cross_entropy(z, labels), z)[0]
    assert_close(cross_entropy_gradient(z.detach(), labels), wanted)


def test_softmax_by_hand_survives_large_logits():
    z = torch.tensor([[1000.0, 1001.0], [-1000.0, 0.0]], dtype=torch.float64)
    assert_close(of_page["softmax_by_hand"](z), F.softmax(z, dim=1))


@given(st.lists(st.integers(1, 3), max_size=3), st.integers(0, 100))
@QUICK
def test_the_numerical_gradient_is_that_of_torch(shape, seed):
    x = numbers(*shape, seed=seed)
    f = lambda x: (x.sin() * x).sum() ** 2  # noqa: E731
    wanted = torch.autograd.functional.jacobian(f, x)
    assert_close(numerical(f, x), wanted, rtol=1e-6, atol=1e-6)


@given(st.integers(1, 6), st.integers(2, 5), st.integers(1, 5))
@QUICK
def test_the_gradients_of_a_linear_classifier_are_those_of_torch(B, K, D):
    W, b, x = numbers(K, D), numbers(K, seed=1), numbers(B, D, seed=2)
    labels = torch.arange(B) % K
    leaves = W.requires_grad_(), b.requires_grad_()
    wanted = torch.autograd.grad(F.cross_entropy(x @ W.T + b, labels), leaves)
    for one, other in zip(linear(W, b, x, labels), wanted, strict=True):
        assert_close(one.detach(), other)


def test_a_descent_follows_minus_the_gradient_and_keeps_every_place():
    path = descend(lambda u, v: u**2 + 3 * v**2, [1.0, 2.0], 0.1, 3)
    factors = torch.tensor([0.8, 0.4], dtype=torch.float64)
    wanted = torch.stack([torch.tensor([1.0, 2.0], dtype=torch.float64) * factors**t for t in range(4)])
    assert_close(path, wanted)
    assert not path.requires_grad


def test_the_two_wells_and_the_saddle_are_flat_where_the_page_says():
    for w in (-1.0575, 0.1271, 0.9304):
        assert abs(slope(of_page["wells"], w, 1e-5)) < 1e-3
    f = of_page["bowl_and_ridge"]
    x = torch.zeros(2, dtype=torch.float64)
    bend = torch.autograd.functional.hessian(lambda x: f(*x), x)
    assert_close(bend, torch.diag(torch.tensor([2.0, -2.0], dtype=torch.float64)))
    assert_close(torch.autograd.functional.jacobian(lambda x: f(*x), x + torch.tensor([0, 1])), x)
