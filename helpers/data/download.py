"""Download a file: resumed where it was cut, and whole or not at all.

Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html, for the archive that is meant by default.
"""

import hashlib
import http.client
import os
import queue
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from helpers.paths import DataError, printable

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
OFFICIAL_MD5 = "c58f30108f718f92721af3b95e74349a"
CONNECT_SECONDS = 4.0  # `auto` falls back to the sample within 5 s
STALL_SECONDS = 30.0  # a download that sends nothing for this long has failed
_BY_HAND = "Or fetch the archive by other means and pass it with --archive PATH, or use --source sample."


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
            raise DataError(f"{url}: the server answered {error.code} {printable(error.reason)}. {_BY_HAND}") from error
    except (OSError, TimeoutError, http.client.HTTPException) as error:
        raise DataError(f"{url}: no connection ({printable(error)}). {_BY_HAND}") from error
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
            why = printable(error)
            raise DataError(f"{url}: the connection broke ({why}). Run the command again to resume.") from error
    if total and part.stat().st_size < total:
        raise DataError(f"{url}: the connection ended early. Run the command again to resume.")
