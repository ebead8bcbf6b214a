"""The lists that faults are put on, and what several of them do to a training."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from helpers.diagnosis.patient import Images, Training


@dataclass(frozen=True)
class Fault:
    """A function from a healthy training to a sick one; its family, and the finding that is right for it."""

    name: str
    family: str
    finding: str
    inject: Callable[[Training], Training]

    def __call__(self, training: Training) -> Training:
        return self.inject(training)


FAULTS: dict[str, Fault] = {}
HELD_OUT: dict[str, Fault] = {}


def fault(family: str, finding: str, catalogue: dict[str, Fault] = FAULTS) -> Callable:
    """Put a function into the catalogue, under its own name."""

    def register(function: Callable[[Training], Training]) -> Callable[[Training], Training]:
        catalogue[function.__name__] = Fault(function.__name__, family, finding, function)
        return function

    return register


def both(t: Training, change: Callable[[Images], Images]) -> Training:
    """The same change of training and validation images."""
    return replace(t, train=change(t.train), valid=change(t.valid))


def labels_of(t: Training, change: Callable[[torch.Tensor], torch.Tensor]) -> Training:
    """A change of the training labels."""
    return replace(t, train=replace(t.train, labels=change(t.train.labels.clone())))


def only(images: Images, chosen: torch.Tensor) -> Images:
    """The chosen ones: positions, or a mask."""
    return replace(images, pixels=images.pixels[chosen], labels=images.labels[chosen])


def model_of(t: Training, change: Callable[[nn.Module], nn.Module]) -> Training:
    """A change of each new model."""
    return replace(t, model=lambda: change(t.model()))
