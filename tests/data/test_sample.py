"""`helpers.data.sample`: the images are the same however they are drawn, and their archive is one of CIFAR-10's."""

import subprocess
import sys

import numpy as np
import psutil
from support import PROJECT

from helpers.data.archive import read_archive
from helpers.data.sample import (
    BATCH_SIZE,
    CLASS_NAMES,
    DEFAULT_SEED,
    NUM_BATCHES,
    PIXELS_SHA256,
    draw_image,
    draw_sample,
    pixel_digest,
    write_archive,
)


def test_the_pixels_are_those_the_constant_names(drawn):
    assert pixel_digest(*drawn) == PIXELS_SHA256


def test_the_digest_changes_with_one_pixel_and_with_one_label(drawn):
    images, labels = drawn[0].copy(), drawn[1].copy()
    images[17, 3, 4, 1] ^= 1
    assert pixel_digest(images, labels) != PIXELS_SHA256
    labels[17] = (labels[17] + 1) % 10
    assert pixel_digest(drawn[0], labels) != PIXELS_SHA256


def test_the_number_of_processes_does_not_change_a_pixel(monkeypatch):
    """One batch, drawn by one process and by two."""
    monkeypatch.setattr("helpers.data.sample.NUM_BATCHES", 1)
    one, two = draw_sample(jobs=1), draw_sample(jobs=2)
    assert len(one[0]) == BATCH_SIZE
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_every_batch_has_every_class_equally_often(drawn):
    images, labels = drawn
    assert images.shape == (NUM_BATCHES * BATCH_SIZE, 32, 32, 3)
    assert images.dtype == labels.dtype == np.uint8
    for batch in labels.reshape(NUM_BATCHES, BATCH_SIZE):
        assert np.bincount(batch).tolist() == [BATCH_SIZE // 10] * 10
        assert np.any(batch[1:] < batch[:-1]), "the labels are in order, so the images are not shuffled"


def test_no_two_images_are_equal(drawn):
    assert len({image.tobytes() for image in drawn[0]}) == len(drawn[0])


def test_an_image_depends_on_its_label_and_its_seed_only():
    first = draw_image(3, 5)
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8
    np.random.seed(1)
    assert np.array_equal(draw_image(3, 5), first)
    assert not np.array_equal(draw_image(3, 6), first)
    assert not np.array_equal(draw_image(4, 5), first)


def test_another_seed_draws_other_images_in_another_order(monkeypatch, drawn):
    monkeypatch.setattr("helpers.data.sample.NUM_BATCHES", 1)
    images, labels = draw_sample(DEFAULT_SEED + 1, jobs=2)
    assert not np.array_equal(labels, drawn[1][:BATCH_SIZE])
    assert not {image.tobytes() for image in images} & {image.tobytes() for image in drawn[0]}


def test_progress_counts_every_image(monkeypatch):
    monkeypatch.setattr("helpers.data.sample.NUM_BATCHES", 1)
    seen = []
    draw_sample(jobs=1, progress=seen.append)
    assert sum(seen) == BATCH_SIZE
    assert len(seen) > 1


def test_the_archive_is_read_as_a_cifar_10_archive(drawn, tmp_path):
    path = tmp_path / "sample.tar.gz"
    write_archive(path, *drawn)
    found = read_archive(path)
    images, labels = drawn
    cut = len(labels) - BATCH_SIZE
    assert np.array_equal(found.train_images, images[:cut])
    assert np.array_equal(found.train_labels, labels[:cut])
    assert np.array_equal(found.test_images, images[cut:])
    assert np.array_equal(found.test_labels, labels[cut:])
    assert found.class_names == CLASS_NAMES
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    before = path.read_bytes()
    write_archive(path, *drawn)
    assert path.read_bytes() == before


DRAW = """
from helpers.data.sample import draw_sample
draw_sample(jobs=2, progress=lambda n: print(n, flush=True))
"""


def test_the_workers_of_a_killed_drawing_end_too():
    with subprocess.Popen([sys.executable, "-c", DRAW], stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert int(process.stdout.readline()) > 0
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=2)
        for worker in alive:
            worker.kill()
    assert len(workers) == 2
    assert alive == []
