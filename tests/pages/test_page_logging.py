"""The functions on the pages about logging, as they stand in the notebooks, against TensorBoard and tensorboardX."""

import io
import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageSequence
from support import definition_of_page
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.plugins.distribution import compressor
from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import compute_curve
from torchvision.utils import make_grid

NUMBERS = "4_visualization/01_log_numbers"
DEVIATIONS = np.arange(-3, 4) / 2
SHARES = np.array([0, *(0.5 * (1 + math.erf(d / math.sqrt(2))) for d in DEVIATIONS), 1])
records = definition_of_page(NUMBERS, "records", struct=struct)
rebinned = definition_of_page(NUMBERS, "rebinned", np=np)
nine_lines = definition_of_page(NUMBERS, "nine_lines", np=np, shares=SHARES)
pr_rows = definition_of_page(NUMBERS, "pr_rows", np=np)
grid_size = definition_of_page("4_visualization/02_log_pictures", "grid_size")
add_gif = definition_of_page("4_visualization/02_log_pictures", "add_gif", io=io, Image=Image, Summary=Summary)
smoothed = definition_of_page(NUMBERS, "smoothed_solution", math=math)


@st.composite
def buckets(draw):
    """Buckets (left, right, count) side by side, none of them empty."""
    widths = draw(st.lists(st.floats(0.01, 10), min_size=1, max_size=8))
    edges = draw(st.floats(-10, 10)) + np.concatenate([[0], np.cumsum(widths)])
    counts = draw(st.lists(st.integers(1, 100), min_size=len(widths), max_size=len(widths)))
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def test_records_are_those_that_tensorboard_reads(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(20):
            writer.add_text("text", "x" * 17 * step, step)
    (file,) = tmp_path.iterdir()
    found = records(file.read_bytes())
    assert found == list(RawEventFileLoader(str(file)).Load())
    assert len(found) == 21 and sum(16 + len(event) for event in found) == file.stat().st_size


@given(buckets(), st.integers(1, 40), st.floats(0, 5), st.floats(0, 5))
@settings(deadline=None)
def test_rebinned_cuts_the_cumulative_counts_at_the_edges(found, num_bars, before, behind):
    low, high = found[0, 0] - before, found[-1, 1] + behind
    reached = np.concatenate([[0], found[:, 2].cumsum()])
    at_edges = np.interp(np.linspace(low, high, num_bars + 1), [found[0, 0], *found[:, 1]], reached)
    np.testing.assert_allclose(rebinned(found, low, high, num_bars), np.diff(at_edges), atol=1e-6)


@given(buckets())
def test_nine_lines_are_those_of_tensorboard(found):
    library = [value for _, value in compressor.compress_histogram(found, tuple(10_000 * SHARES))]
    np.testing.assert_allclose(nine_lines(found), library, atol=1e-6)


def test_the_shares_of_tensorboard_are_those_of_a_gaussian():
    np.testing.assert_allclose(compressor.NORMAL_HISTOGRAM_BPS, 10_000 * SHARES, atol=0.5)


@given(hnp.arrays(np.float32, st.integers(2, 30), elements=st.floats(0, 1, width=32)), st.data())
@settings(deadline=None)
def test_pr_rows_are_those_of_tensorboardx(scores, data):
    wanted = data.draw(hnp.arrays(bool, len(scores)))
    wanted[0] = True
    np.testing.assert_allclose(pr_rows(wanted, scores), compute_curve(wanted, scores, 127))


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.99])
def test_smoothing_is_the_weighted_mean_of_what_came_before(weight):
    values = np.random.default_rng(0).standard_normal(12)
    for n, found in enumerate(smoothed(list(values), weight), start=1):
        weights = weight ** np.arange(n - 1, -1, -1.0)
        assert found == pytest.approx(np.average(values[:n], weights=weights))


@given(*(st.integers(1, 9) for _ in range(4)), st.integers(0, 3))
@settings(deadline=None)
def test_grid_size_is_that_of_torchvision(count, h, w, nrow, padding):
    grid = make_grid(torch.zeros(count, 1, h, w), nrow, padding)
    assert grid_size(count, h, w, nrow, padding) == grid.shape[1:]


def test_a_logged_clip_has_every_frame_in_its_order(tmp_path):
    clip = np.zeros((5, 8, 12, 3), np.uint8)
    for k in range(5):
        clip[k, k : k + 3, 2 * k : 2 * k + 3] = (255, 0, 0)
    with SummaryWriter(str(tmp_path)) as writer:
        add_gif(writer, "clip", clip, step=7, fps=5)
    (file,) = tmp_path.iterdir()
    _, event = (Event.FromString(raw) for raw in RawEventFileLoader(str(file)).Load())
    (value,) = event.summary.value
    assert (event.step, value.tag, value.image.height, value.image.width) == (7, "clip", 8, 12)
    gif = Image.open(io.BytesIO(value.image.encoded_image_string))
    assert gif.info["duration"] == 200
    assert np.array_equal([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)], clip)
