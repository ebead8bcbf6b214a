"""What is seen of a training: `Seen`, all that the checks may look at."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import nn

from helpers.diagnosis.batches import Look, is_measured
from helpers.diagnosis.probes import Probe
from helpers.diagnosis.reference import Reference
from helpers.diagnosis.signals import Layer, Signals


def constant_share(images: torch.Tensor) -> float:
    """Share of images in which every channel has one value only; images [n, C, ...], or rows of a table [n, C]."""
    flat = images.float().reshape(len(images), images.shape[1], -1) if images.ndim > 2 else images.float()
    if flat.shape[-1] < 2:
        return 0.0
    return (flat.amax(-1) == flat.amin(-1)).reshape(len(images), -1).all(dim=1).float().mean().item()


@dataclass
class Inputs:
    """Statistics of the images of a batch, all but the last two numbers per channel."""

    mean: list[float]
    std: list[float]
    most: float
    constant: float  # share of images in which every pixel is the same
    finite: bool

    @classmethod
    def of(cls, images: torch.Tensor) -> "Inputs":
        x = images.detach().float()
        x = x.reshape(len(x), -1, 1) if x.ndim < 3 else x
        axes = [k for k in range(x.ndim) if k != 1] if x.shape[1] <= 32 else list(range(x.ndim))
        return cls(
            x.mean(dim=axes).reshape(-1).tolist(), x.std(dim=axes, correction=0).reshape(-1).tolist(),
            x.max().item(), constant_share(images.detach()),
            bool(torch.isfinite(x).all()),
        )  # fmt: skip

    @property
    def offset(self) -> float:
        """How far the mean lies from 0, in standard deviations, in the worst channel."""
        return max(abs(m) / max(s, 1e-12) for m, s in zip(self.mean, self.std, strict=True))

    @property
    def normalized_twice(self) -> bool:
        """Whether mean and std are -m / s and 1 / s of an m in 0.1 to 0.8 and an s in 0.1 to 0.4, as pictures have."""
        stds = [1 / max(s, 1e-12) for s in self.std]
        means = [-m * s for m, s in zip(self.mean, stds, strict=True)]
        return min(means) > 0.1 and max(means) < 0.8 and min(stds) > 0.1 and max(stds) < 0.4


@dataclass
class Pass:
    """One pass of evaluation, as its batches were shown. Means over images and over batches."""

    training_mode: bool
    sizes: list[int]
    rights: list[float]
    losses: list[float]
    first_labels: torch.Tensor

    def mean(self, values: Sequence[float], over_images: bool = True) -> float:
        return float(np.average(values, weights=self.sizes if over_images else None))


@dataclass
class Parameter:
    """A parameter: where it belongs, and how it moved in the steps that were seen."""

    name: str
    dims: int
    size: int  # numbers in it
    trainable: bool
    in_optimizer: bool
    norm_at_start: float
    norm: float
    ratio: float  # median of |update| / |weight| over the sampled steps; nan where none was seen
    largest: float  # the largest of them
    given: bool = True  # a gradient, at one of these steps


@dataclass
class Seen:
    """All that a check may look at. What could not be seen is None, nan or empty; a check says nothing then."""

    model: nn.Module | None = None
    optimizers: list = field(default_factory=list)
    scheduler: object | None = None
    loss_fn: object | None = None
    losses: np.ndarray = field(default_factory=lambda: np.array([]))  # of each training step
    rights: np.ndarray = field(default_factory=lambda: np.array([]))  # share of right answers of each step
    sizes: list[int] = field(default_factory=list)
    rates: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))  # [steps, groups]
    eval_mode_share: float = 0.0  # of training steps
    frozen_norms: float = 0.0  # share of normalization layers that were in evaluation mode while the model trained
    label_batches: list[torch.Tensor] = field(default_factory=list)
    label_counts: np.ndarray = field(default_factory=lambda: np.array([], dtype=int))
    num_outputs: int = 0
    inputs: list[Inputs] = field(default_factory=list)
    row_sum_error: float = math.nan  # largest distance of a row sum of the outputs from 1
    least_output: float = math.nan
    most_output: float = math.nan
    zero_outputs: float = math.nan
    loss_kind: str = ""  # what the loss was found to compute, as `kind_of_loss` names it, or ""
    gradient_norms: list[float] = field(default_factory=list)
    gradient_turns: list[float] = field(default_factory=list)  # cosines between gradients of consecutive steps
    accumulated: float = math.nan  # norm of a gradient over that of the same batch alone
    still: int = 0  # batches in a row after which no weight had moved, the most
    kept: float = math.nan  # the same quotient in such a row: 1 where each batch clears the gradient of the one before
    parameters: list[Parameter] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)  # what the reader's loop reported
    steps_at_epoch: list[int] = field(default_factory=list)
    train: Look | None = None
    valid: Look | None = None
    steps_per_epoch: int | None = None
    signals: Signals | None = None  # of the weights before training
    signals_now: Signals | None = None
    reference: Reference | None = None
    probes: dict[float, Probe] = field(default_factory=dict)  # short trainings so far, by factor of the learning rate
    train_briefly: Callable[[float], Probe] | None = None
    random: float = 0.0  # distance of two evaluations of one batch, over the size of the outputs
    mixing: float = 0.0  # the same, between images in a batch and half of them alone
    bounded: bool = False  # whether outputs stay within -1 and 1 when all weights are a hundred times as large
    affine: bool = False  # whether the model maps the middle between two images to the middle of their outputs
    hidden: list[str] = field(default_factory=list)  # modules in plain lists, whose parameters nobody finds
    empty: dict[str, str] = field(default_factory=dict)  # parts whose loader has no batch, and why
    troubles: list[str] = field(default_factory=list)  # what could not be looked at, and why

    @property
    def classes(self) -> int:
        """Number of classes: one more than the largest label that was seen anywhere."""
        largest = [len(self.label_counts)]
        largest += [int(look.labels.max()) + 1 for look in (self.train, self.valid) if look and len(look.labels)]
        return max(largest)

    @cached_property
    def train_inputs(self) -> Inputs | None:
        """Statistics of the first thousand training images; of the first batch where nothing else was looked at."""
        if self.train is not None and is_measured(self.train.images):
            return Inputs.of(self.train.images[:1000])
        return self.inputs[0] if self.inputs else None

    @property
    def layers(self) -> list[Layer]:
        """The layers before training, in the order in which they ran; empty where the model was not looked at."""
        return self.signals.layers if self.signals else []

    @property
    def chance(self) -> float:
        """Share of the most frequent class: the accuracy of who never looks at the image."""
        total = self.label_counts.sum()
        return float(self.label_counts.max() / total) if total else math.nan

    def probe(self, factor: float = 1.0) -> Probe | None:
        """A short training of a copy at this multiple of the learning rate, made when a check first asks for it."""
        if factor not in self.probes and self.train_briefly is not None:
            self.probes[factor] = self.train_briefly(factor)
        return self.probes.get(factor)

    def late(self, values: np.ndarray, share: float = 0.2) -> float:
        """Mean over the last steps, at least ten."""
        return float(np.mean(values[-max(10, int(share * len(values))) :])) if len(values) else math.nan

    @property
    def guessing(self) -> float:
        """The accuracy up to which the late steps may be guesses: chance + 3 standard errors + 0.02."""
        images = sum(self.sizes[-max(10, len(self.rights) // 5) :])
        return self.chance + 3 * math.sqrt(self.chance * (1 - self.chance) / max(1, images)) + 0.02

    @property
    def not_learning(self) -> bool:
        """Whether the late training accuracy is no better than a guess, or the loss no number."""
        if len(self.losses) and not np.isfinite(self.losses[-1]):
            return True
        reported = self.epochs[-1].get("valid_accuracy", 0.0) if self.epochs else 0.0
        if reported > self.guessing + 0.05:  # a past training got further than the steps that were seen
            return False
        return len(self.rights) >= 20 and self.late(self.rights) < self.guessing

    @property
    def told(self) -> list[float]:
        """The validation accuracies that the loop reported."""
        return [numbers["valid_accuracy"] for numbers in self.epochs if "valid_accuracy" in numbers]

    @property
    def reached(self) -> float:
        """The validation accuracy that was told last; else the late training accuracy; nan before the 20th step."""
        told = self.told
        return told[-1] if told else self.late(self.rights) if len(self.rights) >= 20 else math.nan

    @property
    def learned_well(self) -> bool:
        """Whether nine of ten answers are right."""
        return self.reached >= 0.9

    @property
    def weight_ratio(self) -> float:
        """Median over the parameters with more than one dimension of |update| / |weight|."""
        held = [p for p in self.parameters if p.in_optimizer and p.trainable and p.dims > 1]  # biases start at 0
        found = [p.ratio for p in held if math.isfinite(p.ratio)]
        return float(np.median(found)) if found else math.nan

    @property
    def largest_ratio(self) -> float:
        """The same, of the largest step that was seen."""
        found = [p.largest for p in self.parameters if p.in_optimizer and p.dims > 1 and not math.isnan(p.largest)]
        return float(np.median(found)) if found else math.nan
