"""Checks of what the model puts out, of the loss that reads it, and of the gradient that comes back."""

import math

from helpers.diagnosis.checks.layers import DEAD, most_dead, share_of_dead
from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen


@check("model")
def output_width(seen: Seen) -> Verdict | None:
    """Sees a model with more outputs than there are classes in both parts, such as a head of 1,000 classes left on.

    Exact, if all labels were seen. A warning where something is learned: outputs that nobody asks for cost little.
    """
    if not seen.num_outputs or seen.label_counts.sum() < 100 or seen.num_outputs <= seen.classes:
        return None
    if seen.train is None and seen.label_counts.sum() < 20 * seen.num_outputs:
        return None
    say = fault if seen.not_learning else warning
    return say(
        "Give the last layer as many outputs as there are classes.",
        ("outputs", seen.num_outputs, seen.classes, "classes that occur in the labels"), figure="prediction histogram",
    )  # fmt: skip


@check("model")
def wrong_loss(seen: Seen) -> Verdict | None:
    """Sees a loss for another task: the squared error or the binary cross-entropy on one-hot labels, or
    the negative output of the right class, which has no lower bound.

    Exact: the value that the loop gave is compared with these formulas (Janocha and Czarnecki, On Loss Functions for
    Deep Neural Networks in Classification, 2017, on what they do to classification). A bounded one is a
    warning where something is learned all the same. Confused with: nothing.
    """
    names = {"mse": "squared error", "binary": "binary cross-entropy", "nll": "NLLLoss of logits, without log_softmax"}
    name = names.get(seen.loss_kind)
    if name is None:
        return None
    say = fault if seen.loss_kind == "nll" or seen.not_learning or math.isnan(seen.reached) else warning
    return say(
        "Use nn.CrossEntropyLoss on logits and class numbers: one label an image.",
        ("formula that gives this loss", name, "cross-entropy", "exact"), figure="loss",
    )  # fmt: skip


@check("model")
def softmax_before_loss(seen: Seen) -> Verdict | None:
    """Sees outputs that are probabilities, which cross-entropy then takes for logits: the loss cannot fall below 1.46.

    Threshold: every row of outputs at least 0, with a sum of 1 to 1e-3 (half precision rounds that much). UMLAUT
    (Schoop et al. 2021) asks it of Keras models, which need the softmax. Not where the loss was found to take
    probabilities, or fell below what cross-entropy of them can reach, ln(1 + (K - 1) / e). Confused with: nothing.
    """
    if not seen.row_sum_error < 1e-3 or seen.num_outputs < 2 or seen.loss_kind in ("log", "mse"):
        return None
    least = math.log1p((seen.num_outputs - 1) / math.e)
    if seen.loss_kind != "cross_entropy" and len(seen.losses) and 0 < seen.late(seen.losses) < 0.9 * least:
        return None
    return fault(
        "Return logits: cross-entropy has the softmax inside.",
        ("largest distance of a row sum of the outputs from 1", seen.row_sum_error, 1e-3, "exact but for rounding"),
        figure="prediction histogram",
    )


@check("model")
def relu_on_logits(seen: Seen) -> Verdict | None:
    """Sees outputs that are never negative and often 0: a ReLU after the last layer.

    Threshold: no output below 0, 5 % of them exactly 0; logits of a linear layer have either sign. Tuned: healthy 0,
    sick 0.56.
    Confused with: softmax, whose rows sum to 1; a last layer of zeros.
    """
    if not (seen.least_output >= 0 and seen.zero_outputs >= 0.05) or seen.row_sum_error < 1e-3:
        return None
    if seen.signals and seen.signals.layers and seen.signals.layers[-1].constant:
        return None
    return fault(
        "Leave out the activation after the last layer.",
        ("smallest output", seen.least_output, 0.0, "logits of a linear layer have either sign"),
        ("share of outputs that are 0", seen.zero_outputs, 0.05, "logits are hardly ever 0"),
        figure="prediction histogram",
    )  # fmt: skip


@check("model")
def large_first_loss(seen: Seen) -> Verdict | None:
    """Sees a first loss far above that of a guess, ln K.

    Threshold: 4 ln K, a warning: weights drawn by the rule of He give up to twice ln K (Karpathy, A Recipe for Training
    Neural Networks, 2019: verify loss at init). A symptom of wrong inputs or weights.
    """
    if seen.signals is None or seen.num_outputs < 2 or seen.loss_kind != "cross_entropy":
        return None
    first, limit = seen.signals.cross_entropy, 4 * math.log(seen.num_outputs)
    if not first > limit:
        return None
    return warning(
        "Look at the scale of inputs and weights.",
        ("cross-entropy before training", first, limit, "4 ln K; Karpathy 2019: ln K"), figure="loss",
    )  # fmt: skip


@check("model")
def vanishing_gradient(seen: Seen) -> Verdict | None:
    """Sees a gradient that is much smaller in the first layer than in the last, before training.

    Threshold: 1e-3, as in AutoTrainer (Zhang et al. 2021, beta_1). Tuned: healthy 0.17 to 1.2; no fault
    here is sick in this way alone. A warning: it comes of saturating
    activations or depth. Not where the last layer starts at 0, as a trick. Confused with: weights that are too small,
    which have a check of their own.
    """
    found = [layer.gradient for layer in seen.layers]
    if len(found) < 3 or not found[-1] > 0 or not found[0] / found[-1] < 1e-3 or seen.layers[-1].constant:
        return None
    return warning(
        "Use ReLU, normalization layers, shortcuts, or the initialization of He.",
        ("rms gradient of the first layer over that of the last", found[0] / found[-1], 1e-3, "AutoTrainer 2021"),
        figure="gradient histogram",
    )


@check("model")
def dead_units_later(seen: Seen) -> Verdict | None:
    """Sees a layer that died during training, as after too large a step. A symptom. Threshold as in `dead_units`."""
    worst = most_dead(seen.signals_now.layers if seen.signals_now else [])
    if worst is None:
        return None
    before = {layer.name: layer.dead for layer in seen.layers}
    if before.get(worst.name, 0) >= DEAD:
        return None
    return warning(
        "Lower the learning rate.",
        share_of_dead(worst),
        figure="activation histogram",
    )
