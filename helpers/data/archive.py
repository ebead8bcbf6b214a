"""Read a CIFAR-10 archive without running anything in it.

The archive is a gzip-compressed tar of Python pickles, and a pickle is a program. `read_archive` therefore
looks at every tar member before it reads one, and reads the pickles with an unpickler that knows how to
build a NumPy array of numbers and nothing else. Nothing is ever unpacked to disk.
"""

import gzip
import io
import os
import pickle
import pickletools
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as short  # of nested lists too, whose whole text can outgrow the memory

import numpy as np

from helpers.data.sample import CLASS_NAMES
from helpers.paths import DataError

FOLDER = "cifar-10-batches-py"
TRAIN_BATCHES = tuple(f"data_batch_{k}" for k in range(1, 6))
TEST_BATCH, META = "test_batch", "batches.meta"

# An official batch has 31,035,704 bytes and the unpacked archive 186 MB. The caps leave room for another
# writer's overhead and none for a file of zeros that unpacks to fill the memory.
MEMBER_CAP = 48 * 2**20
TOTAL_CAP = 256 * 2**20
MEMO_CAP = 2**20  # the unpickler allocates a table as long as the highest number a pickle gives to a value


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


class _Dtype:
    """Stands in for `numpy.dtype` in a pickle; plain numbers only."""

    def __init__(self, name: object, *_: object) -> None:
        name = name.decode("ascii") if isinstance(name, bytes) else name
        if not isinstance(name, str) or len(name) > 3 or np.dtype(name).kind not in "buif":
            raise pickle.UnpicklingError(f"it holds an array of type {short(name)}, not of numbers")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        if (order := state[1]) in (b"<", b">", "<", ">"):
            self.dtype = self.dtype.newbyteorder(order.decode() if isinstance(order, bytes) else order)


class _Array:
    """Stands in for a NumPy array in a pickle.

    A shape or buffer size that the pickle claims is never allocated: `frombuffer` looks at the bytes that
    are there, and `reshape` refuses a shape that does not match them.
    """

    def __init__(self, *_: object) -> None:
        self.array: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, raw = state
        self.array = np.frombuffer(raw, dtype.dtype).reshape(shape, order="F" if fortran else "C")


def _array_from_buffer(raw: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    """Stand in for NumPy's `_frombuffer`, by which pickle protocol 5 writes an array."""
    array = _Array()
    array.array = np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)
    return array


def _latin1_bytes(text: object = "", encoding: object = "latin1") -> bytes:
    """Stand in for `_codecs.encode`, by which Python 3 writes bytes at pickle protocol 2."""
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"it holds bytes in encoding {short(encoding)}")
    return text.encode("latin1")


for _function in (_array_from_buffer, _latin1_bytes):
    _function.__setstate__ = None  # a pickle that tries to change a function's attributes fails here


class BatchUnpickler(pickle.Unpickler):
    """An unpickler for a dict of numbers, strings, lists and NumPy arrays of numbers.

    A pickle runs code by naming a function, which `find_class` would import. This one imports nothing: the
    few names that an array needs are mapped to functions of this module, every other name is refused.
    Strings written by Python 2 are returned as bytes, dict keys always as str.

    Raises: pickle.UnpicklingError for a refused name; whatever a damaged pickle provokes.
    Source: https://docs.python.org/3/library/pickle.html#restricting-globals
    """

    ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,
        ("numpy.core.numeric", "_frombuffer"): _array_from_buffer,
        ("numpy._core.numeric", "_frombuffer"): _array_from_buffer,
        ("numpy", "ndarray"): None,  # only an argument of `_reconstruct`, which ignores it
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _latin1_bytes,
        ("__builtin__", "bytes"): _latin1_bytes,  # empty bytes, at protocol 2
    }

    def __init__(self, file: io.BufferedIOBase) -> None:
        super().__init__(file, encoding="bytes")

    def find_class(self, module: str, name: str) -> object:
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no image batch needs") from None

    def load(self) -> dict[str, object]:
        batch = super().load()
        if not isinstance(batch, dict):
            raise pickle.UnpicklingError(f"it holds a {type(batch).__name__}, expected a dict")
        return {
            key.decode("latin1") if isinstance(key, bytes) else str(key): v.array if isinstance(v, _Array) else v
            for key, v in batch.items()
        }


class _CappedReader(io.RawIOBase):
    """Reads from `file` and refuses to go beyond `cap` bytes: the guard against decompression bombs."""

    def __init__(self, file, cap: int) -> None:
        self.file, self.left = file, cap

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(block)
        if self.left < 0:
            raise DataError(f"it unpacks to more than {TOTAL_CAP // 2**20} MiB")
        return block


_ANOTHER = "Fetch it again, or pass another one with --archive PATH."


def _read_members(path: Path) -> dict[str, bytes]:
    """The seven batch and meta files of the archive, by name. Every other member but two is refused."""
    wanted = {f"{FOLDER}/{name}": name for name in (*TRAIN_BATCHES, TEST_BATCH, META)}
    found: dict[str, bytes] = {}
    with gzip.open(path) as unzipped:
        reader = _CappedReader(unzipped, TOTAL_CAP)
        with tarfile.open(fileobj=reader, mode="r|") as tar:
            for member in tar:
                name = member.name
                if name == FOLDER and member.isdir():
                    continue
                if not member.isreg() or (name not in wanted and name != f"{FOLDER}/readme.html"):
                    raise DataError(f"unexpected member {name!r}")
                if member.size > MEMBER_CAP:
                    raise DataError(f"member {name!r} claims {member.size} bytes")
                if name in wanted:
                    if wanted[name] in found:
                        raise DataError(f"member {name!r} is there twice")
                    found[wanted[name]] = tar.extractfile(member).read()
        while reader.read(2**20):  # to the end, where gzip compares its checksum
            pass
    if missing := [name for name in wanted if wanted[name] not in found]:
        raise DataError(f"missing member {missing[0]!r}")
    return found


def _load_batch(name: str, data: bytes) -> dict[str, object]:
    try:
        for opcode, argument, _ in pickletools.genops(data):  # refuses lengths beyond the end of the data
            if opcode.name in ("PUT", "LONG_BINPUT") and argument > MEMO_CAP:
                raise pickle.UnpicklingError(f"it numbers a value {argument}")
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


def _text(value: object) -> object:
    return value.decode("latin1") if isinstance(value, bytes) else value


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
        if not isinstance(names, list) or [_text(name) for name in names] != list(CLASS_NAMES):
            raise DataError(f"{META}: class names are {short(names)}")
    except (EOFError, RecursionError, ValueError, gzip.BadGzipFile, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{path}: truncated or not a .tar.gz ({error}). {_ANOTHER}") from error
    except DataError as error:
        raise DataError(f"{path}: not a CIFAR-10 archive: {str(error)[:300]}. {_ANOTHER}") from error
    train_images, train_labels = zip(*(batches[name] for name in TRAIN_BATCHES), strict=True)
    return Cifar10(np.concatenate(train_images), np.concatenate(train_labels), *batches[TEST_BATCH], CLASS_NAMES)
