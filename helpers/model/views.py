"""Test-time augmentation: what a network says of several views of an image, averaged."""

import torch
from torch import nn
from torch.nn import functional as F


class MirroredAndShifted(nn.Module):
    """Mean logits of six views: an image, itself moved by one pixel up and left, and down and right, each mirrored too.

    The two moved views weigh together as much as the unmoved one. What comes in at the border is mirrored from inside.

    Source: K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024, section 3.5.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[B, C, H, W] -> logits [B, K]."""
        H, W = images.shape[2:]
        padded = F.pad(images, (1,) * 4, mode="reflect")
        moved = [padded[:, :, k : k + H, k : k + W] for k in (0, 2)]
        views = [(images, 0.5), (moved[0], 0.25), (moved[1], 0.25)]
        return sum(weight * (self.model(view) + self.model(view.flip(3))) / 2 for view, weight in views)
