"""Where data, runs and results live, and how files are put there: whole or not at all."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path

TEMPORARY_MARK = ".partial-"  # in the name of every file that is still being written


class DataError(Exception):
    """An input that a person can mend. The message names the file (and line) and the remedy."""


def project_root() -> Path:
    """The folder that holds `helpers/`, `chapters/` and `book/`."""
    return Path(__file__).resolve().parent.parent


def data_root() -> Path:
    """The folder for generated and downloaded data: `BOOK_DATA`, else `data/` of the project."""
    return resolved(os.environ.get("BOOK_DATA") or project_root() / "data")


def runs_root() -> Path:
    """The folder for training runs: checkpoints and event files."""
    return data_root() / "runs"


def results_root() -> Path:
    """The folder of measured results that are committed with the book."""
    return project_root() / "book" / "results"


def temporary_name(path: Path) -> Path:
    """A name beside `path` that no other process uses; same folder, so that renaming is atomic."""
    return path.with_name(f".{path.name}{TEMPORARY_MARK}{os.getpid()}-{uuid.uuid4().hex[:8]}")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file whole or not at all.

    Yields a temporary path in the folder of `path` (made if missing). When the block ends well, the
    temporary file takes the name `path`; when it raises, the temporary file is removed and whatever was
    at `path` before is still there.

    Raises: OSError from the file system.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_leftovers(folder: Path) -> int:
    """Delete files in `folder` that a killed process left half-written; return how many there were.

    Call it only while no other process writes there.
    """
    leftovers = [p for p in folder.glob(f".*{TEMPORARY_MARK}*") if p.is_file()]
    for path in leftovers:
        path.unlink()
    return len(leftovers)


_REMOVE_AT_THE_END = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"
_watchers: list[subprocess.Popen] = []


def scratch_folder() -> Path:
    """A new, empty folder that is gone soon after this process has ended, however it ended.

    Whoever runs notebooks kills their kernels, so that nothing in the kernel can clean up. A small process of its own
    waits until the kernel's end of a pipe closes, which the system sees to, and removes the folder then.
    """
    folder = Path(tempfile.mkdtemp(prefix="book-"))
    command = [sys.executable, "-I", "-S", "-c", _REMOVE_AT_THE_END, str(folder)]
    # a session of its own: an interrupt in the terminal, or the end of the kernel's group, does not reach it
    _watchers.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))
    return folder


def end_with_parent() -> None:
    """End this worker process when its parent has ended, however that came; the `initializer` of a process pool.

    The workers of a pool whose parent was killed would otherwise wait for work, and hold memory, for ever.
    """

    def watch() -> None:
        parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def read_json(path: str | os.PathLike[str], remedy: str = "Delete it.") -> dict:
    """The object that a JSON file holds.

    Raises: DataError, which names the file and the remedy, when it is damaged or holds something else than an
    object; OSError when it cannot be read, FileNotFoundError when it is not there.
    """
    try:
        found = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, or brackets without end
        raise DataError(f"{path}: damaged, not a JSON file ({error}). {remedy}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: damaged, it holds a {type(found).__name__}, expected an object. {remedy}")
    return found


def resolved(path: str | os.PathLike[str]) -> Path:
    """The absolute path without links that a path of a user means; `~` is the home folder.

    Unlike the methods of `Path`, it leaves an unknown `~name` and a link to itself to whoever opens the file.
    """
    return Path(os.path.realpath(os.path.expanduser(path)))


def printable(text: object) -> str:
    """A text from outside, for a message: what a terminal could take for more than a letter is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
