"""Figures: image grids and bars per class, in the one style of the book. Every function returns its `Axes`."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

STYLE = Path(__file__).with_name("book.mplstyle")


def use_style() -> None:
    """Draw all figures that follow in the style of the book."""
    plt.style.use(STYLE)


def _as_pixels(image: object) -> np.ndarray:
    """Anything that holds an image, as an H W C or H W array that matplotlib draws.

    A torch tensor is C H W; a PIL image and a NumPy array are H W C.
    """
    if hasattr(image, "detach"):  # a tensor, without importing torch to ask
        image = image.detach().cpu().numpy()
        image = np.moveaxis(image, 0, -1) if image.ndim == 3 else image
    image = np.asarray(image)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise ValueError(f"not an image: shape {image.shape}, expected H W, H W 1 or H W 3 (tensors: C first)")
    return image.squeeze(-1) if image.ndim == 3 and image.shape[2] == 1 else image


def image_grid(images: Sequence, titles: Sequence[str] | None = None, columns: int = 8, size: float = 0.85) -> Axes:
    """Draw images side by side, row by row, with an optional title above each.

    Args: images, PIL images, arrays H W C (uint8, or float 0–1) or tensors C H W; columns, images in a row;
    size, width of an image in inches.
    Returns: the Axes of the last image.
    Raises: ValueError for something that is not an image, or titles that do not match the images.
    """
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images and {len(titles)} titles")
    if len(images) == 0:
        raise ValueError("no images to draw")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height = size * (1.3 if titles is not None else 1.0)
    _, axes = plt.subplots(rows, columns, figsize=(columns * size, rows * height), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        pixels = _as_pixels(image)
        ax.imshow(pixels, cmap="gray" if pixels.ndim == 2 else None)
        if titles is not None:
            ax.set_title(titles[i], fontsize=8)
    return axes.flat[len(images) - 1]


def class_bars(counts: dict[str, Sequence[float]], classes: Sequence[str], ylabel: str = "images per class") -> Axes:
    """Draw one group of bars a class, one bar a part.

    Args: counts, for each part (the legend) one number a class; classes, their names.
    Raises: ValueError when a part has not one number a class.
    """
    _, ax = plt.subplots(figsize=(6.4, 3.2))
    width = 0.8 / len(counts)
    for k, (part, values) in enumerate(counts.items()):
        if len(values) != len(classes):
            raise ValueError(f"{part} has {len(values)} numbers for {len(classes)} classes")
        ax.bar(np.arange(len(classes)) + (k - (len(counts) - 1) / 2) * width, values, width, label=part)
    ax.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    ax.set_ylabel(ylabel)
    ax.grid(axis="x", visible=False)
    if len(counts) > 1:
        ax.legend(ncols=len(counts), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax
