"""The ideas of the landmark networks as blocks, and one small network for 32×32 images with each of them.

Input of every network: images [B, 3, 32, 32], float32, normalized. Output: logits [B, K], not yet probabilities.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from helpers.model.initialization import initialize_weights
from helpers.model.net import Net
from helpers.model.resnet import BasicBlock, projection


def conv(in_channels: int, out_channels: int, size: int = 3, stride: int = 1, batch_norm: bool = True) -> nn.Sequential:
    """Convolution, batch norm or a bias, ReLU: [B, C, H, W] -> [B, C', H / stride, W / stride]."""
    convolution = nn.Conv2d(in_channels, out_channels, size, stride, size // 2, bias=not batch_norm)
    return nn.Sequential(convolution, *([nn.BatchNorm2d(out_channels)] if batch_norm else []), nn.ReLU())


def vgg_features(column: str, batch_norm: bool = False) -> nn.Sequential:
    """The convolutions of a column of VGG's table: `64` is 3×3 with 64 channels, `64/1` is 1×1, `M` pools, `LRN`.

    Source: K. Simonyan and A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2015.
    """
    layers, channels = [], 3
    for word in column.split():
        if word == "M":
            layers.append(nn.MaxPool2d(2))
        elif word == "LRN":
            layers.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2))
        else:
            width, _, size = word.partition("/")
            size = int(size or 3)
            layers.append(nn.Conv2d(channels, int(width), size, padding=size // 2))
            layers += [nn.BatchNorm2d(int(width)), nn.ReLU()] if batch_norm else [nn.ReLU()]
            channels = int(width)
    return nn.Sequential(*layers)


class Inception(nn.Module):
    """Four branches side by side, their channels put together.

    Args: widths, channels of branch 1 (1×1), of the two convolutions of branches
    2 (1×1, 3×3) and 3 (1×1, 5×5), and of branch 4; size, of the large kernel.
    Source: C. Szegedy et al., Going Deeper with Convolutions, 2015.
    """

    def __init__(self, channels: int, widths: Sequence[int], size: int = 5) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pool = widths
        a = conv(channels, one, 1)
        b = nn.Sequential(conv(channels, reduce3, 1), conv(reduce3, three))
        c = nn.Sequential(conv(channels, reduce5, 1), conv(reduce5, five, size))
        d = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), conv(channels, pool, 1))
        self.branches = nn.ModuleList([a, b, c, d])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Bottleneck(nn.Module):
    """relu(f(x) + x), where f is 1×1 to `width` channels, 3×3, 1×1 to 4 * width.

    The stride is in the 3×3, as in torchvision, not in the first 1×1.
    Source: K. He et al., Deep Residual Learning for Image Recognition, 2016.
    """

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        same = stride == 1 and channels == 4 * width
        self.downsample = nn.Identity() if same else projection(channels, 4 * width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)


class DenseLayer(nn.Module):
    """Puts `growth` new channels beside those it got: [x, f(x)].

    f is batch norm, ReLU, 1×1 to 4 * growth; batch norm, ReLU, 3×3.
    Source: G. Huang et al., Densely Connected Convolutional Networks, 2017.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        new = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(new)))], dim=1)


def dense_block(channels: int, growth: int, layers: int) -> nn.Sequential:
    """Layers that each see all channels before: [B, C, H, W] -> [B, C + layers · growth, H, W]."""
    return nn.Sequential(*(DenseLayer(channels + k * growth, growth) for k in range(layers)))


def transition(channels: int) -> nn.Sequential:
    """Half the channels, half the height and width: [B, C, H, W] -> [B, C / 2, H / 2, W / 2]."""
    convolution = nn.Conv2d(channels, channels // 2, 1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), convolution, nn.AvgPool2d(2))


def _head(channels: int, num_classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]


def _fully_connected(inputs: int, width: int, num_classes: int, dropout: float) -> list[nn.Module]:
    first, second = nn.Linear(inputs, width), nn.Linear(width, width)
    drop = [nn.Dropout(dropout)] if dropout else []
    return [nn.Flatten(), *drop, first, nn.ReLU(), *drop, second, nn.ReLU(), nn.Linear(width, num_classes)]


def alexnet(num_classes: int = 10, drop: float = 0.5) -> nn.Sequential:
    """Eight layers: large kernels first, overlapping pooling, dropout."""
    pool = nn.MaxPool2d(3, 2, padding=1)
    kernels = [(3, 16, 5, 2), (16, 32, 5, 1), (32, 48, 3, 1), (48, 48, 3, 1), (48, 32, 3, 1)]
    one, two, three, four, five = (conv(*kernel, batch_norm=False) for kernel in kernels)
    last = _fully_connected(32 * 2 * 2, 256, num_classes, drop)
    return nn.Sequential(one, pool, two, pool, three, four, five, pool, *last)


def vgg(num_classes: int = 10, batch_norm: bool = False) -> nn.Sequential:
    """Nine layers, 3×3 kernels only."""
    features = vgg_features("16 M 32 M 32 32 M 64 64 M", batch_norm)
    return nn.Sequential(features, *_fully_connected(64 * 2 * 2, 64, num_classes, 0.0))


def inception(num_classes: int = 10) -> nn.Sequential:
    """Four inception blocks."""
    first, second = Inception(16, (8, 8, 16, 4, 4, 4)), Inception(32, (16, 16, 32, 8, 8, 8))
    third, fourth = Inception(64, (16, 16, 32, 8, 8, 8)), Inception(64, (32, 32, 64, 16, 16, 16))
    layers = [conv(3, 16, stride=2), first, nn.MaxPool2d(2), second, third, nn.MaxPool2d(2), fourth]
    return nn.Sequential(*layers, *_head(128, num_classes))


def _plain_block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(conv(in_channels, out_channels, stride=stride), conv(out_channels, out_channels))


def _residual(block: Callable[..., nn.Module], widths: Sequence[int], num_classes: int, grow: int = 1) -> nn.Module:
    layers, channels = [conv(3, 16, stride=2)], 16
    for k, width in enumerate(widths):
        layers.append(block(channels, width, 1 if k == 0 or width == widths[k - 1] else 2))
        channels = grow * width
    return nn.Sequential(*layers, *_head(channels, num_classes))


def densenet(num_classes: int = 10) -> nn.Sequential:
    """Three dense blocks with 2, 3 and 3 layers, growth 8."""
    blocks = [dense_block(16, 8, 2), transition(32), dense_block(16, 8, 3), transition(40), dense_block(20, 8, 3)]
    return nn.Sequential(conv(3, 16, stride=2), *blocks, nn.BatchNorm2d(44), nn.ReLU(), *_head(44, num_classes))


# for each number of layers, the channels of each residual block; a new width halves the maps
WIDTHS = {12: (16,) + 2 * (32,) + 2 * (64,), 26: (16,) + 6 * (32,) + 5 * (64,)}
LANDMARKS: dict[str, Callable[[int], nn.Module]] = {
    "LeNet": Net,
    "AlexNet": alexnet,
    "no dropout": partial(alexnet, drop=0.0),
    "VGG": vgg,
    "VGG + BN": partial(vgg, batch_norm=True),
    "Inception": inception,
    "plain 12": partial(_residual, _plain_block, WIDTHS[12]),
    "ResNet 12": partial(_residual, BasicBlock, WIDTHS[12]),
    "plain 26": partial(_residual, _plain_block, WIDTHS[26]),
    "ResNet 26": partial(_residual, BasicBlock, WIDTHS[26]),
    "bottleneck": partial(_residual, Bottleneck, (8, 8, 16, 16, 32, 32), grow=4),
    "DenseNet": densenet,
}


def build(name: str, num_classes: int = 10) -> nn.Module:
    """A small network by its name, with weights drawn by Kaiming's rule. Raises: ValueError for an unknown name."""
    if name not in LANDMARKS:
        raise ValueError(f"unknown network {name!r}: use one of {', '.join(LANDMARKS)}")
    model = LANDMARKS[name](num_classes)
    initialize_weights(model, "kaiming")
    return model
