"""Index files: which images there are, and the label of each.

An index file is UTF-8 text, one image a line: the path of the image, a space, the label. The path is
relative to the index file, with forward slashes, and may contain spaces.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from helpers.paths import DataError, printable, replacing

MAX_LABEL_DIGITS = 6  # a million classes; more is a damaged line, not a label
CLASSES_FILE = "classes.txt"  # beside the index files: the name of class 0, of class 1, ...
REMEDY = "Write the data again with `python -m helpers.prepare`."

Sample = tuple[str, int]  # path of an image, label


def write_index(path: Path, samples: Iterable[tuple[str | os.PathLike[str], int]]) -> None:
    """Write an index file for (image path, label) pairs; paths become relative to the index file."""
    folder = path.parent.resolve()
    lines = []
    for image, label in samples:
        relative = Path(os.path.relpath(image, folder)).as_posix()
        if "\n" in relative or "\r" in relative:
            raise DataError(f"{image!a}: a line break in a file name cannot stand in an index file. Rename it.")
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
        raise DataError(f"{path}: not a readable index file ({error}). {REMEDY}") from error
    samples: list[Sample] = []
    if lines == [""]:
        raise DataError(f"{path}: the index is empty. {REMEDY}")
    for number, line in enumerate(lines, start=1):
        image, _, label = line.removesuffix("\r").rpartition(" ")  # the last space: paths may contain spaces
        if not image:
            raise DataError(f"{path}, line {number}: expected 'path label', found {line[:200]!a}. {REMEDY}")
        if not (label.isascii() and label.isdigit() and len(label) <= MAX_LABEL_DIGITS):
            raise DataError(f"{path}, line {number}: label {label[:40]!a} is not a whole number from 0. {REMEDY}")
        image = os.path.join(path.parent, image)
        if not os.path.isfile(image):
            raise DataError(f"{path}, line {number}: image {printable(image)} is missing. {REMEDY}")
        samples.append((image, int(label)))
    return samples
