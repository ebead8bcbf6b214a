"""The rules on the page about SGD and its kin, as they stand in the notebook, against the library."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn, optim

from helpers.training.update_rules import by_hand, by_library

PAGE = "3_loss_optimizer/09_momentum_rules"
sgd, sgd_other, asgd, rprop, two_loops, newton_schulz, polynomial, corrected, orthogonalize = (
    definition_of_page(PAGE, name, torch=torch, nn=nn)
    for name in (
        *("sgd", "sgd_other", "asgd", "rprop", "two_loops", "newton_schulz", "polynomial"),
        *("sgd_corrected_solution", "orthogonalize_solution"),
    )
)
lbfgs = definition_of_page(PAGE, "lbfgs", two_loops=two_loops)
muon = definition_of_page(PAGE, "muon", newton_schulz=newton_schulz)
few = settings(deadline=None, max_examples=12)
seeds = st.integers(0, 2**31)
rates = st.lists(st.floats(0.001, 0.5), min_size=12, max_size=12)
decays = st.sampled_from([0.0, 0.01, 0.3])


@pytest.fixture(autouse=True, scope="module")
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def problem(seed: int, shape=(3, 4)):
    """A loss that is another one in each step, and where to start."""
    generator = torch.Generator().manual_seed(seed)
    factors = torch.randn(12, *shape, generator=generator)
    return lambda w, t: (w * factors[t]).sin().sum() + 0.1 * w.square().sum(), torch.randn(shape, generator=generator)


def assert_same(rule, optimizer, loss, start, **options):
    ours, theirs = by_hand(rule, loss, start, 12, **options), by_library(optimizer, loss, start, 12, **options)
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


@given(seeds, rates, st.sampled_from([0, 0.5, 0.95]), st.sampled_from([0, 0.3]), decays, st.booleans(), st.booleans())
@few
def test_sgd(seed, lrs, momentum, dampening, weight_decay, nesterov, maximize):
    options = {"momentum": momentum, "weight_decay": weight_decay, "maximize": maximize}
    if momentum and nesterov:  # the library refuses it with dampening or without momentum
        options["nesterov"] = True
    else:
        options["dampening"] = dampening
    assert_same(sgd, optim.SGD, *problem(seed), lrs=lrs, **options)


def test_the_options_of_sgd_one_by_one():
    loss, start = problem(0)
    for options in ({"dampening": 0.3}, {"nesterov": True}, {"weight_decay": 0.3, "maximize": True}):
        assert_same(sgd, optim.SGD, loss, start, lr=0.1, momentum=0.9, **options)


@given(seeds, st.floats(0.001, 0.5), st.floats(0, 0.99), rates)
@few
def test_the_form_with_the_rate_in_the_velocity_differs_only_while_the_rate_changes(seed, lr, momentum, lrs):
    loss, start = problem(seed)
    options = {"lr": lr, "momentum": momentum}
    expected = by_hand(sgd, loss, start, 12, **options)
    torch.testing.assert_close(by_hand(sgd_other, loss, start, 12, **options), expected)
    options = {"lrs": lrs, "momentum": momentum}
    expected = by_library(optim.SGD, loss, start, 12, **options)
    torch.testing.assert_close(by_hand(corrected, loss, start, 12, **options), expected)


@given(seeds, rates, st.sampled_from([0, 3, 1e6]), decays, st.sampled_from([0, 1e-4, 0.5]), st.booleans())
@few
def test_asgd_and_its_average(seed, lrs, t0, weight_decay, lambd, maximize):
    (loss, start), state = problem(seed), {}
    options = {"t0": t0, "weight_decay": weight_decay, "lambd": lambd, "alpha": 0.6, "maximize": maximize}
    assert_same(asgd, optim.ASGD, loss, start, lrs=lrs, **options)
    path = by_hand(asgd, loss, start, 12, lrs, state, **options)
    w = nn.Parameter(start.clone())
    optimizer = optim.ASGD([w], **options)
    for t in range(12):
        optimizer.param_groups[0]["lr"] = lrs[t]
        optimizer.zero_grad()
        loss(w, t).backward()
        optimizer.step()
    torch.testing.assert_close(state["ax"], optimizer.state[w]["ax"])
    torch.testing.assert_close(state["ax"], path[min(t0 + 2, 12) :].mean(0) if t0 < 1e6 else path[-1])


@given(seeds, st.sampled_from([0.001, 0.1]), st.sampled_from([(0.5, 1.2), (0.3, 2.0)]), st.booleans())
@few
def test_rprop(seed, lr, etas, maximize):
    options = {"lr": lr, "etas": etas, "step_sizes": (0.002, 0.2), "maximize": maximize}
    assert_same(rprop, optim.Rprop, *problem(seed), **options)


def single(params, **options):
    return optim.LBFGS(params, max_iter=1, tolerance_grad=0, tolerance_change=0, **options)


@given(seeds, st.sampled_from([0.3, 0.8]), st.sampled_from([1, 2, 100]), st.booleans())
@few
def test_lbfgs_without_line_search(seed, lr, history_size, maximize):
    generator = torch.Generator().manual_seed(seed)
    factors, sign = torch.rand(3, 4, generator=generator) + 0.5, -1 if maximize else 1
    start = torch.randn(3, 4, generator=generator)

    def loss(w, t):
        return sign * (factors * w.square()).sum()

    options = {"lr": lr, "history_size": history_size, "maximize": maximize}
    ours, theirs = by_hand(lbfgs, loss, start, 8, **options), by_library(single, loss, start, 8, **options)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)


@given(seeds)
@few
def test_the_two_loops_know_the_newest_pair_and_all_conjugate_ones(seed):
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(4, 4, generator=generator)
    hessian = root @ root.T + torch.eye(4)
    pairs = [(s, hessian @ s) for s in torch.randn(3, 4, generator=generator)]
    torch.testing.assert_close(two_loops(pairs[-1][1], pairs), -pairs[-1][0])
    axes = torch.linalg.eigh(hessian).eigenvectors.T
    g = torch.randn(4, generator=generator)
    newton = -torch.linalg.solve(hessian, g)
    torch.testing.assert_close(two_loops(g, [(s, hessian @ s) for s in axes]), newton)


@given(
    seeds,
    st.sampled_from([(3, 5), (5, 3), (4, 4)]),
    st.booleans(),
    st.sampled_from([None, "original", "match_rms_adamw"]),
    decays,
)
@few
def test_muon(seed, shape, nesterov, adjust_lr_fn, weight_decay):
    options = {"lr": 0.05, "momentum": 0.7, "nesterov": nesterov, "adjust_lr_fn": adjust_lr_fn}
    assert_same(muon, optim.Muon, *problem(seed, shape), weight_decay=weight_decay, **options)


@given(seeds, st.integers(1, 6), st.integers(1, 6), st.floats(0.1, 100))
@few
def test_newton_schulz_applies_the_polynomial_to_singular_values(seed, rows, columns, size):
    M = size * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    U, s, V = torch.linalg.svd(M, full_matrices=False)
    expected = U @ torch.diag(polynomial(s / M.norm())) @ V
    torch.testing.assert_close(newton_schulz(M, dtype=torch.float64), expected)


@given(seeds, st.sampled_from([(2, 5), (6, 3), (1, 4)]))
@few
def test_the_slow_polynomial_gives_the_nearest_orthogonal_matrix(seed, shape):
    M = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    U, _, V = torch.linalg.svd(M, full_matrices=False)
    torch.testing.assert_close(orthogonalize(M, 100), U @ V)
