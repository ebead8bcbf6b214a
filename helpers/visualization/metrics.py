"""From labels and predictions to numbers: confusion matrix, accuracy, recall, precision; and how sure they are."""

import math
from collections.abc import Sequence

import numpy as np
import torch


def confusion_matrix(labels: torch.Tensor, predictions: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Count each pair of true and predicted class; int64 [K, K], rows true, columns predicted.

    Args: labels and predictions, whole numbers [N] from 0 to K - 1, on one device.
    Raises: ValueError for shapes that differ or a class outside of the range.
    """
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels {list(labels.shape)} and predictions {list(predictions.shape)} must both be [N]")
    for name, classes in (("labels", labels), ("predictions", predictions)):
        if len(classes) and not (classes.min() >= 0 and classes.max() < num_classes):
            raise ValueError(f"{name} hold {classes.min()} to {classes.max()}, expected 0 to {num_classes - 1}")
    # each pair is one number below K², so that one count does for all
    pairs = labels.to(torch.int64) * num_classes + predictions.to(torch.int64)
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def accuracy(matrix: torch.Tensor) -> float:
    """Share of right answers, 0 to 1; nan for an empty matrix."""
    return (matrix.diagonal().sum().double() / matrix.sum()).item()


def recall(matrix: torch.Tensor) -> torch.Tensor:
    """For each true class the share that was found; float64 [K], nan for a class without images."""
    return matrix.diagonal().double() / matrix.sum(dim=1)


def precision(matrix: torch.Tensor) -> torch.Tensor:
    """For each predicted class the share that is right; float64 [K], nan for a class that was never predicted."""
    return matrix.diagonal().double() / matrix.sum(dim=0)


def standard_error(values: np.ndarray) -> float:
    """Standard error of the mean of some values [S], in their unit; nan for fewer than two."""
    if len(values) < 2:
        return math.nan
    return values.std(ddof=1) / math.sqrt(len(values))


def luck_limit(runs: Sequence[Sequence[float]], learned: float = -math.inf, draws: int = 20_000) -> float:
    """How far from a common reference the luckiest of many rows gets by chance: the limit of 95 in 100 experiments.

    Args: runs [rows, seeds], the reference among the rows; learned, a row with a run at or below it counts as a row,
    but gives no spread, as runs that guess are all alike; draws, experiments in which nothing has an effect. Returns a
    mean difference, in the unit of `runs`. Raises: ValueError for fewer than two rows with a spread, or seeds.

    Source: C. W. Dunnett, A Multiple Comparison Procedure for Comparing Several Treatments with a Control, 1955;
    here for a gain or a loss, with the spread of all rows together, and drawn instead of tabulated.
    """
    everything = np.asarray(runs, dtype=float)
    table = everything[everything.ndim == 2 and everything.min(axis=1) > learned]
    if table.ndim != 2 or min(table.shape) < 2:
        shape = list(everything.shape)
        raise ValueError(f"runs {shape}: [rows, seeds], two of each at least that learned")
    rows, seeds = table.shape
    rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True)
    rest += table.mean()  # chance alone
    spread = math.sqrt((rest**2).sum() / ((rows - 1) * (seeds - 1)))
    size = (draws, len(everything))  # the first is the reference
    means = np.random.default_rng(0).normal(size=size)
    farthest = abs(means[:, 1:] - means[:, :1]).max(axis=1)
    return spread / math.sqrt(seeds) * np.quantile(farthest, 0.95)
