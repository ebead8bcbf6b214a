"""Checks of the layers: their weights before training, what lies between them, normalization."""

from collections.abc import Callable

import numpy as np
from torch import nn

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen
from helpers.diagnosis.signals import Layer

HE = "He et al. 2015: sqrt(2 / fan-in) keeps the signal"


@check("model")
def model_raises(seen: Seen) -> Verdict | None:
    """Sees that the model or the loss raises on a batch of the loader, in which module, with which shapes. Exact."""
    error = seen.signals.error if seen.signals else ""
    if not error or "more than 1 value per channel" in error:
        return None
    return fault(
        "Make the shapes fit at this module: print the shape before it, or change its size.",
        ("raised", error[:500], "no error", "exact"), figure="",
    )  # fmt: skip


@check("model")
def hidden_layers(seen: Seen) -> Verdict | None:
    """Sees modules in a plain list or dictionary: `parameters()`, `to` and `state_dict` do not find them. Exact."""
    if not seen.hidden:
        return None
    return fault(
        "Put them into nn.ModuleList or nn.ModuleDict.",
        ("modules in a plain list", ", ".join(seen.hidden[:6]), "none", "exact"), figure="",
    )  # fmt: skip


@check("model")
def init_zero(seen: Seen) -> Verdict | None:
    """Sees weights that are all one number, before training, in a layer that is not the last: its units stay alike.

    Exact. Confused with: nothing; a last layer of zeros is a known trick, and is left alone.
    """
    alike = [layer.name for layer in seen.layers[:-1] if layer.constant and layer.outputs > 1]
    if not alike:
        return None
    return fault(
        "Draw the weights at random (nn.init.kaiming_normal_).",
        ("layers whose weights are all the same", len(alike), 0, "such units stay alike (Goodfellow et al. 2016)"),
        figure="weight histogram",
    )  # fmt: skip


def _by_harm(seen: Seen) -> Callable[..., Verdict]:
    """A fault before the training and where nothing is learned, a warning where something is."""
    return fault if seen.not_learning or len(seen.rights) < 100 else warning


@check("model")
def init_small(seen: Seen) -> Verdict | None:
    """Sees weights far smaller than the rule of He, before training: the signal, and the gradient, die out.

    Threshold: median over the layers of std / sqrt(2 / fan-in) below 0.25; the usual rules give 0.4 (torch) to 1 (He).
    Tuned: healthy 1.0, sick 0.06 to 0.08. A warning where the network learns all the same. Confused with: weights after
    strong weight decay.
    """
    scales = [layer.scale for layer in seen.layers if not layer.constant]
    if len(scales) < 2 or np.median(scales) > 0.25 or any(layer.constant for layer in seen.layers[:-1]):
        return None
    return _by_harm(seen)(
        "Draw the weights by the rule for your activation (nn.init.kaiming_normal_ for ReLU).",
        ("std of the weights over that of He, median over layers", float(np.median(scales)), 0.25, HE),
        figure="activation histogram",
    )


@check("model")
def init_large(seen: Seen) -> Verdict | None:
    """Sees weights far larger than the rule of He, before training: outputs and gradients explode.

    Threshold: median over the layers of std / sqrt(2 / fan-in) above 3; the usual rules give 0.4 to 1. Tuned: healthy
    1.0, sick 5.8. A warning where the network learns all the same. Confused with: nothing known.
    """
    scales = [layer.scale for layer in seen.layers]
    if len(scales) < 2 or np.median(scales) < 3:
        return None
    return _by_harm(seen)(
        "Draw the weights by the rule for your activation (nn.init.kaiming_normal_ for ReLU).",
        ("std of the weights over that of He, median over layers", float(np.median(scales)), 3, HE),
        figure="activation histogram",
    )


DEAD = 0.7  # share of the units of a layer


def most_dead(layers: list[Layer]) -> Layer | None:
    """The layer with the largest share of inputs that are 0 for every image, if that share is above the threshold."""
    worst = max(layers, key=lambda layer: layer.dead, default=None)
    return None if worst is None or worst.dead < DEAD or worst.inputs < 4 else worst


def share_of_dead(layer: Layer) -> tuple[str, float, float, str]:
    """What speaks for dead units, as evidence."""
    return f"share of units that are 0 before {layer.name}", layer.dead, DEAD, "AutoTrainer 2021"


@check("model")
def dead_units(seen: Seen) -> Verdict | None:
    """Sees a layer whose inputs are 0 for every image, before training: ReLU units that never learn.

    Threshold: 0.7 of the units of one layer, as in AutoTrainer (Zhang et al. 2021, dying ReLU, gamma). Tuned: healthy
    0 to 0.17, sick 1.0. Confused with: zero weights, small networks where few units are many.
    """
    worst = most_dead(seen.layers)
    if worst is None:
        return None
    return fault(
        "Look at the biases before this layer: start them at 0. Or use LeakyReLU.",
        share_of_dead(worst),
        figure="activation histogram",
    )


@check("model")
def linear_network(seen: Seen) -> Verdict | None:
    """Sees several layers that together are one linear map: the activations are missing.

    Either the whole model maps the middle between two images to the middle of their outputs (exact to rounding), or
    half of the layers after the first get the output of the layer before as it is, also through max-pooling; one or
    two such pairs are meant in some architectures (MobileNetV2, 1×1 projections), half is reasoned. A model of one
    layer is meant so. Does not see part of the activations missing behind average pooling, a sum of two branches, or a
    normalization of each image, which is not linear.
    """
    later = seen.layers[1:]
    pairs = [layer.name for layer in later if layer.linear_from]
    if not later or not (seen.affine or pairs and len(pairs) >= 0.5 * len(later)):
        return None
    return fault(
        "Put a non-linearity (nn.ReLU) between the layers.",
        ("whether the whole model is one linear map", str(seen.affine), "False", "exact"),
        ("layers that get the output of another one as it is", len(pairs), 0.5 * len(later), "half of the layers"),
        figure="activation histogram",
    )


@check("model")
def network_too_small(seen: Seen) -> Verdict | None:
    """Sees a layer with fewer units than a third of the classes, through which everything must pass.

    With d units before the last layer the logits of all images lie in d dimensions (Yang et al., Breaking the Softmax
    Bottleneck, 2018). Threshold: a third of the classes. Reasoned: a sphere in three dimensions still has room for
    ten directions. Not where nine of ten answers are right. Confused with: an embedding of two units, made to be drawn.
    """
    layers = seen.layers
    narrow = min(layers[:-1], key=lambda layer: layer.outputs, default=None)
    if narrow is None or seen.classes < 3 or narrow.outputs >= seen.classes / 3 or seen.learned_well:
        return None
    return fault(
        "Make the layers wider.",
        (f"units of {narrow.name}", narrow.outputs, seen.classes / 3, "Yang et al. 2018; a third of the classes"),
        figure="loss",
    )


def _batch_norms(seen: Seen) -> list:
    modules = seen.model.modules() if seen.model is not None else ()
    return [module for module in modules if isinstance(module, nn.modules.batchnorm._NormBase)]


@check("model")
def batch_norm_batch_of_one(seen: Seen) -> Verdict | None:
    """Sees batch normalization in training mode with batches of one image: it subtracts the image from itself.

    Exact. torch raises where a channel has one value; maps of more than one pixel hide it. Up to four images it is a
    warning: Wu and He, Group Normalization, 2018, show the error growing below 8.
    """
    raised = seen.signals and "more than 1 value per channel" in seen.signals.error
    if not raised and (not seen.sizes or np.median(seen.sizes) > 4 or not _batch_norms(seen)):
        return None
    if not _batch_norms(seen):
        return None
    if raised and seen.train is not None and seen.train.batch_size > 1:
        return None
    say = fault if raised or np.median(seen.sizes) == 1 else warning
    return say(
        "Use larger batches, or GroupNorm.",
        ("images in a batch", int(np.median(seen.sizes)) if seen.sizes else 1, 5, "Wu and He 2018"), figure="loss",
    )  # fmt: skip


@check("model")
def batch_norm_frozen(seen: Seen) -> Verdict | None:
    """Sees batch normalization in evaluation mode while the model trains: it uses old statistics and updates none.

    Threshold: half of the layer-steps, or a momentum of 0. Exact. Confused with: freezing on purpose when a pretrained
    model is fine-tuned in small batches; therefore a fault only where the statistics are those of a new layer, mean 0
    and variance 1.
    """
    stuck = sum(module.momentum == 0 for module in _batch_norms(seen)) / max(1, len(_batch_norms(seen)))
    share = max(seen.frozen_norms, stuck)
    if share < 0.5:
        return None
    new = [m for m in _batch_norms(seen) if m.running_mean is not None and not m.running_mean.any()]
    say = fault if new else warning
    return say(
        "Call model.train() before each epoch, and no eval() on a part of the model; momentum above 0, such as 0.1.",
        ("share of normalization layers whose statistics stand still while training", share, 0.5, "exact"),
        ("of these with the statistics of a new layer", len(new), 0, "exact"),
    )
