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
        ("lowest rate within the first epoch, share of the first rate", float(rates.min() / rates[0]), 0.01, "exact"),
        figure="learning rate",
    )


def _best_other(seen: Seen, lower: bool) -> tuple[str, Probe | None]:
    """The factor of the best short training at lower or higher rates, and it; None, where none is better."""
    here = seen.probes.get("x1")
    factors = [f for f in seen.probes if f.startswith("x") and f != "x1" and (float(f[1:]) < 1) == lower]
    better = [f for f in factors if here is not None and seen.probes[f].beats(here)]
    best = max(better, key=lambda f: (seen.probes[f].accuracy, seen.probes[f].gain), default="")
    return best[1:], seen.probes.get(best)


@check("optimizer")
def rate_too_high(seen: Seen) -> Verdict | None:
    """Sees a rate at which nothing is learned, or the loss explodes, while a copy learns at a lower one.

    Thresholds: |update| / |weight| above 0.03 or a loss that is not finite; a copy at a tenth or less of the rate
    learns a batch by heart, at this rate not. Karpathy: about 1e-3. By reasoning and a few cases, not yet tuned.
    Confused with: inputs or weights too large, which are told apart by their own checks.
    """
    factor, other = _best_other(seen, lower=True)
    if other is None:
        return None
    wild = not np.isfinite(seen.losses).all() or not seen.largest_ratio < 0.01 or seen.not_learning
    if not wild:
        return None
    return fault(
        f"Lower the learning rate: at {factor} of it a copy learns.",
        ("|update| / |weight|, largest step", seen.largest_ratio, 0.01, "Karpathy: about 1e-3"),
        ("accuracy of a copy on one batch at this rate", seen.probes["x1"].accuracy, 0.6, "40 steps on 64 images"),
        (f"the same at {factor} of it", other.accuracy, 0.6, "it learns more"), figure="loss",
    )  # fmt: skip


@check("optimizer")
def rate_too_low(seen: Seen) -> Verdict | None:
    """Sees a rate at which the weights hardly move, while a copy learns at a higher one.

    Thresholds: |update| / |weight| below 2e-4; a copy at ten times the rate or more learns a batch by heart, at this
    rate it does not. Karpathy: about 1e-3. By reasoning and a few cases, not yet tuned. Confused with: a schedule that
    has fallen too early, clipping.
    """
    factor, other = _best_other(seen, lower=False)
    if other is None or not seen.weight_ratio < 3e-4:
        return None
    return fault(
        f"Raise the learning rate: at {factor} times it a copy learns.",
        ("|update| / |weight|, median", seen.weight_ratio, 3e-4, "Karpathy: about 1e-3"),
        ("accuracy of a copy on one batch at this rate", seen.probes["x1"].accuracy, 0.6, "40 steps on 64 images"),
        (f"the same at {factor} times it", other.accuracy, 0.6, "it learns more"), figure="loss",
    )  # fmt: skip


@check("optimizer")
def momentum_too_high(seen: Seen) -> Verdict | None:
    """Sees momentum so high that the weights swing: the loss rises and falls in waves.

    Threshold: 0.98 (each step counts for 1 / (1 - momentum), 50 steps) and a loss that rose again by a tenth over a run
    of steps. Sutskever et al., On the Importance of Initialization and Momentum, 2013. By reasoning. Confused with:
    a rate that is too high.
    """
    momenta = [float(g.get("momentum", 0) or 0) for o in seen.optimizers for g in o.param_groups]
    if not momenta or max(momenta) < 0.98:
        return None
    return fault(
        "Use a momentum of 0.9, or a rate that is lower by as much as 1 / (1 - momentum) is higher.",
        ("momentum", max(momenta), 0.98, "Sutskever et al. 2013: above 0.9 only late and with care"),
        ("largest rise of the smoothed loss over its lowest value before", _rise(seen.losses), 1.1, "waves"),
    )


def _rise(losses: np.ndarray, width: int = 15) -> float:
    """The largest value of the smoothed loss over the smallest one before it."""
    if len(losses) < 3 * width or not np.isfinite(losses).all():
        return math.nan
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    return float(np.max(smooth / np.maximum(np.minimum.accumulate(smooth), 1e-9)))


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


@check("optimizer")
def large_updates(seen: Seen) -> Verdict | None:
    """Sees steps that change the weights by much. Threshold: 0.1 (Karpathy: 1e-3). A symptom of the rate, a warning."""
    if not seen.weight_ratio > 0.1:
        return None
    return warning(
        "Lower the learning rate.",
        ("|update| / |weight|, median", seen.weight_ratio, 0.1, "Karpathy: about 1e-3"), figure="update ratio",
    )  # fmt: skip


@check("optimizer")
def small_updates(seen: Seen) -> Verdict | None:
    """Sees steps that hardly change the weights. Threshold: 1e-5 (Karpathy: 1e-3). A symptom, a warning."""
    if not seen.weight_ratio < 1e-5:
        return None
    return warning(
        "Raise the learning rate.",
        ("|update| / |weight|, median", seen.weight_ratio, 1e-5, "Karpathy: about 1e-3"), figure="update ratio",
    )  # fmt: skip
