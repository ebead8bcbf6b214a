"""`FastNet`, a network for 32×32 images that learns in few epochs.

Input: images [B, 3, 32, 32], float32, normalized. Output: logits [B, K], not yet probabilities.
"""

from itertools import pairwise

import torch
from torch import nn

from helpers.data.statistics import patch_covariance
from helpers.model.initialization import initialize_weights

PATCH = 2  # side of a patch, in pixels, that the first layer looks at
SMALLEST_VARIANCE = 5e-4  # is added to the variance of a direction: one in which nothing varies is not blown up
LOGIT_SCALE = 1 / 9


def _norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalization with a bias and without a scale, whose running statistics follow the weights quickly."""
    norm = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    norm.weight.requires_grad_(False)  # stays 1
    return norm


class ConvGroup(nn.Module):
    """Two 3×3 convolutions, with 2×2 max-pooling after the first: [B, C, H, W] -> [B, C', H // 2, W // 2]."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)  # batch norm has the bias
        self.bn1 = _norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = _norm(out_channels)
        self.pool, self.gelu = nn.MaxPool2d(2), nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.gelu(self.bn1(self.pool(self.conv1(x))))
        return self.gelu(self.bn2(self.conv2(x)))


class FastNet(nn.Module):
    """A first layer that can whiten, three groups of two convolutions, one linear layer; 1,972,792 parameters.

    `whiten` sets the first layer for good; without it, it is trained like the others.

    Source: K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024 (airbench94), section 3; D. Page, How to
    Train Your ResNet, 2019 (the whitening layer).
    """

    def __init__(self, num_classes: int = 10, widths: tuple[int, ...] = (64, 256, 256)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 2 * 3 * PATCH**2, PATCH)
        channels = [self.conv1.out_channels, *widths]
        self.groups = nn.Sequential(*(ConvGroup(*pair) for pair in pairwise(channels)))
        self.fc = nn.Linear(channels[-1], num_classes, bias=False)
        self.gelu = nn.GELU()
        initialize_weights(self, "partial_identity")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[B, 3, 32, 32] -> logits [B, K]. Raises: ValueError for another shape."""
        if images.shape[1:] != (3, 32, 32):
            shape = list(images.shape)
            raise ValueError(f"FastNet takes images [B, 3, 32, 32], not {shape}. Resize or transpose them.")
        x = self.gelu(self.conv1(images))  # B 24 31 31
        x = self.groups(x)  # B 256 3 3
        return self.fc(x.amax(dim=(2, 3))) * LOGIT_SCALE  # B K

    @torch.no_grad()
    def whiten(self, images: torch.Tensor) -> None:
        """Set the first layer, for good: on the patches of these images its outputs are uncorrelated, of mean square 1.

        Each direction is there twice, with both signs, as GELU lets only one half of it pass.

        Args: images, normalized training images [N, 3, H, W].
        """
        variances, directions = torch.linalg.eigh(patch_covariance(images, PATCH))  # directions are the columns
        kernels = (directions / (variances + SMALLEST_VARIANCE).sqrt()).T.reshape(-1, *self.conv1.weight.shape[1:])
        self.conv1.weight.copy_(torch.cat([kernels, -kernels]))
        self.conv1.bias.zero_()
        self.conv1.requires_grad_(False)


class WideFastNet(FastNet):
    """`FastNet` with groups of 96, 320 and 320 channels, 3,151,416 parameters: 1.7 times as much to compute.

    Source: the same paper, section 4, where networks for 95 % and more are wider.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__(num_classes, (96, 320, 320))
