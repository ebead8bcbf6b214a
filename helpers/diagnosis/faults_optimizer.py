"""Faults of the optimizer and of the evaluation."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

from helpers.diagnosis import fault_models as models
from helpers.diagnosis.catalogue import fault, model_of, only
from helpers.diagnosis.patient import Training


def _optimizer(t: Training, **options: float) -> Training:
    return replace(t, optimizer=partial(t.optimizer, **options))


def _lr(t: Training, factor: float) -> Training:
    """The rate times a factor, whatever the optimizer is."""

    def build(model: nn.Module) -> torch.optim.Optimizer:
        optimizer = t.optimizer(model)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        return optimizer

    return replace(t, optimizer=build)


@fault("optimizer", "rate_too_high")
def lr_times_100(t: Training) -> Training:
    return _lr(t, 100)


@fault("optimizer", "rate_too_low")
def lr_over_1000(t: Training) -> Training:
    return _lr(t, 1e-3)


@fault("optimizer", "gradients_not_cleared")
def zero_grad_missing(t: Training) -> Training:
    return replace(t, zero_grad=False)


@fault("optimizer", "parameters_not_in_optimizer")
def head_not_in_optimizer(t: Training) -> Training:
    """The head is replaced after the optimizer was built."""
    return replace(t, after_optimizer=lambda model: models.with_head(model, models.head(model)[1].out_features))


@fault("optimizer", "optimizer_of_another_model")
def optimizer_of_another_model(t: Training) -> Training:
    """The model is built anew after its optimizer."""
    return replace(t, after_optimizer=lambda model: t.model())


@fault("optimizer", "scheduler_per_batch")
def scheduler_per_batch(t: Training) -> Training:
    """A schedule for epochs, stepped with each batch."""
    return replace(t, scheduler=lambda optimizer, epochs: StepLR(optimizer, 3, 0.5), scheduler_each="batch")


@fault("optimizer", "weight_decay_too_high")
def weight_decay_too_high(t: Training) -> Training:
    return _optimizer(t, weight_decay=0.3)


@fault("optimizer", "frozen_parameters")
def frozen_layers(t: Training) -> Training:
    """All but the last layer were frozen, with weights that nothing has trained."""

    def freeze(model: nn.Module) -> nn.Module:
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        models.head(model)[1].requires_grad_(True)
        return model

    return model_of(t, freeze)


@fault("optimizer", "gradient_clipped")
def clipped_too_low(t: Training) -> Training:
    return replace(t, clip_norm=1e-4)


@fault("optimizer", "batch_of_one")
def batch_of_one(t: Training) -> Training:
    """Batches of one image; with group normalization for that over a batch, for which this is another fault."""
    few = torch.arange(len(t.train)) % 5 == 0
    return replace(model_of(t, models.with_group_norms), batch_size=1, train=only(t.train, few), epochs=1)


@fault("optimizer", "batch_of_all")
def batch_of_all(t: Training) -> Training:
    return replace(t, batch_size=len(t.train))


@fault("optimizer", "too_few_epochs")
def too_few_epochs(t: Training) -> Training:
    return replace(t, epochs=1, scheduler=None)


@fault("optimizer", "momentum_too_high")
def loss_oscillates(t: Training) -> Training:
    """Momentum 0.995: each step goes on for two hundred more."""
    return _optimizer(t, momentum=0.995)


@fault("optimizer", "overfitting")
def overfitting(t: Training) -> Training:
    """Two hundred images, seen forty times, without augmentation."""
    few = torch.arange(len(t.train)) < 200
    return replace(t, train=replace(only(t.train, few), padding=0), epochs=40, batch_size=32, scheduler=None)


# -- evaluation ------------------------------------------------------------------------------------------


@fault("evaluation", "eval_mode_training")
def eval_mode_in_training(t: Training) -> Training:
    return replace(t, train_mode=nn.Module.eval)


@fault("evaluation", "train_mode_evaluation")
def train_mode_in_evaluation(t: Training) -> Training:
    return replace(t, eval_mode=nn.Module.train)


@fault("evaluation", "metric_per_batch")
def metric_per_batch(t: Training) -> Training:
    """The accuracy is a mean over batches, and the last batch is short."""
    size = t.valid_batch_size
    count = max(size, len(t.valid) // size * size - size) + 3
    return replace(t, metric="batches", valid=only(t.valid, torch.arange(len(t.valid)) < count))


@fault("evaluation", "wrong_split")
def wrong_split(t: Training) -> Training:
    """What is called validation accuracy is measured on training images."""
    return replace(t, measured="train")
