"""A pool of processes that run pages and leave nothing behind, however the command that uses it ends."""

import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from helpers.paths import end_with_parent, scratch_folder


def _begin(folder: Path) -> None:
    """What each worker does first. The files that tell a kernel where to listen go to `folder`."""
    end_with_parent()
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)


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
