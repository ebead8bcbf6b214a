"""From index files to batches, fast: decode once, then fetch, crop and flip a whole batch at a time.

`MyDataset` opens a file for every image of every epoch. CIFAR-10 is small enough to be decoded once into one
uint8 tensor. `Dataset.__getitems__` then hands the loader a finished batch, so that no Python code runs per
image. What is random is drawn once an epoch, for every image, from (seed, epoch) alone: the batches do not
depend on the batch size, the number of workers or the number of processes.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler
from tqdm import tqdm

from helpers.data.dataset import load_image
from helpers.data.index import read_index
from helpers.paths import DataError, printable


def decode(paths: Sequence[str]) -> torch.Tensor:
    """Decode image files of one size into one tensor; uint8 [N, 3, H, W].

    Raises: DataError, which names the file, for an image that is unreadable or of another size than the first.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow lets go of the interpreter while it decodes
        arrays = list(pool.map(lambda path: np.asarray(load_image(path)), paths, chunksize=64))
    for path, array in zip(paths, arrays, strict=True):
        if array.shape != arrays[0].shape:
            path, first = printable(path), printable(paths[0])
            raise DataError(f"{path}: {array.shape[:2]} pixels, but {first} has {arrays[0].shape[:2]}. Resize it.")
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()  # N H W C -> N C H W


def all_crops(images: torch.Tensor, padding: int) -> torch.Tensor:
    """Every crop of each image in its original size, after padding with black: a view, nothing is copied per crop.

    Shapes: images [N, C, H, W]; result [N, C, 2·padding + 1, 2·padding + 1, H, W], indexed by the row and the column
    at which the crop starts.
    """
    H, W = images.shape[2:]
    return F.pad(images, (padding,) * 4).unfold(2, H, 1).unfold(3, W, 1)


def crop_and_flip(crops: torch.Tensor, chosen: torch.Tensor, shifts: torch.Tensor, flips: torch.Tensor) -> torch.Tensor:
    """For each chosen image the crop that starts at its own offset, mirrored where `flips` says so.

    The same as `RandomCrop(size, padding)` and `RandomHorizontalFlip` image by image, in two indexing operations.

    Shapes: crops, from `all_crops`; chosen [B], positions; shifts [B, 2], whole numbers from 0 to 2·padding (row,
    column; `padding` means unmoved); flips [B] bool. Returns [B, C, H, W].
    """
    images = crops[chosen, :, shifts[:, 0], shifts[:, 1]]  # indices around a slice: the indexed axis B comes first
    mirrored = flips.nonzero()[:, 0]
    images[mirrored] = images[mirrored].flip(3)
    return images


def cut_out(images: torch.Tensor, centres: torch.Tensor, side: int) -> torch.Tensor:
    """Set a square of each image to 0, in place; what lies outside the image is cut off.

    Shapes: images [B, C, H, W]; centres [B, 2], row and column, `side` // 2 pixels are cut before it; returns images.
    Source: T. DeVries and G. Taylor, Improved Regularization of CNNs with Cutout, 2017.
    """
    inside = [
        (position - centre[:, None] >= -(side // 2)) & (position - centre[:, None] < side - side // 2)  # B H, B W
        for position, centre in zip(map(torch.arange, images.shape[2:]), centres.unbind(1), strict=True)
    ]
    return images.masked_fill_((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0)  # B 1 H W


class TensorImages(Dataset):
    """The images of one or more index files in memory, normalized, with an optional random crop and flip.

    `images` is uint8 [N, 3, H, W], `targets` int64 [N]. A list of positions gives a batch: [B, 3, H, W]
    and int64 [B].

    Args: mean, std, per channel on the 0–1 scale; padding, pixels by which a crop may be moved; 0: no crop and
    no flip; alternate, mirror in every second epoch just the images that the epoch before did not, so that two epochs
    show both sides of each; cutout, side of a random square that is set to 0, the mean; seed, of crops, flips and
    squares; dtype, of the batches.
    Source: K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, section 3.6 (alternate).
    Raises: DataError for a bad index or image.
    """

    def __init__(
        self,
        *index_paths: str | os.PathLike[str],
        mean: Sequence[float],
        std: Sequence[float],
        padding: int = 0,
        alternate: bool = False,
        cutout: int = 0,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        samples = [sample for path in index_paths for sample in read_index(path)]
        self.images = decode([path for path, _ in samples])
        self.targets = torch.tensor([label for _, label in samples])
        self.padding, self.alternate, self.cutout = padding, alternate, cutout
        self.seed, self.dtype = seed, dtype
        self.crops = all_crops(self.images, padding)
        # (x/255 - mean) / std = x·scale + shift
        mean, std = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in (mean, std))
        self.scale, self.shift = (1 / (255 * std)).to(dtype), (-mean / std).to(dtype)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the crops, flips and squares of an epoch, for every image."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        self.shifts = torch.randint(0, 2 * self.padding + 1, (len(self), 2), generator=generator)
        self.flips = torch.rand(len(self), generator=generator) < 0.5
        if self.alternate:
            of_all_epochs = torch.Generator().manual_seed(self.seed * 1_000_003 - 1)  # the seed of no epoch
            self.flips = (torch.rand(len(self), generator=of_all_epochs) < 0.5) ^ bool(epoch % 2)
        self.centres = torch.randint(0, self.images.shape[2], (len(self), 2), generator=generator)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitems__(self, positions: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.as_tensor(positions)
        if self.padding:
            images = crop_and_flip(self.crops, chosen, self.shifts[chosen], self.flips[chosen])
        else:
            images = self.images[chosen]
        images = images.to(self.dtype).mul_(self.scale).add_(self.shift)
        if self.cutout:
            images = cut_out(images, self.centres[chosen], self.cutout)
        return images, self.targets[chosen]

    def without_augmentation(self) -> "TensorImages":
        """The same images, unmoved: training images are measured as they are."""
        plain = copy.copy(self)
        plain.padding = plain.cutout = 0
        return plain

    def __getitem__(self, position: int) -> tuple[torch.Tensor, int]:
        images, targets = self.__getitems__([position])
        return images[0], int(targets[0])


def as_is(batch: tuple) -> tuple:
    """The `collate_fn` for a data set whose `__getitems__` returns a finished batch."""
    return batch


class EpochLoader:
    """Training batches whose order, crops and flips are those of an epoch.

    With `world_size` processes each gets every `world_size`-th image of the common order and a share of the batch
    size, so that together they form the batches of a single process.

    Args: batch_size, images in a step, over all processes; progress, show a bar (only where a person can see it).
    Raises: ValueError when the batch size is larger than the data set or does not divide among the processes.
    """

    def __init__(
        self, dataset: TensorImages, batch_size: int, num_workers: int = 0, rank: int = 0, world_size: int = 1,
        pin_memory: bool = False, progress: bool = False,
    ) -> None:  # fmt: skip
        if batch_size > len(dataset):
            raise ValueError(f"batch_size is {batch_size}, but there are {len(dataset)} training images")
        if batch_size % world_size:
            raise ValueError(f"batch_size {batch_size} does not divide among {world_size} processes")
        self.dataset, self.epoch, self.progress = dataset, 0, progress
        self.sampler = DistributedSampler(dataset, world_size, rank, shuffle=True, seed=dataset.seed, drop_last=True)
        self.loader = DataLoader(
            dataset, batch_size // world_size, sampler=self.sampler, collate_fn=as_is,
            num_workers=num_workers, pin_memory=pin_memory,
        )  # fmt: skip

    def set_epoch(self, epoch: int) -> None:
        """Choose the order, the crops and the flips of an epoch, from 0."""
        self.epoch = epoch
        self.sampler.set_epoch(epoch)
        self.dataset.set_epoch(epoch)  # before the workers of the epoch are started: they get a copy

    def positions(self, step: int) -> list[int]:
        """The positions in the data set of the images of a step (from 0) of this epoch."""
        size = self.loader.batch_size
        return list(self.sampler)[step * size : (step + 1) * size]

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        silent = None if self.progress else True  # None: silent where nobody watches
        return iter(tqdm(self.loader, desc=f"epoch {self.epoch + 1}", leave=False, disable=silent))
