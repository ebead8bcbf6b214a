"""From a folder of PNG files to batches: split, index files, `MyDataset`, mean and standard deviation.

An index file is UTF-8 text, one image a line: the path of the image, a space, the label. The path is
relative to the index file, with forward slashes, and may contain spaces.
"""

import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from helpers.paths import TEMPORARY_MARK, DataError, replacing, temporary_name

MAX_LABEL_DIGITS = 6  # a million classes; more is a damaged line, not a label
CLASSES_FILE = "classes.txt"  # beside the index files: the name of class 0, of class 1, ...
_PREPARE = "Write the data again with `python -m helpers.prepare`."

Sample = tuple[str, int]  # path of an image, label


# -- split -------------------------------------------------------------------------------------------------


def _draw_order(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def stratified_split(
    names: Sequence[str], labels: Sequence[int], shares: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> list[list[int]]:
    """Divide samples into parts so that every part has the classes in the same proportion.

    Within a class the samples are ordered by a hash of seed and name, which is a shuffle that depends on
    nothing else: not on the order in which a file system lists the folder, not on a library's version.

    Args: names, one distinct name a sample; labels, one class a sample; shares, positive, sum 1.
    Returns: for each share the positions of its samples in `names`, ascending. A class of n samples gives
    every part but the first `share * n` of them, rounded; the first takes the rest.
    Raises: ValueError for shares or lengths that do not fit, or a name that occurs twice.
    """
    if len(names) != len(labels) or len(set(names)) != len(names):
        raise ValueError(f"{len(names)} names ({len(set(names))} distinct) and {len(labels)} labels do not pair up")
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"shares {tuple(shares)} must be positive and sum to 1")
    by_class: dict[int, list[int]] = {}
    for position, label in enumerate(labels):
        by_class.setdefault(int(label), []).append(position)
    parts: list[list[int]] = [[] for _ in shares]
    for members in by_class.values():
        members.sort(key=lambda position: _draw_order(names[position], seed))
        taken = 0
        for part, share in list(zip(parts, shares, strict=True))[1:]:
            size = int(share * len(members) + 0.5)
            part.extend(members[taken : taken + size])
            taken += size
        parts[0].extend(members[taken:])
    return [sorted(part) for part in parts]


# -- index files -------------------------------------------------------------------------------------------


def write_index(path: Path, samples: Iterable[tuple[str | os.PathLike[str], int]]) -> None:
    """Write an index file for (image path, label) pairs; paths become relative to the index file."""
    folder = path.parent.resolve()
    lines = []
    for image, label in samples:
        relative = Path(os.path.relpath(image, folder)).as_posix()
        if "\n" in relative or "\r" in relative:
            raise DataError(f"{image!r}: a line break in a file name cannot stand in an index file. Rename it.")
        lines.append(f"{relative} {label}\n")
    with replacing(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8", newline="\n")


def read_index(path: str | os.PathLike[str]) -> list[Sample]:
    """Read an index file into (image path, label) pairs; the paths are absolute or start as `path` does.

    Raises: DataError, which names the file and the line, for a line without path and label, a label that is
    not a number from 0, an image that is not there, or a file without lines.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable index file ({error}). {_PREPARE}") from error
    samples: list[Sample] = []
    if lines == [""]:
        raise DataError(f"{path}: the index is empty. {_PREPARE}")
    for number, line in enumerate(lines, start=1):
        image, _, label = line.removesuffix("\r").rpartition(" ")  # the last space: paths may contain spaces
        if not image:
            raise DataError(f"{path}, line {number}: expected 'path label', found {line!r}. {_PREPARE}")
        if not (label.isascii() and label.isdigit() and len(label) <= MAX_LABEL_DIGITS):
            raise DataError(f"{path}, line {number}: label {label[:40]!r} is not a whole number from 0. {_PREPARE}")
        image = os.path.join(path.parent, image)
        if not os.path.isfile(image):
            raise DataError(f"{path}, line {number}: image {image} is missing. {_PREPARE}")
        samples.append((image, int(label)))
    return samples


def load_image(path: str | os.PathLike[str]) -> Image.Image:
    """Open an image file as an RGB image; palette and grey images are converted, transparency is dropped.

    Raises: DataError, which names the file, when it is missing, empty, damaged or not an image.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises
        raise DataError(f"{path}: not a readable image ({error}). Delete it; then: {_PREPARE}") from error


class MyDataset(Dataset):
    """The images of an index file, read from disk one at a time.

    `samples` is a list of (image path, label), `targets` the list of labels, `classes` the class names (from
    `classes.txt` beside the index, else the labels as text). Item `i` is `(image, label)`: an RGB
    `PIL.Image` and an int, each passed through its transform if there is one.

    Page: chapters/1_data/03_index_and_dataset.
    Raises: DataError for a bad index line (at once) or a bad image (when it is read).
    """

    def __init__(
        self,
        index_path: str | os.PathLike[str],
        transform: Callable | None = None,
        target_transform: Callable | None = None,
    ) -> None:
        self.samples = read_index(index_path)
        self.targets = [label for _, label in self.samples]
        self.transform = transform
        self.target_transform = target_transform
        names = Path(index_path).with_name(CLASSES_FILE)
        if names.exists():
            self.classes = names.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        else:
            self.classes = [str(label) for label in range(max(self.targets) + 1)]
        for number, label in enumerate(self.targets, start=1):
            if label >= len(self.classes):
                raise DataError(
                    f"{index_path}, line {number}: label {label}, but {names} names "
                    f"{len(self.classes)} classes. {_PREPARE}"
                )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple:
        path, label = self.samples[index]
        image = load_image(path)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label


# -- folders, statistics -----------------------------------------------------------------------------------


def materialize(indexes: dict[str, Path], folder: Path) -> Path:
    """Write `folder/<part>/<label>/<file>` for every image of every index, as `ImageFolder` wants it.

    Hard links where the file system allows, else copies. The folder appears whole or not at all; one that
    is there already is left as it is.

    Args: indexes, index files by part name (train, valid, test).
    Raises: DataError for a bad index or two images of one name in one class; OSError.
    """
    if folder.exists():
        return folder
    samples = {part: read_index(path) for part, path in indexes.items()}
    # ImageFolder numbers classes by sorted folder name, where "10" comes before "2": pad to equal width
    width = len(str(max(label for part in samples.values() for _, label in part)))
    for leftover in folder.parent.glob(f".{folder.name}{TEMPORARY_MARK}*"):  # of a call that was killed
        shutil.rmtree(leftover)
    temporary = temporary_name(folder)
    try:
        for part, pairs in samples.items():
            for image, label in pairs:
                target = temporary / part / f"{label:0{width}d}" / Path(image).name
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists():
                    raise DataError(f"{image}: {part} has two images of that name in class {label}. Rename one.")
                _link_or_copy(os.path.realpath(image), target)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


def _link_or_copy(source: str, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)


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
