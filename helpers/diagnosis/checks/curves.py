"""Checks of the curves: whether anything is learned, and when the training ends."""

import math

import numpy as np

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen


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


@check("evaluation")
def validation_far_behind(seen: Seen) -> Verdict | None:
    """Sees a validation accuracy far below that of the training. A symptom: of overfitting, or of validation images
    that are made, read or normalized in another way.

    Thresholds: what validation is above a guess is less than a third of what training is, and that at least 0.2; a
    fault where validation is no better than a guess. Reasoned.
    """
    told = curve(seen, "valid_accuracy")
    if not len(told) or len(seen.rights) < 20 or not seen.late(seen.rights) > seen.chance + 0.2:
        return None
    train, valid = seen.late(seen.rights) - seen.chance, float(told[-1]) - seen.chance
    if not valid < train / 3:
        return None
    return (fault if valid < 0.05 else warning)(
        "Compare one batch of each part: channels, scale, labels; and the modes. If all is alike, it is overfitting.",
        ("last validation accuracy", float(told[-1]), seen.chance + train / 3, "a third of what training learned"),
        ("training accuracy, last steps", seen.late(seen.rights), seen.chance + 0.2, "a guess, and 20 points"),
        figure="accuracy",
    )  # fmt: skip


@check("optimizer")
def overfitting(seen: Seen) -> Verdict | None:
    """Sees a validation loss that has risen from its lowest value while the training loss went on falling.

    Thresholds: 1.05 times the lowest, a fault from 1.15, and a training loss below half of the lowest validation
    loss. Tuned: healthy rises 1.00 to 1.01, sick 1.14 to 2.6. Prechelt, Early Stopping - But When?, 1998, stops at
    rises of 1 to 5 %. Confused with: a validation part of other images, label noise.
    """
    valid, train = curve(seen, "valid_loss"), curve(seen, "train_loss")
    if len(valid) < 4 or len(train) != len(valid):
        return None
    lowest = valid.min()
    if not lowest > 0.05 or valid[-1] < 1.05 * lowest or train[-1] > 0.5 * lowest or valid.argmin() > len(valid) - 3:
        return None
    say = fault if valid[-1] >= 1.15 * lowest else warning
    return say(
        "Stop at the lowest validation loss; more images, augmentation, weight decay or dropout.",
        ("last validation loss over the lowest", float(valid[-1] / lowest), 1.05, "Prechelt 1998 stops at 1 to 5 %"),
        ("last training loss over the lowest validation loss", float(train[-1] / lowest), 0.5, "it goes on falling"),
        figure="loss",
    )  # fmt: skip


@check("optimizer")
def too_few_epochs(seen: Seen) -> Verdict | None:
    """Sees a training of one to three epochs that ends while it still improves, at a rate that has not come down.

    Thresholds: the loss fell by 2 % from the second to the last third of the steps, and the rate is still half of its
    highest. A warning. Tuned: sick 0.05 to 0.10, with a standard error of about 0.02. Confused with: a training that is
    looked at before its end.
    """
    third = len(seen.losses) // 3
    if third < 7 or not 1 <= len(seen.epochs) <= 3 or not seen.rates.size or not np.isfinite(seen.losses).all():
        return None
    if len(seen.losses) < 0.9 * (seen.steps_per_epoch or 0) * len(seen.epochs):  # only a part of the steps was seen
        return None
    before, after = seen.losses[-2 * third : -third].mean(), seen.losses[-third:].mean()
    fall = float(1 - after / before) if before > 0 else 0.0
    if fall < 0.02 or seen.rates[-1, 0] < 0.5 * seen.rates[:, 0].max():
        return None
    return warning(
        "Train for more epochs, and let the rate fall at the end.",
        ("fall of the loss from the second to the last third of the steps", fall, 0.02, "more than chance"),
        ("epochs", len(seen.epochs), 4, "one to three"), figure="loss",
    )  # fmt: skip
