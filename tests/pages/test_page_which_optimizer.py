"""The functions of the page on choosing an optimizer, and the record that it reads."""

import json
import math
import statistics
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page

from helpers.model import architectures
from helpers.paths import results_root
from helpers.training.optimizers import MuonWithAdamW
from helpers.visualization import metrics

PAGE = "3_loss_optimizer/11_which_optimizer"
RECORD = json.loads((results_root() / "optimizer_effect.json").read_text())
build = definition_of_page(PAGE, "build", record=RECORD, torch=torch, MuonWithAdamW=MuonWithAdamW)
himmelblau, himmelblau_gradient = (
    definition_of_page(PAGE, name, torch=torch) for name in ("himmelblau", "himmelblau_gradient")
)
ravine = definition_of_page(PAGE, "ravine", torch=torch, math=math)
descend = definition_of_page(PAGE, "descend", torch=torch, build=build)
first_near, close = (definition_of_page(PAGE, name) for name in ("first_near", "close"))
ends_of = definition_of_page(PAGE, "ends_of", np=np)
luck = partial(metrics.luck_limit, learned=30)
state_bytes = definition_of_page(PAGE, "state_bytes", torch=torch)
stepped = definition_of_page(PAGE, "stepped", torch=torch, architectures=architectures, build=build)


# -- surfaces ----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(*[st.floats(-6, 6)] * 2), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_the_gradient_of_himmelblaus_function(points):
    p = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(himmelblau(p).sum(), p)
    torch.testing.assert_close(himmelblau_gradient(p.detach()), expected)
    assert torch.autograd.gradcheck(himmelblau, p)


def test_himmelblaus_function_is_0_at_its_best_known_minimum_and_nowhere_below():
    assert himmelblau(torch.tensor([3.0, 2.0])).item() == 0
    assert himmelblau(torch.tensor([0.0, 0.0])).item() == 11**2 + 7**2
    assert himmelblau(6 * torch.randn(1000, 2)).min() >= 0


@given(st.floats(-90, 90))
@settings(max_examples=30, deadline=None)
def test_a_turned_ravine_is_the_ravine_in_turned_axes(degrees):
    (A, start), (plain, plain_start) = ravine(degrees), ravine(0)
    a = math.radians(degrees)
    turn = torch.tensor([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]], dtype=torch.float64)
    torch.testing.assert_close(plain, torch.diag(torch.tensor([1.0, 50.0], dtype=torch.float64)))
    torch.testing.assert_close(A, turn @ plain @ turn.T)
    torch.testing.assert_close(start, turn @ plain_start)
    assert plain_start.tolist() == [-4.0, 1.0]


@pytest.mark.parametrize(("rate", "momentum", "name"), [(0.03, 0.0, "SGD"), (0.01, 0.9, "momentum")])
def test_a_descent_makes_the_steps_of_the_formula(rate, momentum, name):
    A, start = ravine(20)
    path = descend(lambda p: A @ p, name, rate, start, 5)
    p, v = start, torch.zeros(2, dtype=torch.float64)
    assert path.shape == (6, 2) and path[0].equal(start)
    for place in path[1:]:
        v = momentum * v + A @ p
        p = p - rate * v
        torch.testing.assert_close(place, p)


def test_the_first_step_near_the_minimum():
    path = torch.tensor([[3.0, 4.0], [0.0, 0.5], [0.3, 0.0], [2.0, 0.0]])
    assert first_near(path, 0.4) == 2
    assert first_near(path, 0.501) == 1
    assert first_near(path, 0.3) is None


# -- numbers of the record ---------------------------------------------------------------------------------------


def test_how_many_rates_are_close_to_the_best():
    assert close({0.1: 47.0, 1.0: 50.0, 10.0: 46.9}) == 2
    assert close({0.1: 47.0, 1.0: 50.0, 10.0: 46.9}, points=0.5) == 1
    assert close({0.1: 50.0, 1.0: 10.0, 10.0: 49.0}) == 2


def test_the_curve_of_an_optimizer_is_the_mean_of_its_runs_in_percent():
    record = {"tuning": {"one": {"0.1": [0.5, 0.25], "1": [0.125]}}}
    curve = definition_of_page(PAGE, "curve", np=np, record=record)
    assert curve("one") == {0.1: 37.5, 1.0: 12.5}


def test_ends_are_percent_of_the_last_epoch_for_each_seed():
    assert ends_of({"row": [[0.1, 0.25], [0.5, 0.75]]})["row"].tolist() == [25.0, 75.0]


def test_rows_that_learn_nothing_give_no_spread_but_are_counted():
    rng = np.random.default_rng(0)
    ends = {str(k): 45 + rng.normal(size=5) for k in range(10)}
    guessing = {f"dead {k}": np.full(5, 10.0) for k in range(20)}
    assert luck(list(ends.values())) == metrics.luck_limit(list(ends.values()))
    more = luck(list((ends | guessing).values()))
    assert luck(list(ends.values())) < more < 1.25 * luck(list(ends.values()))


def test_build_makes_what_the_record_names():
    layer = torch.nn.Linear(3, 2)
    for name, row in RECORD["rows"].items():
        optimizer = build(name, layer.parameters(), 0.125)
        assert type(optimizer).__name__ == row["class"]
        for group in optimizer.param_groups:
            assert group["lr"] == 0.125
            assert all(group[key] == value for key, value in row["settings"].items())


def test_state_is_counted_in_bytes():
    N, tensors = 62_006, 10
    floats = {"SGD": 0, "momentum": 1, "Nesterov": 1, "Rprop": 2, "Adagrad": 1, "Adadelta": 2, "RMSprop": 1, "Adam": 2}
    steps = {"Rprop", "Adagrad", "Adadelta", "RMSprop", "Adam"}  # one float a tensor of weights counts the steps
    for name, each in floats.items():
        assert state_bytes(stepped(name)) == 4 * each * N + 4 * tensors * (name in steps), name
    matrices = 400 * 120 + 120 * 84 + 84 * 10
    assert state_bytes(stepped("Muon")) == 4 * matrices + 8 * (N - matrices) + 4 * (tensors - 3)


def test_the_record_is_whole_and_follows_its_rules():
    config, rates = RECORD["config"], [f"{rate:g}" for rate in RECORD["config"]["rates"]]
    assert "/" not in RECORD["command"].removeprefix("python tests/benchmarks/")
    assert RECORD["data"].startswith("CIFAR-10") and RECORD["note"]
    assert len(RECORD["rows"]) == 14 and len(rates) == 11
    assert set(RECORD["final"]) == {*RECORD["rows"], config["again"]}
    assert set(RECORD["timing"]) == {*RECORD["rows"], "forward and backward"}
    assert RECORD["timing"]["SGD"]["ratio"] == 1
    seeds = {len(runs) for runs in RECORD["final"].values()}
    assert len(seeds) == 1 and min(seeds) >= 3 and max(seeds) <= min(config["tuning_seeds"])
    for name, table in RECORD["tuning"].items():
        assert list(table) == rates
        first = {rate: runs[0] for rate, runs in table.items()}
        for rate, runs in table.items():
            near = first[rate] >= max(first.values()) - config["close"]
            assert len(runs) == (len(config["tuning_seeds"]) if near else 1)
        best = max(table, key=lambda rate: statistics.mean(table[rate]))  # noqa: B023
        assert RECORD["chosen"][name] == float(best)
    for runs in RECORD["final"].values():
        assert {len(run) for run in runs} == {config["num_epochs"]}
        assert all(0 <= accuracy <= 1 for run in runs for accuracy in run)
