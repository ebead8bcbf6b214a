"""Checks of the loop around the model: steps that are not made, gradients that are gone, a rate that is used up."""

import math

import numpy as np
from torch import nn

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen

FEWEST = 10  # steps


def _moved(seen: Seen) -> bool | None:
    """Whether any trainable weight that an optimizer holds has another norm than at the start; None: cannot be seen."""
    held = [p for p in seen.parameters if p.trainable and p.in_optimizer and np.isfinite(p.norm_at_start)]
    return any(p.norm != p.norm_at_start for p in held) if held and len(seen.losses) >= FEWEST else None


def _has_gradients(seen: Seen) -> bool:
    return any(norm > 0 for norm in seen.gradient_norms)


@check("optimizer")
def gradients_gone(seen: Seen) -> Verdict | None:
    """Sees that weights have no gradient when the step is made: `zero_grad` stands between `backward` and `step`.

    Exact. A warning where the weights move all the same: then it is `observe` that was called too early. Confused with:
    a loss that was computed from detached outputs, which torch refuses by itself.
    """
    moved = _moved(seen)
    if moved is None or not seen.optimizers or _has_gradients(seen):
        return None
    if moved:
        return warning(
            "Call doctor.observe after backward() and before zero_grad().",
            ("largest gradient at observe", 0.0, 0.0, "exact; yet the weights move"), figure="gradient norm",
        )  # fmt: skip
    return fault(
        "Order: zero_grad(), backward(), step(). Or the loop trains another model than the doctor was given.",
        ("largest gradient before the step", 0.0, 0.0, "exact"),
        ("weights that moved", 0, 1, "exact"), figure="gradient norm",
    )  # fmt: skip


def _not_stepped(seen: Seen) -> list[str]:
    """Names of parameters with gradients whose optimizer moved none of its weights, while another one moved its own."""
    names = {id(p): name for name, p in seen.model.named_parameters()} if seen.model is not None else {}
    known = {p.name: p for p in seen.parameters if np.isfinite(p.norm_at_start)}
    still = []
    for optimizer in seen.optimizers:
        held = [known.get(names.get(id(p), "")) for group in optimizer.param_groups for p in group["params"]]
        held = [p for p in held if p is not None and p.trainable]
        if held and all(p.norm == p.norm_at_start for p in held):
            still += [p.name for p in held if p.given]
    return still


@check("optimizer")
def no_step(seen: Seen) -> Verdict | None:
    """Sees gradients and a rate above 0, and weights that did not move: `optimizer.step()` is missing, or that of one
    of several optimizers.

    Exact, from ten steps on. Confused with: accumulation over more steps than were seen.
    """
    moved = _moved(seen)
    if moved is None or not _has_gradients(seen):
        return None
    if moved and (names := _not_stepped(seen)):
        return fault(
            "Call step() of each optimizer.",
            ("parameters whose optimizer moved nothing", ", ".join(names[:6]), "none", "exact"), figure="update ratio",
        )  # fmt: skip
    if moved:
        return None
    highest = float(seen.rates.max()) if seen.rates.size else 0.0
    return fault(
        "Call optimizer.step() after backward()." if highest > 0 else "Give the optimizer a learning rate above 0.",
        ("weights that moved", 0, 1, "exact"),
        ("highest learning rate", highest, 0.0, "above 0 the weights move"), figure="update ratio",
    )  # fmt: skip


@check("optimizer")
def steps_left_out(seen: Seen) -> Verdict | None:
    """Sees many batches without a step between them, while each clears the gradient of the one before: only the last
    batch before a step counts.

    Thresholds: ten batches in which no weight moved, and a gradient at most 1.5 times that of its batch alone, as
    computed on a copy; added up, it is larger. Reasoned. Confused with: losses that are divided by the number of
    batches and whose gradients cancel.
    """
    if seen.still < FEWEST or not seen.kept < 1.5 or not _moved(seen):
        return None
    return fault(
        "Call optimizer.step() after each backward(); to accumulate, call zero_grad() only after a step.",
        ("batches in a row without a step", seen.still, FEWEST, "one, or as many as are accumulated"),
        ("norm of the gradient over that of its batch alone", seen.kept, 1.5, "accumulated gradients are larger"),
        figure="update ratio",
    )


@check("optimizer")
def no_gradient(seen: Seen) -> Verdict | None:
    """Sees trainable parameters in the optimizer that never had a gradient, while others had: a `detach`, a `no_grad`
    around a part of the model, or a part that the loss does not need.

    Exact over the sampled steps, from 1 % of all numbers on. A warning. Confused with: heads for another task, frozen
    on purpose without requires_grad=False.
    """
    never = [p for p in seen.parameters if p.trainable and p.in_optimizer and not p.given]
    share = sum(p.size for p in never) / max(1, sum(p.size for p in seen.parameters))
    if share < 0.01 or not _has_gradients(seen):
        return None
    return warning(
        "Look between these layers and the loss for detach(), .data, no_grad() or a layer that is not used.",
        ("share of the weights without a gradient", share, 0.01, "all that is to be trained has one"),
        ("without", ", ".join(p.name for p in never[:6]), "none", "exact"), figure="gradient norm",
    )  # fmt: skip


@check("model")
def squashed_outputs(seen: Seen) -> Verdict | None:
    """Sees outputs that all lie between 0 and 1: a sigmoid, or a softmax over the wrong axis, before cross-entropy.

    Cross-entropy makes probabilities of them once more, so that the right class gets e / (e + K - 1) at most. Exact,
    over the sampled steps, of which there must be six; logits of a linear layer have either sign. Confused with: a
    softmax over the classes and a ReLU, which have checks of their own.

    Between -1 and 1, as behind a tanh, or as cosines that nothing scales, it is a warning; exact: a copy whose weights
    are a hundred times as large stays within these bounds, too.
    """
    if seen.loss_kind not in ("cross_entropy", "") or seen.num_outputs < 2 or len(seen.gradient_norms) < 6:
        return None
    if not (seen.least_output >= -1 and seen.most_output <= 1) or seen.row_sum_error < 1e-3 or seen.zero_outputs > 0.05:
        return None
    if seen.least_output < 0:
        return warning(
            "Leave out the tanh; multiply cosines by a scale, such as 10, before cross-entropy.",
            ("largest distance of an output from 0", max(-seen.least_output, seen.most_output), 1.0, "no limit"),
            ("smallest loss that is left", math.log1p((seen.num_outputs - 1) * math.exp(-2)), 0.0, "exact"),
            figure="prediction histogram",
        ) if seen.bounded and seen.loss_kind == "cross_entropy" else None  # fmt: skip
    return fault(
        "Return logits: leave out the sigmoid, or the softmax, behind the last layer.",
        ("smallest output", seen.least_output, 0.0, "logits have either sign"),
        ("largest output", seen.most_output, 1.0, "logits have no limit"), figure="prediction histogram",
    )  # fmt: skip


@check("model")
def images_mixed(seen: Seen) -> Verdict | None:
    """Sees that the answer for an image depends on the others of its batch, in evaluation mode: a `view` or `permute`
    that takes the wrong axis for the batch, a softmax over the batch.

    Exact: half of a batch alone gives other outputs than within it; threshold a twentieth of their spread, as 16 bits
    round by a hundredth. Confused with: normalization by batches that keeps no running statistics.
    """
    if not seen.mixing > 0.05 or seen.random > 0.01:
        return None
    return fault(
        "Print the shapes along the way: the first axis belongs to the images, in view, permute, softmax and mean too.",
        ("change of the outputs when half of the batch is left out, over their spread", seen.mixing, 0.05, "exact"),
        figure="prediction histogram",
    )


@check("model")
def dropout_too_high(seen: Seen) -> Verdict | None:
    """Sees a dropout layer that keeps less than a fifth. Exact; a warning.

    Threshold: 0.8; 0.5 is usual for hidden units, 0.2 for inputs (Srivastava et al., Dropout, 2014, section A.4).
    Confused with: nothing, but a very wide layer may bear it.
    """
    modules = seen.model.named_modules() if seen.model is not None else ()
    high = {name: m.p for name, m in modules if isinstance(m, nn.modules.dropout._DropoutNd) and m.p >= 0.8}
    if not high:
        return None
    return warning(
        "Drop 0.2 to 0.5: the argument is the share that is dropped, not the share that is kept.",
        (f"share dropped by {', '.join(high)}"[:80], max(high.values()), 0.8, "Srivastava et al. 2014: 0.2 to 0.5"),
    )


@check("optimizer")
def rate_used_up(seen: Seen) -> Verdict | None:
    """Sees a schedule that makes the rate tiny long before the end: the rest of the training moves nothing.

    Thresholds: below 1/500 of the highest rate for 40 % of the steps. Reasoned: a cosine spends 3 % of its steps there,
    three steps of a tenth none. A warning. Confused with: training on for the sake of averaged weights.
    """
    if len(seen.rates) < 4 * FEWEST or not seen.rates.shape[1] or not seen.rates.max() > 0:
        return None
    highest = seen.rates.max(axis=1)
    share = float(np.mean(highest < highest.max() / 500))
    if share < 0.4:
        return None
    return warning(
        "Let the rate fall more slowly: look at gamma, step_size or T_max.",
        ("share of the steps below 1/500 of the highest rate", share, 0.4, "a cosine: 0.03"), figure="learning rate",
    )  # fmt: skip
