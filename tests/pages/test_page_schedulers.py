"""The functions of the page about schedules, as they stand in the notebook, against torch; and the record it reads."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.optim import SGD
from torch.optim import lr_scheduler as S

from helpers.paths import results_root

PAGE = "3_loss_optimizer/12_schedulers"


def of_page(name, **more):
    return definition_of_page(PAGE, name, math=math, torch=torch, nn=nn, SGD=SGD, S=S, np=np, **more)


step_lr, multi_step_lr, exponential_lr, lambda_lr, linear_lr = map(
    of_page, ("step_lr", "multi_step_lr", "exponential_lr", "lambda_lr", "linear_lr")
)
half_cosine, is_better, optimizer_at = map(of_page, ("half_cosine", "is_better", "optimizer_at"))
cosine_lr, restarts_lr, one_cycle_lr = (
    of_page(name, half_cosine=half_cosine) for name in ("cosine_lr", "restarts_lr", "one_cycle_lr")
)
warmup_cosine_lr = of_page("warmup_cosine_lr", linear_lr=linear_lr, cosine_lr=cosine_lr)
warmup_cosine, inverse_root, schedule_solution = map(
    of_page, ("warmup_cosine", "inverse_root_solution", "schedule_solution")
)
rates = of_page("rates", optimizer_at=optimizer_at)
plateau = of_page("plateau", is_better=is_better)
of_torch = of_page("of_torch", optimizer_at=optimizer_at)
changes = of_page("changes")


def compare(make, by_hand, count):
    np.testing.assert_allclose(rates(make, count, 0.3), [by_hand(t) for t in range(count)], rtol=1e-7, atol=1e-12)


@given(st.integers(1, 7), st.floats(0.1, 1.0), st.lists(st.integers(1, 20), min_size=1, max_size=3, unique=True))
@settings(deadline=None, max_examples=20)
def test_steps_and_powers_are_those_of_torch(size, gamma, milestones):
    compare(lambda o: S.StepLR(o, size, gamma), lambda t: step_lr(t, 0.3, size, gamma), 25)
    marks = sorted(milestones)
    compare(lambda o: S.MultiStepLR(o, marks, gamma), lambda t: multi_step_lr(t, 0.3, marks, gamma), 25)
    compare(lambda o: S.ExponentialLR(o, gamma), lambda t: exponential_lr(t, 0.3, gamma), 25)
    compare(lambda o: S.LambdaLR(o, lambda t: 1 / (1 + t)), lambda t: lambda_lr(t, 0.3, lambda t: 1 / (1 + t)), 25)


@given(st.floats(0.05, 1.0), st.floats(0.0, 2.0), st.integers(1, 9), st.integers(1, 12), st.floats(0.0, 0.2))
@settings(deadline=None, max_examples=20)
def test_lines_and_cosines_are_those_of_torch(start, end, total, T_max, eta_min):
    compare(
        lambda o: S.LinearLR(o, start, min(end, 1.0), total),
        lambda t: linear_lr(t, 0.3, start, min(end, 1.0), total),
        15,
    )
    compare(
        lambda o: S.CosineAnnealingLR(o, T_max, eta_min), lambda t: cosine_lr(t, 0.3, T_max, eta_min), 3 * T_max + 2
    )


@given(st.integers(1, 6), st.integers(1, 3), st.floats(0.0, 0.2), st.integers(2, 8), st.integers(10, 30))
@settings(deadline=None, max_examples=20)
def test_restarts_and_sequences_are_those_of_torch(T_0, T_mult, eta_min, warmup, total):
    compare(
        lambda o: S.CosineAnnealingWarmRestarts(o, T_0, T_mult, eta_min),
        lambda t: restarts_lr(t, 0.3, T_0, T_mult, eta_min),
        30,
    )
    compare(lambda o: warmup_cosine(o, warmup, total), lambda t: warmup_cosine_lr(t, 0.3, warmup, total), total)


@given(st.integers(8, 60), st.floats(0.15, 0.8), st.floats(2, 50), st.floats(10, 1e4))
@settings(deadline=None, max_examples=20)
def test_one_cycle_is_that_of_torch(total, pct, div, final):
    assume(pct * total > 1.01)
    compare(
        lambda o: S.OneCycleLR(o, 0.7, total, pct_start=pct, div_factor=div, final_div_factor=final),
        lambda t: one_cycle_lr(t, 0.3, 0.7, total, pct, div, final),
        total,
    )


@given(
    st.lists(st.floats(0.1, 2.0), min_size=1, max_size=30),
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.01, 0.3]),
)
@settings(deadline=None, max_examples=60)
def test_the_plateau_of_the_page_is_that_of_torch(values, mode, kind, patience, cooldown, threshold):
    rule = {"mode": mode, "threshold": threshold}
    ours = [row[3] for row in plateau(values, 1.0, patience, cooldown, kind=kind, **rule)]
    theirs = of_torch(values, 1.0, kind, patience=patience, cooldown=cooldown, eps=0, **rule)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_the_solutions_rise_and_fall_where_they_should():
    factor = inverse_root(4)
    assert [factor(t) for t in (0, 1, 3, 15)] == [0.25, 0.5, 1.0, 0.5]
    used = rates(lambda o: schedule_solution(o, 3, 4), 13, 1.0)
    assert used[0] == pytest.approx(0.1) and used[4] == pytest.approx(1.0) and used[12] == pytest.approx(0.0)


def test_changes_are_taken_seed_by_seed_from_the_last_epoch():
    made_up = {
        "constant": {"held_out": [[0.1, 0.40], [0.1, 0.50]]},
        "other": {"held_out": [[0.9, 0.42], [0.9, 0.49]]},
    }
    found = changes(made_up)
    np.testing.assert_allclose(found["other"], [2.0, -1.0])
    np.testing.assert_allclose(found["constant"], [0.0, 0.0])


# -- the record ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def record():
    return json.loads((results_root() / "scheduler_effect.json").read_text())


def test_every_row_and_every_seed_is_there(record):
    rows, config = record["schedules"], record["config"]
    assert list(rows) == [
        "constant", "step", "exponential", "cosine", "one cycle", "warmup + cosine", "linear to zero", "constant again",
    ]  # fmt: skip
    for row in rows.values():
        for key in ("held_out", "train_loss"):
            assert np.shape(row[key]) == (config["seeds"], config["num_epochs"])
        for accuracy in np.ravel(row["held_out"]):  # a whole number of images
            count = accuracy * record["images"]["held_out"]
            assert 0 < accuracy < 1 and count == pytest.approx(round(count), abs=1e-2)
    assert config["seeds"] >= 3 and not set(config["tuning_seeds"]) & set(range(config["seeds"]))


def test_the_base_rate_is_the_one_with_the_highest_mean_of_the_tuning(record):
    config, rows = record["config"], record["schedules"]
    for name, row in rows.items():
        tuning = rows["constant" if name == "constant again" else name]["tuning"]
        assert [float(rate) for rate in tuning] == config["lr"]
        assert {len(found) for found in tuning.values()} == {len(config["tuning_seeds"])}
        means = {float(rate): sum(found) for rate, found in tuning.items()}
        assert row["lr"] == max(means, key=means.get), name


def test_the_record_says_what_it_was_measured_on(record):
    assert "CIFAR-10" in record["data"] and ("unofficial" in record["data"]) == ("unofficial" in record["note"])
    assert {"torch", "torchvision", "python"} <= set(record["versions"]) and record["hardware"]["threads"] == 1
    assert "/" not in record["command"].replace("tests/benchmarks/", "")
