"""Small trainings on drawn squares for the tests of the doctor: ten steps cost some hundredths of a second."""

from dataclasses import replace

import torch
from torch import nn

from helpers.diagnosis.patient import MLP, Images, Training

CLASSES, SIDE = 4, 16


def images(count: int, seed: int, padding: int = 0) -> Images:
    """Noise with a bright square in one of four corners, a hint of colour, and the corner as label."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 120, (count, 3, SIDE, SIDE), generator=generator)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    for k, label in enumerate(labels.tolist()):
        row, column = 8 * (label // 2) + 2, 8 * (label % 2) + 2
        pixels[k, :, row : row + 4, column : column + 4] += 100
    return Images(pixels.to(torch.uint8), labels, (0.25,) * 3, (0.15,) * 3, padding)


def training(**changes) -> Training:
    base = Training(
        images(400, 0), images(110, 1), model=lambda: MLP(CLASSES, (32, 16), SIDE),
        epochs=6, batch_size=32, valid_batch_size=50,
    )  # fmt: skip
    return replace(base, **changes)


class Norms(nn.Sequential):
    """A small convolutional network with batch normalization and dropout."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8),
            nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(8 * 16, CLASSES),
        )  # fmt: skip
