"""Checks of the labels: do they belong to the images, how many of each class, in which order."""

import math

import numpy as np
import torch

from helpers.diagnosis.checks.registry import Verdict, check, fault, warning
from helpers.diagnosis.observation import Seen


@check("data")
def labels_without_information(seen: Seen) -> Verdict | None:
    """Sees that no classifier can guess the labels: the reference, which needs no training, stays at chance.

    Threshold: below chance + 3 standard errors on images that it was not fitted to (1 case in 700). Tuned: healthy
    0.51 to 0.58 with a chance of 0.11, sick 0.105. Confused with: a task where classes differ only in fine detail;
    therefore only where the trained model stays near chance too (0.07 above it).
    """
    r = seen.reference
    if r is None or r.images < 100 or r.chance > 0.4:  # a guess is hard to beat there
        return None
    luck = 3 * math.sqrt(r.chance * (1 - r.chance) / r.images)
    if r.held_out > r.chance + luck or seen.reached > r.chance + 0.07:
        return None
    return fault(
        "Look at images beside their labels: the two lists are out of step, or were shuffled apart.",
        ("accuracy of the reference on unseen images", r.held_out, r.chance + luck, "chance + 3 standard errors"),
        figure="images with labels",
    )  # fmt: skip


@check("data")
def classes_numbered_differently(seen: Seen) -> Verdict | None:
    """Sees that validation labels fit once the classes are renamed: two lists of classes, or labels off by one.

    The reference, fitted to training images, is read on validation images as it is and under the best renaming.
    Threshold: the renaming gains 10 points, doubles the accuracy, and is 10 points better than the best renaming of
    shuffled labels. Tuned: healthy gains 0; sick 0.04, renamed 0.60. Confused with: nothing known.
    """
    r = seen.reference
    if seen.num_outputs and seen.train is not None and int(seen.train.labels.min()) == 1:
        counts = len(torch.unique(seen.train.labels))
        if seen.num_outputs == counts + 1:
            return fault(
                "Count the classes from 0.",
                ("smallest label", 1, 0, "cross-entropy counts classes from 0"), figure="label histogram",
            )  # fmt: skip
    if r is None or not r.shifted > max(r.valid + 0.10, 2 * r.valid) or r.shifted < r.luck + 0.1:
        return None
    return fault(
        f"Make both parts use one list of classes (training class {r.renamed[:80]}).",
        ("accuracy of the reference on validation images", r.valid, r.shifted / 2, "half of that under a renaming"),
        ("the same under the best renaming of the classes", r.shifted, r.valid + 0.1, "healthy: nothing gained"),
        figure="confusion matrix",
    )  # fmt: skip


@check("data")
def leak(seen: Seen) -> Verdict | None:
    """Sees validation images that are training images too, also cropped or mirrored (`reference.twins`).

    Threshold: 1 %, fault from 5 %; CIFAR-10 itself has 3.3 % near-duplicates between its parts (Barz and Denzler, Do
    We Train on Test Data?, 2020). Misses copies with other colours. Confused with: images without texture.
    """
    r = seen.reference
    if r is None or not r.twins > 0.01:
        return None
    say = fault if r.twins >= 0.05 else warning
    return say(
        "Split by image, before augmentation, and remove duplicates: the validation accuracy is too good.",
        ("share of validation images that are training images", r.twins, 0.01, "Barz and Denzler 2020"),
        figure="pairs of images",
    )  # fmt: skip


def _counts(seen: Seen) -> np.ndarray:
    labels = seen.train.labels.numpy() if seen.train is not None else np.array([], dtype=int)
    if not len(labels):
        return seen.label_counts
    return np.bincount(labels.clip(min=0), minlength=len(seen.label_counts))


@check("data")
def missing_class(seen: Seen) -> Verdict | None:
    """Sees a class without training images that validation has, or a gap between the classes. Exact, if all were seen.

    Confused with: a class so rare that no look met it; a model with more outputs than classes is `output_width`.
    """
    counts = _counts(seen)
    if counts.sum() < 200 or (seen.train is not None and seen.train.share < 0.2):
        return None
    counts = np.pad(counts, (0, max(0, seen.classes - len(counts))))
    missing = np.flatnonzero(counts == 0)
    if not len(missing) or (missing.tolist() == [0] and len(counts) == seen.num_outputs):
        return None
    return fault(
        "Look for the images of these classes: a folder left out, a filter, a split by class.",
        ("classes without training images", ", ".join(map(str, missing[:10])), "none", "exact"),
        ("training images looked at", int(counts.sum()), 200, "enough to meet every class"),
        figure="label histogram",
    )


def _largest_over_smallest(counts: np.ndarray) -> float:
    """Of the classes that occur; 1 where they are too few to say."""
    counts = counts[counts > 0]
    return float(counts.max() / counts.min()) if counts.sum() >= 100 and len(counts) > 1 else 1.0


@check("data")
def imbalance(seen: Seen) -> Verdict | None:
    """Sees classes of very different size.

    Threshold: largest over smallest 10, the least of the usual long-tailed CIFAR sets (Cui et al., Class-Balanced Loss,
    2019: 10 to 200); a warning from 4. In the data set as in the batches, as a sampler may draw rare classes more
    often, and with the weights of the loss. Confused with: nothing, but the true world may be so.
    """
    ratio = _largest_over_smallest(_counts(seen))
    if seen.label_counts.sum() >= 20 * seen.classes:
        ratio = min(ratio, _largest_over_smallest(seen.label_counts))
    weight = getattr(seen.loss_fn, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.shape == (len(seen.label_counts),):
        ratio = min(ratio, _largest_over_smallest(_counts(seen) * (weight / weight.mean()).cpu().numpy()))
    if ratio < 4:
        return None
    say = fault if ratio >= 10 else warning
    return say(
        "Weight the loss or the sampler (WeightedRandomSampler), and judge by recall per class, not by accuracy.",
        ("images of the largest class over the smallest", ratio, 10 if ratio >= 10 else 4, "Cui et al. 2019: from 10"),
        figure="label histogram",
    )


@check("data")
def sorted_by_class(seen: Seen) -> Verdict | None:
    """Sees batches of one or few classes, while the data set has more: a loader without shuffle on sorted files.

    Counts distinct classes in a batch against what drawing at random would give. Threshold: 0.6 of it, mean over the
    batches. Reasoned: at random it is within a few hundredths of 1, sorted 0.1 to 0.2. Confused with: samplers that
    group on purpose (metric learning).
    """
    batches = [labels for labels in seen.label_batches if len(labels) > 1]
    if len(batches) < 4:
        return None
    counts = _counts(seen)
    share = counts / counts.sum()
    expected = np.mean([(1 - (1 - share) ** len(labels)).sum() for labels in batches])
    distinct = np.mean([len(torch.unique(labels)) for labels in batches])
    if (counts > 0).sum() < 2 or distinct > 0.6 * expected:
        return None
    return fault(
        "Shuffle the training loader (shuffle=True).",
        ("classes in a batch, mean", float(distinct), float(0.6 * expected), "0.6 of what a random order gives"),
        figure="labels of the first batches",
    )


@check("data")
def label_noise(seen: Seen) -> Verdict | None:
    """Sees training labels that fit their images worse than validation labels do, as if some were drawn at random.

    Both parts are judged by the reference, which was fitted to other training images (`reference.py`); so no training
    is needed, and a hard task is none of noise. Thresholds: 3 standard errors between the parts (1 case in 700), and
    a share of 0.03. Tuned: healthy -0.9 to -0.2 and -0.01; with a tenth of the labels drawn at random 4.2 to 5.3 and
    0.07 to 0.11. Source of the idea, a classifier that judges labels it has not seen: Northcutt et al., Confident
    Learning, 2021. Misses noise in both parts alike, and needs a validation part. Confused with: training images that
    are changed much more than those of validation.
    """
    r = seen.reference
    if r is None or r.surprise < 3 or r.wrong_labels < 0.03:
        return None
    return warning(
        "Sort the training images by loss and look at the worst labels.",
        ("distance between training and validation labels, standard errors", r.surprise, 3.0, "1 case in 700"),
        ("share of training labels as if drawn at random", r.wrong_labels, 0.03, "healthy: 0"),
        figure="images with labels",
    )
