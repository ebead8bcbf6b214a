"""What a model and a loss are made of: weights, modules that nobody finds, the formula of a loss."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from helpers.diagnosis.copies import unwrapped


def device_of(model: nn.Module) -> torch.device:
    parameter = next(model.parameters(), None)
    return parameter.device if parameter is not None else torch.device("cpu")


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: v.detach().clone() for name, v in unwrapped(model).state_dict().items() if torch.is_tensor(v)}


def hidden_modules(model: nn.Module) -> list[str]:
    """Modules in plain lists, tuples and dictionaries of a module: nobody finds their parameters."""
    known = set(model.modules())
    found = []
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if attribute in ("_modules", "_parameters", "_buffers"):
                continue
            inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
            for item in inner:
                if isinstance(item, nn.Module) and item not in known and next(item.parameters(), None) is not None:
                    found.append(f"{name + '.' if name else ''}{attribute} ({type(item).__name__})")
    return found


def is_affine(model: Callable, images: torch.Tensor) -> bool:
    """Whether the outputs for the middle between two images are the middle of their outputs, for all pairs of halves.

    False where the outputs hardly depend on the image. Exact to rounding; needs a model without dropout.
    """
    if not images.is_floating_point() or len(images) < 2:
        return False
    a, b = images[: len(images) // 2], images[len(images) // 2 :][: len(images) // 2]
    of_a, of_b, of_middle = (model(x).double() for x in (a, b, (a + b) / 2))
    distance = (of_a - of_b).norm()
    if not distance > 1e-3 * (of_a.norm() + of_b.norm()):
        return False
    return bool((of_middle - (of_a + of_b) / 2).norm() < 1e-4 * distance)


def as_number(loss: torch.Tensor) -> torch.Tensor:
    """A loss as one number: whoever trains with `reduction="none"` takes a mean of his own."""
    return loss.mean() if loss.ndim else loss


def kind_of_loss(loss_fn: Callable, logits: torch.Tensor, labels: torch.Tensor) -> str:
    """Which known formula gives the same value as this loss."""
    try:
        value = loss_fn(logits, labels)
    except Exception:
        return ""
    hot = F.one_hot(labels, logits.shape[1]).float()
    formulas = {
        "cross_entropy": F.cross_entropy(logits, labels, reduction="none"),
        "nll": F.nll_loss(logits, labels, reduction="none"),
        "log of probabilities": F.nll_loss(logits.log(), labels, reduction="none"),
        "mse": F.mse_loss(logits, hot, reduction="none"),
        "mse of probabilities": F.mse_loss(logits.softmax(1), hot, reduction="none"),
        "binary": F.binary_cross_entropy_with_logits(logits, hot, reduction="none"),
    }
    for name, each in formulas.items():
        for expected in (each.mean(), each.sum(), each.sum() / len(labels)):
            if value.ndim == 0 and torch.isclose(value.float(), expected, rtol=1e-4):
                return name.split()[0]
    return ""
