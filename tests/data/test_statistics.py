"""`helpers.data.statistics`: mean and standard deviation are those of all pixels."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.data.statistics import channel_statistics
from helpers.paths import DataError


def save_all(images, folder: Path) -> list[str]:
    folder.mkdir()
    for k, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{k:05d}.png", compress_level=0)
    return [str(folder / f"{k:05d}.png") for k in range(len(images))]


def numpy_statistics(images) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.concatenate([image.reshape(-1, 3) for image in images]).astype(np.float64) / 255
    return pixels.mean(axis=0), pixels.std(axis=0)


def test_mean_and_std_are_those_of_all_pixels(small, tmp_path):
    mean, std = channel_statistics(save_all(small.images, tmp_path / "raw"))
    expected = numpy_statistics(small.images)
    assert np.abs(np.array(mean) - expected[0]).max() < 1e-12
    assert np.abs(np.array(std) - expected[1]).max() < 1e-12


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.integers(1, 256))
def test_mean_and_std_are_right_for_images_of_any_size_and_range(tmp_path_factory, seed, n, height, width, levels):
    dice = np.random.default_rng(seed)
    low = dice.integers(0, 257 - levels)
    images = [  # two sizes in one set: the average of averages would be wrong
        dice.integers(low, low + levels, (height + k % 2, width, 3), dtype=np.uint8) for k in range(n)
    ]
    mean, std = channel_statistics(save_all(images, tmp_path_factory.mktemp("any") / "raw"))
    expected = numpy_statistics(images)
    assert np.abs(np.array(mean) - expected[0]).max() < 1e-12
    assert np.abs(np.array(std) - expected[1]).max() < 1e-12


@pytest.mark.parametrize("value", [0, 1, 77, 254, 255])
def test_constant_images_have_a_standard_deviation_of_exactly_zero(tmp_path, value):
    paths = save_all([np.full((32, 32, 3), value, dtype=np.uint8)] * 600, tmp_path / "raw")
    assert channel_statistics(paths) == ([value / 255] * 3, [0.0] * 3)


def test_channels_are_not_mixed_up(tmp_path):
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    image[0, :, 1] = 255
    image[..., 2] = 51
    mean, std = channel_statistics(save_all([image], tmp_path / "raw"))
    assert (mean, std) == ([0.0, 0.5, 0.2], [0.0, 0.5, 0.0])


def test_the_order_of_the_images_changes_no_bit(small, tmp_path):
    paths = save_all(small.images, tmp_path / "raw")
    assert channel_statistics(paths) == channel_statistics(paths[::-1])


def test_no_images_have_no_statistics():
    with pytest.raises(DataError, match="no images. Pass the paths"):
        channel_statistics([])


def test_memory_does_not_grow_with_the_number_of_images(small, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # each thread holds images; how many overlap is chance
    paths = save_all(small.images, tmp_path / "raw")
    peaks = []
    for times in (1, 6):
        tracemalloc.start()
        channel_statistics(paths * times)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
