"""A pool of processes that run pages and leave nothing behind, however the command that uses it ends."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.paths import end_with_parent, scratch_folder

CELL_SECONDS = 300


def _begin(folder: Path) -> None:
    """What each worker does first. The files that tell a kernel where to listen go to `folder`."""
    end_with_parent()
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)


def execute_page(page: Path) -> tuple[nbformat.NotebookNode, float]:
    """The page, executed in its folder, and the seconds that it took.

    Raises: CellControlSignal (of nbclient) when a cell fails or takes too long, RuntimeError when the kernel dies.
    """
    notebook = nbformat.read(page, as_version=4)
    start = time.perf_counter()
    NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(page.parent)}},
        record_timing=False,  # times in the metadata would change the hash by which jupyter_cache finds the page
    ).execute()  # fmt: skip
    return notebook, time.perf_counter() - start


@contextmanager
def page_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """At most `jobs` processes, each with its kernel. When the block raises, they end at once.

    A kernel ends within about a second of its worker; it looks for it once a second.
    """
    with ProcessPoolExecutor(max(1, jobs), initializer=_begin, initargs=(scratch_folder(),)) as pool:
        try:
            yield pool
        except BaseException:  # interrupted: the pool would wait for the pages that it has begun
            for worker in multiprocessing.active_children():
                worker.kill()
            raise
