"""The functions on the page about normalization, as they stand in the notebook: back to bytes, merge, fold, find."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torchvision.transforms import v2

denormalize, merge, fold, used = (
    definition_of_page("1_data/06_normalization", name, torch=torch, nn=nn)
    for name in ("denormalize", "merge", "fold", "used")
)

means = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3)
stds = st.lists(st.floats(0.05, 1.0), min_size=3, max_size=3)
ALL_BYTES = torch.arange(256, dtype=torch.uint8).repeat(3, 1).view(1, 3, 16, 16)
FLOATS = v2.ToDtype(torch.float32, scale=True)(ALL_BYTES)


@given(means, stds)
def test_every_byte_comes_back_whatever_the_numbers(mean, std):
    normalized = v2.Normalize(mean, std)(FLOATS)
    kept = normalized.clone()
    assert torch.equal(denormalize(normalized, mean, std), ALL_BYTES)
    assert torch.equal(denormalize(normalized[0], mean, std), ALL_BYTES[0])  # also without a batch axis
    assert torch.equal(normalized, kept)


def test_what_left_the_range_is_cut_off_and_does_not_wrap():
    outside = torch.tensor([-3.0, 0.0, 1.0, 3.0]).expand(3, 1, 4)
    assert denormalize(outside, [0.0] * 3, [1.0] * 3)[0, 0].tolist() == [0, 0, 255, 255]


numbers = st.lists(st.floats(-100, 100), min_size=1, max_size=20)


@given(numbers, numbers)
def test_merged_parts_equal_the_whole(first, second):
    def moments(values):
        return len(values), np.mean(values), np.var(values)

    assert merge(moments(first), moments(second)) == pytest.approx(moments(first + second), rel=1e-9, abs=1e-9)


@given(means, stds)
def test_the_numbers_used_are_found(mean, std):
    for found, expected in zip(used(ALL_BYTES, v2.Normalize(mean, std)(FLOATS)), (mean, std), strict=True):
        assert found.tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_folded_convolution_takes_images_that_are_not_normalized(stride):
    mean, std = [0.1, 0.5, 0.9], [0.2, 0.3, 0.1]
    conv = nn.Conv2d(3, 4, (5, 3), stride).double()
    before = copy.deepcopy(conv.state_dict())
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(fold(conv, mean, std)(images), conv(v2.Normalize(mean, std)(images)))
    assert all(torch.equal(before[name], value) for name, value in conv.state_dict().items())
