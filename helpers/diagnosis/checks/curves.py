"""Checks of the curves: whether anything is learned, and when the training ends."""

import math

import numpy as np

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen, still_falling

TUNED = "by reasoning and a few cases, not yet tuned"


@check("optimizer")
def loss_not_finite(seen: Seen) -> Verdict | None:
    """Sees a loss that became nan or infinite. Exact. A symptom."""
    bad = np.flatnonzero(~np.isfinite(seen.losses)) if len(seen.losses) else []
    if not len(bad):
        return None
    return fault(
        "Find the first step that is not finite; lower the rate, clip the gradient, look at the batch.",
        ("step at which the loss was no number", int(bad[0]), len(seen.losses), "steps seen"), figure="loss",
    )  # fmt: skip


@check("optimizer")
def not_learning(seen: Seen) -> Verdict | None:
    """Sees a training accuracy that is still that of a guess. A symptom of nearly everything.

    Threshold: share of the largest class + 3 standard errors + 2 points, over the last fifth of at least 20 steps.
    """
    if not seen.not_learning or len(seen.rights) < 40:
        return None
    return fault(
        "See the other findings; if there are none, overfit one small batch first (Karpathy 2019).",
        ("training accuracy, last steps", seen.late(seen.rights), seen.guessing, "that of a guess"),
        figure="accuracy",
    )  # fmt: skip


def curve(seen: Seen, name: str) -> np.ndarray:
    """A number over the epochs; empty where it was not reported in each."""
    values = [numbers.get(name, math.nan) for numbers in seen.epochs]
    return np.array(values) if values and np.isfinite(values).all() else np.array([])


@check("optimizer")
def overfitting(seen: Seen) -> Verdict | None:
    """Sees a validation loss that has risen from its lowest value while the training loss went on falling.

    Thresholds: 1.15 times the lowest, and a training loss below 0.7 of the lowest validation loss.
    By reasoning and a few cases, not yet tuned. Source: Prechelt, Early Stopping - But When?, 1998
    (generalization loss; 5 to 15 %). Confused with: a validation part of other images, label noise.
    """
    valid, train = curve(seen, "valid_loss"), curve(seen, "train_loss")
    if len(valid) < 4 or len(train) != len(valid):
        return None
    lowest = valid.min()
    if not lowest > 0.05 or valid[-1] < 1.15 * lowest or train[-1] > 0.7 * lowest or valid.argmin() > len(valid) - 3:
        return None
    return fault(
        "Stop at the lowest validation loss; more images, augmentation, weight decay or dropout.",
        ("last validation loss over the lowest", float(valid[-1] / lowest), 1.15, "Prechelt 1998: 5 to 15 %"),
        ("last training loss over the lowest validation loss", float(train[-1] / lowest), 0.7, TUNED), figure="loss",
    )  # fmt: skip


@check("optimizer")
def too_few_epochs(seen: Seen) -> Verdict | None:
    """Sees a training that ends while it still improves, at a rate that has not come down.

    Thresholds: the loss fell by 3 % from the third to the last quarter of the steps, and the rate is still half of its
    highest. A warning. By reasoning. Confused with: a training that is looked at before its end.
    """
    losses, rates, fall = seen.losses, seen.rates, still_falling(seen)
    if len(losses) < 20 or not seen.epochs or not rates.size:
        return None
    highest = rates[:, 0].max()
    if fall < 0.03 or rates[-1, 0] < 0.5 * highest or len(seen.epochs) > 3:
        return None
    return warning(
        "Train for more epochs, and let the rate fall at the end.",
        ("fall of the loss in the last quarter of the steps", fall, 0.03, "by reasoning"),
        ("epochs", len(seen.epochs), 4, "by reasoning"), figure="loss",
    )  # fmt: skip


@check("optimizer")
def noisy_loss(seen: Seen) -> Verdict | None:
    """Sees a loss that swings in waves: its smoothed value rises by half over its lowest. A symptom, a warning.

    Threshold 1.5. AutoTrainer (2021) counts turns of the accuracy. Confused with: batches that differ in difficulty.
    """
    if len(seen.losses) < 60 or not np.isfinite(seen.losses).all():
        return None
    smooth = np.convolve(seen.losses, np.ones(15) / 15, mode="valid")
    rise = float(np.max(smooth / np.maximum(np.minimum.accumulate(smooth), 1e-9)))
    if rise < 1.5:
        return None
    return warning(
        "Lower the rate or the momentum, or use larger batches.",
        ("smoothed loss over its lowest value before", rise, 1.5, "by reasoning"), figure="loss",
    )  # fmt: skip
