"""Checks of the images: scale, damage, what differs between reads and between the parts."""

import numpy as np
from torch import nn

from helpers.diagnosis.batches import is_comparable
from helpers.diagnosis.checks.registry import Verdict, check, fault, note, warning
from helpers.diagnosis.observation import Inputs, Seen, constant_share

NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


def _scaled(seen: Seen) -> Inputs | None:
    """Statistics of the inputs, if their scale matters: not where the model begins with a normalization."""
    modules = seen.model.modules() if seen.model is not None else ()
    weighted = (module for module in modules if next(module.parameters(recurse=False), None) is not None)
    return None if isinstance(next(weighted, None), NORMS) else seen.train_inputs


@check("data")
def input_not_finite(seen: Seen) -> Verdict | None:
    """Sees nan or infinite pixels in what was looked at. Exact. Confused with nothing."""
    found = seen.train_inputs
    if found is None or (found.finite and all(inputs.finite for inputs in seen.inputs)):
        return None
    return fault(
        "Find the images with nan or infinite pixels: a division by a std of 0, or damaged files.",
        ("pixels that are numbers", "not all", "all", "one nan makes every weight nan"),
        figure="images",
    )


@check("data")
def input_scale(seen: Seen) -> Verdict | None:
    """Sees inputs as large as raw pixels, 0-255, or as small as pixels that were divided by 255 twice: networks are
    initialized for inputs of variance 1.

    Threshold: standard deviation 10 (LeCun et al., Efficient BackProp, 1998: inputs of mean 0 and variance 1), a
    warning from 2; and 0.02. Tuned: healthy 1.0 to 1.1, on the 0-1 scale 0.25; sick about 60. Confused with: inputs of
    another kind, such as counts; constant images, and a tiny spread around a large mean, have checks of their own.
    """
    found = _scaled(seen)
    if found is None or not found.finite or 0.02 <= max(found.std) < 2:
        return None
    if max(found.std) < 0.02:
        return fault(
            "Divide the pixels by 255 once (transforms.ToTensor does), then normalize.",
            ("standard deviation of the inputs, largest channel", max(found.std), 0.02, "0-1 images have about 0.25"),
            figure="images",
        ) if found.constant < 0.5 and found.offset < 4 else None  # fmt: skip
    if max(found.std) < 10:
        return warning(
            "Check mean and std of the normalization: on the scale of the images, and in this order.",
            ("standard deviation of the inputs, largest channel", max(found.std), 2, "LeCun et al. 1998: about 1"),
            figure="images",
        ) if not found.normalized_twice else None  # fmt: skip
    pixels = min(found.mean) > 0 and 20 < found.most <= 256
    return fault(
        "Divide the pixels by 255 (transforms.ToTensor does), then normalize." if pixels else
        "Subtract the mean of the training inputs, and divide by their standard deviation.",
        ("standard deviation of the inputs, largest channel", max(found.std), 10, "LeCun et al. 1998: about 1"),
        ("largest input", found.most, 20, "pixels on the 0-255 scale"),
        figure="images",
    )  # fmt: skip


@check("data")
def input_offset(seen: Seen) -> Verdict | None:
    """Sees a mean far from 0, as a wrong mean and std make it.

    Threshold: |mean| over 4 standard deviations. Tuned: healthy 0.03 to 0.13; images on the 0-1 scale without
    normalization about 2; sick 480. Confused with: constant images, which are looked at one by one.
    """
    found = _scaled(seen)
    if found is None or not found.finite or found.constant > 0.5:
        return None
    ratio = found.offset
    if ratio < 4:
        return None
    return fault(
        "Compute mean and std of the training images on the scale that Normalize sees, 0-1 after ToTensor.",
        ("|mean| / std of the inputs, worst channel", ratio, 4, "0-1 images without normalization have about 2"),
        figure="images",
    )


@check("data")
def normalized_twice(seen: Seen) -> Verdict | None:
    """Sees inputs that were normalized, and then once more: -mean / std and 1 / std instead of 0 and 1.

    Threshold: solved for mean and std, every channel gives 0.1 to 0.8 and 0.1 to 0.4, as pictures on the 0-1 scale
    have (MNIST 0.13 and 0.31, ImageNet 0.41 to 0.49 and 0.22 to 0.23). Reasoned. Confused with: another wrong mean and
    std that happen to give these.
    """
    found = _scaled(seen)
    if found is None or not found.finite or found.constant > 0.5 or not found.normalized_twice:
        return None
    return fault(
        "Normalize once: in the transform, or in the model or the loop, not in both.",
        ("standard deviation of the inputs, largest channel", max(found.std), 2.5, "1 / std of 0-1 images"),
        ("mean of the inputs, lowest channel", min(found.mean), -0.25, "-mean / std of them"),
        figure="images",
    )


@check("data")
def rows_out_of_order(seen: Seen) -> Verdict | None:
    """Sees pixels that are neighbours in one direction only, as a `reshape` leaves them where a `permute` was meant:
    a row of [H, W, C] is C times as long as one of [C, H, W].

    Threshold: the correlation of neighbours is above 0.5 in one direction and twice that in the other. Tuned: the drawn
    images and CIFAR-10 have 0.86 to 0.91 in both; reshaped, 0.73 to 0.76 and -0.08 to -0.06. Confused with: stripes,
    spectrograms.
    """
    if seen.train is None or seen.train.images.ndim != 4 or min(seen.train.images.shape[2:]) < 8:
        return None
    x = seen.train.images[:500].float()
    x = x - x.mean(dim=(2, 3), keepdim=True)
    total = x.square().mean().clamp(min=1e-12)
    down = ((x[:, :, 1:] * x[:, :, :-1]).mean() / total).item()
    across = ((x[..., 1:] * x[..., :-1]).mean() / total).item()
    most, least = max(down, across), min(down, across)
    if not (most > 0.5 and least < most / 2):
        return None
    return fault(
        "Look at the images as the model gets them. From [H, W, C] to [C, H, W] needs permute(2, 0, 1), not reshape.",
        ("correlation of neighbours, the worse of both directions", least, most / 2, f"{most:.2f} in the other one"),
        figure="images",
    )


@check("data")
def parts_differ(seen: Seen) -> Verdict | None:
    """Sees validation images on another scale than the training images.

    Threshold: means apart by more than 0.75 standard deviations, or stds by a factor of 2. Reasoned: two samples of
    the same images differ by a few hundredths, crops with a black border by some more. Confused with: a real shift.
    """
    if seen.train is None or seen.valid is None or seen.train.images.ndim < 3:
        return None
    if seen.train.images.shape[1] != seen.valid.images.shape[1]:
        return None
    a, b = Inputs.of(seen.train.images[:1000]), Inputs.of(seen.valid.images[:1000])
    if not (a.finite and b.finite):
        return None
    spread = max(max(a.std), 1e-6)
    apart = max(abs(x - y) for x, y in zip(a.mean, b.mean, strict=True)) / spread
    factor = max(max(x, y) / max(min(x, y), 1e-9) for x, y in zip(a.std, b.std, strict=True))
    if apart < 0.75 and factor < 2:
        return None
    return fault(
        "Give both parts the same transform but for the augmentation: the same ToTensor, mean and std.",
        ("distance of the channel means, in standard deviations", apart, 0.75, "two samples: hundredths"),
        ("ratio of the standard deviations", factor, 2, "two samples: hundredths"),
        figure="images",
    )


@check("data")
def constant_images(seen: Seen) -> Verdict | None:
    """Sees images in which every pixel is the same: damaged files, or a decoder that failed in silence.

    Threshold: 1 % of those looked at. Tuned: healthy 0, sick 20 %. Confused with: masks, blank pages.
    """
    share = 0.0
    if seen.train is not None and is_comparable(seen.train.images):
        share = constant_share(seen.train.images)
    elif seen.inputs:
        share = float(np.mean([inputs.constant for inputs in seen.inputs]))
    if share < 0.01:
        return None
    return fault(
        "List the files behind the constant images and read them again, or leave them out.",
        ("share of images with a single value", share, 0.01, "pictures have none"), figure="images",
    )  # fmt: skip


@check("data")
def same_draws(seen: Seen) -> Verdict | None:
    """Sees that every worker draws the same random numbers: a generator in the data set is copied into each of them.

    Exact: one position is read by all workers, and is the same in all while two reads in one process differ. Confused
    with: nothing. Needs a data set with positions.
    """
    if seen.train is None or not seen.train.same_in_workers:
        return None
    return fault(
        "Draw from torch's generator, or seed the data set's own in worker_init_fn from torch.initial_seed().",
        ("distinct draws of one image in the workers", 1, 2, "exact"), figure="images",
    )  # fmt: skip


@check("data")
def augmented_validation(seen: Seen) -> Verdict | None:
    """Sees that the validation loader gives another image each time. Exact. Confused with: test-time augmentation."""
    if seen.valid is None or seen.valid.repeats:
        return None
    return fault(
        "Give the validation part a transform of its own, without random parts.",
        ("validation images that are the same when read twice", "not all", "all", "exact"), figure="images",
    )  # fmt: skip


@check("data")
def no_batch(seen: Seen) -> Verdict | None:
    """Sees a loader that yields nothing: `drop_last` and fewer images than a batch has, or an empty part. Exact."""
    if not seen.empty:
        return None
    part, text = next(iter(seen.empty.items()))
    return fault(
        "Take smaller batches, or drop_last=False; look where the images of this part were lost.",
        (f"batches of the {part} loader", 0, 1, f"exact: {text}"), figure="",
    )  # fmt: skip


@check("data")
def few_images_drawn(seen: Seen) -> Verdict | None:
    """Says that an epoch shows less than half of the data set, as a sampler decides. Exact; a note, as it may be meant.

    Threshold: half. Confused with: curricula, and samplers that draw anew in each epoch.
    """
    if seen.train is None or seen.train.drawn is None or seen.train.drawn >= seen.train.count / 2:
        return None
    return note(
        "Look at the sampler of the training loader.",
        ("images drawn in an epoch", seen.train.drawn, seen.train.count / 2, "half of the data set"), figure="",
    )  # fmt: skip


@check("data")
def not_covered(seen: Seen) -> Verdict | None:
    """Says what could not be looked at, and why: other tasks than classification, loaders of an unknown form."""
    if not seen.troubles:
        return None
    return note("See the message.", *(("not looked at", text[:400], "-", "outside of what is known")
                                      for text in seen.troubles), figure="")  # fmt: skip
