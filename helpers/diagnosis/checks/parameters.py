"""Checks of what the optimizer holds, and of the gradients it gets."""

import math

import numpy as np
from torch.optim import Adam, AdamW

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen


@check("optimizer")
def gradients_not_cleared(seen: Seen) -> Verdict | None:
    """Sees gradients that add up from step to step: `zero_grad` is missing.

    The gradient hardly turns from step to step, and is larger than that of the batch alone, computed on a copy.
    Thresholds: cosine 0.8, 1.5 times the norm; with accumulation on purpose the sum is cleared after each step, and
    the gradients of two steps are nearly at right angles. Tuned: healthy cosines -0.1 to 0.65, with batches of 256
    once 0.84, norms 1.0; sick 0.96 and 219. Confused with: batches of the whole set, whose gradient does not turn
    (0.93 to 0.99), but is no larger either.
    """
    turns = [turn for turn in seen.gradient_turns if math.isfinite(turn)]
    if len(turns) < 5 or np.median(turns) < 0.8 or not seen.accumulated > 1.5:
        return None
    return fault(
        "Call optimizer.zero_grad() before each backward().",
        ("cosine between the gradients of two steps, median", float(np.median(turns)), 0.8, "healthy: below 0.6"),
        ("norm of the gradient over that of its batch alone", seen.accumulated, 1.5, "1 when it was cleared"),
        figure="gradient norm",
    )


def _missing(seen: Seen) -> list:
    return [p for p in seen.parameters if p.trainable and not p.in_optimizer]


@check("optimizer")
def optimizer_of_another_model(seen: Seen) -> Verdict | None:
    """Sees an optimizer that holds no parameter of the model: it was built for another one, or before a copy. Exact."""
    if not seen.parameters or any(p.in_optimizer for p in seen.parameters):
        return None
    return fault(
        "Build the optimizer after the model is replaced, copied or wrapped.",
        ("parameters of the model in the optimizer", 0, len(seen.parameters), "exact"), figure="update ratio",
    )  # fmt: skip


@check("optimizer")
def parameters_not_in_optimizer(seen: Seen) -> Verdict | None:
    """Sees trainable parameters that no optimizer holds, such as those of a replaced head. Exact.

    Confused with: parameters left out on purpose without requires_grad=False.
    """
    missing = _missing(seen)
    if not missing or len(missing) == len(seen.parameters):
        return None
    return fault(
        "Build the optimizer after the last change of the model, or add_param_group.",
        ("trainable parameters that no optimizer holds", ", ".join(p.name for p in missing[:6]), "none", "exact"),
        figure="update ratio",
    )


@check("optimizer")
def frozen_parameters(seen: Seen) -> Verdict | None:
    """Sees parameters with requires_grad=False: layers that were frozen and are so still.

    Exact, from 1 % of all numbers on: scales and first layers that a recipe sets by hand are fewer. A warning, as
    transfer learning does it on purpose. Confused with: that.
    """
    frozen = [p for p in seen.parameters if not p.trainable]
    share = sum(p.size for p in frozen) / max(1, sum(p.size for p in seen.parameters))
    if share < 0.01:
        return None
    return warning(
        "If it is not meant: requires_grad_(True), and an optimizer that holds them.",
        ("share of the weights that is frozen", share, 0.01, "fewer are set by hand in some recipes"),
        ("frozen", ", ".join(p.name for p in frozen[:6]), "none", "exact"), figure="update ratio",
    )  # fmt: skip


@check("optimizer")
def weight_decay_too_high(seen: Seen) -> Verdict | None:
    """Sees weight decay that takes more from the weights in a step than the loss gives.

    Threshold: a coupled coefficient of 0.05 (Adam: 0.02), a decoupled one (AdamW) of 1e-3 / lr; a fault where the
    weights lost a fifth of their norm, or at ten times that. Usual are 1e-5 to 1e-3 (Krizhevsky et al. 2012: 5e-4), and
    decoupled 0.01 to 0.3 at a rate of 1e-3. Tuned: healthy weights keep 0.98 to 1.02 of their norm, sick ones 0.02 to
    0.07. Confused with: large batches at high rates, where weights of normalized layers shrink too.
    """
    worst, decay_of = 0.0, 0.0
    for optimizer in seen.optimizers:
        for group in optimizer.param_groups:
            decay, lr = float(group.get("weight_decay", 0) or 0), float(group.get("initial_lr", group["lr"]))
            decoupled = isinstance(optimizer, AdamW) or group.get("decoupled_weight_decay", False)
            limit = 1e-3 / max(lr, 1e-12) if decoupled else 0.02 if isinstance(optimizer, Adam) else 0.05
            if decay / limit > worst:
                worst, decay_of = decay / limit, decay
    weights = [p for p in seen.parameters if p.in_optimizer and p.norm_at_start > 0]
    kept = float(np.median([p.norm / p.norm_at_start for p in weights])) if weights else math.nan
    if worst < 1:
        return None
    say = fault if kept < 0.8 or worst > 10 else warning
    return say(
        "Use 1e-4 to 1e-3 with SGD, 0.01 to 0.1 with AdamW.",
        ("weight decay", decay_of, decay_of / worst, "Krizhevsky et al. 2012: 5e-4; AdamW: lr · wd below 1e-3"),
        ("norm of the weights over that at the start, median", kept, 0.8, "healthy: about 1"), figure="weight norm",
    )  # fmt: skip


@check("optimizer")
def gradient_clipped(seen: Seen) -> Verdict | None:
    """Sees a gradient norm that is the same at every step, and steps that are too small: clipped at too low a value.

    Thresholds: spread of the norms below 1 % of their mean, and updates below 3e-4 of the weights (about 1e-3:
    CS231n). Reasoned: healthy spreads 0.1 to 1.4, clipped ones 0. Needs `observe` after the clipping. Confused with:
    normalized-gradient methods.
    """
    norms = np.array(seen.gradient_norms)
    if len(norms) < 6 or not norms.mean() > 0 or norms.std() / norms.mean() > 0.01 or not seen.weight_ratio < 3e-4:
        return None
    return fault(
        "Clip at a value that only the largest tenth of the gradients reaches, or not at all.",
        ("spread of the gradient norms over their mean", float(norms.std() / norms.mean()), 0.01, "all are clipped"),
        ("|update| / |weight|, median", seen.weight_ratio, 3e-4, "about 1e-3: Karpathy, CS231n"),
        figure="gradient norm",
    )  # fmt: skip
