"""Read a CIFAR-10 archive without running anything in it.

The archive is a gzip-compressed tar of Python pickles, and a pickle is a program. `read_archive` therefore
reads the tar member by member in the order of the file, refuses whatever the official layout does not hold before it
reads it, and reads the pickles with `BatchUnpickler`, which knows how to build a NumPy array of numbers and
nothing else. Nothing is ever unpacked to disk. Memory and time are at most a small multiple of the size of the official
archive, whatever the file holds.
"""

import gzip
import io
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data.sample import CLASS_NAMES
from helpers.data.unpickler import BatchUnpickler, short
from helpers.paths import DataError, printable

FOLDER = "cifar-10-batches-py"
TRAIN_BATCHES = tuple(f"data_batch_{k}" for k in range(1, 6))
TEST_BATCH, META = "test_batch", "batches.meta"

# An official batch has 31,035,704 bytes and the unpacked archive 186 MB. The caps leave room for another
# writer's overhead and none for a file of zeros that unpacks to fill the memory.
MEMBER_CAP = 48 * 2**20
TOTAL_CAP = 256 * 2**20
HEADERS_CAP = 64  # the layout has nine members; each may have a pax header, which some writers of tar files add
PAX_CAP = 8 * 2**10


@dataclass(frozen=True)
class Cifar10:
    """A CIFAR-10 archive in memory.

    Images are uint8 of shape [N, 32, 32, 3] (N H W C, values 0–255), labels int64 of shape [N]
    (values 0–9), both in the order of the archive.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]


class _CappedReader:
    """Reads from `file` and refuses to go beyond `cap` bytes: the guard against decompression bombs."""

    def __init__(self, file, cap: int) -> None:
        self.file, self.left = file, cap

    def read(self, size: int) -> bytes:
        block = self.file.read(min(size, self.left + 1))
        self.left -= len(block)
        if self.left < 0:
            raise DataError(f"it unpacks to more than {TOTAL_CAP // 2**20} MiB")
        return block


_ANOTHER = "Fetch it again, or pass another one with --archive PATH."


def _members(reader: _CappedReader):
    """The header and the content of each member of a tar file, in the order of the file.

    One header of 512 bytes at a time: `tarfile` itself would read a pax header, a long name or a sparse file's map
    whole, whatever its size. The names of the layout fit into the header, so what a pax header may add (times,
    owners) is skipped; one that changes what follows it is refused, and so are long names and sparse files.

    Raises: DataError; tarfile.HeaderError for a damaged or missing header.
    """
    for _ in range(HEADERS_CAP):
        try:
            header = tarfile.TarInfo.frombuf(reader.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
        except tarfile.EOFHeaderError:
            return
        pax = header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE)
        if not 0 <= header.size <= (PAX_CAP if pax else MEMBER_CAP):
            raise DataError(f"member {header.name!a} claims {header.size} bytes")
        if not (pax or header.isdir() or header.type in (tarfile.REGTYPE, tarfile.AREGTYPE)):
            raise DataError(f"unexpected member {header.name!a}")
        content = reader.read(header.size)
        reader.read(-header.size % tarfile.BLOCKSIZE)
        if pax and any(key in content for key in (b" path=", b" size=", b" GNU.sparse")):
            raise DataError(f"member {header.name!a} changes the path or the size of others")
        if not pax:
            yield header, content
    raise DataError(f"it has more than {HEADERS_CAP} members")


def _read_members(path: Path) -> dict[str, bytes]:
    """The seven batch and meta files of the archive, by name. Every other member but two is refused."""
    wanted = {f"{FOLDER}/{name}": name for name in (*TRAIN_BATCHES, TEST_BATCH, META)}
    found: dict[str, bytes] = {}
    with gzip.open(path) as unzipped:
        reader = _CappedReader(unzipped, TOTAL_CAP)
        for member, content in _members(reader):
            name = member.name
            if name == FOLDER and member.isdir():
                continue
            if member.isdir() or (name not in wanted and name != f"{FOLDER}/readme.html"):
                raise DataError(f"unexpected member {name!a}")
            if name in wanted:
                if wanted[name] in found:
                    raise DataError(f"member {name!a} is there twice")
                found[wanted[name]] = content
        while reader.read(2**20):  # to the end, where gzip compares its checksum
            pass
    if missing := [name for name in wanted if wanted[name] not in found]:
        raise DataError(f"missing member {missing[0]!a}")
    return found


def _load_batch(name: str, data: bytes) -> dict[str, object]:
    try:
        return BatchUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a damaged pickle can raise anything
        raise DataError(f"{name} is not a batch of numbers: {error}") from error


def _check_batch(name: str, batch: dict[str, object], rows: object) -> tuple[np.ndarray, np.ndarray]:
    data, labels = batch.get("data"), batch.get("labels")
    if type(rows) is not int or rows < 1:
        raise DataError(f"{META}: num_cases_per_batch is {short(rows)}, expected a positive number")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (rows, 3072):
        shape = f"{data.dtype} {list(data.shape)}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"{name}: data is {shape}, expected uint8 [{rows}, 3072]")
    if not isinstance(labels, list) or len(labels) != rows:
        raise DataError(f"{name}: labels is not a list of {rows} numbers")
    if wrong := [v for v in labels if type(v) is not int or not 0 <= v < len(CLASS_NAMES)]:
        raise DataError(f"{name}: label {short(wrong[0])}, expected 0 to {len(CLASS_NAMES) - 1}")
    # a row holds the red plane, then green, then blue, each row by row
    images = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # [N, 3072] -> N H W C
    return images, np.array(labels, dtype=np.int64)


def _is_class_names(names: object) -> bool:
    # compared as they are: a list may hold one text of many megabytes many times, and converting it each time adds up
    return (
        isinstance(names, list)
        and len(names) == len(CLASS_NAMES)
        and all(name in (text, text.encode()) for name, text in zip(names, CLASS_NAMES, strict=True))
    )


def read_archive(path: str | os.PathLike[str]) -> Cifar10:
    """Read a CIFAR-10 archive written by Python 2 (the official one) or Python 3.

    Raises: DataError, which names the file, when it is not such an archive, is damaged, or holds anything
    that the official layout does not; OSError when the file cannot be read.
    """
    path = Path(path)
    try:
        members = _read_members(path)
        meta = _load_batch(META, members[META])
        batches = {
            name: _check_batch(name, _load_batch(name, members[name]), meta.get("num_cases_per_batch"))
            for name in (*TRAIN_BATCHES, TEST_BATCH)
        }
        names = meta.get("label_names")
        if not _is_class_names(names):
            raise DataError(f"{META}: class names are {short(names)}")
    except (EOFError, RecursionError, ValueError, gzip.BadGzipFile, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{path}: truncated or not a .tar.gz ({printable(error)}). {_ANOTHER}") from error
    except DataError as error:
        raise DataError(f"{path}: not a CIFAR-10 archive: {printable(str(error)[:300])}. {_ANOTHER}") from error
    train_images, train_labels = zip(*(batches[name] for name in TRAIN_BATCHES), strict=True)
    return Cifar10(np.concatenate(train_images), np.concatenate(train_labels), *batches[TEST_BATCH], CLASS_NAMES)
