"""Checks of evaluation: the modes of the model, and the numbers that the loop reports."""

import torch
from torch import nn

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Pass, Seen


def _two_modes(seen: Seen) -> bool:
    """Whether the model has layers that do something else in evaluation."""
    kinds = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
    return seen.model is not None and any(isinstance(module, kinds) for module in seen.model.modules())


@check("evaluation")
def eval_mode_training(seen: Seen) -> Verdict | None:
    """Sees training steps of a model in evaluation mode: `eval()` was left on. Exact.

    Threshold: any share above 0.5. A fault where a layer has two modes, else a warning. Confused with: fine-tuning with
    frozen statistics.
    """
    if seen.eval_mode_share <= 0.5:
        return None
    say = fault if _two_modes(seen) else warning
    return say(
        "Call model.train() before each training epoch.",
        ("share of training steps in evaluation mode", seen.eval_mode_share, 0.5, "exact"), figure="accuracy",
    )  # fmt: skip


@check("evaluation")
def train_mode_evaluation(seen: Seen) -> Verdict | None:
    """Sees evaluation passes of a model in training mode. Exact, if `observe` is called in the evaluation loop too.

    A fault where a layer has two modes, else a warning. Confused with: Monte Carlo dropout.
    """
    passes = [one for one in seen.passes if one.training_mode]
    if not passes:
        return None
    say = fault if _two_modes(seen) else warning
    return say(
        "Call model.eval() before the evaluation, and model.train() after it.",
        ("evaluation passes in training mode", len(passes), 0, "exact"), figure="accuracy",
    )  # fmt: skip


@check("evaluation")
def random_evaluation(seen: Seen) -> Verdict | None:
    """Sees that two evaluations of one batch differ: dropout that `eval()` does not reach, as `F.dropout(x)` without
    `training=self.training`.

    Exact; threshold a hundredth of the spread of the outputs, for the rounding of a GPU. A warning. Confused with:
    networks that draw on purpose.
    """
    if not seen.random > 0.01:
        return None
    return warning(
        "Use nn.Dropout, or F.dropout(x, p, self.training).",
        ("difference of two evaluations over the spread of the outputs", seen.random, 0.01, "exact"),
        figure="accuracy",
    )  # fmt: skip


def _reported(seen: Seen) -> list[tuple[Pass, float]]:
    """Passes whose accuracy was reported, with the reported number."""
    return list(zip(seen.passes, seen.told, strict=True)) if len(seen.told) == len(seen.passes) else []


@check("evaluation")
def metric_per_batch(seen: Seen) -> Verdict | None:
    """Sees a reported accuracy that is the mean over batches, where the last batch is shorter: it counts too much.

    Exact to 1e-6: the number equals the mean over batches and not the mean over images. Needs `observe` in the
    evaluation loop and `end_epoch(valid_accuracy=...)`. Confused with: nothing.
    """
    wrong = [
        (one, value) for one, value in _reported(seen)
        if abs(one.mean(one.rights) - value) > 1e-5 and abs(one.mean(one.rights, False) - value) < 1e-5
    ]  # fmt: skip
    if not wrong:
        return None
    one, value = max(wrong, key=lambda pair: abs(pair[0].mean(pair[0].rights) - pair[1]))
    return fault(
        "Add up right answers and images, and divide at the end.",
        ("reported accuracy, the mean over batches", value, one.mean(one.rights), "mean over images"),
        ("epochs in which they differ", len(wrong), 0, "exact"), figure="accuracy",
    )  # fmt: skip


@check("evaluation")
def wrong_split(seen: Seen) -> Verdict | None:
    """Sees that no evaluation pass reads what the validation loader holds, by number and, unshuffled, by first labels.

    Exact; a fault where it is as many images as there are training images, else a warning: the pass may have been
    stopped, or several parts measured in one. Confused with: a loader that is not the one of the loop.
    """
    if not seen.passes or seen.valid is None:
        return None
    first, expected = seen.passes[0].first_labels, seen.valid.count
    in_order = seen.valid.positions[: len(first)] == list(range(len(first)))
    other = in_order and not torch.equal(first.sort().values, seen.valid.labels[: len(first)].sort().values)
    sizes = [sum(one.sizes) for one in seen.passes]
    trained = seen.train.count if seen.train is not None else 0
    if (expected in sizes and not (other and len(set(sizes)) == 1)) or expected + trained in sizes:
        return None
    read = max(sizes)
    say, what = (fault, ": these are the training images.") if read == trained else (warning, ".")
    number = ("images read in an evaluation pass", read, expected, "images of the validation loader")
    labels = ("labels of the first batch", "others", "those of the validation loader", "exact")
    return say(
        "Read the validation loader in the evaluation" + what, labels if read == expected else number,
        figure="accuracy",
    )  # fmt: skip


@check("evaluation")
def reported_number_differs(seen: Seen) -> Verdict | None:
    """Sees a reported accuracy that is neither the mean over images nor that over batches of what was shown.

    Threshold: 0.005, a rounding to percent. Confused with: a metric of another kind under this name.
    """
    far = [(one, value) for one, value in _reported(seen)
           if min(abs(one.mean(one.rights, way) - value) for way in (True, False)) > 0.006]  # fmt: skip
    if not far:
        return None
    one, value = far[-1]
    return warning(
        "Compute the accuracy as right answers over images, of this pass alone.",
        ("reported accuracy", value, one.mean(one.rights), "mean over images of the same pass"), figure="accuracy",
    )  # fmt: skip
