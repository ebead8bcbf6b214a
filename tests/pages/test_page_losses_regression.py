"""The regression losses written out on their page, against torch: values, and slopes against its gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch.nn import functional as F
from torch.testing import assert_close

PAGE = "3_loss_optimizer/04_losses_regression"
l1, mse = (definition_of_page(PAGE, name) for name in ("l1", "mse"))
smooth_l1 = definition_of_page(PAGE, "smooth_l1", torch=torch, l1=l1)
huber = definition_of_page(PAGE, "huber", smooth_l1=smooth_l1)
poisson, gaussian = (definition_of_page(PAGE, name, torch=torch, math=math) for name in ("poisson", "gaussian"))
known = definition_of_page(PAGE, "mse_known_solution")
pinball = definition_of_page(PAGE, "pinball_solution", torch=torch)

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3)
seeds = st.integers(0, 2**31)
many = settings(deadline=None, max_examples=25)


def numbers(shape, seed, count=2):
    """Multiples of one half from -6 to 6: outputs that equal their targets, and errors on every bend, occur."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(-12, 13, shape, generator=generator).double() / 2 for _ in range(count)]


def same_as(library, by_hand, z, y, *others, **options):
    loss, *slopes = by_hand(z, y, *others, **options)
    learned = [v.clone().requires_grad_() for v in (z, *others)]
    value = library(learned[0], y, *learned[1:], reduction="none", **options)
    assert_close(value, loss)
    assert_close(list(torch.autograd.grad(value.sum(), learned)), slopes)


@pytest.mark.parametrize(("by_hand", "library"), [(l1, F.l1_loss), (mse, F.mse_loss)], ids=["l1", "mse"])
@given(shapes, seeds)
@many
def test_l1_and_mse_are_those_of_torch(by_hand, library, shape, seed):
    same_as(library, by_hand, *numbers(shape, seed))


@given(shapes, seeds, st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]))
@many
def test_smooth_l1_is_that_of_torch(shape, seed, beta):
    same_as(F.smooth_l1_loss, smooth_l1, *numbers(shape, seed), beta=beta)


@given(shapes, seeds, st.sampled_from([0.1, 0.5, 1.0, 3.0]))
@many
def test_huber_is_that_of_torch(shape, seed, delta):
    same_as(F.huber_loss, huber, *numbers(shape, seed), delta=delta)


@given(shapes, seeds, st.booleans(), st.booleans(), st.sampled_from([1e-8, 0.1]))
@many
def test_poisson_is_that_of_torch(shape, seed, log_input, full, eps):
    z, y = numbers(shape, seed)
    z = z if log_input else z.abs()
    same_as(F.poisson_nll_loss, poisson, z, y.abs().round(), log_input=log_input, full=full, eps=eps)


@given(shapes, seeds, st.booleans(), st.sampled_from([1e-6, 0.7]))
@many
def test_gaussian_is_that_of_torch_also_where_the_variance_is_below_eps(shape, seed, full, eps):
    z, y, var = numbers(shape, seed, 3)
    same_as(F.gaussian_nll_loss, gaussian, z, y, var.abs(), full=full, eps=eps)


@given(st.integers(1, 30), seeds, st.sampled_from([0.1, 0.5, 0.9]))
@many
def test_the_best_constant_of_the_pinball_loss_is_the_quantile(count, seed, q):
    y = numbers([count], seed, 1)[0]
    candidates = y.unique()
    best = candidates[torch.stack([pinball(c.expand(count), y, q) for c in candidates]).argmin()]
    assert (y < best).double().mean() <= q + 1e-9 and (y <= best).double().mean() >= q - 1e-9


@given(st.integers(1, 20), seeds)
@many
def test_unknown_targets_change_nothing(count, seed):
    z, y = numbers([count], seed)
    unknown = torch.cat([y, torch.full((3,), math.nan, dtype=torch.float64)])
    longer = torch.cat([z, torch.ones(3, dtype=torch.float64)]).requires_grad_()
    loss = known(longer, unknown)
    assert_close(loss, F.mse_loss(z, y))
    assert_close(torch.autograd.grad(loss, longer)[0], torch.cat([2 * (z - y) / count, torch.zeros(3).double()]))
