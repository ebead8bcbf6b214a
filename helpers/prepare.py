"""From a source to index files, in one call: archive -> PNG files -> split -> index files -> mean and std.

`python -m helpers.prepare --help` lists the options; `prepare()` is the same for a notebook. What is there
already is not made again.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from helpers.data import archive as archives
from helpers.data import cifar10, sample
from helpers.data.index import CLASSES_FILE, write_index
from helpers.data.split import stratified_split
from helpers.data.statistics import channel_statistics
from helpers.data.summary import (
    FINGERPRINT_FILE,
    PARTS,
    Prepared,
    class_lines,
    file_sha256,
    finished,
    known_images,
    whole_folder,
    write_summary,
)
from helpers.paths import TEMPORARY_MARK, DataError, data_root, remove_leftovers, replacing, resolved

DEFAULT_NUM_IMAGES = 10_000


# -- the stages --------------------------------------------------------------------------------------------


def _choose_images(labels: np.ndarray, count: int) -> np.ndarray:
    """Positions of `count` images, as many of each class as of any other, the first of each in archive order."""
    rank = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rank[members] = np.arange(len(members))
    return np.sort(np.lexsort((labels, rank))[:count])


def _check_num_images(num_images: int | str | None, available: int) -> int:
    if num_images is None:
        return min(DEFAULT_NUM_IMAGES, available)
    if num_images == "all":
        return available
    least = 5 * len(sample.CLASS_NAMES)  # fewer would leave a class out of the validation or the test part
    if not isinstance(num_images, int) or not least <= num_images <= available:
        raise DataError(
            f"num_images is {num_images!r}: the archive has {available} training images; "
            f"use a number from {least} to {available}, or all."
        )
    return num_images


def _counts(labels: np.ndarray | list[int]) -> list[int]:
    found = Counter(int(label) for label in labels)
    return [found[label] for label in range(len(sample.CLASS_NAMES))]


@contextmanager
def _only_one(root: Path, wait_seconds: float):
    """Hold the lock of `root`. The system frees it when the process ends, however it ends."""
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / ".lock", timeout=wait_seconds):
            yield
    except Timeout:
        raise DataError(f"{root}: another prepare is writing there. Wait for it, or choose another --root.") from None


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str):
        start = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - start, 3)


def _load(source: str, path: Path | None, root: Path, jobs: int | None) -> archives.Cifar10:
    """Read the archive; draw the sample first if it is not there."""
    if path is None:
        path = root / cifar10.ARCHIVE_NAME
        if not path.exists():
            with tqdm(total=sample.NUM_BATCHES * sample.BATCH_SIZE, desc="draw images") as bar:
                sample.write_archive(path, *sample.draw_sample(jobs=jobs, progress=bar.update))
    return archives.read_archive(path)


def prepare(
    source: str = "auto",
    *,
    archive: str | os.PathLike[str] | None = None,
    num_images: int | str | None = None,
    root: str | os.PathLike[str] | None = None,
    seed: int = 0,
    jobs: int | None = None,
    wait_seconds: float = 600,
) -> Prepared:
    """Make the PNG files, the index files and the statistics of a source, or find them made.

    Args:
        source: auto, cifar10 or sample; see `cifar10.choose_source`.
        archive: a CIFAR-10 archive to use (default: `CIFAR10_ARCHIVE`, else the downloaded one). One with
            another MD5 than the official is accepted only this way and is called an unofficial copy.
        num_images: how many images of the training batches to use, as many of each class; "all" for all;
            default 10,000, or all if there are fewer.
        root: the folder to write to (default: a folder of the data root named after source and archive).
        seed: of the split; each pair of `num_images` and `seed` has index files of its own.
        jobs: processes (default: one per core).
        wait_seconds: how long to wait for another prepare in the same folder.

    A second call reads every image and compares checksums. What was deleted or changed since is written again from the
    archive, and a line names the images that had changed. What it finds as it left it, it does not touch.

    Raises: DataError with one message that names file and remedy; OSError when the folder cannot be written.
    """
    if root is not None and not os.fspath(root):
        raise DataError("the path of the folder is empty. Pass one with --root, or leave the option out.")
    if jobs is not None and jobs < 1:
        raise DataError(f"jobs is {jobs}: use a number from 1, or leave it out for one per core.")
    clock = _Stopwatch()
    source = cifar10.choose_source(source, archive)
    with clock("obtain"):
        path, fingerprint = cifar10.find_archive(source, archive)
    root = resolved(root) if root is not None else data_root() / f"{source}-{fingerprint[:8]}"
    if known := known_images(root, fingerprint):
        count = _check_num_images(num_images, known)
        if done := finished(_split_folder(root, count, seed)):
            return done
    elif source == "sample":
        _check_num_images(num_images, (sample.NUM_BATCHES - 1) * sample.BATCH_SIZE)  # before anything is drawn
    with _only_one(root, wait_seconds):
        return _make(source, path, fingerprint, root, num_images, seed, jobs, clock)


def _split_folder(root: Path, count: int, seed: int) -> Path:
    return root / f"split-{count}-seed{seed}"


def _make(source, path, fingerprint, root, num_images, seed, jobs, clock) -> Prepared:
    with clock("read"):
        data = _load(source, path, root, jobs)
        count = _check_num_images(num_images, len(data.train_labels))
        folder = _split_folder(root, count, seed)
        if done := finished(folder):  # made by another process while this one waited
            return done
    chosen = _choose_images(data.train_labels, count)
    labels = data.train_labels[chosen]
    with clock("export"):
        for place in (root, folder):
            remove_leftovers(place)
        for leftover in root.glob(f".split-*{TEMPORARY_MARK}*"):  # of a call that was killed
            shutil.rmtree(leftover)
        with replacing(root / FINGERPRINT_FILE) as temporary:
            temporary.write_text(json.dumps({"fingerprint": fingerprint, "train_images": len(data.train_labels)}))
        # every seed has the same images: where those of another split are as they were written, these are
        if not any(finished(other) for other in root.glob(f"split-{count}-seed*")):
            cifar10.export_pngs(data.train_images[chosen], labels, chosen, root / "raw", jobs)
            everything = np.arange(len(data.test_labels))
            cifar10.export_pngs(data.test_images, data.test_labels, everything, root / "official_test", jobs)
    with clock("split"):
        names = [cifar10.png_name(*pair) for pair in zip(labels.tolist(), chosen.tolist(), strict=True)]
        parts = stratified_split(names, labels.tolist(), seed=seed)
        samples = {
            part: [(root / "raw" / names[i], int(labels[i])) for i in members]
            for part, members in zip(PARTS, parts, strict=False)
        }
        samples["official_test"] = [
            (root / "official_test" / cifar10.png_name(label, n), label)
            for n, label in enumerate(data.test_labels.tolist())
        ]
    with whole_folder(folder) as temporary:  # beside `folder`, so the relative paths of the index files are the same
        with clock("split"):
            for part in PARTS:
                write_index(temporary / f"{part}.txt", samples[part])
            (temporary / CLASSES_FILE).write_bytes(class_lines(data.class_names))
        with clock("statistics"):
            mean, std = channel_statistics([image for image, _ in samples["train"]])
        official = fingerprint == cifar10.OFFICIAL_MD5
        done = Prepared(
            source=source,
            official=official,
            label="drawn sample" if source == "sample" else "CIFAR-10" if official else "CIFAR-10 (unofficial copy)",
            num_images=count,
            seed=seed,
            archive=str(path or root / cifar10.ARCHIVE_NAME),
            root=str(root),
            raw=str(root / "raw"),
            index={part: str(folder / f"{part}.txt") for part in PARTS},
            index_sha256={part: file_sha256(temporary / f"{part}.txt") for part in PARTS},
            counts={"raw": _counts(labels)} | {part: _counts([v for _, v in samples[part]]) for part in PARTS},
            classes=list(data.class_names),
            mean=mean,
            std=std,
            images_sha256={part: cifar10.files_sha256(image for image, _ in samples[part]) for part in PARTS},
            seconds=clock.seconds,
        )
        write_summary(temporary, done)
    return done


# -- command line ------------------------------------------------------------------------------------------


def whole_or_all(text: str) -> int | str:
    """The type of the option --num-images."""
    if text == "all":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor 'all'") from None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.prepare", description=__doc__.partition("\n")[0])
    parser.add_argument("--source", choices=cifar10.SOURCES, default="auto", help="default: auto")
    parser.add_argument("--archive", metavar="P", help="a CIFAR-10 archive to use instead of a download")
    parser.add_argument(
        "--num-images", metavar="N", type=whole_or_all, help=f"training images, or all (default {DEFAULT_NUM_IMAGES})"
    )
    parser.add_argument("--root", metavar="D", help="folder to write to (default: one in the data folder)")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="of the split (default 0)")
    parser.add_argument("--jobs", metavar="J", type=int, help="processes (default: one per core)")
    parser.add_argument("--json", action="store_true", help="print a summary as one line of JSON at the end")
    options = vars(parser.parse_args(arguments))
    as_json = options.pop("json")
    try:
        done = prepare(**options, wait_seconds=0)
    except DataError as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename2 or error.filename or options["root"] or data_root()
        remedy = "Free space, or choose another --root or --archive."
        print(f"prepare: {where}: cannot be read or written: {error.strerror}. {remedy}", file=sys.stderr)
        return 1
    except BrokenProcessPool:
        print("prepare: a worker process was killed, perhaps for lack of memory. Try --jobs 1.", file=sys.stderr)
        return 1
    if done.done_before:
        print(f"Nothing to do: {done.label}, {done.num_images} images, is in {done.root}.")
    else:
        print(f"{done.label}: {done.num_images} training images in {done.raw}.")
    for part in PARTS:
        print(f"  {part:13s} {sum(done.counts[part]):6d} images  {done.index[part]}")
    if as_json:
        print(json.dumps(asdict(done)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
