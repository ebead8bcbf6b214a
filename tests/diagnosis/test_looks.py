"""What the doctor measures: the reference classifier, linear maps, copies of optimizers, the record of the steps."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import CLASSES, SIDE, images, training
from torch import nn

from helpers.diagnosis import patient
from helpers.diagnosis.anatomy import is_affine
from helpers.diagnosis.batches import Look
from helpers.diagnosis.copies import NoCopy, bare_copy, fresh_optimizer
from helpers.diagnosis.doctor import Doctor, diagnose
from helpers.diagnosis.reference import refer, twins


def look(part: patient.Images) -> Look:
    pixels, labels = part.__getitems__(list(range(len(part))))
    return Look(pixels, labels, list(range(len(labels))), len(labels), 32, True, False)


def hard(count: int, seed: int) -> patient.Images:
    """Squares that noise hides in many images, so that no classifier is right in all of them."""
    easy, generator = images(count, seed), torch.Generator().manual_seed(seed)
    noise = torch.randint(-60, 60, easy.pixels.shape, generator=generator)
    faint = torch.rand(count, 1, 1, 1, generator=generator) < 0.4
    return replace(easy, pixels=torch.where(faint, 110 + noise, easy.pixels.int()).clamp(0, 255).to(torch.uint8))


@pytest.mark.parametrize("share", [0.0, 0.15])
def test_the_reference_tells_wrong_labels_from_a_hard_task(share):
    train, valid = hard(1000, 0), hard(600, 1)
    generator = torch.Generator().manual_seed(2)
    wrong = torch.rand(1000, generator=generator) < share
    labels = torch.where(wrong, torch.randint(0, CLASSES, (1000,), generator=generator), train.labels)
    found = refer(look(replace(train, labels=labels)), look(valid), CLASSES)
    assert 0.5 < found.held_out < 0.85 and 0.5 < found.valid < 0.85  # the task is hard
    assert (found.surprise > 3 and abs(found.wrong_labels - share) < 0.1) if share else abs(found.surprise) < 2


@pytest.mark.parametrize(
    ("inner", "affine"), [(nn.Identity(), True), (nn.ReLU(), False), (nn.BatchNorm1d(8), True), (nn.Tanh(), False)]
)
def test_a_linear_map_is_known(inner, affine):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 8), inner, nn.Linear(8, CLASSES)).eval()
    x = torch.randn(20, 3, SIDE, SIDE)
    with torch.no_grad():
        assert is_affine(model, x) == affine
        assert not is_affine(lambda x: torch.zeros(len(x), 3), x)  # that says nothing about the model


def test_an_optimizer_that_cannot_be_made_anew_is_told():
    class Strange(torch.optim.SGD):
        def __init__(self, parameters, secret):
            super().__init__(parameters, 0.1)

    model = patient.MLP(CLASSES, (16,), SIDE)
    with pytest.raises(NoCopy, match="Strange"):
        fresh_optimizer(Strange(model.parameters(), 7), model, bare_copy(model))
    loaders = patient.loaders(training())
    report = diagnose(model, loaders["train"], None, nn.CrossEntropyLoss(), Strange(model.parameters(), 7), steps=5)
    told = " ".join(str(e.value) for f in report for e in f.evidence)
    assert "Strange cannot be made anew" in told and report.faults == []


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam"])
def test_an_optimizer_is_made_anew_with_its_settings(kind):
    model = patient.MLP(CLASSES, (16,), SIDE)
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.02, weight_decay=0.03)
    copy = fresh_optimizer(optimizer, model, bare_copy(model), factor=10.0)
    assert type(copy) is type(optimizer)
    (given,), (made,) = optimizer.param_groups, copy.param_groups
    assert {k: v for k, v in made.items() if k != "params"} == {k: v for k, v in given.items() if k != "params"} | {
        "lr": 0.2
    }


def test_the_record_of_the_steps_is_what_the_loop_saw():
    """Also over the places where numbers that waited are read, and for batches of different sizes."""
    losses, rights = [], []

    class Watching(Doctor):
        def observe(self, images, labels, logits, loss):
            super().observe(images, labels, logits, loss)
            if logits.requires_grad:
                losses.append(loss.item())
                rights.append((logits.argmax(dim=1) == labels).float().mean().item())

    done = patient.run(training(train=images(390, 0), epochs=18), 0, Watching)
    seen = done.watcher.look()
    assert len(losses) == 18 * math.ceil(390 / 32) > 200
    assert np.allclose(seen.losses, losses) and np.allclose(seen.rights, rights)
    assert seen.sizes[:13] == [32] * 12 + [6]
    assert (seen.label_counts == 18 * torch.bincount(images(390, 0).labels).numpy()).all()


@pytest.mark.parametrize("colours", [2, 256])
def test_twins_are_found_and_drawings_of_two_colours_are_none(colours):
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, colours, (400, 1, 16, 16), generator=generator).float()
    assert twins(pictures[:300], pictures[300:]) == 0
    moved = pictures[:300].roll(1, dims=3).flip(3)
    assert twins(pictures[:300], torch.cat([moved[:20], pictures[300:380]])) == (0.2 if colours > 2 else 0)
