"""`helpers.visualization.metrics` against scikit-learn, and where scikit-learn would warn."""

import math
import statistics
import warnings

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.visualization.metrics import (
    accuracy,
    confusion_matrix,
    luck_limit,
    precision,
    recall,
    standard_error,
)

CLASSES = 5
pairs = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60)


def split(pairs) -> tuple[torch.Tensor, torch.Tensor]:
    labels, predictions = zip(*pairs, strict=True)
    return torch.tensor(labels), torch.tensor(predictions)


@given(pairs)
def test_the_numbers_are_those_of_scikit_learn(pairs):
    labels, predictions = split(pairs)
    matrix = confusion_matrix(labels, predictions, CLASSES)
    known = {"labels": range(CLASSES), "average": None, "zero_division": np.nan}
    np.testing.assert_array_equal(matrix, sklearn.metrics.confusion_matrix(labels, predictions, labels=range(CLASSES)))
    np.testing.assert_allclose(recall(matrix), sklearn.metrics.recall_score(labels, predictions, **known))
    np.testing.assert_allclose(precision(matrix), sklearn.metrics.precision_score(labels, predictions, **known))
    assert accuracy(matrix) == pytest.approx(sklearn.metrics.accuracy_score(labels, predictions))


def test_rows_are_true_and_columns_predicted():
    matrix = confusion_matrix(torch.tensor([0, 0, 0, 1]), torch.tensor([2, 2, 0, 1]), 3)
    assert matrix.dtype == torch.int64
    assert matrix.tolist() == [[1, 0, 2], [0, 1, 0], [0, 0, 0]]


def test_forty_one_of_a_hundred_is_forty_one_percent():
    labels = torch.zeros(100, dtype=torch.int64)
    predictions = torch.cat([torch.zeros(41), torch.ones(59)]).long()
    assert recall(confusion_matrix(labels, predictions, 2))[0].item() == 0.41


def test_an_empty_class_is_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matrix = confusion_matrix(torch.tensor([0]), torch.tensor([0]), 2)
        assert math.isnan(recall(matrix)[1]) and math.isnan(precision(matrix)[1])
        assert math.isnan(accuracy(torch.zeros(2, 2, dtype=torch.int64)))


def test_matrices_of_parts_add_up():
    labels, predictions = torch.randint(0, 10, (2, 1000), generator=torch.Generator().manual_seed(0))
    whole = confusion_matrix(labels, predictions, 10)
    parts = sum(confusion_matrix(labels[k::3], predictions[k::3], 10) for k in range(3))
    assert torch.equal(whole, parts) and whole.sum() == 1000


@pytest.mark.parametrize(
    ("labels", "predictions", "told"),
    [
        ([0, 10], [0, 1], "labels hold 0 to 10, expected 0 to 9"),
        ([0, 1], [-1, 1], "predictions hold -1 to 1"),
        ([0, 1], [0], "must both be"),
        ([[0, 1]], [[0, 1]], "must both be"),
    ],
)
def test_a_class_outside_of_the_range_or_another_shape_is_refused(labels, predictions, told):
    with pytest.raises(ValueError, match=told):
        confusion_matrix(torch.tensor(labels), torch.tensor(predictions), 10)


def without_effect(rng: np.random.Generator, rows: int = 15, seeds: int = 5) -> np.ndarray:
    """Accuracies in percent: a part that all rows of a seed share, and chance. The first row is the reference."""
    return rng.normal(40, 2, seeds) + rng.normal(0, 1, (rows, seeds))


def test_the_limit_of_luck_counts_losses_and_is_kept_in_95_of_100_experiments_without_effect():
    rng = np.random.default_rng(1)
    beyond = {"gain": 0, "loss": 0}
    for _ in range(400):
        table = without_effect(rng, rows=21)
        changes = (table - table[0]).mean(axis=1)
        limit = luck_limit(table, draws=1000)
        beyond["gain"] += changes.max() > limit
        beyond["loss"] += changes.min() < -limit
    together = sum(beyond.values()) / 400
    assert 0.02 < together < 0.09, beyond
    assert min(beyond.values()) / 400 > 0.005, beyond  # each side has its part


def test_the_limit_of_luck_ignores_effects_and_scales_with_the_unit_and_the_rows():
    table = without_effect(np.random.default_rng(0))
    effects = np.random.default_rng(1).normal(0, 50, (15, 1))
    assert luck_limit(table + effects) == pytest.approx(luck_limit(table))
    assert luck_limit(100 * table) == pytest.approx(100 * luck_limit(table))
    guessing = np.full((26, 5), 10.0)
    more = luck_limit(np.concatenate([table, guessing]), learned=30)  # 40 rows, the spread of 15
    assert luck_limit(table) == luck_limit(table.tolist(), 30) < more < 1.3 * luck_limit(table)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (5,), (2, 2, 2)])
def test_a_limit_of_luck_needs_rows_and_seeds(shape):
    with pytest.raises(ValueError, match="two of each at least"):
        luck_limit(np.zeros(shape))


def test_the_standard_error_is_the_deviation_over_the_root_of_the_number():
    values = np.random.default_rng(0).normal(size=7)
    assert standard_error(values) == pytest.approx(statistics.stdev(values) / math.sqrt(7))
    assert math.isnan(standard_error(values[:1]))
