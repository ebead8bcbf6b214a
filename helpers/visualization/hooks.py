"""Looks into a model while it computes: what layers put out, the gradients that reach them, and Grad-CAM.

Every function removes its hooks again, also when the model raises, and changes neither weights, gradients of
parameters, nor the mode of a layer. Layers are named as in `model.named_modules()`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


def layer_names(model: nn.Module) -> list[str]:
    """The names of the layers that hold no others, in the order in which they were defined."""
    return [name for name, layer in model.named_modules() if name and not list(layer.children())]


def _layer(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        known = ", ".join(known for known, _ in model.named_modules() if known)
        raise ValueError(f"no layer {name!a} in {type(model).__name__}: use one of {known}") from None


@contextmanager
def _with_hooks(model: nn.Module, names: tuple[str, ...], keep) -> Iterator[dict[str, torch.Tensor]]:
    """Call `keep(found, name, output)` for each output of the layers; yields `found`, a dictionary."""
    found: dict[str, torch.Tensor] = {}

    def hook_for(name: str):
        def hook(_layer: nn.Module, _inputs: tuple, output: object) -> None:
            if not isinstance(output, torch.Tensor):
                raise TypeError(f"{name} returns a {type(output).__name__}, not a tensor: name a layer inside of it")
            keep(found, name, output)

        return hook

    layers = {name: _layer(model, name) for name in names or layer_names(model)}
    with ExitStack() as stack:
        for name, layer in layers.items():
            stack.callback(layer.register_forward_hook(hook_for(name)).remove)
        yield found


def activations(model: nn.Module, *names: str):
    """Inside the block each forward pass fills a dictionary: name -> a copy of what the layer put out.

    Without names: all layers that hold no others. Of a layer that is called twice, the last output counts.

    Raises: ValueError for an unknown name; TypeError, in the forward pass, for a layer that returns no tensor.
    """

    def keep(found: dict, name: str, output: torch.Tensor) -> None:
        found[name] = output.detach().clone()  # what follows may work in place

    return _with_hooks(model, names, keep)


def output_gradients(model: nn.Module, *names: str):
    """Inside the block each backward pass fills a dictionary: name -> gradient with respect to the layer's output.

    Names and errors as for `activations`. A layer that the gradient does not reach is not in the dictionary.
    """

    def keep(found: dict, name: str, output: torch.Tensor) -> None:
        found.pop(name, None)  # that of an earlier pass
        if output.requires_grad:
            output.register_hook(lambda gradient: found.__setitem__(name, gradient.detach().clone()))

    return _with_hooks(model, names, keep)


@torch.enable_grad()
def grad_cam(
    model: nn.Module, layer: str, images: torch.Tensor, classes: torch.Tensor | int | None = None
) -> torch.Tensor:
    """Grad-CAM: where in the maps of a layer the score of a class comes from; [B, H, W], of the layer's size, >= 0.

    The maps are weighted with the mean gradient of the score and added; what is negative becomes 0, also everything.

    Args: model, in evaluation mode, images -> logits [B, K]; layer, its name, one with maps [B, C, H, W]; classes,
    whole numbers [B], one for all, or None for the predicted ones.
    Raises: ValueError for another mode or layer, or a class outside of 0 to K - 1.
    Source: R. Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks, 2017.
    """
    if model.training:
        raise ValueError("grad_cam: the model is in training mode. Call model.eval() first.")
    found: list[torch.Tensor] = []

    def keep(_layer: nn.Module, _inputs: tuple, output: object) -> torch.Tensor | None:
        if not isinstance(output, torch.Tensor):
            return None
        found.append(output)
        return output.clone()  # what follows may work in place

    handle = _layer(model, layer).register_forward_hook(keep)
    try:
        logits = model(images.detach().requires_grad_())  # so that frozen weights do not matter
    finally:
        handle.remove()
    if not found or found[-1].ndim != 4:
        raise ValueError(f"grad_cam: {layer} puts out no maps [B, C, H, W]. Name a convolution, or what follows it.")
    maps, num_classes = found[-1], logits.shape[1]
    chosen = logits.argmax(dim=1) if classes is None else torch.as_tensor(classes, device=logits.device)
    chosen = chosen.expand(len(logits))
    if not ((chosen >= 0) & (chosen < num_classes)).all():
        raise ValueError(f"grad_cam: classes {chosen.tolist()[:8]}, expected 0 to {num_classes - 1}")
    scores = logits.gather(1, chosen[:, None]).sum()
    (gradients,) = torch.autograd.grad(scores, maps)
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # B C 1 1
    return (weights * maps).sum(dim=1).clamp(min=0).detach()
