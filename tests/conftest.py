"""What the tests share: a data folder of their own, small archives, a server, and the real command line."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import archives
import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from servers import serving
from support import PROJECT, prepare_command

from helpers.data import sample
from helpers.prepare import Prepared, prepare


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch) -> Path:
    """Every test has a data folder of its own and none of the caller's settings."""
    for name in ("BOOK_SOURCE", "CIFAR10_ARCHIVE", "BOOK_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):  # the servers of the tests are on this machine
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("BOOK_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


os.environ["TQDM_DISABLE"] = "1"  # tqdm reads it once, when it is imported

# A slow machine is no failure; the fixture that cleans the environment may serve all examples of a test.
settings.register_profile("book", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("book")


@dataclass(frozen=True, repr=False)
class Small:
    """Six batches of 100 noise images and the archives that hold them, by encoding."""

    images: np.ndarray  # uint8 [600, 32, 32, 3]; the last 100 are the test batch
    labels: np.ndarray  # [600]
    paths: dict[str | int, Path]

    @property
    def path(self) -> Path:
        return self.paths[2]

    @property
    def contents(self) -> dict[str, dict]:
        return archives.contents(self.images, self.labels)


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Small:
    images, labels = archives.draw_pixels()
    folder = tmp_path_factory.mktemp("archives")
    found = archives.contents(images, labels)
    paths = {
        encoding: archives.write_gzip(
            folder / f"{encoding}.tar.gz", archives.tar_bytes(archives.good_members(found, encoding))
        )
        for encoding in archives.ENCODINGS
    }
    return Small(images, labels, paths)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> tuple[np.ndarray, np.ndarray]:
    """The drawn sample, images and labels, drawn once for all processes that run tests."""
    whole_run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        whole_run = whole_run.parent
    path = whole_run / "drawn.npz"
    with FileLock(whole_run / "drawn.lock"):
        if not path.exists():
            images, labels = sample.draw_sample(jobs=2)
            np.savez(path, images=images, labels=labels)
    with np.load(path) as found:
        return found["images"], found["labels"]


@pytest.fixture
def server(small):
    """A web server that offers the small archive."""
    with serving(small.path.read_bytes()) as running:
        yield running


@pytest.fixture
def run_prepare():
    """Run `python -m helpers.prepare` with arguments as a process of its own, to its end."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            prepare_command(*arguments),
            env=os.environ | environment,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def prepared(small, tmp_path_factory) -> Prepared:
    """The small archive, prepared: 400 noise images to train with, 50 for validation, 50 to test, 100 official."""
    return prepare("cifar10", archive=small.path, num_images="all", root=tmp_path_factory.mktemp("prepared"), jobs=1)
