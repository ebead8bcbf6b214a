"""Residual networks: `ResNet34`, and a small one for 32×32 images.

Input: images [B, 3, H, W], float32, normalized. Output: logits [B, K], not yet probabilities.
"""

import torch
from torch import nn
from torch.nn import functional as F

from helpers.model.initialization import initialize_weights


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """A shortcut that changes its shape: 1×1 convolution, batch norm; [B, C, H, W] -> [B, C', H / stride, W / stride].

    Source: K. He et al., Deep Residual Learning for Image Recognition, 2016, option B.
    """
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut: relu(f(x) + x); [B, C, H, W] -> [B, C', H / stride, W / stride].

    Source: K. He et al., Deep Residual Learning for Image Recognition, 2016, figure 2; option B for the shortcut.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)  # batch norm has the bias
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module | None = None  # the shortcut must change its shape as the block does
        if stride != 1 or in_channels != out_channels:
            self.downsample = projection(in_channels, out_channels, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


def _stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(in_channels, out_channels, stride)
    return nn.Sequential(first, *(BasicBlock(out_channels, out_channels) for _ in range(blocks - 1)))


class ResNet34(nn.Module):
    """The 34-layer residual network for images of about 224×224; 21,797,672 parameters with 1,000 classes.

    Layer for layer and name for name torchvision's `resnet34`, so that its weights can be loaded.

    Source: K. He et al., Deep Residual Learning for Image Recognition, 2016, table 1.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, 3, stride=1)
        self.layer2 = _stage(64, 128, 4, stride=2)
        self.layer3 = _stage(128, 256, 6, stride=2)
        self.layer4 = _stage(256, 512, 3, stride=2)
        self.fc = nn.Linear(512, num_classes)
        initialize_weights(self, "kaiming")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W] -> logits [B, K]; the comments give the shapes for 224×224."""
        x = F.relu(self.bn1(self.conv1(images)))  # B 64 112 112
        x = F.max_pool2d(x, 3, stride=2, padding=1)  # B 64 56 56
        x = self.layer2(self.layer1(x))  # B 128 28 28
        x = self.layer4(self.layer3(x))  # B 512 7 7
        return self.fc(x.mean(dim=(2, 3)))  # B 512 -> B K


class CifarResNet(nn.Module):
    """A residual network for 32×32 images: a 3×3 stem without pooling, then one stage for each number of blocks.

    Each stage after the first halves height and width and doubles the channels.

    Args: blocks, blocks of each stage; width, channels of the first stage.
    """

    def __init__(self, num_classes: int = 10, blocks: tuple[int, ...] = (1, 2, 2), width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = [width, *(width * 2**k for k in range(len(blocks)))]
        self.stages = nn.Sequential(
            *(_stage(channels[k], channels[k + 1], blocks[k], stride=1 if k == 0 else 2) for k in range(len(blocks)))
        )
        self.fc = nn.Linear(channels[-1], num_classes)
        initialize_weights(self, "kaiming")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[B, 3, 32, 32] -> logits [B, K]."""
        x = self.stages(F.relu(self.bn1(self.conv1(images))))  # B C 8 8, with three stages
        return self.fc(x.mean(dim=(2, 3)))
