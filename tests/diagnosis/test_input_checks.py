"""The checks of what reaches the model: normalized twice, and rows that were reshaped instead of permuted."""

import pytest
import torch
from torch.nn import functional as F

from helpers.diagnosis.batches import Look
from helpers.diagnosis.checks.inputs import normalized_twice, rows_out_of_order
from helpers.diagnosis.observation import Seen

MEAN, STD = torch.tensor([0.49, 0.48, 0.45]), torch.tensor([0.25, 0.24, 0.26])


def pictures(side: int = 32) -> torch.Tensor:
    """Smooth noise [60, 3, side, side] on the 0-1 scale, with the mean and std above and channels that are alike."""
    torch.manual_seed(0)
    noise = F.avg_pool2d(torch.randn(60, 1, side + 4, side + 4), 5, stride=1) * 5
    noise = noise + 0.3 * F.avg_pool2d(torch.randn(60, 3, side + 4, side + 4), 5, stride=1) * 5
    noise = (noise - noise.mean((0, 2, 3), keepdim=True)) / noise.std((0, 2, 3), keepdim=True)
    return noise * STD[:, None, None] + MEAN[:, None, None]


def normalize(images: torch.Tensor) -> torch.Tensor:
    return (images - MEAN[:, None, None]) / STD[:, None, None]


def seen(images: torch.Tensor) -> Seen:
    count = len(images)
    return Seen(train=Look(images, torch.zeros(count).long(), list(range(count)), count, 20, True, False))


@pytest.mark.parametrize("times", range(4))
def test_a_second_normalization_is_found_and_no_other_number_of_them(times):
    images = pictures()
    for _ in range(times):
        images = normalize(images)
    found = normalized_twice(seen(images))
    assert (found is not None) == (times == 2)
    if found:
        assert found.severity == "fault" and "once" in found.remedy


def test_black_and_white_digits_normalized_twice_are_found_too():
    digits = (torch.rand(60, 1, 28, 28) < 0.13).float()
    assert normalized_twice(seen((digits - 0.13) / 0.34)) is None
    assert normalized_twice(seen(((digits - 0.13) / 0.34 - 0.13) / 0.34)) is not None


@pytest.mark.parametrize("side", [16, 32, 224])
def test_reshaped_rows_are_found_and_permuted_ones_are_not(side):
    images = normalize(pictures(side)[:20])
    by_pixel = images.permute(0, 2, 3, 1).contiguous()  # N H W C
    found = rows_out_of_order(seen(by_pixel.reshape(images.shape)))
    assert found is not None and found.severity == "fault" and "permute" in found.remedy
    assert rows_out_of_order(seen(by_pixel.permute(0, 3, 1, 2))) is None


@pytest.mark.parametrize(
    "images", [torch.randn(40, 3, 32, 32), torch.zeros(40, 3, 32, 32), torch.randn(40, 3, 4, 4), torch.randn(40, 9)]
)
def test_noise_constants_small_images_and_rows_of_numbers_are_left_alone(images):
    assert rows_out_of_order(seen(images)) is None
