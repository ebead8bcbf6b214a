"""The book's networks: `Net` (LeNet-style), `ResNet34`, and a small ResNet for 32×32 images.

Input of all: images [B, 3, H, W], float32, normalized. Output: logits [B, K], not yet probabilities.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from helpers.paths import DataError, project_root

INIT_METHODS = ("torch", "kaiming", "xavier", "orthogonal", "tutorial")
MODELS = ("net", "resnet")


class Net(nn.Module):
    """LeNet-style network for 32×32 images; 62,006 parameters with ten classes.

    Two convolutions of 5×5 without padding, each followed by ReLU and 2×2 max-pooling, then three linear layers.

    Source: Y. LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998 (LeNet-5, there with
    one input channel, average-pooling and other activations).
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, kernel_size=5)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[B, 3, 32, 32] -> logits [B, K]. Raises: ValueError for another shape."""
        if images.shape[1:] != (3, 32, 32):
            raise ValueError(f"Net takes images [B, 3, 32, 32], not {list(images.shape)}. Resize or transpose them.")
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)  # B 6 14 14
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # B 16 5 5
        x = torch.flatten(x, start_dim=1)  # B 400; unlike `view`, also for channels_last images
        x = F.relu(self.fc1(x))  # B 120
        x = F.relu(self.fc2(x))  # B 84
        return self.fc3(x)  # B K

    def initialize_weights(self, method: str = "kaiming") -> None:
        """Draw new weights; see `initialize_weights`."""
        initialize_weights(self, method)


def initialize_weights(model: nn.Module, method: str) -> None:
    """Draw new weights for every convolution and linear layer; biases become 0, normalization layers 1 and 0.

    Methods: torch, what the layers do by themselves (biases uniform); kaiming, normal with variance
    2 / fan_in, for ReLU; xavier, uniform with variance 2 / (fan_in + fan_out); orthogonal; tutorial, that of
    the 2018 tutorial: xavier normal for convolutions and N(0, 0.01²) for linear layers. Each linear
    layer shrinks the signal, and the gradient with it.

    Raises: ValueError for an unknown method.
    """
    if method not in INIT_METHODS:
        raise ValueError(f"unknown initialization {method!r}: use one of {', '.join(INIT_METHODS)}")
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d) or (method == "torch" and isinstance(layer, nn.Conv2d | nn.Linear)):
            layer.reset_parameters()
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            if method == "kaiming":
                nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
            elif method == "xavier":
                nn.init.xavier_uniform_(layer.weight)
            elif method == "orthogonal":
                nn.init.orthogonal_(layer.weight)
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
            else:
                nn.init.xavier_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


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
            projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(out_channels))

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


# -- by name, and from files -------------------------------------------------------------------------------


def build(name: str, num_classes: int = 10, init: str = "kaiming") -> nn.Module:
    """A new network for 32×32 images, with weights drawn by the method `init`: net or resnet.

    Raises: ValueError for an unknown name or method.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}: use one of {', '.join(MODELS)}")
    model = Net(num_classes) if name == "net" else CifarResNet(num_classes)
    initialize_weights(model, init)
    return model


def load_state(model: nn.Module, state: Mapping[str, torch.Tensor], origin: str | os.PathLike[str]) -> None:
    """Give a model the weights of a `state_dict`, all of them or none.

    Args: origin, where the state is from, for the message.
    Raises: DataError, which lists the keys that are missing, unexpected, or of another shape.
    """
    own = model.state_dict()
    mismatched = [
        f"{key} {list(state[key].shape)}, not {list(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    lists = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "mismatched": mismatched,
    }
    if any(lists.values()):
        found = "; ".join(f"{what}: {', '.join(keys)}" for what, keys in lists.items() if keys)
        raise DataError(f"{origin}: the weights of another architecture than {type(model).__name__}. {found}")
    model.load_state_dict(state)


def load_pretrained(source: str) -> Net:
    """`Net` as it was trained for the book, in evaluation mode: cifar10 or sample.

    `data/weights/weights.json` says how each was trained, and with which mean and standard deviation its images were
    normalized.

    Raises: ValueError for another source; DataError for a missing file or one with another checksum.
    """
    folder = project_root() / "data" / "weights"
    known = json.loads((folder / "weights.json").read_text())
    if source not in known:
        raise ValueError(f"no weights for {source!r}: use one of {', '.join(sorted(known))}")
    path = folder / known[source]["file"]
    if not path.exists():
        raise DataError(f"{path}: missing. Restore it with git checkout.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != known[source]["sha256"]:
        raise DataError(f"{path}: not the file that weights.json describes. Restore it with git checkout.")
    model = Net()
    load_state(model, torch.load(io.BytesIO(content), weights_only=True), path)
    return model.eval()
