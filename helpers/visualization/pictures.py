"""Pictures that show what a transform does: one row an image, one column a change of it."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.cbook import get_sample_data
from torchvision.transforms.v2 import functional as F

from helpers.data.dataset import load_image
from helpers.visualization.plots import image_grid

TITLE = 0.25  # height of the titles above the first row, in widths of an image


def photograph(height: int = 150, width: int = 128) -> torch.Tensor:
    """Grace Hopper's portrait, in the public domain, which comes with matplotlib: uint8 [3, height, width]."""
    path = get_sample_data("grace_hopper.jpg", asfileobj=False)
    return F.resize(F.to_image(load_image(path)), [height, width]).as_subclass(torch.Tensor)


def image_rows(rows: Sequence[Sequence], titles: Sequence[str], size: float = 1.2) -> Axes:
    """Draw rows of images, with one title above each column.

    Args: rows, each with one image a title (see `plots.image_grid`); size, width of an image in inches.
    Returns: the Axes of the last image.
    Raises: ValueError when a row has not one image a title.
    """
    for row in rows:
        if len(row) != len(titles):
            raise ValueError(f"a row of {len(row)} images and {len(titles)} titles")
    images = [image for row in rows for image in row]
    axes = image_grid(images, [*titles, *[""] * (len(images) - len(titles))], len(titles), size)
    axes.figure.set_figheight(size * (len(rows) + TITLE))
    return axes


def compare(images: Sequence, ways: Mapping[str, Callable], size: float = 1.2) -> Axes:
    """Draw each image as it is, and beside it what each transform makes of it.

    Args: images, one row each; ways, title -> transform, one column each, called image by image.
    Returns: the Axes of the last image.
    """
    rows = [[image, *(way(image) for way in ways.values())] for image in images]
    return image_rows(rows, ["original", *ways], size)


def show_draws(pairs: Sequence[tuple], describe: Callable[[dict], str], count: int = 3, size: float = 1.0) -> Axes:
    """Draw images, and beside each what a random transform makes of it in some draws, with what was drawn as title.

    Args: pairs, (image, transform of `torchvision.transforms.v2`), one row each; describe, turns what `make_params`
    returned into a title; count, draws a row.
    Returns: the Axes of the last image.
    """
    images, titles = [], []
    for image, transform in pairs:
        images, titles = [*images, image], [*titles, "original"]
        for _ in range(count):
            drawn = transform.make_params([image])
            images.append(transform.transform(image, drawn))
            titles.append(describe(drawn))
    return image_grid(images, titles, count + 1, size)


def image_bars(rows: Sequence[tuple[str, Sequence, float]], xlabel: str) -> Axes:
    """Draw one bar a row, in percent, with small images on its left; the first row on top and in another colour.

    Args: rows, name, images (tensors [3, H, W], 0–1) and percentage of each; xlabel, what the bars are, with the unit.
    Page: chapters/1_data/06_disk_to_model.
    """
    _, ax = plt.subplots(figsize=(6.4, 0.8 * len(rows)))
    ax.set(xlim=(0, 100), ylim=(-0.5, len(rows) - 0.5), xlabel=xlabel)
    ax.set_yticks([])
    ax.grid(axis="y", visible=False)
    for y, (name, images, percent) in enumerate(reversed(rows)):
        first = y == len(rows) - 1
        ax.barh(y - 0.2, percent, 0.34, color="C0" if first else "C1")
        ax.text(1, y + 0.2, name, fontsize=12, va="center")
        ax.text(percent + 1, y - 0.2, f"{percent:.1f} %", fontsize=12, va="center")
        for k, image in enumerate(images):
            left = 0.15 * (k - len(images))  # of the width of the bars
            small = ax.inset_axes([left, y - 0.46, 0.14, 0.92], transform=ax.get_yaxis_transform())
            small.imshow(image.permute(1, 2, 0))
            small.axis("off")
    return ax
