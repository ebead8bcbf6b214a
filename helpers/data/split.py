"""Divide the images of a class folder into parts, as lists of positions or as folders of files."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from helpers.data.index import read_index
from helpers.paths import TEMPORARY_MARK, DataError, printable, temporary_name


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
                    image = printable(image)
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
