"""Checks of the learning rate, its schedule, the momentum and the batch size."""

import math

import numpy as np

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen
from helpers.diagnosis.probes import Probe


def _horizon(scheduler: object) -> int | None:
    """The number of calls after which a schedule has done what it does; None for one of unknown kind."""
    kind = type(scheduler).__name__
    if kind == "CosineAnnealingLR":
        return int(scheduler.T_max)
    if kind == "StepLR":
        return 3 * int(scheduler.step_size)
    if kind == "MultiStepLR":
        return max(scheduler.milestones, default=None)
    if kind == "ExponentialLR":
        return int(math.log(1e-3) / math.log(scheduler.gamma)) if 0 < scheduler.gamma < 1 else None
    return int(scheduler.total_iters) if kind in ("LinearLR", "PolynomialLR") else None


@check("optimizer")
def scheduler_per_batch(seen: Seen) -> Verdict | None:
    """Sees a schedule that is over, or begins anew, within the first epoch: made for epochs, stepped with each batch.

    Needs a rate that changes from batch to batch and a schedule whose length, where its kind is known, is less than one
    epoch; of an unknown kind, a rate that fell to a hundredth within the first epoch. Exact for the known kinds.
    Confused with: warm-up, which rises; OneCycleLR and CyclicLR are made for batches.
    """
    per_epoch = seen.steps_per_epoch or (seen.steps_at_epoch[0] if seen.steps_at_epoch else 0)
    rates = seen.rates[:per_epoch, 0] if len(seen.rates) and seen.rates.shape[1] else np.array([])
    if per_epoch < 10 or len(rates) < 10 or np.mean(np.diff(rates) != 0) < 0.05:
        return None
    horizon = _horizon(seen.scheduler) if seen.scheduler is not None else None
    if type(seen.scheduler).__name__ in ("OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts"):
        return None
    if horizon is None and rates.min() > 0.01 * rates[0] or horizon is not None and horizon >= per_epoch:
        return None
    return fault(
        "Call scheduler.step() once an epoch, or count its length in batches.",
        ("steps until the schedule is over", horizon or int(np.argmin(rates)), per_epoch, "steps in an epoch"),
        figure="learning rate",
    )


def _better_at(seen: Seen, factors: tuple[float, ...]) -> tuple[float, Probe, Probe] | None:
    """The first of these multiples of the rate at which a copy learns what it does not at the rate itself; both."""
    here = seen.probe()
    if here is None or here.learned:
        return None
    others = ((factor, seen.probe(factor)) for factor in factors)
    return next(((factor, other, here) for factor, other in others if other is not None and other.beats(here)), None)


LEARNED = "40 steps on 64 images"
KARPATHY = "about 1e-3: Karpathy, CS231n"


@check("optimizer")
def rate_too_high(seen: Seen) -> Verdict | None:
    """Sees a rate at which nothing is learned, or the loss explodes, while a copy learns at a lower one.

    Thresholds: looks where the training is at chance, the loss no number, or the largest |update| / |weight| above
    0.01 (about 1e-3: Karpathy, CS231n); then a copy at a tenth, a hundredth or a thousandth of the rate learns a batch
    by heart, at the rate itself not. Without that a fault where nothing is learned and a step was half as long as the
    weights (reasoned), a warning where the median ratio is above 0.04 and not nine of ten answers are right. Tuned:
    healthy medians 0.0005 to 0.014, sick 0.045 to 11. Confused with: inputs or weights too large (own checks).
    """
    wild = not np.isfinite(seen.losses).all() or seen.largest_ratio > 0.01 or seen.not_learning
    found = _better_at(seen, (0.1, 0.01, 0.001)) if wild else None
    if found is None and seen.not_learning and seen.largest_ratio > 0.5:
        return fault(
            "Lower the learning rate.",
            ("|update| / |weight|, largest step", seen.largest_ratio, 0.5, KARPATHY), figure="update ratio",
        )  # fmt: skip
    if found is None:
        return warning(
            "Lower the learning rate.",
            ("|update| / |weight|, median", seen.weight_ratio, 0.04, KARPATHY), figure="update ratio",
        ) if seen.weight_ratio > 0.04 and not seen.learned_well else None  # fmt: skip
    factor, other, here = found
    return fault(
        f"Lower the learning rate: at {factor:g} of it a copy learns.",
        ("|update| / |weight|, largest step", seen.largest_ratio, 0.01, KARPATHY),
        ("accuracy of a copy on one batch at this rate", here.accuracy, 0.6, LEARNED),
        (f"the same at {factor:g} of it", other.accuracy, 0.6, "it learns more"), figure="loss",
    )  # fmt: skip


@check("optimizer")
def rate_too_low(seen: Seen) -> Verdict | None:
    """Sees a rate at which the weights hardly move, while a copy learns at a higher one.

    Thresholds: |update| / |weight| below 3e-4 (about 1e-3: CS231n), and a copy at 10, 100 or 1000 times the rate that
    learns a batch by heart, at the rate itself not. A warning without that below 1e-5, if no step was longer than 0.01:
    a network that one long step has killed stands still, too. Tuned: healthy from 5e-4, sick 2e-5 to 6e-5. Confused
    with: a schedule that has fallen too early, clipping.
    """
    found = _better_at(seen, (10.0, 100.0, 1000.0)) if seen.weight_ratio < 3e-4 else None
    if found is None:
        return warning(
            "Raise the learning rate.",
            ("|update| / |weight|, median", seen.weight_ratio, 1e-5, KARPATHY), figure="update ratio",
        ) if seen.weight_ratio < 1e-5 and not seen.largest_ratio > 0.01 else None  # fmt: skip
    factor, other, here = found
    return fault(
        f"Raise the learning rate: at {factor:g} times it a copy learns.",
        ("|update| / |weight|, median", seen.weight_ratio, 3e-4, KARPATHY),
        ("accuracy of a copy on one batch at this rate", here.accuracy, 0.6, LEARNED),
        (f"the same at {factor:g} times it", other.accuracy, 0.6, "it learns more"), figure="loss",
    )  # fmt: skip


def _rise(losses: np.ndarray, width: int = 15) -> float:
    """The largest value of the smoothed loss over the smallest one before it, but for a last twentieth of the loss."""
    if len(losses) < 3 * width or not np.isfinite(losses).all():
        return math.nan
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    return float(np.max(smooth / np.maximum(np.minimum.accumulate(smooth), 0.05 * abs(smooth[0]) + 1e-9)))


@check("optimizer")
def momentum_too_high(seen: Seen) -> Verdict | None:
    """Sees momentum so high that the weights swing: each step goes on for 1 / (1 - momentum) more.

    Threshold: 0.98, a warning; a fault where nothing is learned, or from 0.995 where the smoothed loss rose by a tenth
    over its lowest value. 0.9 is usual; Sutskever et al., On the Importance of Initialization and Momentum, 2013, let
    it rise to 0.99 and more in the course of a training. Reasoned. Confused with: a rate that is too high.
    """
    momenta = [float(g.get("momentum", 0) or 0) for o in seen.optimizers for g in o.param_groups]
    if not momenta or max(momenta) < 0.98:
        return None
    rise = _rise(seen.losses)
    waves = [("rise of the smoothed loss over its lowest value before", rise, 1.1, "waves")] if rise > 1.1 else []
    say = fault if seen.not_learning or (waves and max(momenta) >= 0.995) else warning
    return say(
        "Use a momentum of 0.9, or a rate that is lower by as much as 1 / (1 - momentum) is higher.",
        ("momentum", max(momenta), 0.98, "0.9 is usual"), *waves,
    )  # fmt: skip


@check("optimizer")
def noisy_loss(seen: Seen) -> Verdict | None:
    """Sees a loss that swings in waves: its smoothed value rises by half over its lowest. A symptom, a warning.

    Threshold: 1.5. Tuned: healthy 1.0 to 1.2, diverging 200 and more. Confused with: batches that differ in difficulty.
    """
    rise = _rise(seen.losses)
    if not rise >= 1.5:
        return None
    return warning(
        "Lower the rate or the momentum, or use larger batches.",
        ("smoothed loss over its lowest value before", rise, 1.5, "healthy: 1.0 to 1.2"), figure="loss",
    )  # fmt: skip


@check("optimizer")
def batch_of_one(seen: Seen) -> Verdict | None:
    """Sees batches of one image: each step follows the noise of one gradient. Exact; a warning unless nothing learns.

    Source: D. Masters and C. Luschi, Revisiting Small Batch Training, 2018: best between 2 and 32.
    """
    if len(seen.sizes) < 10 or np.median(seen.sizes) > 1:
        return None
    say = fault if seen.not_learning else warning
    return say(
        "Use batches of 16 to 128, or accumulate gradients.",
        ("images in a batch", 1, 2, "Masters and Luschi 2018: 2 to 32 is best"), figure="loss",
    )  # fmt: skip


@check("optimizer")
def batch_of_all(seen: Seen) -> Verdict | None:
    """Sees one batch an epoch: as many steps as epochs. Exact; a warning, as it is meant for very small sets.

    Source: N. Keskar et al., On Large-Batch Training for Deep Learning, 2017. Threshold: more than half of the images
    in a batch, and more than 256 of them.
    """
    count = seen.train.count if seen.train else 0
    if not seen.sizes or count < 2 or max(seen.sizes) < 256 or max(seen.sizes) <= count / 2:
        return None
    return warning(
        "Use batches of 16 to 256: more steps for the same images.",
        ("images in a batch", max(seen.sizes), count / 2, "half of the training images; Keskar et al. 2017"),
        figure="loss",
    )
