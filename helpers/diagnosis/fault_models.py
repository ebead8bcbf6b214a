"""What faults do to a model, whatever model it is: other weights, other layers, another head."""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from helpers.model.initialization import initialize_weights
from helpers.model.net import Net, with_batch_norm
from helpers.model.resnet import BasicBlock, CifarResNet

LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


def drawn(std: float) -> Callable[[nn.Module], nn.Module]:
    """All weights from N(0, std²), biases 0."""

    def change(model: nn.Module) -> nn.Module:
        for layer in model.modules():
            if isinstance(layer, LAYERS):
                nn.init.normal_(layer.weight, std=std)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        return model

    return change


def named_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, layer) for name, layer in model.named_modules() if isinstance(layer, LAYERS)]


def put(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer in the place of the one with this name."""
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, layer)


def head(model: nn.Module) -> tuple[str, nn.Linear]:
    return named_layers(model)[-1]


def with_head(model: nn.Module, outputs: int) -> nn.Module:
    name, last = head(model)
    new = nn.Linear(last.in_features, outputs)
    initialize_weights(nn.Sequential(new), "kaiming")
    put(model, name, new)
    return model


def behind(model: nn.Module, module: nn.Module) -> nn.Module:
    """A module after the last layer, as part of it."""
    name, last = head(model)
    put(model, name, nn.Sequential(last, module))
    return model


def with_dead_units(model: nn.Module) -> nn.Module:
    """The bias before the ReLU of the layer in the middle is -100; behind a normalization, that of it."""
    layers = [m for m in model.modules() if isinstance(m, LAYERS + (nn.BatchNorm2d,)) and m.bias is not None]
    middle = layers[(len(layers) - 1) // 2]
    if isinstance(model, CifarResNet):
        middle = next(m for m in model.modules() if isinstance(m, BasicBlock)).bn1
    nn.init.constant_(middle.bias, -100.0)
    return model


class _NoActivation(Net):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.conv1(images), 2)
        x = torch.flatten(F.max_pool2d(self.conv2(x), 2), start_dim=1)
        return self.fc3(self.fc2(self.fc1(x)))


class _NoActivationBlock(BasicBlock):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.bn2(self.conv2(self.bn1(self.conv1(x)))) + shortcut


class _NoActivationResNet(CifarResNet):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.stages(self.bn1(self.conv1(images))).mean(dim=(2, 3)))


def without_activations(model: nn.Module) -> nn.Module:
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.ReLU):
            put(model, name, nn.Identity())
        elif isinstance(module, BasicBlock):
            module.__class__ = _NoActivationBlock
    if isinstance(model, Net):
        model.__class__ = _NoActivation
    elif isinstance(model, CifarResNet):
        model.__class__ = _NoActivationResNet
    return model


def narrowed(model: nn.Module) -> nn.Module:
    """Two units between the last layer and what is before it."""
    name, last = head(model)
    new = nn.Sequential(nn.Linear(last.in_features, 2), nn.ReLU(), nn.Linear(2, last.out_features))
    initialize_weights(new, "kaiming")
    put(model, name, new)
    return model


def with_norms(model: nn.Module) -> nn.Module:
    """Batch normalization behind each layer but the last, where the model has none."""
    if any(isinstance(m, nn.modules.batchnorm._NormBase) for m in model.modules()):
        return model
    if isinstance(model, Net):
        return with_batch_norm(model)
    for name, layer in named_layers(model)[:-1]:
        put(model, name, nn.Sequential(layer, nn.BatchNorm1d(layer.out_features)))
    return model


def with_group_norms(model: nn.Module) -> nn.Module:
    """Group normalization in the place of batch normalization."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            put(model, name, nn.GroupNorm(4, module.num_features))
    return model


class InAList(nn.Module):
    """A model whose last layer is in a plain list, as `self.layers = [nn.Linear(...)]` puts it there."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        name, last = head(model)
        put(model, name, nn.Identity())
        self.body, self.layers = model, [copy.deepcopy(last)]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers[0](self.body(images))
