"""The functions of the page on regularization, and its record."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F

from helpers.paths import read_json, results_root

PAGE = "3_loss_optimizer/15_regularization"
l1_penalty, l2_penalty, penalty_gradient = (
    definition_of_page(PAGE, name) for name in ("l1_penalty", "l2_penalty", "penalty_gradient")
)
after_steps = definition_of_page(PAGE, "after_steps", F=F, nn=nn, torch=torch, l2_penalty=l2_penalty)
minimum = definition_of_page(PAGE, "minimum", np=np)
ends_of = definition_of_page(PAGE, "ends_of", np=np)
LR, STRENGTH = 0.05, 0.3
MAKE = {
    "sgd": lambda w, decay: torch.optim.SGD(w, LR, weight_decay=decay),
    "momentum": lambda w, decay: torch.optim.SGD(w, LR, momentum=0.9, weight_decay=decay),
    "adam": lambda w, decay: torch.optim.Adam(w, LR, weight_decay=decay),
    "adamw": lambda w, decay: torch.optim.AdamW(w, LR, weight_decay=decay),
}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.floats(0, 3), st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_penalties_and_their_gradients(sizes, strength, seed):
    g = torch.Generator().manual_seed(seed)
    weights = [torch.randn(size, generator=g, dtype=torch.float64).requires_grad_() for size in sizes]
    flat = torch.cat(weights).detach()
    for kind, penalty, value in (
        ("L2", l2_penalty, strength / 2 * (flat @ flat)),
        ("L1", l1_penalty, strength * flat.norm(1)),
    ):
        torch.testing.assert_close(penalty(weights, strength).detach(), value)
        found = torch.autograd.grad(penalty(weights, strength), weights)
        torch.testing.assert_close(torch.cat(found), penalty_gradient(flat, strength, kind))
        assert torch.autograd.gradcheck(lambda *w, penalty=penalty: penalty(w, strength), weights)


@pytest.fixture
def start():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    batches = [(torch.randn(4, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 1])) for _ in range(4)]
    return lambda kind, way: after_steps(copy.deepcopy(model), MAKE[kind], way, STRENGTH, batches)


@pytest.mark.parametrize(
    ("kind", "equal"),
    [("sgd", {"penalty", "shrink"}), ("momentum", {"penalty"}), ("adam", {"penalty"}), ("adamw", {"shrink"})],
)
def test_which_way_the_argument_goes(start, kind, equal):
    ends = {way: start(kind, way) for way in ("nothing", "argument", "penalty", "shrink")}
    effect = (ends["argument"] - ends["nothing"]).norm()
    assert effect > 1e-3
    for way in ("penalty", "shrink"):
        far = (ends[way] - ends["argument"]).norm() / effect
        assert far < 1e-8 if way in equal else far > 0.02


def test_steps_with_no_decay_are_those_of_the_optimizer_alone(start):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    optimizer = MAKE["momentum"](model.parameters(), 0)
    for _ in range(4):
        images, labels = torch.randn(4, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 1])
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    torch.testing.assert_close(start("momentum", "nothing"), nn.utils.parameters_to_vector(model.parameters()).detach())


@given(st.floats(-3, 3), st.floats(0, 2))
def test_the_minimum_is_lowest_among_its_neighbours(a, strength):
    for kind, penalty in (("L2", lambda w: strength * w**2 / 2), ("L1", lambda w: strength * abs(w))):
        lowest = minimum(a, strength, kind)
        losses = [(w - a) ** 2 / 2 + penalty(w) for w in (lowest, lowest - 1e-3, lowest + 1e-3, 0.0, a)]
        assert losses[0] <= min(losses) + 1e-12


def test_ends_are_errors_in_percent_at_the_epoch_that_was_tested():
    run = {"epoch": [2, 4, 6], "train": [0.5, 0.75, 1.0]}
    run |= {"test_last": {"epoch": 6, "accuracy": 0.25}, "test_best_loss": {"epoch": 4, "accuracy": 0.375}}
    np.testing.assert_allclose(ends_of([run, run]), [[0, 0], [75, 75]])
    np.testing.assert_allclose(ends_of([run], "best_loss"), [[25], [62.5]])


def test_the_record_is_whole():
    record = read_json(results_root() / "regularization_effect.json")
    assert "/" not in record["command"].removeprefix("python tests/benchmarks/")
    assert record["note"] or record["data"] == "CIFAR-10"
    rows, choice, strengths = record["tables"]["rows"], record["tables"]["choice"], record["config"]["strengths"]
    assert set(rows) == set(record["rows"]) and len({len(runs) for runs in rows.values()}) == 1
    assert len(rows["none"]) > 1
    for name, tried in strengths.items():
        assert len(tried) == 3 and [len(choice[name][str(x)]) for x in tried] == [2, 2, 2]
        means = {x: sum(choice[name][str(x)]) for x in tried}
        assert means[record["chosen"][name]] == max(means.values())
    for run in (run for runs in rows.values() for run in runs):
        assert len({len(run[key]) for key in ("epoch", "train_loss", "train", "valid_loss", "valid")}) == 1
        assert run["test_last"]["epoch"] == run["epoch"][-1]
        for rule, worst in (("loss", run["valid_loss"]), ("accuracy", [-x for x in run["valid"]])):
            best = worst[run["epoch"].index(run[f"test_best_{rule}"]["epoch"])]
            assert best <= min(worst) + 6e-4  # rounded, and before that the lowest
