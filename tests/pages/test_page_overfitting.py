"""The functions of the page on overfitting, and the part of the record that it reads."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev
from support import definition_of_page
from torch.nn import functional as F

from helpers.paths import read_json, results_root

PAGE = "3_loss_optimizer/14_overfitting"
basis = definition_of_page(PAGE, "basis", np=np)
fit = definition_of_page(PAGE, "fit", np=np, basis=basis)
expected_max = definition_of_page(PAGE, "expected_max", np=np, math=math)
split_loss, loss_and_accuracy = (definition_of_page(PAGE, name, F=F) for name in ("split_loss", "loss_and_accuracy"))
best_temperature = definition_of_page(PAGE, "best_temperature", F=F, np=np)


@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 2**31))
@settings(deadline=None)
def test_the_basis_is_that_of_chebyshev_and_the_fit_that_of_numpy(n, p, seed):
    rng = np.random.default_rng(seed)
    x, y = np.cos(np.linspace(0, math.pi, n)), rng.normal(size=n)
    np.testing.assert_allclose(basis(x, p), chebyshev.chebvander(x, p - 1), atol=1e-9)
    if p <= n:
        np.testing.assert_allclose(fit(x, y, p), chebyshev.chebfit(x, y, p - 1), atol=1e-7)


@pytest.mark.parametrize(("n", "p"), [(20, 3), (20, 6), (20, 20), (50, 10)])
def test_the_formula_of_both_errors_is_their_expectation(n, p):
    noise, x, rng = 0.7, np.linspace(-1, 1, n), np.random.default_rng(1)
    by_formula = definition_of_page(PAGE, "by_formula", np=np, basis=basis, fit=fit, truth=np.exp, noise=noise)
    projection = basis(x, p) @ np.linalg.pinv(basis(x, p))
    y, new = np.exp(x)[:, None] + noise * rng.normal(size=(2, n, 20_000))
    inside, outside = (((labels - projection @ y) ** 2).mean() for labels in (y, new))
    assert by_formula(x, p) == pytest.approx((inside, outside), rel=0.02, abs=1e-9)


@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_the_mean_of_the_largest_of_k_draws(k):
    known = {1: 0, 2: 1 / math.sqrt(math.pi), 3: 1.5 / math.sqrt(math.pi)}
    drawn = np.random.default_rng(0).normal(size=(40_000, k)).max(axis=1).mean()
    assert expected_max(k) == pytest.approx(known.get(k, drawn), abs=0.002 if k in known else 0.02)


def test_optimism_of_equal_candidates_is_that_of_the_formula_and_of_one_candidate_nothing():
    optimism = definition_of_page(PAGE, "optimism", np=np, rng=np.random.default_rng(0))
    hits = np.random.default_rng(1).random((20, 3000)) < 0.3
    by_formula = 100 * math.sqrt(0.3 * 0.7 / 100) * expected_max(20)
    assert optimism(hits, 100) == pytest.approx(by_formula, rel=0.15)
    assert abs(optimism(hits[:1], 100)) < 1


@given(st.integers(2, 20), st.integers(2, 6), st.integers(0, 2**31))
@settings(deadline=None)
def test_the_losses_of_right_and_wrong_images_average_to_the_loss(n, classes, seed):
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, classes, generator=g, dtype=torch.float64)
    labels = torch.randint(0, classes, (n,), generator=g)
    labels[0], labels[1] = scores[0].argmax(), scores[1].argmin()  # one right and one wrong
    loss, accuracy = loss_and_accuracy(scores, labels)
    right, wrong = split_loss(scores, labels)
    assert loss == pytest.approx(-scores.log_softmax(1)[range(n), labels].mean().item())
    assert loss == pytest.approx(accuracy * right + (1 - accuracy) * wrong)
    assert accuracy == sum(row.argmax() == label for row, label in zip(scores, labels, strict=True)) / n


def test_the_temperature_undoes_a_factor():
    g = torch.Generator().manual_seed(0)
    scores = torch.randn(4000, 5, generator=g, dtype=torch.float64)
    labels = torch.multinomial(scores.softmax(1), 1, generator=g)[:, 0]  # so 1 is right for these scores
    assert best_temperature(scores, labels) == pytest.approx(1, rel=0.1)
    assert best_temperature(4 * scores, labels) == pytest.approx(4, rel=0.1)


def test_the_error_of_a_cell_is_percent_wrong_averaged_over_seeds():
    grid = {"0.5": {"250": [{"train": [1.0, 0.9], "test": [2.0, 0.4]}, {"train": [1.0, 0.7], "test": [2.0, 0.3]}]}}
    mean_error = definition_of_page(PAGE, "mean_error", np=np, grid=grid)
    assert [mean_error(0.5, 250, part) for part in ("train", "test")] == pytest.approx([20, 65])


def test_the_grid_is_whole():
    record = read_json(results_root() / "regularization_effect.json")
    used, grid = record["config"]["grid"], record["tables"]["grid"]
    runs = [grid[str(width)][str(size)] for width in used["widths"] for size in used["sizes"]]
    assert len(grid) == 4 and len(runs) == 12 and len({len(found) for found in runs}) == 1 and runs[0]
    assert used["parameters"]["1"] == 62_006
    for run in (run for found in runs for run in found):
        assert set(run) == {"train", "valid", "test"} and all(0 <= accuracy <= 1 for _, accuracy in run.values())
