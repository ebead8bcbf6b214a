"""The functions on the pages about normalization, as they stand in the notebooks: back to bytes, merge, undo, fold,
find the numbers, count the steps."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torchvision.transforms import v2

NUMBERS, BACK, TRAINING = (
    f"1_data/{page}" for page in ("09_normalization", "10_normalize_and_back", "11_normalization_and_training")
)
merge, needed = (
    definition_of_page(NUMBERS, name, torch=torch, math=math) for name in ("merge_solution", "needed_solution")
)
denormalize, undo, used = (
    definition_of_page(BACK, name, torch=torch, v2=v2) for name in ("denormalize", "undo_solution", "used_solution")
)
fold, steps_needed, second_moments = (
    definition_of_page(TRAINING, name, torch=torch, nn=nn, math=math)
    for name in ("fold_solution", "steps_solution", "second_moments")
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


@given(st.floats(0.001, 0.1), st.integers(2, 6))
def test_so_many_images_are_needed_and_no_fewer(error, n):
    images = torch.randint(0, 256, (n, 3, 2, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(n))
    spread = (images.numpy() / 255).mean((2, 3)).std(0, ddof=1).max()
    found = needed(images, error)
    assert spread / math.sqrt(found) <= error * (1 + 1e-9)
    assert found == 1 or spread / math.sqrt(found - 1) > error * (1 - 1e-9)


@given(means, stds)
def test_normalize_undoes_itself(mean, std):
    back = undo(mean, std)(v2.Normalize(mean, std)(FLOATS))
    torch.testing.assert_close(back, FLOATS, atol=1e-5, rtol=0)


@given(means, stds)
def test_the_numbers_used_are_found(mean, std):
    for found, expected in zip(used(ALL_BYTES, v2.Normalize(mean, std)(FLOATS)), (mean, std), strict=True):
        assert found.tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"dilation": 2}, {"bias": False}], ids=str)
def test_a_folded_convolution_takes_images_that_are_not_normalized(options):
    mean, std = [0.1, 0.5, 0.9], [0.2, 0.3, 0.1]
    conv = nn.Conv2d(3, 4, (5, 3), **options).double()
    before = copy.deepcopy(conv.state_dict())
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(fold(conv, mean, std)(images), conv(v2.Normalize(mean, std)(images)))
    assert all(torch.equal(before[name], value) for name, value in conv.state_dict().items())


@given(st.lists(st.floats(0.1, 3), min_size=1, max_size=4), st.floats(0.05, 0.6), st.floats(0.02, 0.9))
def test_gradient_descent_needs_the_steps_that_the_eigenvalues_say(eigenvalues, rate, share):
    directions = torch.linalg.qr(torch.rand(len(eigenvalues), len(eigenvalues), dtype=torch.float64))[0]
    Q = directions * torch.tensor(eigenvalues, dtype=torch.float64) @ directions.T
    steps = steps_needed(Q, rate, share)
    assert steps < math.inf and steps >= 1

    def left(count):
        errors = torch.eye(len(Q), dtype=torch.float64)
        for _ in range(count):
            errors = errors - rate * Q @ errors
        return (directions.T @ errors @ directions).diagonal().abs().max()

    assert left(steps) <= share * (1 + 1e-9)
    assert left(steps - 1) > share * (1 - 1e-9)


def test_second_moments_are_those_of_the_patches():
    images = torch.rand(2, 3, 7, 6, dtype=torch.float64)
    patches = [images[n, :, i : i + 5, j : j + 5].flatten() for n in range(2) for i in range(3) for j in range(2)]
    expected = sum(torch.outer(patch, patch) for patch in patches) / len(patches)
    torch.testing.assert_close(second_moments(images), expected)
