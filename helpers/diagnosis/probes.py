"""Short trainings of copies: would another learning rate, or another initialization, learn what this one does not?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from helpers.diagnosis.anatomy import as_number
from helpers.diagnosis.copies import bare_copy, fresh_optimizer
from helpers.model.initialization import initialize_weights

STEPS, IMAGES = 40, 64


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
    labels: torch.Tensor, adapt: Callable, *, factor: float = 1.0, init: str = "", steps: int = STEPS,
) -> Probe:  # fmt: skip
    """Train a copy from the weights `start` on one batch.

    Args: factor, of the learning rate; init, a method by which all weights are drawn anew, or "".
    """
    own = bare_copy(model)
    own.load_state_dict(start, strict=False)
    if init:
        initialize_weights(own, init)
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
        for optimizer in ours:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in ours:
            optimizer.step(lambda value=loss: value.detach())
    return Probe(first, last, accuracy)
