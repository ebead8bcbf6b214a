"""What loaders yield, whatever its form: one batch as images and class labels, and a look at many of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, IterableDataset

IMAGE_KEYS = ("images", "image", "pixel_values", "inputs", "input", "img", "x", "data")
NUMBERS = 50_000_000  # of all images that are held at a time, 200 MB
LABEL_KEYS = ("labels", "label", "targets", "target", "class", "y")


class NotCovered(ValueError):
    """A training that is no classification with one label an image. The message says what was found."""


class NoBatch(ValueError):
    """A loader that yields nothing. The message says how many images there are, and how large a batch is."""


class UnknownBatch(ValueError):
    """A batch in which images and labels cannot be told. The message says how to."""


def pair_of(batch: object, adapter: Callable | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """The images and labels of a batch: a pair, a dictionary with known keys, or what the adapter returns.

    Raises: UnknownBatch.
    """
    if adapter is not None:
        batch = adapter(batch)
    if isinstance(batch, dict):
        images = next((batch[key] for key in IMAGE_KEYS if key in batch), None)
        labels = next((batch[key] for key in LABEL_KEYS if key in batch), None)
        if images is not None and labels is not None:
            batch = (images, labels)
    if not (isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(b, torch.Tensor) for b in batch)):
        found = f"a dictionary with {sorted(map(str, batch))}" if isinstance(batch, dict) else type(batch).__name__
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise UnknownBatch(
            f"the loader yields {found}{size}, expected (images, labels). Tell which they are: "
            "adapter=lambda batch: (batch[0], batch[1])."
        )
    return batch[0], batch[1]


def is_measured(images: torch.Tensor) -> bool:
    """Whether these are numbers with a scale. Whole ones are not: codes of words, or bytes that the model converts."""
    return images.is_floating_point() and images.ndim >= 2


def is_comparable(images: torch.Tensor) -> bool:
    """Whether a distance between two of these means something: not between rows of codes."""
    return is_measured(images) or images.ndim > 2


def class_labels(labels: torch.Tensor, logits: torch.Tensor | None = None) -> torch.Tensor:
    """Labels as whole numbers [B]; a one-hot row, also a soft one that sums to 1, counts as its largest class.

    Raises: NotCovered for regression, several labels an image, or a label a pixel.
    """
    if logits is not None and (logits.ndim != 2 or logits.shape[1] < 2):
        raise NotCovered(
            f"the model puts out {list(logits.shape)}, expected logits [B, K] with K of at least 2: regression, one "
            "output for two classes, and a label for each pixel are not covered"
        )
    labels = labels.detach()
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    whole = not labels.is_floating_point()
    if labels.ndim == 1 and (whole or bool((labels == labels.round()).all())) and not labels.is_complex():
        if not whole and logits is None:
            raise NotCovered(
                "the labels are numbers with a point, as in a regression: not covered. Class numbers are whole "
                "(labels.long()), and go with one output a class and nn.CrossEntropyLoss"
            )
        return labels.long()
    if labels.ndim == 2 and bool((labels.sum(dim=1) - 1).abs().max() < 1e-3) and bool((labels >= 0).all()):
        return labels.argmax(dim=1)
    kind = "several labels an image" if labels.ndim == 2 else "a regression or a label for each pixel"
    raise NotCovered(f"the labels are {labels.dtype} {list(labels.shape)}: {kind} is not covered")


@dataclass
class Look:
    """A part of what a loader holds. images [n, ...] and labels [n] in the order of `positions` in the data set."""

    images: torch.Tensor
    labels: torch.Tensor
    positions: list[int]
    count: int
    batch_size: int
    repeats: bool  # the same position read twice gives the same image
    same_in_workers: bool  # two workers draw the same random numbers
    drawn: int | None = None  # images in an epoch; None where it is not known

    @property
    def share(self) -> float:
        return len(self.labels) / max(1, self.count)


def inner_loader(loader: object) -> DataLoader | None:
    """The DataLoader itself, or the one that an object of another class holds as `loader`."""
    if isinstance(loader, DataLoader):
        return loader
    return loader.loader if isinstance(getattr(loader, "loader", None), DataLoader) else None


def fetch(loader: DataLoader, positions: list[int], adapter: Callable | None) -> tuple[torch.Tensor, torch.Tensor]:
    """These images of the data set as the loader would put them together, read in this process."""
    dataset = loader.dataset
    items = dataset.__getitems__(positions) if hasattr(dataset, "__getitems__") else [dataset[k] for k in positions]
    images, labels = pair_of(loader.collate_fn(items), adapter)
    return images, class_labels(labels)


def look_at(loader: Iterable, adapter: Callable | None = None, most: int = 4000) -> Look | None:
    """Look at up to `most` images of a loader, fewer of large ones. None for one that can be read only once.

    A data set with positions is read at positions spread over all of it, one with an iterator from its begin.

    Raises: UnknownBatch, NotCovered, NoBatch; what the data set raises.
    """
    if iter_is_itself(loader):
        return None
    known = inner_loader(loader)
    if known is not None and not isinstance(known.dataset, IterableDataset) and known.batch_size:
        count = len(known.dataset)
        if count == 0 or len(known) == 0:
            raise NoBatch(f"{count} images, batch size {known.batch_size}")
        size = fetch(known, [0], adapter)[0].numel()
        chosen = sorted({int(k) for k in torch.linspace(0, count - 1, min(most, 1 + NUMBERS // size, count))})
        step = known.batch_size  # a collate function may depend on it
        parts = [fetch(known, chosen[k : k + step], adapter) for k in range(0, len(chosen), step)]
        images, labels = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
        few = chosen[:: max(1, len(chosen) // 16)][:16]
        first, second = (fetch(known, few, adapter)[0] for _ in range(2))
        repeats = bool(torch.equal(first, second))
        same = not repeats and known.num_workers > 1 and _same_in_workers(known, few[0], adapter)
        drawn = len(known.sampler) if hasattr(known.sampler, "__len__") else count
        drawn *= getattr(known.sampler, "num_replicas", 1)  # of several processes, each draws its share
        return Look(images, labels, chosen, count, known.batch_size, repeats, same, drawn)
    images, labels, size = [], [], 0
    for batch in loader:
        found, classes = pair_of(batch, adapter)
        images.append(found.cpu())
        labels.append(class_labels(classes).cpu())
        size += len(classes)
        if size >= min(most, NUMBERS // max(1, found[0].numel())):
            break
    if not images:
        raise NoBatch("it ends at once")
    return Look(torch.cat(images), torch.cat(labels), list(range(size)), size, len(labels[0]), True, False, size)


def iter_is_itself(loader: object) -> bool:
    """Whether reading the loader uses it up."""
    return hasattr(loader, "__next__")


def _same_in_workers(known: DataLoader, position: int, adapter: Callable | None) -> bool:
    """Whether the first image of each worker is the same, of one position of a data set that draws at random."""
    again = DataLoader(
        known.dataset, 1, sampler=[position] * known.num_workers, num_workers=known.num_workers,
        collate_fn=known.collate_fn, worker_init_fn=known.worker_init_fn,
    )  # fmt: skip
    images = [pair_of(batch, adapter)[0] for batch in again]
    return all(torch.equal(images[0], other) for other in images[1:])
