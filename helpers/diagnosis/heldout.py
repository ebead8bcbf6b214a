"""Ten more faults: no threshold was tuned with them, or changed because of what they showed."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from helpers.diagnosis import fault_models as models
from helpers.diagnosis.catalogue import HELD_OUT as FAULTS
from helpers.diagnosis.catalogue import fault as _fault
from helpers.diagnosis.patient import Training


def fault(family: str, finding: str) -> Callable:
    return _fault(family, finding, FAULTS)


@fault("data", "parts_differ")
def validation_not_normalized(t: Training) -> Training:
    """The validation transform lacks the normalization."""
    return replace(t, valid=replace(t.valid, mean=(0.0,) * 3, std=(1 / 255,) * 3))


@fault("data", "label_noise")
def a_third_of_labels_random(t: Training) -> Training:
    """A third of all training labels is drawn at random."""
    labels = t.train.labels.clone()
    wrong = torch.rand(len(labels)) < 0.33
    labels[wrong] = torch.randint(0, int(labels.max()) + 1, (int(wrong.sum()),))
    return replace(t, train=replace(t.train, labels=labels))


@fault("data", "input_not_finite")
def std_of_zero(t: Training) -> Training:
    """The std of one channel is 0: pixels become infinite or nan."""
    return replace(t, train=replace(t.train, std=(0.0, *t.train.std[1:])), valid=replace(
        t.valid, std=(0.0, *t.valid.std[1:])))  # fmt: skip


@fault("data", "leak")
def mirrored_leak(t: Training) -> Training:
    """A fifth of the validation images are training images, mirrored."""
    fifth = len(t.valid) // 5
    pixels, labels = t.valid.pixels.clone(), t.valid.labels.clone()
    pixels[:fifth], labels[:fifth] = t.train.pixels[:fifth].flip(3), t.train.labels[:fifth]
    return replace(t, valid=replace(t.valid, pixels=pixels, labels=labels))


@fault("model", "init_zero")
def init_constant(t: Training) -> Training:
    """Every weight is 0.05."""

    def build() -> nn.Module:
        model = t.model()
        for _, layer in models.named_layers(model):
            nn.init.constant_(layer.weight, 0.05)
        return model

    return replace(t, model=build)


@fault("model", "softmax_before_loss")
def sigmoid_and_normalized(t: Training) -> Training:
    """Outputs are squashed and divided by their sum before the loss."""

    class Shares(nn.Module):
        def forward(self, logits: torch.Tensor) -> torch.Tensor:
            return logits.sigmoid() / logits.sigmoid().sum(dim=1, keepdim=True)

    return replace(t, model=lambda: models.behind(t.model(), Shares()))


@fault("optimizer", "rate_too_high")
def adam_at_the_rate_of_sgd(t: Training) -> Training:
    """Adam with a learning rate of 0.5."""
    return replace(t, optimizer=lambda model: torch.optim.Adam(model.parameters(), lr=0.5))


@fault("optimizer", "weight_decay_too_high")
def adamw_decay_of_100(t: Training) -> Training:
    """AdamW with a weight decay of 100."""
    return replace(t, optimizer=lambda model: torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=100.0))


@fault("optimizer", "parameters_not_in_optimizer")
def only_biases_in_optimizer(t: Training) -> Training:
    """A filter on names let through the biases only."""
    return replace(t, optimizer=lambda model: torch.optim.SGD(
        [p for name, p in model.named_parameters() if name.endswith("bias")], lr=0.01, momentum=0.9))  # fmt: skip


@fault("evaluation", "reported_number_differs")
def counts_of_earlier_epochs(t: Training) -> Training:
    """The counters of right answers are not set back between epochs."""
    return replace(t, metric="running")
