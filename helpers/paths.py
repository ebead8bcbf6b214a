"""Where data, runs and results live, and how files are put there: whole or not at all."""

import os
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
    return Path(os.environ.get("BOOK_DATA") or project_root() / "data").expanduser().resolve()


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


def end_with_parent() -> None:
    """End this worker process when its parent has ended, however that came; the `initializer` of a process pool.

    The workers of a pool whose parent was killed would otherwise wait for work, and hold memory, for ever.
    """

    def watch() -> None:
        parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
