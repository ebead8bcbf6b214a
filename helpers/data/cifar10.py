"""CIFAR-10: obtain the archive and export its images as PNG files.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009;
https://www.cs.toronto.edu/~kriz/cifar.html
"""

import hashlib
import http.client
import io
import json
import os
import queue
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image
from tqdm import tqdm

from helpers.data.sample import PIXELS_SHA256
from helpers.paths import TEMPORARY_MARK, DataError, data_root, end_with_parent, remove_leftovers, replacing

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
OFFICIAL_MD5 = "c58f30108f718f92721af3b95e74349a"
ARCHIVE_NAME = "cifar-10-python.tar.gz"
SOURCES = ("auto", "cifar10", "sample")
CONNECT_SECONDS = 4.0  # `auto` falls back to the sample within 5 s
CHUNK = 500  # images that a worker process gets at a time
STALL_SECONDS = 30.0  # a download that sends nothing for this long has failed
_BY_HAND = "Or fetch the archive by other means and pass it with --archive PATH, or use --source sample."


def default_archive() -> Path:
    """Where a downloaded archive is kept."""
    return data_root() / ARCHIVE_NAME


def file_md5(path: Path) -> str:
    """The MD5 checksum of a file, as 32 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _connect(request: urllib.request.Request, seconds: float):
    """Open `request`, or raise TimeoutError after `seconds`, name lookup included.

    The timeout of `urlopen` does not cover the name lookup, which can hang for half a minute on a machine
    without network; a thread that is left behind can.
    """
    answers: queue.Queue = queue.Queue()

    def attempt() -> None:
        try:
            answers.put(urllib.request.urlopen(request, timeout=STALL_SECONDS))
        except Exception as error:  # handed to the caller below, whatever it is
            answers.put(error)

    threading.Thread(target=attempt, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def download(path: Path, url: str = URL, md5: str = OFFICIAL_MD5, seconds: float = CONNECT_SECONDS) -> Path:
    """Download the archive to `path`, unless a file with the right checksum is already there.

    The bytes go to `<path>.part`; a second call resumes there. Only a complete file whose MD5 is `md5` takes
    the name `path`.

    Raises: DataError when there is no connection or the checksum differs; OSError when the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"download-{key}.lock"):  # two would write to one .part file
        if not path.exists() or file_md5(path) != md5:
            _download(path, url, md5, seconds)
    return path


def _download(path: Path, url: str, md5: str, seconds: float) -> None:
    part = path.with_name(path.name + ".part")
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = _connect(request, seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416:  # 416: nothing is left to send, so the checksum decides
            raise DataError(f"{url}: the server answered {error.code} {error.reason}. {_BY_HAND}") from error
    except (OSError, TimeoutError, http.client.HTTPException) as error:
        raise DataError(f"{url}: no connection ({error}). {_BY_HAND}") from error
    else:
        done = done if response.status == 206 else 0  # a server without ranges starts again
        _receive(response, part, done, url)
    if (found := file_md5(part)) != md5:
        part.unlink()
        raise DataError(f"{url}: MD5 is {found}, expected {md5}; the download was deleted. Try again. {_BY_HAND}")
    os.replace(part, path)


def _receive(response, part: Path, done: int, url: str) -> None:
    total = done + int(response.headers.get("Content-Length") or 0)
    bar = tqdm(total=total or None, initial=done, unit="B", unit_scale=True, desc="download")
    with response, bar, part.open("ab" if done else "wb") as file:
        try:
            while block := response.read(2**18):
                file.write(block)
                bar.update(len(block))
        except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
            raise DataError(f"{url}: the connection broke ({error}). Run the command again to resume.") from error
    if total and part.stat().st_size < total:
        raise DataError(f"{url}: the connection ended early. Run the command again to resume.")


# -- which archive ----------------------------------------------------------------------------------------


def _given_archive(archive: str | os.PathLike[str] | None) -> Path | None:
    given = archive or os.environ.get("CIFAR10_ARCHIVE")
    return Path(given).expanduser().resolve() if given else None


def choose_source(source: str = "auto", archive: str | os.PathLike[str] | None = None) -> str:
    """Resolve `"auto"`: cifar10 if an archive is passed; else `BOOK_SOURCE` if set; else cifar10 where the
    archive is at hand or can be downloaded; else sample, said in one line.

    Raises: DataError for an unknown name, or the sample together with an archive.
    """
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
    """MD5 of an archive, remembered in the data folder by path, size and time of change."""
    stat = path.stat()
    key = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
    notes = data_root() / "fingerprints.json"
    known = json.loads(notes.read_text()) if notes.exists() else {}
    if key not in known:
        known[key] = file_md5(path)
        with replacing(notes) as temporary:
            temporary.write_text(json.dumps(known))
    return known[key]


# -- PNG files --------------------------------------------------------------------------------------------


def png_name(label: int, n: int) -> str:
    """`<label>/<label>_<n>.png`; five digits, so that the order of the names is the order of the archive."""
    return f"{label}/{label}_{n:05d}.png"


def _write_pngs(folder: str, images: np.ndarray, names: list[str]) -> int:
    # Plain strings and unbuffered files: for files this small, `Path` and `replacing` cost as much as the encoding.
    mark = f"{TEMPORARY_MARK}{os.getpid()}"  # this process writes one file after the other
    for image, name in zip(images, names, strict=True):
        label, _, file = name.partition("/")
        temporary = f"{folder}/{label}/.{file}{mark}"
        encoded = io.BytesIO()  # in memory first: one write to the disk instead of one for each part of a PNG
        # stored, not deflated: half the time, and either way one 4 KiB block of the disk
        Image.fromarray(image).save(encoded, format="png", compress_level=0)
        try:
            with open(temporary, "wb", buffering=0) as stream:  # noqa: PTH123
                stream.write(encoded.getbuffer())
            os.replace(temporary, f"{folder}/{name}")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return len(names)


def export_pngs(
    images: np.ndarray, labels: np.ndarray, numbers: np.ndarray, folder: Path, jobs: int | None = None
) -> int:
    """Write images as lossless PNG files `folder/<label>/<label>_<n>.png`; return how many were written.

    Files that are there already are left alone: each one was written whole, under a temporary name, and then
    renamed, so an interrupted export resumes and ends with the same files. `jobs` processes share the work
    (default: one per core).

    Shapes: images [N, 32, 32, 3] uint8; labels [N]; numbers [N], each image's position in the archive.
    Raises: OSError when `folder` cannot be written.
    """
    names = [png_name(label, n) for label, n in zip(labels.tolist(), numbers.tolist(), strict=True)]
    present = set()
    for label in {name.partition("/")[0] for name in names}:
        class_folder = folder / label
        class_folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(class_folder)
        with os.scandir(class_folder) as entries:
            present.update(f"{label}/{entry.name}" for entry in entries)
    todo = [i for i, name in enumerate(names) if name not in present]
    if not todo:
        return 0
    if len(todo) <= CHUNK:  # not worth a process
        return _write_pngs(str(folder), images[todo], [names[i] for i in todo])
    jobs = jobs or os.cpu_count() or 1
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    workers = ProcessPoolExecutor(min(jobs, len(chunks)), initializer=end_with_parent)
    with workers as pool, tqdm(total=len(todo), desc="export PNGs") as bar:
        parts = (images[chunk] for chunk in chunks), ([names[i] for i in chunk] for chunk in chunks)
        for written in pool.map(_write_pngs, [str(folder)] * len(chunks), *parts):
            bar.update(written)
    return len(todo)
