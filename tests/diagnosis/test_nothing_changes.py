"""A doctor changes nothing: weights, random numbers, modes, statistics, gradients and hooks stay bit for bit."""

import copy
import random

import numpy as np
import pytest
import torch
from cases import CLASSES, SIDE, Norms, training
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.diagnosis import doctor as module
from helpers.diagnosis import patient
from helpers.diagnosis.doctor import Doctor, diagnose
from helpers.training.checkpoint import random_state

LAYERS = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "dropout": lambda: nn.Dropout(0.3),
    "batch norm": lambda: nn.BatchNorm1d(12), "layer norm": lambda: nn.LayerNorm(12),
    "linear": lambda: nn.Linear(12, 12), "frozen": lambda: nn.Linear(12, 12).requires_grad_(False),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(12, 12)),
}  # fmt: skip
KINDS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}


def state(model, optimizer, loader) -> dict:
    """Everything that a doctor might change."""
    return copy.deepcopy({
        "weights": [(name, value.clone()) for name, value in model.state_dict().items()],
        "gradients": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "needed": [p.requires_grad for p in model.parameters()],
        "hooks": [{k: len(v) for k, v in vars(m).items() if "hooks" in k and hasattr(v, "__len__")}
                  for m in model.modules()],
        "attributes": [sorted(vars(m)) for m in model.modules()],
        "optimizer": optimizer.state_dict(), "random": random_state(), "grad": torch.is_grad_enabled(),
        "loader": loader.generator.get_state(),
    })  # fmt: skip


def same(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def differences(one: dict, other: dict) -> list[str]:
    return [key for key in one if not same(one[key], other[key])]


def parts(layers: list[str], kind: str, training_mode: bool):
    torch.manual_seed(1)
    inner = [LAYERS[name]() for name in layers]
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 12), *inner, nn.Linear(12, CLASSES))
    calls: list[int] = []
    model[1].register_forward_hook(lambda *_: calls.append(1))
    optimizer = KINDS[kind](model.parameters(), lr=0.01)
    loader = patient.loaders(training())["train"]
    loader.generator = torch.Generator().manual_seed(5)
    images, labels = loader.dataset.__getitems__(list(range(16)))
    nn.functional.cross_entropy(model(images), labels).backward()
    optimizer.step()
    model.train(training_mode)
    model[2].train(not training_mode)
    random.seed(3)
    np.random.seed(3)
    return model, optimizer, loader, calls


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=3), st.sampled_from(sorted(KINDS)), st.booleans()
)
def test_diagnose_changes_nothing(layers, kind, training_mode):
    model, optimizer, loader, calls = parts(layers, kind, training_mode)
    before, called = state(model, optimizer, loader), len(calls)
    report = diagnose(model, loader, loader, nn.CrossEntropyLoss(), optimizer, steps=6)
    assert differences(before, state(model, optimizer, loader)) == []
    assert len(calls) == called  # the hooks of the owner were not called
    assert not [f for f in report if f.name == "not_covered"], report.table()


@pytest.mark.parametrize("place", ["refer", "through", "look_at", "judge"])
def test_nothing_changes_when_a_part_raises(place, monkeypatch):
    model, optimizer, loader, _ = parts(["dropout"], "adam", True)

    def broken(*_arguments, **_options):
        torch.rand(3), np.random.rand(3), random.random()
        raise KeyError("broken on purpose")

    monkeypatch.setattr(module, place, broken)
    before = state(model, optimizer, loader)
    if place == "judge":
        with pytest.raises(KeyError):
            diagnose(model, loader, loader, nn.CrossEntropyLoss(), optimizer, steps=3)
    else:
        diagnose(model, loader, loader, nn.CrossEntropyLoss(), optimizer, steps=3)
    assert differences(before, state(model, optimizer, loader)) == []


@pytest.mark.parametrize("changes", [{}, {"zero_grad": False}], ids=["healthy", "weighs a gradient"])
def test_a_training_with_a_doctor_is_the_one_without(changes):
    sick = training(model=Norms, epochs=2, **changes)
    alone, watched = (patient.run(sick, 4, watch) for watch in (None, Doctor))
    assert watched.watcher.recorder.step == 26
    for one, other in zip(alone.model.state_dict().values(), watched.model.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert alone.history == watched.history


def test_the_comparison_sees_every_kind_of_change():
    """The tests above can fail."""
    model, optimizer, loader, _ = parts(["batch norm"], "adam", True)
    before = state(model, optimizer, loader)
    model.eval()
    model(torch.randn(4, 3, SIDE, SIDE))
    model.register_forward_hook(print)
    model.extra = 1
    optimizer.zero_grad()
    with torch.no_grad():
        model[1].weight += 1
        model[1].weight.requires_grad_(False)
    optimizer.param_groups[0]["lr"] = 1.0
    torch.manual_seed(9)
    next(iter(loader))
    with torch.no_grad():
        assert set(differences(before, state(model, optimizer, loader))) == set(before)
