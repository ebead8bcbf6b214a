"""How many times faster than the plain way the helpers are: python tests/benchmarks/run.py [--archive PATH]

Both ways of a row run in turns in this one process, several times each, and the best time of each counts: what
else the machine does then disturbs both alike. All files are written to temporary folders, which are removed.

export      10,000 images as PNG files: `helpers.data.cifar10.export_pngs` against the loop
            `Image.fromarray(image).save(path)`.
statistics  mean and standard deviation of 8,000 PNG files: `helpers.data.statistics.channel_statistics` against the way
            of the tutorials: read one image after the other, append it with `np.concatenate` to a growing float32
            array [32, 32, 3, n], then `mean` and `std`. Appending image n copies the n - 1 before it, so that its
            time grows with the square of their number: 8,000 images copy 8,000 * 4,000 * 12 KiB = 366 GiB. It is
            therefore measured for 2,000 images. The seconds spent in `np.concatenate` are multiplied by 4² = 16,
            those of reading and of the rest, which grow with the number of images, by 4. (That favours the plain
            way a little: the larger array fits no cache.)
book        `make book` again against `make book` without `_build`, of a copy of the repository whose data are
            prepared; not with `--skip-book`. Target: at most a fifth of the time, a ratio of 5.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

from helpers.data.archive import read_archive  # noqa: E402
from helpers.data.cifar10 import export_pngs  # noqa: E402
from helpers.data.sample import draw_sample  # noqa: E402
from helpers.data.statistics import channel_statistics  # noqa: E402
from helpers.paths import data_root, project_root  # noqa: E402

ROOT = project_root()
NUM_IMAGES, NUM_STATISTICS, NUM_NAIVE = 10_000, 8_000, 2_000


def load_images(archive: str | None) -> tuple[np.ndarray, np.ndarray]:
    """10,000 images uint8 [N, 32, 32, 3] and their labels."""
    if archive:
        found = read_archive(archive)
        print(f"images: the first {NUM_IMAGES} of {archive}")
        return found.train_images[:NUM_IMAGES], found.train_labels[:NUM_IMAGES]
    images, labels = draw_sample()
    print(f"images: the {len(labels)} of the drawn sample, repeated up to {NUM_IMAGES} (no --archive was given)")
    chosen = np.arange(NUM_IMAGES) % len(labels)
    return images[chosen], labels[chosen].astype(np.int64)


def best_of(repeats: int, naive: Callable[[], float], ours: Callable[[], float]) -> tuple[float, float]:
    """The shortest of `repeats` times of each way, taken in turns."""
    times = [(naive(), ours()) for _ in range(repeats)]
    return min(n for n, _ in times), min(o for _, o in times)


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# -- export ------------------------------------------------------------------------------------------------------


def export(images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    def naive_loop(folder: Path) -> None:
        for label in range(10):
            (folder / str(label)).mkdir()
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
            Image.fromarray(image).save(folder / str(label) / f"{label}_{number:05d}.png")

    numbers = np.arange(len(images))
    folders = itertools.count()

    def timed(way: Callable[[Path], object], root: Path) -> Callable[[], float]:
        def run() -> float:
            folder = root / str(next(folders))
            folder.mkdir()
            seconds = seconds_of(lambda: way(folder))
            assert sum(1 for _ in folder.rglob("*.png")) == len(images)
            os.sync()  # what is still to be written must not slow the next one down
            return seconds

        return run

    def ours(folder: Path) -> int:
        return export_pngs(images, labels, numbers, folder)

    # Nothing is deleted between two runs: ext4 steps over every recently deleted file when it creates a new one,
    # which then costs both ways more than the images do.
    with tempfile.TemporaryDirectory() as root:
        return best_of(5, timed(naive_loop, Path(root)), timed(ours, Path(root)))


# -- statistics --------------------------------------------------------------------------------------------------


def naive_statistics(paths: list[Path]) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Seconds of appending, seconds of all else, mean and std."""
    start, appending = time.perf_counter(), 0.0
    images = np.zeros((32, 32, 3, 0), dtype=np.float32)
    for path in paths:
        with Image.open(path) as opened:
            image = np.asarray(opened.convert("RGB"), dtype=np.float32)[..., np.newaxis] / 255
        before = time.perf_counter()
        images = np.concatenate((images, image), axis=3)
        appending += time.perf_counter() - before
    mean = np.array([images[:, :, channel].mean() for channel in range(3)])
    std = np.array([images[:, :, channel].std() for channel in range(3)])
    return appending, time.perf_counter() - start - appending, mean, std


def statistics(images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        export_pngs(images, labels, np.arange(len(images)), Path(folder))
        paths = sorted(Path(folder).rglob("*.png"))[:NUM_STATISTICS]
        factor = NUM_STATISTICS // NUM_NAIVE

        def naive() -> float:
            appending, rest, mean, std = naive_statistics(paths[:NUM_NAIVE])
            expected = channel_statistics(paths[:NUM_NAIVE])
            assert np.abs(np.array(expected) - (mean, std)).max() < 1e-4  # float32 sums
            return appending * factor**2 + rest * factor

        return best_of(3, naive, lambda: seconds_of(lambda: channel_statistics(paths)))


# -- book --------------------------------------------------------------------------------------------------------


def book() -> tuple[float, float]:
    """Seconds of a cold and of a warm build, of a copy of the tree; the data are made before."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "book"
        skipped = shutil.ignore_patterns(".git", ".venv", "_build", "data", "__pycache__", ".*_cache", "*.egg-info")
        shutil.copytree(ROOT, copy, ignore=skipped)
        environment = os.environ | {"PYTHONPATH": str(copy), "BOOK_DATA": str(data_root()), "TQDM_DISABLE": "1"}

        def build() -> None:
            done = subprocess.run(
                [sys.executable, "book/build.py", "--source", "sample"],
                cwd=copy, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            if done.returncode:
                sys.exit(f"{done.stdout}\nThe book does not build, so there is nothing to compare.")

        def cold() -> float:
            shutil.rmtree(copy / "_build", ignore_errors=True)
            return seconds_of(build)

        subprocess.run([sys.executable, "-m", "helpers.prepare", "--source", "sample"],
                       cwd=copy, env=environment, check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        return best_of(2, cold, lambda: seconds_of(build))


# -- table -------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--archive", help="a CIFAR-10 archive (default: the drawn sample, repeated)")
    parser.add_argument("--skip-book", action="store_true", help="do not build the book")
    options = parser.parse_args()
    images, labels = load_images(options.archive)
    rows = [
        (f"export {NUM_IMAGES} PNG", export, 3),
        (f"statistics of {NUM_STATISTICS}", statistics, 20),
    ]
    print(f"{os.cpu_count()} cores\n\n{'what':24s} {'naive s':>9s} {'ours s':>9s} {'ratio':>7s} {'target':>7s}")
    missed = 0
    for what, measure, target in rows:
        missed += not report(what, *measure(images, labels), target)
    if not options.skip_book:
        missed += not report("book, warm after cold", *book(), 5)
    return 1 if missed else 0


def report(what: str, naive: float, ours: float, target: float) -> bool:
    reached = naive / ours >= target
    verdict = "ok" if reached else "MISSED"
    print(f"{what:24s} {naive:9.2f} {ours:9.2f} {naive / ours:7.1f} {target:7.0f}  {verdict}", flush=True)
    return reached


if __name__ == "__main__":
    sys.exit(main())
