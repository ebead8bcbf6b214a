"""The adaptive rules on their page, as they stand in the notebook, against the library over their options."""

import inspect
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn, optim
from torch.nn import functional as F

from helpers.training import update_rules
from helpers.training.update_rules import by_hand, by_library

PAGE = "3_loss_optimizer/10_adaptive_rules"
LIBRARY = ("Adagrad", "Adadelta", "RMSprop", "Adam", "Adamax", "NAdam", "RAdam")
RULES = {name: definition_of_page(PAGE, name.lower(), torch=torch) for name in LIBRARY}
RULES["AdamW"] = definition_of_page(PAGE, "adamw", adam=RULES["Adam"])
sparse_adam, tensors, lion, which_rule = (
    definition_of_page(PAGE, name, torch=torch, nn=nn)
    for name in ("sparse_adam", "tensors", "lion_solution", "which_rule_solution")
)
VALUES = {  # two values of each option, one that makes it count; eps is large, so that its place is seen
    "lr": (0.01, 0.3),
    "betas": ((0.9, 0.999), (0.5, 0.7)),
    "eps": (1e-8, 0.2),
    "weight_decay": (0, 0.2),
    "maximize": (False, True),
    "lr_decay": (0, 0.1),
    "initial_accumulator_value": (0, 0.5),
    "rho": (0.9, 0.6),
    "alpha": (0.99, 0.7),
    "momentum": (0, 0.8),
    "centered": (False, True),
    "amsgrad": (False, True),
    "decoupled_weight_decay": (False, True),
    "momentum_decay": (4e-3, 2.0),
}
moves = partial(update_rules.moves, lr=1.0)
few = settings(deadline=None, max_examples=12)
seeds = st.integers(0, 2**31)


@pytest.fixture(autouse=True, scope="module")
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def problem(seed: int):
    """A loss that is another one in each step, and where to start."""
    generator = torch.Generator().manual_seed(seed)
    factors = torch.randn(12, 3, 4, generator=generator)
    return lambda w, t: (w * factors[t]).sin().sum() + 0.1 * w.square().sum(), torch.randn(3, 4, generator=generator)


def options_of(rule) -> list[str]:
    return list(inspect.signature(rule).parameters)[3:]


def assert_same(rule, optimizer, loss, start, **options):
    ours, theirs = by_hand(rule, loss, start, 12, **options), by_library(optimizer, loss, start, 12, **options)
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", RULES)
def test_each_option_alone(name):
    for option in options_of(RULES[name]):
        assert_same(RULES[name], getattr(optim, name), *problem(0), **{option: VALUES[option][1]})
    strong = {"eps": 0.2, "betas": (0.5, 0.7), "weight_decay": 0.2}
    options = {option: strong[option] for option in options_of(RULES[name]) if option in strong}
    assert_same(RULES[name], getattr(optim, name), *problem(1), **options)


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_options_together(data):
    name = data.draw(st.sampled_from(sorted(RULES)))
    options = {option: data.draw(st.sampled_from(VALUES[option]), option) for option in options_of(RULES[name])}
    assert_same(RULES[name], getattr(optim, name), *problem(data.draw(seeds)), **options)


@given(seeds, st.sampled_from([1e-8, 0.2]), st.booleans())
@few
def test_sparse_adam_moves_the_rows_of_the_batch(seed, eps, maximize):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, 6, (12, 3), generator=generator)  # with repetitions
    targets, start = (torch.randn(shape, generator=generator) for shape in ((12, 3, 2), (6, 2)))

    def loss(w, t):
        return F.mse_loss(F.embedding(rows[t], w, sparse=True), targets[t])

    assert_same(sparse_adam, optim.SparseAdam, loss, start, lr=0.1, betas=(0.6, 0.8), eps=eps, maximize=maximize)


@given(st.floats(0.01, 100), st.sampled_from([0.9, 0.99]))
@few
def test_first_steps_do_not_depend_on_the_size_of_the_gradient(size, alpha):
    t = torch.arange(1, 11)
    expected = {
        "Adam": (t / t, {}),
        "Adagrad": (t**-0.5, {}),
        "RMSprop": ((1 - alpha**t) ** -0.5, {"alpha": alpha}),
    }
    for name, (sizes, options) in expected.items():
        found = moves(by_hand, RULES[name], [size] * 10, lr=0.5, **options)
        torch.testing.assert_close(found, 0.5 * sizes, rtol=1e-5, atol=0)


def test_radam_does_not_divide_in_its_first_five_steps():
    found = moves(by_hand, RULES["RAdam"], [100.0] * 6)
    torch.testing.assert_close(found[:5], torch.full((5,), 100.0))
    assert found[5] < 0.1


def test_tensors_are_found_in_lists_and_dictionaries():
    one = torch.zeros(1)
    assert len(tensors({"a": [one, one, 3], "b": {"c": one}, "d": None, "e": 2.0})) == 3


@given(seeds)
@few
def test_lion_follows_its_paper(seed):
    gradients = torch.randn(10, 3, generator=torch.Generator().manual_seed(seed))
    w, m, state, theirs = torch.ones(3), torch.zeros(3), {}, torch.ones(3)
    for g in gradients:
        theirs = theirs - 0.1 * (torch.sign(0.8 * m + 0.2 * g) + 0.3 * theirs)
        m = 0.6 * m + 0.4 * g
        w = lion(w, g, state, lr=0.1, betas=(0.8, 0.6), weight_decay=0.3)
    torch.testing.assert_close(w, theirs)


def test_the_rules_of_the_library_are_recognized():
    named = {"Adam": {}, "Adagrad": {}, "RMSprop": {"alpha": 0.95}}
    for name, options in named.items():
        ones, tens = (moves(by_library, getattr(optim, name), [g] * 300, **options).tolist() for g in (1.0, 10.0))
        assert which_rule(ones, tens) == name.lower()
    for momentum, name in ((0, "sgd"), (0.8, "momentum")):
        ones, tens = (moves(by_library, optim.SGD, [g] * 300, momentum=momentum).tolist() for g in (1.0, 10.0))
        assert which_rule(ones, tens) == name
