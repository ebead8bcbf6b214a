"""One pass forward and backward through a copy: how strong the signal is in each layer, what lies between layers."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import nn

from helpers.diagnosis.anatomy import as_number

WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)
LINEAR_NORM = nn.modules.batchnorm._NormBase  # one scale for all images; LayerNorm divides by that of each
COMPARED = 512  # numbers of an input that are looked for in the output before


@dataclass
class Layer:
    """A convolution or linear layer as seen in one pass."""

    name: str
    scale: float  # standard deviation of its weights over that of He, sqrt(2 / inputs of a unit)
    constant: bool  # all weights are the same number
    dead: float  # share of its input channels that are 0 for every image, after the first layer
    linear_from: str  # the layer whose output it gets without a non-linearity between, or ""
    gradient: float  # root mean square of the gradient of its weights
    inputs: int
    outputs: int  # numbers that leave it for each image


@dataclass
class Signals:
    """The layers in the order in which they ran; `error` says in which module the model raised, with shapes."""

    layers: list[Layer]
    cross_entropy: float  # mean over the images, in nats, whatever the loss of the training is
    error: str = ""


def through(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, loss_fn: Callable | None, adapt: Callable
) -> Signals:
    """Send a batch through a copy in training mode, without dropout, and back. The copy is used up.

    Args: adapt, (model, images) -> outputs.
    """
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()  # what is dropped is not dead
    inside: list[tuple[str, nn.Module, list]] = []
    layers: dict[str, Layer] = {}
    last: list[tuple[str, torch.Tensor]] = []

    def entering(name: str):
        def hook(module: nn.Module, arguments: tuple) -> None:
            shapes = [list(a.shape) for a in arguments if isinstance(a, torch.Tensor)]
            inside.append((name, module, shapes))

        return hook

    def leaving(name: str):
        def hook(module: nn.Module, arguments: tuple, output: object) -> None:
            inside.pop()
            if not isinstance(output, torch.Tensor) or not arguments:
                return
            x = arguments[0].detach()
            if isinstance(module, WEIGHTED) and isinstance(x, torch.Tensor):
                layers[name] = _layer(name, module, x, last, output[0].numel())
            if isinstance(module, (*WEIGHTED, LINEAR_NORM)):
                last.append((name, output.detach()))

        return hook

    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_pre_hook(entering(name)).remove)
            stack.callback(module.register_forward_hook(leaving(name)).remove)
        try:
            outputs = adapt(model, images)
        except Exception as error:  # whatever the model does
            where = next((item for item in reversed(inside)), ("", model, [list(images.shape)]))
            name, module, shapes = where
            at = f"{name or 'the model'} ({type(module).__name__}) got {', '.join(map(str, shapes)) or 'no tensor'}"
            return Signals(list(layers.values()), float("nan"), f"{at}: {type(error).__name__}: {error}")
    cross_entropy = float("nan")
    if outputs.ndim == 2 and len(labels) and int(labels.max()) < outputs.shape[1]:
        cross_entropy = nn.functional.cross_entropy(outputs.detach().float(), labels.to(outputs.device)).item()
    if loss_fn is not None and outputs.requires_grad:
        try:
            as_number(loss_fn(outputs, labels)).backward()
        except Exception as error:
            return Signals(
                list(layers.values()), cross_entropy,
                f"the loss {type(loss_fn).__name__} got outputs {list(outputs.shape)} and labels {list(labels.shape)} "
                f"from {int(labels.min())} to {int(labels.max())}: {type(error).__name__}: {error}",
            )  # fmt: skip
    modules = dict(model.named_modules())
    for name, layer in layers.items():
        gradient = modules[name].weight.grad
        layer.gradient = float("nan") if gradient is None else gradient.float().square().mean().sqrt().item()
    return Signals(list(layers.values()), cross_entropy)


def _layer(name: str, module: nn.Module, x: torch.Tensor, last: list[tuple[str, torch.Tensor]], outputs: int) -> Layer:
    weight = module.weight.detach().float()
    fan_in = weight[0].numel()
    scale = weight.std(correction=0).item() * (fan_in / 2) ** 0.5
    dead = 0.0
    if last and x.ndim >= 2:
        channels = x.transpose(0, -1 if isinstance(module, nn.Linear) else 1).flatten(1)  # C, all else
        dead = (channels == 0).all(dim=1).float().mean().item()
    return Layer(
        name, scale, bool((weight == weight.flatten()[0]).all()) and weight.numel() > 1, dead,
        _linear_from(x, last), float("nan"), fan_in, outputs,
    )  # fmt: skip


def _linear_from(x: torch.Tensor, last: list[tuple[str, torch.Tensor]]) -> str:
    """The layer before, if the input holds nothing but numbers of its output, negative ones too.

    Reshaping and max-pooling choose among numbers; a non-linearity changes them or leaves none below 0.
    """
    if not last:
        return ""
    name, output = last[-1]
    given, known = x[0].reshape(-1), output[0].reshape(-1)
    given = given[:: max(1, len(given) // COMPARED)]
    if (given < 0).float().mean() < 0.005 or not torch.isin(given, known).float().mean() > 0.99:
        return ""
    return name
