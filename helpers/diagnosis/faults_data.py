"""Faults of the data."""

from dataclasses import replace

import numpy as np
import torch

from helpers.diagnosis.catalogue import both, fault, labels_of, only
from helpers.diagnosis.patient import Training


@fault("data", "input_scale")
def inputs_0_255(t: Training) -> Training:
    """Pixels as they are in the file."""
    return both(t, lambda images: replace(images, mean=(0.0,) * 3, std=(1 / 255,) * 3))


@fault("data", "input_offset")
def wrong_mean_std(t: Training) -> Training:
    """Mean and std of the 0-255 scale, for images on the 0-1 scale."""
    return both(t, lambda images: replace(
        images, mean=tuple(255 * m for m in images.mean), std=tuple(255 * s for s in images.std)))  # fmt: skip


@fault("data", "label_noise")
def labels_shuffled_10(t: Training) -> Training:
    """One training label in ten is drawn at random."""

    def change(labels: torch.Tensor) -> torch.Tensor:
        wrong = torch.rand(len(labels)) < 0.1
        return torch.where(wrong, torch.randint(0, int(labels.max()) + 1, labels.shape), labels)

    return labels_of(t, change)


@fault("data", "labels_without_information")
def labels_shuffled_100(t: Training) -> Training:
    """The labels of both parts are shuffled: images and labels are out of step."""
    return both(t, lambda images: replace(images, labels=images.labels[torch.randperm(len(images))]))


@fault("data", "classes_numbered_differently")
def label_off_by_one(t: Training) -> Training:
    """Training labels are one too high; the last class becomes the first."""
    return labels_of(t, lambda labels: (labels + 1) % (int(labels.max()) + 1))


@fault("data", "leak")
def leak(t: Training) -> Training:
    """Half of the validation images are training images."""
    half = len(t.valid) // 2
    pixels = torch.cat([t.train.pixels[:half], t.valid.pixels[half:]])
    labels = torch.cat([t.train.labels[:half], t.valid.labels[half:]])
    return replace(t, valid=replace(t.valid, pixels=pixels, labels=labels))


@fault("data", "missing_class")
def missing_class(t: Training) -> Training:
    """No training image of class 3."""
    return replace(t, train=only(t.train, t.train.labels != 3))


@fault("data", "imbalance")
def imbalance(t: Training) -> Training:
    """Class 0 keeps all its images, the others a twentieth."""
    kept = (t.train.labels == 0) | (torch.arange(len(t.train)) % 20 == 0)
    return replace(t, train=only(t.train, kept), batch_size=min(t.batch_size, 16))


@fault("data", "sorted_by_class")
def sorted_loader(t: Training) -> Training:
    """Training images in the order of their classes, and no shuffling."""
    return replace(t, train=only(t.train, t.train.labels.argsort()), shuffle=False)


@fault("data", "same_draws")
def same_draws_in_workers(t: Training) -> Training:
    """The data set has a generator of its own, of which each worker gets a copy."""
    return replace(t, train=replace(t.train, padding=4, rng=np.random.default_rng(0)), num_workers=2)


@fault("data", "augmented_validation")
def augmented_validation(t: Training) -> Training:
    """Validation images are cropped and mirrored at random too."""
    return replace(t, valid=replace(t.valid, padding=4))


@fault("data", "constant_images")
def constant_images(t: Training) -> Training:
    """A fifth of the training images is black: files that could not be decoded."""
    pixels = t.train.pixels.clone()
    pixels[torch.rand(len(pixels)) < 0.2] = 0
    return replace(t, train=replace(t.train, pixels=pixels))
