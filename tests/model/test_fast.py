"""`helpers.model.fast` and `views`: the network written out, the first layer that whitens, and the six views."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms.v2 import functional as TF

from helpers.data.statistics import patch_covariance
from helpers.model.architectures import build
from helpers.model.fast import SMALLEST_VARIANCE, FastNet
from helpers.model.initialization import initialize_weights
from helpers.model.views import MirroredAndShifted


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def smooth_images(count: int) -> torch.Tensor:
    """Images whose neighbouring pixels and channels are alike, as those of photographs are."""
    noise = torch.randn(count, 1, 40, 40) + 0.3 * torch.randn(count, 3, 40, 40)
    return F.avg_pool2d(noise, 9, stride=1) * 9


def normalized(x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / variance.sqrt() + bias[:, None, None]


def test_it_equals_its_layers_written_out():
    model, images = FastNet(), torch.randn(8, 3, 32, 32)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.bias)
    x = F.gelu(F.conv2d(images, model.conv1.weight, model.conv1.bias))
    assert x.shape == (8, 24, 31, 31)
    for group, side in zip(model.groups, (15, 7, 3), strict=True):
        x = F.max_pool2d(F.conv2d(x, group.conv1.weight, padding=1), 2)
        x = F.gelu(normalized(x, group.bn1.bias))
        x = F.gelu(normalized(F.conv2d(x, group.conv2.weight, padding=1), group.bn2.bias))
        assert x.shape[2:] == (side, side)
    expected = x.flatten(2).max(dim=2).values @ model.fc.weight.T / 9
    torch.testing.assert_close(model(images), expected, atol=1e-5, rtol=1e-4)
    assert model(images).shape == (8, 10) and FastNet(num_classes=7)(images).shape == (8, 7)


def test_its_parameters_are_counted_and_the_scale_of_its_normalization_is_not_trained():
    model = build("fast")
    assert sum(p.numel() for p in model.parameters()) == 1_972_792
    fixed = [p for p in model.parameters() if not p.requires_grad]
    assert [len(p) for p in fixed] == [64, 64, 256, 256, 256, 256] and all((p == 1).all() for p in fixed)
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps, norm.bias.requires_grad) for norm in norms} == {(0.4, 1e-12, True)}


def test_the_wide_one_has_more_channels_and_about_1_7_times_the_arithmetic():
    flops = []
    for name in ("fast", "fast_wide"):
        with FlopCounterMode(display=False) as counter:
            build(name)(torch.randn(1, 3, 32, 32))
        flops.append(counter.get_total_flops())
    wide = build("fast_wide", num_classes=7)
    assert [group.conv2.out_channels for group in wide.groups] == [96, 320, 320] and wide.fc.out_features == 7
    assert sum(p.numel() for p in build("fast_wide").parameters()) == 3_151_416
    assert 1.65 < flops[1] / flops[0] < 1.75


@pytest.mark.parametrize(("channels", "size"), [(3, 2), (1, 3)])
def test_the_covariance_of_patches_is_the_mean_over_all_of_them(channels, size):
    images = torch.randn(3, channels, 6, 5)
    patches = [
        image[:, row : row + size, column : column + size].flatten().double().numpy()
        for image in images for row in range(7 - size) for column in range(6 - size)
    ]  # fmt: skip
    expected = np.mean([np.outer(patch, patch) for patch in patches], axis=0)
    np.testing.assert_allclose(patch_covariance(images, size).numpy(), expected, atol=1e-6)
    many = images.repeat(400, 1, 1, 1)  # more than one part
    np.testing.assert_allclose(patch_covariance(many, size).numpy(), expected, atol=1e-6)


def test_the_first_layer_whitens():
    images, model = smooth_images(600), FastNet()
    model.whiten(images)
    outputs = model.conv1(images).permute(0, 2, 3, 1).flatten(0, 2).double()  # patches, 24
    variances = torch.linalg.eigvalsh(patch_covariance(images, 2))
    second_moments = outputs.T @ outputs / len(outputs)
    expected = (variances / (variances + SMALLEST_VARIANCE)).diag()
    torch.testing.assert_close(second_moments[:12, :12], expected, atol=1e-4, rtol=0)
    assert expected.diag().max() > 0.99 and patch_covariance(images, 2).fill_diagonal_(0).abs().max() > 0.5
    assert torch.equal(model.conv1.weight[12:], -model.conv1.weight[:12])
    assert not model.conv1.bias.any() and not any(p.requires_grad for p in model.conv1.parameters())


def test_directions_in_which_nothing_varies_are_not_blown_up():
    model = FastNet()
    model.whiten(torch.ones(10, 3, 32, 32))
    assert model.conv1.weight.isfinite().all() and model.conv1.weight.abs().max() <= SMALLEST_VARIANCE**-0.5


def test_a_partial_identity_passes_on_each_channel_and_draws_the_rest():
    model, images = FastNet(), torch.randn(2, 64, 8, 8)
    grown, shrunk = model.groups[1].conv1, nn.Conv2d(64, 24, 3, padding=1, bias=False)
    assert torch.equal(grown(images)[:, :64], images)
    drawn = grown.weight[64:]
    assert drawn.std().item() == pytest.approx((1 / (3 * 64 * 9)) ** 0.5, rel=0.02) and not (drawn == 0).any()
    initialize_weights(shrunk, "partial_identity")
    assert torch.equal(shrunk(images), images[:, :24])
    assert model.fc.weight.std().item() == pytest.approx((1 / (3 * 256)) ** 0.5, rel=0.1)


def test_the_six_views_are_averaged():
    """The views made by torchvision, one after the other."""
    model, images = FastNet().eval(), smooth_images(5)[:, :, :32, :32]
    padded = TF.pad(images, [1, 1, 1, 1], padding_mode="reflect")
    expected = torch.zeros(5, 10)
    for view, weight in (
        (images, 1 / 4),
        (TF.crop(padded, 0, 0, 32, 32), 1 / 8),
        (TF.crop(padded, 2, 2, 32, 32), 1 / 8),
    ):
        expected += weight * (model(view) + model(TF.horizontal_flip(view)))
    torch.testing.assert_close(MirroredAndShifted(model)(images), expected)
    assert (expected - model(images)).abs().max() > 1e-3
