"""Draw the book's embedded data set: 6,000 pictures of the ten CIFAR-10 classes, and write their archive.

Nothing here is a photograph: each picture is a solid model seen from a random side, on a drawn background,
through a drawn camera. It is a pure function of (label, seed), in integer arithmetic (see `drawing.raster`), hence
identical on every machine; `PIXELS_SHA256` says so. Colours, contrast and layouts follow what CIFAR-10's
classes look like on average, so that a small net meets the same difficulties: cat and dog share body, coat
and room, automobile and truck share road and paint.
"""

import concurrent.futures
import gzip
import hashlib
import io
import os
import pickle
import tarfile
from functools import partial

import numpy as np

from helpers.data.drawing.animals import bird, frog, hoofed, pet
from helpers.data.drawing.raster import PIXEL, SIDE, Dice
from helpers.data.drawing.scenes import camera, clutter, shadow
from helpers.data.drawing.vehicles import airplane, automobile, ship, truck
from helpers.paths import end_with_parent, replacing

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DEFAULT_SEED = 2018
PIXELS_SHA256 = "9c362c13afd4c08232d9e416cc2328420a7318795b530590416f8b7bb70f5dce"
NUM_BATCHES, BATCH_SIZE = 6, 1000  # five training batches and the test batch, 100 pictures a class in each

# Mean standard deviation of the grey values within an image, by class, as measured on CIFAR-10.
CONTRAST = (47, 57, 42, 51, 41, 52, 43, 52, 52, 60)
DRAWINGS = (airplane, automobile, bird, partial(pet, dog=False), partial(hoofed, horse=False),
            partial(pet, dog=True), frog, partial(hoofed, horse=True), ship, truck)


def draw_image(label: int, seed: int) -> np.ndarray:
    """One picture of class `label` (0 to 9); [32, 32, 3] uint8, a pure function of its arguments."""
    dice = Dice([label, seed % 2**32])
    figure, canvas, size = DRAWINGS[label](dice)
    x, y = (PIXEL * (SIDE // 2 + dice.roll(-3, 3)) for _ in "xy")
    tilt = 40 if CLASS_NAMES[label] == "airplane" else 14
    bounds = figure.frame(x, y, size * PIXEL, dice.roll(-tilt, tilt))
    if CLASS_NAMES[label] not in ("airplane", "bird"):
        shadow(dice, canvas, bounds)
    patch = np.clip(dice.texture(400, (4, 4), (8, 8)), 0, 256)
    figure.paint(canvas, dice.texture(64, (16, 16), (31, 31)), patch)
    if dice.chance(6):  # something stands in front
        clutter(dice, canvas, dice.roll(24, 36))
    return camera(dice, canvas, CONTRAST[label])


# --- the data set and its archive ---


def draw_sample(
    seed: int = DEFAULT_SEED, jobs: int | None = None, progress=None
) -> tuple[np.ndarray, np.ndarray]:
    """All pictures and their labels, drawn by `jobs` processes (default: one per core, at most 8).

    Returns images [6000, 32, 32, 3] uint8 and labels [6000] uint8: five training batches of 1,000, then the
    test batch, each with 100 pictures of every class. Picture i depends on seed and i only, not on `jobs`.
    `progress(n)` is called with the number of newly drawn pictures. Where processes are spawned (Windows,
    macOS), a script that calls this needs the usual `if __name__ == "__main__"`.
    """
    labels = _labels(seed)
    tasks = [(seed, start, labels[start : start + 250]) for start in range(0, len(labels), 250)]
    jobs = jobs or min(8, os.cpu_count() or 1)
    if jobs == 1:
        return _gather(map(_draw_part, tasks), progress), labels
    with concurrent.futures.ProcessPoolExecutor(jobs, initializer=end_with_parent) as pool:
        return _gather(pool.map(_draw_part, tasks), progress), labels


def _labels(seed: int) -> np.ndarray:
    """Labels [6000] uint8 in file order: every batch of 1,000 is balanced and shuffled."""
    keys = Dice([len(CLASS_NAMES), seed % 2**32]).grid(NUM_BATCHES, BATCH_SIZE, 2**30)
    order = np.argsort(keys, axis=1, kind="stable")  # a stable sort has one answer, whatever the version
    return (order % len(CLASS_NAMES)).astype(np.uint8).ravel()


def _draw_part(task: tuple) -> np.ndarray:
    seed, start, labels = task
    return np.stack([draw_image(int(label), seed * 1_000_003 + start + k) for k, label in enumerate(labels)])


def _gather(parts, progress) -> np.ndarray:
    done = []
    for part in parts:
        done.append(part)
        if progress is not None:
            progress(len(part))
    return np.concatenate(done)


def pixel_digest(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256, in hexadecimal, of images and labels (both uint8), to compare with `PIXELS_SHA256`."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def write_archive(path: str | os.PathLike, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images [6000, 32, 32, 3] and labels [6000], uint8, as a .tar.gz in CIFAR-10's own layout.

    Source of the layout: https://www.cs.toronto.edu/~kriz/cifar.html, "CIFAR-10 python version".
    """
    meta = {"num_cases_per_batch": BATCH_SIZE, "label_names": list(CLASS_NAMES), "num_vis": 3 * SIDE * SIDE}
    with (
        replacing(path) as temporary,
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name, content in (("batches.meta", meta), *_batches(images, labels)):
            data = pickle.dumps(content, protocol=2)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(data)  # its time and owner are 0: the same pictures give the same bytes
            archive.addfile(info, io.BytesIO(data))


def _batches(images: np.ndarray, labels: np.ndarray):
    """(file name, content) of each batch; `data` is [1000, 3072], the channels one after the other."""
    for k in range(NUM_BATCHES):
        first, test = k * BATCH_SIZE, k == NUM_BATCHES - 1
        part = [int(label) for label in labels[first : first + BATCH_SIZE]]
        planes = images[first : first + BATCH_SIZE].transpose(0, 3, 1, 2)
        yield "test_batch" if test else f"data_batch_{k + 1}", {
            "batch_label": "testing batch 1 of 1" if test else f"training batch {k + 1} of {NUM_BATCHES - 1}",
            "labels": part,
            "data": np.ascontiguousarray(planes).reshape(len(part), -1),
            "filenames": [f"{CLASS_NAMES[c]}_s_{first + n:06d}.png" for n, c in enumerate(part)],
        }
