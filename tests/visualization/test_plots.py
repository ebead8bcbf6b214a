"""`helpers.visualization.plots`: what is drawn is what was given; every function returns its `Axes`."""

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402 - after the backend is chosen
from matplotlib.axes import Axes  # noqa: E402

from helpers.visualization import plots  # noqa: E402
from helpers.visualization.plots import STYLE, class_bars, image_grid, use_style  # noqa: E402


@pytest.fixture(autouse=True)
def own_figures():
    """A test sees the figures it makes, in matplotlib's own style, and leaves none."""
    with plt.rc_context():
        plt.rcdefaults()
        yield
    plt.close("all")


def pixels(ax: Axes) -> np.ndarray:
    return np.asarray(ax.get_images()[0].get_array())


RGB = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)  # H W C
GREY = np.arange(6, dtype=np.uint8).reshape(2, 3)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (RGB, RGB),
        (RGB / 255, RGB / 255),
        (Image.fromarray(RGB), RGB),
        (torch.from_numpy(RGB).permute(2, 0, 1), RGB),
        (torch.from_numpy(RGB / 255).permute(2, 0, 1).requires_grad_(), RGB / 255),
        (GREY, GREY),
        (GREY[..., None], GREY),
        (Image.fromarray(GREY), GREY),
        (torch.from_numpy(GREY)[None], GREY),
        (torch.from_numpy(GREY), GREY),
    ],
    ids=[
        "array",
        "float",
        "PIL",
        "tensor",
        "with gradient",
        "grey",
        "grey H W 1",
        "grey PIL",
        "grey C H W",
        "grey H W",
    ],
)
def test_the_grid_shows_the_pixels_it_was_given(image, expected):
    ax = image_grid([image])
    assert isinstance(ax, Axes)
    assert np.array_equal(pixels(ax), expected)
    assert ax.get_images()[0].get_cmap().name == "gray" or expected.ndim == 3


@pytest.mark.parametrize(
    ("count", "columns", "shape"), [(1, 8, (1, 1)), (8, 8, (1, 8)), (9, 8, (2, 8)), (5, 2, (3, 2))]
)
def test_the_grid_fills_rows_from_left_to_right(count, columns, shape):
    images = [np.full((4, 4, 3), k, dtype=np.uint8) for k in range(count)]
    last = image_grid(images, [f"image {k}" for k in range(count)], columns)
    axes = last.figure.axes
    assert last.get_subplotspec().get_gridspec().get_geometry() == shape
    assert [pixels(ax)[0, 0, 0] for ax in axes[:count]] == list(range(count))
    assert [ax.get_title() for ax in axes[:count]] == [f"image {k}" for k in range(count)]
    assert last is axes[count - 1]
    assert not any(ax.get_images() for ax in axes[count:])
    assert not any(ax.axison for ax in axes)


def test_a_batch_of_tensors_is_a_sequence_of_images():
    assert len(image_grid(torch.zeros(5, 3, 4, 4)).figure.axes) == 5


def test_the_figure_grows_with_the_grid():
    small, large = image_grid([RGB] * 4, columns=2, size=1.0), image_grid([RGB] * 8, columns=4, size=1.0)
    assert small.figure.get_size_inches().tolist() == [2.0, 2.0]
    assert large.figure.get_size_inches().tolist() == [4.0, 2.0]


@pytest.mark.parametrize(
    "image", [np.zeros(4), np.zeros((2, 3, 4)), np.zeros((2, 3, 2)), np.zeros((1, 2, 3, 3)), torch.zeros(2, 4, 4), "a"]
)
def test_something_that_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="not an image"):
        image_grid([image])


def test_titles_that_do_not_match_and_empty_lists_are_refused_before_a_figure_is_made():
    with pytest.raises(ValueError, match="2 images and 1 titles"):
        image_grid([RGB, RGB], ["one"])
    with pytest.raises(ValueError, match="no images"):
        image_grid([])
    assert plt.get_fignums() == []


def test_the_bars_are_the_counts():
    counts = {"train": [8, 6, 4], "valid": [1, 2, 3]}
    ax = class_bars(counts, ["cat", "dog", "ship"], "images")
    assert isinstance(ax, Axes)
    assert [[bar.get_height() for bar in bars] for bars in ax.containers] == [[8, 6, 4], [1, 2, 3]]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["cat", "dog", "ship"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "valid"]
    assert ax.get_ylabel() == "images"


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_bars_stand_side_by_side_around_their_class(parts):
    ax = class_bars({f"part {k}": [1, 2] for k in range(parts)}, ["cat", "dog"])
    for k in range(2):
        group = sorted((bars[k].get_x(), bars[k].get_x() + bars[k].get_width()) for bars in ax.containers)
        assert all(left[1] <= right[0] + 1e-9 for left, right in zip(group, group[1:], strict=False))
        assert group[0][0] + group[-1][1] == pytest.approx(2 * k)
        assert group[-1][1] - group[0][0] == pytest.approx(0.8)


def test_one_part_needs_no_legend():
    assert class_bars({"train": [1, 2]}, ["cat", "dog"]).get_legend() is None


def test_counts_that_do_not_match_the_classes_are_refused():
    with pytest.raises(ValueError, match="valid has 1 numbers for 2 classes"):
        class_bars({"train": [1, 2], "valid": [1]}, ["cat", "dog"])


def test_the_style_is_set_by_the_call_and_by_nothing_else():
    before = dict(matplotlib.rcParams)
    image_grid([RGB])
    class_bars({"train": [1]}, ["cat"])
    assert dict(matplotlib.rcParams) == before
    use_style()
    assert matplotlib.rcParams["axes.grid"]
    assert matplotlib.rcParams["image.cmap"] == "cividis"
    assert dict(matplotlib.rcParams) != before


def test_the_style_sheet_names_only_settings_that_matplotlib_knows(caplog):
    found = matplotlib.rc_params_from_file(STYLE, use_default_template=False)
    lines = [line for line in STYLE.read_text().splitlines() if line and not line.startswith("#")]
    assert len(found) == len(lines)
    assert caplog.text == ""


def test_neighbouring_colours_differ_when_printed_in_grey():
    use_style()
    colours = [matplotlib.colors.to_rgb(c) for c in matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]]
    grey = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in colours]
    assert all(abs(one - two) > 0.08 for one, two in zip(grey, grey[1:], strict=False))


HISTORY = [{"epoch": k, "train_mode_loss": 2.0 - k / 4, "valid_loss": 2.1 - k / 5} for k in range(4)]


def test_curves_show_each_number_at_the_epochs_trained():
    ax = plots.curves(HISTORY, ("train_mode_loss", "valid_loss", "absent"), "cross-entropy (nats)")
    lines = ax.get_lines()
    assert [line.get_label() for line in lines] == ["train mode loss", "valid loss"]
    assert lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert lines[1].get_ydata().tolist() == [record["valid_loss"] for record in HISTORY]
    assert len({line.get_linestyle() for line in lines}) == 2  # to be told apart without colour
    assert ax.get_ylabel() == "cross-entropy (nats)" and ax.get_xlabel() == "epochs trained"


def test_curves_of_nothing_are_refused():
    for history in ([], HISTORY):
        with pytest.raises(ValueError, match="none of absent"):
            plots.curves(history, ("absent",), "loss")


def test_a_confusion_figure_shows_counts_and_shares_of_each_row():
    matrix = np.array([[8, 2, 0], [1, 4, 0], [0, 0, 0]])
    counts, shares = plots.confusion_figure(matrix, ["cat", "dog", "frog"])
    shown = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in counts.texts}
    assert [[shown[row, column] for column in range(3)] for row in range(3)] == matrix.astype(str).tolist()
    shown = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in shares.texts}
    assert (shown[0, 0], shown[0, 1], shown[1, 0], shown[1, 1]) == ("80", "20", "20", "80")
    assert not [place for place in shown if place[0] == 2]  # a class without images has no shares
    assert [label.get_text() for label in counts.get_yticklabels()] == ["cat", "dog", "frog"]
    assert counts.get_xlabel() == "predicted class" and counts.get_ylabel() == "true class"


def test_a_confusion_figure_needs_one_row_a_class():
    with pytest.raises(ValueError, match=r"matrix \[2, 2\] for 3 classes"):
        plots.confusion_figure(np.eye(2), ["a", "b", "c"])
