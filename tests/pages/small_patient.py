"""A training of a second, to make ill: what the tests of the pages on diagnosis share."""

from dataclasses import replace
from functools import partial

import torch

from helpers.diagnosis import patient


def images(count: int) -> patient.Images:
    """Random images [count, 3, 8, 8] of ten classes; of another count, other images."""
    pixels = torch.randint(0, 256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(count)).to(torch.uint8)
    return patient.Images(pixels, torch.arange(count) % 10, (0.5,) * 3, (0.25,) * 3)


def training(**changes) -> patient.Training:
    """Two epochs of four steps of a multilayer perceptron. Args: changes, of the `Training`."""
    base = patient.Training(
        images(200), images(65), model=partial(patient.MLP, 10, (40, 30), 8), epochs=2, batch_size=50,
        valid_batch_size=20,
    )  # fmt: skip
    return replace(base, **changes)
