"""Trials with copies: would another learning rate learn what this one does not? Is a gradient that of one batch?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from helpers.diagnosis.anatomy import as_number
from helpers.diagnosis.copies import bare_copy, fresh_optimizer, unwrapped

STEPS, IMAGES = 40, 64
ENOUGH = 0.8  # of the batch: a short training that got so far has shown what it can


@dataclass
class Probe:
    """A training of a copy on one small batch, over and over."""

    first_loss: float
    last_loss: float
    accuracy: float  # on the batch, at the end, in training mode

    @property
    def learned(self) -> bool:
        return self.accuracy >= 0.6

    @property
    def gain(self) -> float:
        """Share of the first loss that is gone at the end; -1 where the loss grew that much, or is no number."""
        gain = 1 - self.last_loss / self.first_loss if self.first_loss > 0 else math.nan
        return max(-1.0, gain) if math.isfinite(gain) else -1.0

    def beats(self, other: "Probe") -> bool:
        """Whether it learned clearly more: by accuracy, or, where forty steps are too few for that, by its loss."""
        by_accuracy = self.accuracy >= 0.6 and self.accuracy - other.accuracy >= 0.25
        return by_accuracy or (self.gain >= 0.2 and self.gain - other.gain >= 0.2 and self.accuracy > other.accuracy)


def train_copy(
    model: nn.Module, start: dict[str, torch.Tensor], optimizers: list, loss_fn: Callable, images: torch.Tensor,
    labels: torch.Tensor, adapt: Callable, *, factor: float = 1.0, steps: int = STEPS,
) -> Probe:  # fmt: skip
    """Train a copy from the weights `start` on one batch, until it knows most of it. Args: factor, of the rate."""
    own = bare_copy(model)
    own.load_state_dict(start, strict=False)
    own.train()
    ours = [fresh_optimizer(optimizer, model, own, factor) for optimizer in optimizers]
    first = last = float("nan")
    accuracy = 0.0
    for step in range(steps):
        outputs = adapt(own, images)
        loss = as_number(loss_fn(outputs, labels))
        accuracy, last = (outputs.argmax(dim=1) == labels).float().mean().item(), loss.item()
        first = last if step == 0 else first
        if not torch.isfinite(loss) or not loss.requires_grad:
            return Probe(first, last, 0.0)
        if accuracy >= ENOUGH:
            break
        for optimizer in ours:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in ours:
            optimizer.step(lambda value=loss: value.detach())
    return Probe(first, last, accuracy)


def accumulated(
    model: nn.Module, held: set[int], loss_fn: Callable, images: torch.Tensor, labels: torch.Tensor, adapt: Callable
) -> float:
    """The norm of the gradient that is there over that of this batch alone; 0 where there is none.

    Args: held, the ids of the parameters to look at: nobody clears the gradients of others.
    """
    own = bare_copy(model)
    as_number(loss_fn(adapt(own, images), labels)).backward()
    there = dict(unwrapped(model).named_parameters())
    pairs = [
        (there[name].grad, p.grad) for name, p in own.named_parameters()
        if p.grad is not None and there[name].grad is not None and id(there[name]) in held
    ]  # fmt: skip
    if not pairs:
        return 0.0
    now, alone = (torch.stack([pair[k].float().norm() for pair in pairs]).norm().item() for k in (0, 1))
    return now / alone if alone > 0 else 0.0
