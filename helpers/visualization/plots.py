"""Figures: image grids, bars per class, curves, confusion matrices. All in one style; functions return their `Axes`."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

STYLE = Path(__file__).resolve().parent.parent / "book.mplstyle"


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


def curves(history: Sequence[Mapping[str, float]], names: Sequence[str], ylabel: str, ax: Axes | None = None) -> Axes:
    """Draw how numbers went from epoch to epoch.

    Args: history, for each epoch its numbers, with `epoch` from 0; names, which of them to draw, one line each; those
    that the history lacks are left out; ylabel, with the unit; ax, where to draw (default: a new figure).
    Raises: ValueError when the history has none of the names.
    """
    present = [name for name in names if history and name in history[0]]
    if not present:
        raise ValueError(f"the history has none of {', '.join(names)}")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 3.6))
    epochs = [record["epoch"] + 1 for record in history]
    for name, (line, marker) in zip(present, itertools.cycle((("-", "o"), ("--", "s"), (":", "^")))):
        label = name.replace("_", " ")
        ax.plot(epochs, [record[name] for record in history], line, marker=marker, markersize=3, label=label)
    ax.set_xlabel("epochs trained")
    ax.set_ylabel(ylabel)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def confusion_figure(matrix: object, classes: Sequence[str]) -> tuple[Axes, Axes]:
    """Draw a confusion matrix twice: as counts, and as shares of each row (what became of each true class).

    Args: matrix, counts [K, K], rows true, columns predicted; classes, K names.
    Raises: ValueError when the matrix is not square or has not one row a class.
    """
    counts = np.asarray(matrix)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"matrix {list(counts.shape)} for {len(classes)} classes")
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, rows, out=np.full(counts.shape, np.nan), where=rows > 0)  # an empty class has no share
    _, axes = plt.subplots(1, 2, figsize=(12.8, 5.8), layout="constrained")
    for ax, values, title in ((axes[0], counts, "images"), (axes[1], 100 * shares, "percent of the true class")):
        # colour shows the shares in both, so that large and small parts look alike
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(counts.shape):
            if np.isnan(values[row, column]):
                continue
            colour = "white" if shares[row, column] > 0.5 else "black"
            ax.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=9)
        ax.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
        ax.set_yticks(range(len(classes)), classes)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        ax.set_title(title)
        ax.grid(visible=False)
    return tuple(axes)
