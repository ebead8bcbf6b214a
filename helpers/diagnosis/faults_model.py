"""Faults of the model and its loss."""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from helpers.diagnosis import fault_models as models
from helpers.diagnosis.catalogue import fault, model_of, only
from helpers.diagnosis.patient import Training


@fault("model", "init_small")
def init_small(t: Training) -> Training:
    """All weights from N(0, 0.01²), whatever the size of the layer."""
    return model_of(t, models.drawn(0.01))


@fault("model", "init_large")
def init_large(t: Training) -> Training:
    """All weights from N(0, 1)."""
    return model_of(t, models.drawn(1.0))


@fault("model", "init_zero")
def init_zero(t: Training) -> Training:
    return model_of(t, models.drawn(0.0))


@fault("model", "dead_units")
def dead_relus(t: Training) -> Training:
    """Units of a hidden layer start so far below 0 that no image wakes them."""
    return model_of(t, models.with_dead_units)


@fault("model", "linear_network")
def missing_non_linearity(t: Training) -> Training:
    """The activations were forgotten."""
    return model_of(t, models.without_activations)


@fault("model", "softmax_before_loss")
def softmax_before_loss(t: Training) -> Training:
    return model_of(t, lambda model: models.behind(model, nn.Softmax(dim=1)))


@fault("model", "relu_on_logits")
def relu_on_logits(t: Training) -> Training:
    return model_of(t, lambda model: models.behind(model, nn.ReLU()))


@fault("model", "wrong_loss")
def mse_on_logits(t: Training) -> Training:
    """The squared error between logits and one-hot labels."""
    return replace(t, loss=lambda logits, labels: F.mse_loss(logits, F.one_hot(labels, logits.shape[1]).float()))


@fault("model", "wrong_loss")
def binary_loss(t: Training) -> Training:
    """Ten yes-or-no questions instead of one question with ten answers."""
    return replace(t, loss=lambda logits, labels: F.binary_cross_entropy_with_logits(
        logits, F.one_hot(labels, logits.shape[1]).float()))  # fmt: skip


@fault("model", "output_width")
def output_width(t: Training) -> Training:
    """The head for the 1,000 classes of ImageNet was left on."""
    return model_of(t, lambda model: models.with_head(model, 1000))


@fault("model", "network_too_small")
def network_too_small(t: Training) -> Training:
    """A layer of two units, through which everything must pass."""
    return model_of(t, models.narrowed)


@fault("model", "batch_norm_batch_of_one")
def batch_norm_batch_of_one(t: Training) -> Training:
    """Batch normalization with batches of one image."""
    few = torch.arange(len(t.train)) % 5 == 0
    return replace(model_of(t, models.with_norms), batch_size=1, train=only(t.train, few), epochs=1)


@fault("model", "batch_norm_frozen")
def batch_norm_frozen(t: Training) -> Training:
    """The normalization layers are put in evaluation mode before anything was trained."""

    def train_mode(model: nn.Module) -> None:
        model.train()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._NormBase):
                module.eval()

    return replace(model_of(t, models.with_norms), train_mode=train_mode)


@fault("model", "hidden_layers")
def layers_in_a_list(t: Training) -> Training:
    """Layers in a Python list: their parameters are in no `parameters()`."""
    return model_of(t, models.InAList)
