"""Mean and standard deviation of the colour channels of a set of images, and the covariance of its patches."""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.nn import functional as F

from helpers.data.dataset import load_image
from helpers.paths import DataError


def _channel_sums(paths: Sequence[str]) -> tuple[int, list[int], list[int]]:
    pixels = np.concatenate([np.asarray(load_image(path)).reshape(-1, 3) for path in paths])  # [P, 3]
    wide = pixels.astype(np.float64)  # whole numbers: sums below 2**53 are exact in any order
    squares = np.einsum("pc,pc->c", wide, wide)
    return len(pixels), [int(v) for v in wide.sum(axis=0)], [int(v) for v in squares]


def channel_statistics(paths: Sequence[str | os.PathLike[str]]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel over all pixels of all images.

    One pass, with memory for a few hundred images. Nothing is rounded before the last step: the sums are
    whole numbers. Equal to `mean` and `std` (ddof=0) of all pixels as one float64 array.

    Returns: mean [3] and std [3] as floats, in units of the 0–1 range that `ToDtype(scale=True)` yields.
    Raises: DataError for an unreadable image or an empty list.
    """
    if not paths:
        raise DataError("channel_statistics: no images. Pass the paths of the training images.")
    chunks = [paths[start : start + 250] for start in range(0, len(paths), 250)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow lets go of the interpreter while it decodes
        counts, totals, squares = zip(*pool.map(_channel_sums, chunks), strict=True)
    n = sum(counts)
    s = [sum(channel) for channel in zip(*totals, strict=True)]
    q = [sum(channel) for channel in zip(*squares, strict=True)]
    # var = E[x²] - E[x]², in whole numbers until the division
    variances = [(n * q[c] - s[c] ** 2) / n**2 for c in range(3)]
    return [v / n / 255 for v in s], [math.sqrt(v) / 255 for v in variances]


def patch_covariance(images: torch.Tensor, size: int) -> torch.Tensor:
    """The mean of patch · patchᵀ over all patches of size × size pixels; about the mean 0 of normalized images.

    Shapes: images [N, C, H, W]; result float64 [C·size², C·size²], in the order of a kernel `weight[k].flatten()`.
    """
    total = torch.zeros(images.shape[1] * size**2, images.shape[1] * size**2, dtype=torch.float64)
    for part in images.split(500):  # memory for a few hundred images
        patches = F.unfold(part, size).double()  # N, C·size², patches of an image
        total += torch.einsum("npk,nqk->pq", patches, patches)
    return total / (len(images) * patches.shape[2])
