"""CIFAR-10: obtain the archive and export its images as PNG files.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
https://www.cs.toronto.edu/~kriz/cifar.html
"""

import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from helpers.data.download import OFFICIAL_MD5, URL, download, file_md5
from helpers.data.sample import PIXELS_SHA256
from helpers.paths import (
    TEMPORARY_MARK,
    DataError,
    data_root,
    end_with_parent,
    printable,
    read_json,
    remove_leftovers,
    replacing,
    resolved,
)

ARCHIVE_NAME = "cifar-10-python.tar.gz"
SOURCES = ("auto", "cifar10", "sample")
CHUNK = 500  # images that a worker process gets at a time
SHOWN = 5  # names of files in a message


def default_archive() -> Path:
    """Where a downloaded archive is kept."""
    return data_root() / ARCHIVE_NAME


# -- which archive ----------------------------------------------------------------------------------------


def _given_archive(archive: str | os.PathLike[str] | None) -> Path | None:
    given = archive or os.environ.get("CIFAR10_ARCHIVE")
    return resolved(given) if given else None


def choose_source(source: str = "auto", archive: str | os.PathLike[str] | None = None) -> str:
    """Resolve `"auto"`: cifar10 if an archive is passed; else `BOOK_SOURCE` if set; else cifar10 where the
    archive is at hand or can be downloaded; else sample, said in one line.

    Raises: DataError for an unknown name, an empty path, or the sample together with an archive.
    """
    if archive is not None and not os.fspath(archive):
        raise DataError("the archive's path is empty. Pass one with --archive PATH, or leave the option out.")
    if archive and source == "auto":
        source = "cifar10"
    if archive and source == "sample":
        raise DataError(f"{archive}: the sample takes no archive. Drop --archive, or use --source cifar10.")
    if source == "auto":
        source = os.environ.get("BOOK_SOURCE") or "auto"
    if source not in SOURCES:
        raise DataError(f"unknown source {source!r}: use one of {', '.join(SOURCES)}")
    if source != "auto":
        return source
    if _given_archive(archive):
        return "cifar10"
    try:
        download(default_archive(), URL, OFFICIAL_MD5)
    except DataError as error:
        print(f"Using the drawn sample, not CIFAR-10. {error}")
        return "sample"
    return "cifar10"


def find_archive(source: str, archive: str | os.PathLike[str] | None = None) -> tuple[Path | None, str]:
    """Path and fingerprint of the archive to use, downloaded if need be.

    The fingerprint is the MD5 of the file. The sample is drawn on demand, so it has no path yet; its
    fingerprint is the checksum of its pixels.

    Raises: DataError when there is no archive to be had, or the one in the data folder is not the official.
    """
    if source == "sample":
        return None, PIXELS_SHA256
    if given := _given_archive(archive):
        if not given.is_file():
            raise DataError(f"{given}: no such archive. Check --archive or CIFAR10_ARCHIVE.")
        return given, _fingerprint(given)
    path = default_archive()
    if not path.exists():
        download(path, URL, OFFICIAL_MD5)
    elif _fingerprint(path) != OFFICIAL_MD5:
        raise DataError(f"{path}: not the official archive. Delete it, or pass it with --archive to use it anyway.")
    return path, OFFICIAL_MD5


def _fingerprint(path: Path) -> str:
    """MD5 of an archive, remembered in the data folder by path, size and time of change.

    The memory is only a cache: where it is damaged or cannot be written, the file is read again.
    """
    stat = path.stat()
    key = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
    notes = data_root() / "fingerprints.json"
    try:
        known = read_json(notes)
    except (OSError, DataError):
        known = {}
    if not (isinstance(found := known.get(key), str) and re.fullmatch("[0-9a-f]{32}", found)):
        known[key] = found = file_md5(path)
        with contextlib.suppress(OSError), replacing(notes) as temporary:
            temporary.write_text(json.dumps(known))
    return found


# -- PNG files --------------------------------------------------------------------------------------------


def png_name(label: int, n: int) -> str:
    """`<label>/<label>_<n>.png`; five digits, so that the order of the names is the order of the archive."""
    return f"{label}/{label}_{n:05d}.png"


def _holds(path: str, content: bytes) -> bool:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read(len(content) + 1) == content


def _write_pngs(folder: str, images: np.ndarray, names: list[str], present: list[bool]) -> tuple[int, list[str]]:
    """Write what is missing or has another content; the number of files written, and those that were there before."""
    # Plain strings and unbuffered files: for files this small, `Path` and `replacing` cost as much as the encoding.
    mark = f"{TEMPORARY_MARK}{os.getpid()}"  # this process writes one file after the other
    missing, changed = 0, []
    for image, name, there in zip(images, names, present, strict=True):
        label, _, file = name.partition("/")
        temporary = f"{folder}/{label}/.{file}{mark}"
        encoded = io.BytesIO()  # in memory first: one write to the disk instead of one for each part of a PNG
        # stored, not deflated: half the time, and either way one 4 KiB block of the disk
        Image.fromarray(image).save(encoded, format="png", compress_level=0)
        if not there:
            missing += 1
        elif _holds(f"{folder}/{name}", encoded.getvalue()):
            continue
        else:
            changed.append(name)
        try:
            with open(temporary, "wb", buffering=0) as stream:  # noqa: PTH123
                stream.write(encoded.getbuffer())
            os.replace(temporary, f"{folder}/{name}")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return missing + len(changed), changed


def export_pngs(
    images: np.ndarray, labels: np.ndarray, numbers: np.ndarray, folder: Path, jobs: int | None = None
) -> int:
    """Write images as lossless PNG files `folder/<label>/<label>_<n>.png`; return how many were written.

    A file that is there already is compared byte by byte with the one that would be written, and left alone if they
    are equal; a line says which were not. Each file is written whole, under a temporary name, and then renamed. So an
    interrupted export resumes, and any export ends with the same files. `jobs` processes share the work
    (default: one per core).

    Shapes: images [N, 32, 32, 3] uint8; labels [N]; numbers [N], each image's position in the archive.
    Raises: OSError when `folder` cannot be written.
    """
    names = [png_name(label, n) for label, n in zip(labels.tolist(), numbers.tolist(), strict=True)]
    found = set()
    for label in {name.partition("/")[0] for name in names}:
        class_folder = folder / label
        class_folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(class_folder)
        with os.scandir(class_folder) as entries:
            found.update(f"{label}/{entry.name}" for entry in entries if entry.is_file())
    present = [name in found for name in names]
    chunks = [slice(start, start + CHUNK) for start in range(0, len(names), CHUNK)]
    parts = [[values[chunk] for chunk in chunks] for values in (images, names, present)]
    with ExitStack() as stack:
        bar = stack.enter_context(tqdm(total=len(names), desc="export PNGs"))
        run = map  # one chunk is not worth a process
        if len(chunks) > 1:
            workers = min(jobs or os.cpu_count() or 1, len(chunks))
            run = stack.enter_context(ProcessPoolExecutor(workers, initializer=end_with_parent)).map
        written, changed = 0, []
        for chunk, (count, others) in zip(parts[1], run(_write_pngs, [str(folder)] * len(chunks), *parts), strict=True):
            written, changed = written + count, changed + others
            bar.update(len(chunk))
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        what = f"{len(changed)} of its files were not the archive's images and were written again"
        print(f"{printable(folder)}: {what}: {', '.join(changed[:SHOWN])}{more}.")
    return written


def files_sha256(paths: Iterable[str | os.PathLike[str]]) -> str:
    """One SHA-256 over the contents of small files, in this order; files above 64 KiB count as their beginning.

    Reading 20,000 images takes 0.2 s on one core while they are in the system's cache. Comparing sizes and times of
    change instead would save half of that and miss a change after which the time was set back.

    Raises: OSError when a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        try:
            content = os.read(file, 2**16)
        finally:
            os.close(file)
        digest.update(b"%d " % len(content) + content)
    return digest.hexdigest()
