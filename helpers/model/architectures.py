"""The networks for 32×32 images, by name."""

from torch import nn

from helpers.model.fast import FastNet, WideFastNet
from helpers.model.initialization import initialize_weights
from helpers.model.net import Net
from helpers.model.resnet import CifarResNet

_CLASSES = {"net": Net, "resnet": CifarResNet, "fast": FastNet, "fast_wide": WideFastNet}
MODELS = tuple(_CLASSES)
WHITENED = tuple(name for name, kind in _CLASSES.items() if issubclass(kind, FastNet))  # begin with a whitening layer


def build(name: str, num_classes: int = 10, init: str = "kaiming") -> nn.Module:
    """A new network for 32×32 images, with weights drawn by the method `init`: one of `MODELS`.

    Raises: ValueError for an unknown name or method.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}: use one of {', '.join(MODELS)}")
    model = _CLASSES[name](num_classes)
    initialize_weights(model, init)
    return model
