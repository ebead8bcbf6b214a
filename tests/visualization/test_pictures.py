"""`helpers.visualization.pictures`: which image stands where, and under which title."""

import matplotlib
import numpy as np
import pytest
import torch
from torchvision.transforms import v2

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402 - after the backend is chosen

from helpers.visualization.pictures import compare, image_rows, photograph, show_draws  # noqa: E402

ROW = torch.arange(24, dtype=torch.uint8).reshape(3, 2, 4)  # no two pixels equal


@pytest.fixture(autouse=True)
def no_figures_are_left():
    yield
    plt.close("all")


def drawn(axes) -> list[tuple[str, np.ndarray]]:
    """Title and pixels C H W of each image of the figure, row by row."""
    return [
        (ax.get_title(), np.moveaxis(np.asarray(ax.get_images()[0].get_array()), -1, 0)) for ax in axes.figure.axes
    ]


def test_the_photograph_is_bytes_of_the_size_asked_for():
    photo = photograph(60, 50)
    assert type(photo) is torch.Tensor and photo.shape == (3, 60, 50) and photo.dtype == torch.uint8
    assert photo.min() < 20 and photo.max() > 230


def test_rows_have_titles_above_the_first_only():
    found = drawn(image_rows([[ROW, ROW + 1], [ROW + 2, ROW + 3]], ["a", "b"]))
    assert [title for title, _ in found] == ["a", "b", "", ""]
    for k, (_, pixels) in enumerate(found):
        assert np.array_equal(pixels, ROW + k)
    with pytest.raises(ValueError, match="2 images and 1 titles"):
        image_rows([[ROW, ROW]], ["a"])


def test_compare_draws_the_original_and_each_way():
    ways = {"flip": v2.RandomHorizontalFlip(1.0), "invert": v2.RandomInvert(1.0)}
    found = drawn(compare([ROW, ROW + 50], ways))
    assert [title for title, _ in found] == ["original", "flip", "invert", "", "", ""]
    for k, image in enumerate((ROW, ROW + 50)):
        for (_, pixels), expected in zip(found[3 * k :], (image, image.flip(-1), 255 - image), strict=False):
            assert np.array_equal(pixels, expected)


def test_show_draws_draws_what_its_titles_say():
    torch.manual_seed(0)
    found = drawn(show_draws([(ROW, v2.RandomCrop(2))], lambda d: f"{d['top']} {d['left']}", count=8))
    assert found[0][0] == "original" and len({title for title, _ in found[1:]}) > 1
    for title, pixels in found[1:]:
        top, left = map(int, title.split())
        assert np.array_equal(pixels, ROW[:, top : top + 2, left : left + 2])
