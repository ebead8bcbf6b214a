"""The functions on the page about confusion matrices, as they stand in the notebook: counts, scores, calibration."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as sklearn_matrix
from sklearn.metrics import precision_recall_fscore_support
from support import definition_of_page
from torch.nn import functional as F
from torch.testing import assert_close

PAGE = "4_visualization/06_confusion_matrix"
count_in_a_loop, count_at_once, confused, calibration_error, merged_solution, threshold_solution = (
    definition_of_page(PAGE, name, torch=torch, F=F)
    for name in (
        "count_in_a_loop", "count_at_once", "confused", "calibration_error", "merged_solution", "threshold_solution",
    )
)  # fmt: skip
class_scores = definition_of_page(PAGE, "class_scores", torch=torch)
averages = definition_of_page(PAGE, "averages", torch=torch, class_scores=class_scores)


def drawn(K: int, N: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(0, K, (N,), generator=g) for _ in range(2))


@given(st.integers(1, 7), st.integers(0, 60), st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_both_ways_count_as_scikit_learn(K, N, seed):
    labels, answers = drawn(K, N, seed)
    wanted = np.zeros((K, K), int) if N == 0 else sklearn_matrix(labels, answers, labels=list(range(K)))
    for count in (count_in_a_loop, count_at_once):
        assert torch.equal(count(labels, answers, K), torch.from_numpy(wanted).long())


@given(st.integers(2, 6), st.integers(0, 60), st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_scores_and_averages_are_those_of_scikit_learn(K, extra, seed):
    labels, answers = drawn(K, extra, seed)
    labels = torch.cat([torch.arange(K), labels])  # every class is there, and is an answer
    answers = torch.cat([torch.arange(K).flip(0), answers])
    matrix = count_at_once(labels, answers, K)
    for name in (None, "macro", "micro", "weighted"):
        p, r, f, _ = precision_recall_fscore_support(labels, answers, average=name, zero_division=0)
        ours = averages(matrix)[name] if name else class_scores(matrix)
        for own, theirs in zip(ours, (r, p, f), strict=True):
            assert_close(own, torch.as_tensor(theirs, dtype=torch.float64))


def test_an_empty_class_is_not_measured():
    recall, precision, f1 = class_scores(torch.tensor([[3, 1, 0], [0, 0, 0], [1, 0, 5]]))
    assert recall.isnan().tolist() == [False, True, False]
    assert_close(precision, torch.tensor([3 / 4, 0, 1]).double())
    assert_close(f1, torch.tensor([3 / 4, 0, 10 / 11]).double())


def test_errors_are_listed_by_their_count_and_without_the_diagonal():
    matrix = torch.tensor([[9, 2, 0], [5, 9, 1], [0, 3, 9]])
    assert confused(matrix) == [(5, 1, 0), (3, 2, 1), (2, 0, 1), (1, 1, 2)]
    assert matrix.diagonal().tolist() == [9, 9, 9]


@given(st.integers(1, 80), st.integers(1, 12), st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_the_calibration_error_is_the_weighted_gap_of_the_bins(N, bins, seed):
    g = torch.Generator().manual_seed(seed)
    sure = torch.rand(N, generator=g, dtype=torch.float64)
    right = torch.rand(N, generator=g) < 0.5
    wanted = 0.0
    for b in range(bins):
        inside = (sure * bins).floor() == b
        if inside.any():
            gap = right[inside].double().mean() - sure[inside].mean()
            wanted += inside.double().mean() * gap.abs()
    assert_close(calibration_error(sure, right, bins), float(wanted))


def test_a_confidence_of_one_is_in_the_last_bin():
    assert calibration_error(torch.ones(4).double(), torch.tensor([1, 1, 1, 0]).bool()) == pytest.approx(0.25)


@given(st.integers(2, 6), st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_merged_counts_are_those_of_merged_labels(K, seed):
    labels, answers = drawn(K, 50, seed)
    groups = torch.cat([torch.arange(2), drawn(2, K, seed)[0]])[:K]
    wanted = count_at_once(groups[labels], groups[answers], 2)
    assert torch.equal(merged_solution(count_at_once(labels, answers, K), groups), wanted)


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=12), st.floats(0.05, 1))
@settings(deadline=None, max_examples=40)
def test_the_threshold_is_the_smallest_that_keeps_the_promise(pairs, wanted):
    sure = torch.tensor([s / 8 for s, _ in pairs]).double()
    right = torch.tensor([r for _, r in pairs])
    shares = {t: right[sure >= t].double().mean().item() for t in sure.tolist()}
    good = [t for t, share in shares.items() if share >= wanted]
    assert threshold_solution(sure, right, wanted) == (min(good) if good else None)
