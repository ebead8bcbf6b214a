"""The functions on the page that diagnoses a training, as they stand in the notebook."""

import hashlib
import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_patient import training
from support import definition_of_page
from torch import nn

from helpers.diagnosis import patient
from helpers.diagnosis.checks import registry
from helpers.diagnosis.faults import FAULTS
from helpers.diagnosis.observation import Seen

PAGE = "4_visualization/12_diagnose_a_training"
GENERATOR = torch.Generator().manual_seed(0)

rms = definition_of_page(PAGE, "rms", math=math)
of_layers = definition_of_page(PAGE, "of_layers", rms=rms, math=math)
Panels = definition_of_page(PAGE, "Panels", of_layers=of_layers)
counts = definition_of_page(PAGE, "counts", np=np)
by_epoch = definition_of_page(PAGE, "by_epoch", np=np)
other_rate = definition_of_page(PAGE, "other_rate", replace=replace)
drawn = definition_of_page(PAGE, "drawn", hashlib=hashlib, FAULTS=FAULTS)
learns = definition_of_page(PAGE, "by_heart_solution", copy=__import__("copy"), torch=torch)


def test_the_root_of_the_mean_square_and_nothing():
    values = torch.tensor([3.0, -4.0, 0.0, 0.0])
    assert rms(values) == pytest.approx(2.5) == values.norm().item() / 2
    assert math.isnan(rms(None))


def test_the_ratio_is_that_of_the_step_that_was_made():
    """Plain gradient descent: the change is the rate times the gradient of the step before."""
    t = training(optimizer=lambda model: torch.optim.SGD(model.parameters(), 0.05), scheduler=None)
    watched = patient.run(t, 0, Panels).watcher
    sizes = []

    class Sizes(Panels):
        def observe(self, images, labels, logits, loss):
            if logits.requires_grad:
                sizes.append([rms(p) for p in self.layers.values()])
            super().observe(images, labels, logits, loss)

    patient.run(t, 0, Sizes)
    gradients = np.array([note["gradients"] for note in watched.steps])
    ratios = np.array([note["ratios"] for note in watched.steps])
    assert np.isnan(ratios[0]).all() and ratios.shape == (8, 3)
    np.testing.assert_allclose(ratios[1:], 0.05 * gradients[:-1] / np.array(sizes)[:-1], rtol=1e-3)


def test_weights_of_zero_and_missing_gradients_have_no_number():
    layers = [nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.ones(2, 2))]
    layers[1].grad = torch.full((2, 2), 3.0)
    first = of_layers(layers, [None, None])
    assert math.isnan(first["gradients"][0]) and first["gradients"][1] == pytest.approx(3)
    later = of_layers(layers, [torch.zeros(2, 2), torch.full((2, 2), 0.5)])
    assert math.isnan(later["ratios"][0]) and later["ratios"][1] == pytest.approx(1)


def test_the_notes_are_what_the_loop_reports():
    done = patient.run(training(), 0, Panels)
    panels = done.watcher
    assert [record["steps"] for record in panels.epochs] == [4, 8]
    for k, record in enumerate(done.history):
        steps = panels.steps[4 * k : 4 * k + 4]
        assert np.mean([note["loss"] for note in steps]) == pytest.approx(record["train_loss"])
        sizes = [len(note["answers"]) for note in panels.passes[k]]
        rights = [note["right"] for note in panels.passes[k]]
        assert sizes == [20, 20, 20, 5]
        assert np.average(rights, weights=sizes) == pytest.approx(record["valid_accuracy"])
        assert by_epoch(panels)[k] == pytest.approx(100 * np.mean([note["right"] for note in steps]))


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        ("eval_mode_in_training", {"steps in training mode, %": 0}),
        ("train_mode_in_evaluation", {"evaluations in training mode, %": 100}),
        ("wrong_split", {"images in an evaluation": 200}),
        ("head_not_in_optimizer", {"of them in the optimizer": 4}),
        ("optimizer_of_another_model", {"of them in the optimizer": 0}),
        ("frozen_layers", {"trainable tensors": 2, "of them in the optimizer": 2}),
        ("batch_of_all", {"steps": 2, "images in a step": 200}),
        ("output_width", {"outputs": 1000}),
        ("", {}),
    ],
)
def test_what_is_counted_shows_the_fault_and_nothing_else(fault, changed):
    t = FAULTS[fault](training()) if fault else training()
    healthy = {
        "steps": 8, "images in a step": 50, "outputs": 10, "steps in training mode, %": 100,
        "evaluations in training mode, %": 0, "images in an evaluation": 65, "trainable tensors": 6,
        "of them in the optimizer": 6,
    }  # fmt: skip
    assert counts(patient.run(t, 0, Panels).watcher) == healthy | changed


def test_a_training_that_ends_at_once_can_be_counted():
    t = FAULTS["batch_norm_batch_of_one"](training())
    done = patient.run(t, 0, Panels)
    assert "Expected more than 1 value" in done.error
    found = counts(done.watcher)
    assert found["steps"] == found["outputs"] == found["images in an evaluation"] == 0
    assert by_epoch(done.watcher) == []


def test_the_seed_draws_a_fault_and_every_fault_can_be_drawn():
    assert drawn(0) == drawn(0)
    assert {drawn(seed) for seed in range(400)} == set(FAULTS)


def test_another_rate_is_that_of_the_optimizer_times_a_factor():
    t = other_rate(training(optimizer=partial(patient.sgd, lr=0.02, momentum=0.7)), 10)
    (group,) = t.optimizer(t.model()).param_groups
    assert group["lr"] == pytest.approx(0.2) and group["momentum"] == 0.7


def test_the_check_speaks_of_few_images_only():
    fake = SimpleNamespace(check=lambda family: lambda function: function, warning=registry.warning)
    few = definition_of_page(PAGE, "few_validation_images", registry=fake, math=math)

    def ask(count, **numbers):
        return few(Seen(valid=SimpleNamespace(count=count), epochs=[numbers]))

    assert few(Seen()) is None and ask(500) is None
    verdict = ask(400, valid_accuracy=0.8)
    assert verdict.severity == "warning"
    assert verdict.evidence[0].value == pytest.approx(2.0) and verdict.evidence[0].threshold == 1
    assert ask(2000, valid_accuracy=0.8) is None


def test_a_wide_network_learns_a_batch_and_one_without_a_way_does_not():
    x, y = torch.randn(30, 6, generator=GENERATOR), torch.arange(30) % 3
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 3))
    blind = nn.Sequential(nn.Linear(6, 1), nn.Hardtanh(5.0, 6.0), nn.Linear(1, 3))
    nn.init.zeros_(blind[0].weight)
    assert learns(wide, nn.functional.cross_entropy, x, y, 0.1, 150) > 0.9
    assert learns(blind, nn.functional.cross_entropy, x, y, 0.1, 150) < 0.5
