"""Build archives in the layout of CIFAR-10's: good ones, and the parts of bad ones."""

import gzip
import io
import pickle
import struct
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

FOLDER = "cifar-10-batches-py"
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
ROWS = 100  # images in a batch, ten of each class
ENCODINGS = ("python 2", 2, 4, 5)  # who wrote the pickles: Python 2, or Python 3 at one of these protocols


def draw_pixels(seed: int = 7, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Noise images uint8 [6 * rows, 32, 32, 3] (N H W C) and shuffled labels [6 * rows], every batch balanced."""
    dice = np.random.default_rng(seed)
    labels = np.concatenate([dice.permutation(np.arange(rows) % len(CLASSES)) for _ in BATCHES])
    return dice.integers(0, 256, (len(labels), 32, 32, 3), dtype=np.uint8), labels


def contents(images: np.ndarray, labels: np.ndarray) -> dict[str, dict]:
    """The seven dicts of an archive, by member name."""
    rows = len(labels) // len(BATCHES)
    found = {"batches.meta": {"num_cases_per_batch": rows, "label_names": list(CLASSES), "num_vis": 3072}}
    for k, name in enumerate(BATCHES):
        part = slice(k * rows, (k + 1) * rows)
        found[name] = {
            "batch_label": f"batch {k + 1} of {len(BATCHES)}",
            "labels": labels[part].tolist(),
            "data": np.ascontiguousarray(images[part].transpose(0, 3, 1, 2)).reshape(rows, 3072),
            "filenames": [f"{k}_{n}.png" for n in range(rows)],
        }
    return found


def python2_pickle(value: object) -> bytes:
    """Pickle `value` as Python 2 does at protocol 2: every string is a byte string, opcode U or T."""
    return b"\x80\x02" + _python2(value) + b"."


def _python2(value: object) -> bytes:
    match value:
        case dict():
            return b"}(" + b"".join(_python2(k) + _python2(v) for k, v in value.items()) + b"u"
        case list():
            return b"](" + b"".join(map(_python2, value)) + b"e"
        case tuple():
            return b"(" + b"".join(map(_python2, value)) + b"t"
        case str() | bytes():
            raw = value.encode("latin1") if isinstance(value, str) else value
            head = b"U" + struct.pack("<B", len(raw)) if len(raw) < 256 else b"T" + struct.pack("<i", len(raw))
            return head + raw
        case int():
            return b"J" + struct.pack("<i", value)
        case np.ndarray():
            empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _python2((0,)) + _python2("b") + b"tR"
            dtype = b"cnumpy\ndtype\n" + _python2((value.dtype.str[1:], 0, 1)) + b"R"
            dtype += b"(K\x03" + _python2(value.dtype.str[0]) + b"NNN" + _python2(-1) + _python2(-1) + b"K\x00tb"
            return empty + b"(K\x01" + _python2(value.shape) + dtype + b"\x89" + _python2(value.tobytes()) + b"tb"
    raise TypeError(type(value))


def encode(value: object, encoding: str | int) -> bytes:
    """Pickle `value` in one of `ENCODINGS`."""
    return python2_pickle(value) if encoding == "python 2" else pickle.dumps(value, protocol=encoding)


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    """A tar member; `fields` overwrite those of its header, `size` among them."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar_bytes(members: Iterable[tuple[tarfile.TarInfo, bytes]], end: bool = True) -> bytes:
    """An uncompressed tar file, or the beginning of one; a header may lie about the data that follow it."""
    out = io.BytesIO()
    for info, data in members:
        out.write(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
    if end:  # two blocks of zeros, and more up to a whole record, as tar writes it
        out.write(bytes(1024 - (out.tell() + 1024) % -tarfile.RECORDSIZE))
    return out.getvalue()


def good_members(found: dict[str, dict], encoding: str | int = 2) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The members of a good archive in the order of the official one."""
    order = ["batches.meta", "data_batch_4", "readme.html", "test_batch", *BATCHES[:3], "data_batch_5"]
    members = [member(FOLDER, kind=tarfile.DIRTYPE)]
    for name in order:
        data = b"<html></html>" if name == "readme.html" else encode(found[name], encoding)
        members.append(member(f"{FOLDER}/{name}", data))
    return members


def write_gzip(path: Path, tar: bytes) -> Path:
    """Write a .tar.gz, lightly compressed."""
    path.write_bytes(gzip.compress(tar, 1, mtime=0))
    return path


def zeros(size: int) -> bytes:
    """About `size` zeros as gzip streams, one after the other, which is one gzip file: 1/1000 of the size."""
    piece = 16 * 2**20
    return gzip.compress(bytes(piece), 6, mtime=0) * -(-size // piece)


def global_call(function: str, argument: str, opcode: str = "GLOBAL") -> bytes:
    """A pickle that calls `module.function` with one string, the name given by one of three opcodes."""
    module, _, name = function.rpartition(".")
    text = b"X" + struct.pack("<I", len(argument.encode())) + argument.encode()
    match opcode:
        case "GLOBAL":
            return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + text + b"tR."
        case "INST":
            return b"\x80\x02(" + text + b"i" + f"{module}\n{name}\n".encode() + b"."
        case "STACK_GLOBAL":
            names = b"".join(b"\x8c" + struct.pack("<B", len(part.encode())) + part.encode() for part in (module, name))
            return b"\x80\x04" + names + b"\x93(" + text + b"tR."
    raise ValueError(opcode)


def pickle_bombs() -> dict[str, bytes]:
    """Pickles that take far more memory or time than their size, in a program that runs whatever they say."""
    text = 30 * 2**20
    call = b"\x8c\x07_codecs\x8c\x06encode\x93q\0" + b"X" + struct.pack("<I", text) + b"a" * text + b"q\x01"
    return {
        "a deep tuple as a key": b"\x80\x04}N" + b"\x85" * 1_000_000 + b"Ns.",
        "a wide tuple as a key": b"\x80\x04}K\1" + b"2\x86" * 22 + b"Ns.",
        "a wide tuple as a key, by the memo": b"\x80\x04}K\1" + b"".join(
            b"q" + bytes([k]) + b"h" + bytes([k]) + b"\x86" for k in range(40)) + b"Ns.",
        "a text encoded 200 times": b"\x80\x04" + call + b"]" + b"h\0h\1\x85Ra" * 200 + b".",
        "sets": b"\x80\x04" + b"\x8f" * 8 * 2**20 + b".",
        "dicts": b"\x80\x04" + b"}" * 8 * 2**20 + b".",
        "marks": b"\x80\x04" + b"(" * 8 * 2**20 + b".",
        "names": b"\x80\x02" + b"cnumpy\ndtype\n" * 500_000 + b".",
        "arguments": b"\x80\x04cnumpy.core.multiarray\n_reconstruct\nq\0(" + b"N" * 200_000 + b"tq\1"
        + b"h\0h\1R0" * 50_000 + b".",
        "a line without a quote": b"S" + b"\xff" * text + b"\n.",
        "a number of many digits": b"I" + b"1" * text + b"\n.",
    }  # fmt: skip


def many_class_names() -> bytes:
    """A meta file that names one class of 30 MB 100,000 times."""
    text = 30 * 2**20
    name = b"T" + struct.pack("<i", text) + b"a" * text
    return b"\x80\x02}(U\x0blabel_names(" + name + b"q\0" + b"h\0" * 100_000 + b"lU\x13num_cases_per_batchK\x64u."
