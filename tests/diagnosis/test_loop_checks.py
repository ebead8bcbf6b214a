"""The checks of the loop around the model: each sees its fault in a plain loop, and nothing in a healthy one."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.diagnosis.doctor import Doctor

OWN = {"gradients_gone", "no_step", "squashed_outputs", "dropout_too_high", "rate_used_up", "wrong_loss"}


def findings(
    *, last=(), dropout=0.0, lr=0.01, step=True, clear="before", watch="after", loss_fn=None, gamma=0.9, epochs=4
) -> dict[str, str]:
    """Severities of the doctor's findings in a loop of 20 steps an epoch."""
    torch.manual_seed(0)
    labels = torch.arange(400) % 4
    images = torch.randn(400, 8) + 3 * torch.eye(8)[labels]
    loader = DataLoader(TensorDataset(images, labels), 20, shuffle=True)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 4), *last)
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr), loss_fn or nn.CrossEntropyLoss()
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma)
    doctor = Doctor(model, optimizer, loss_fn, loader, loader, scheduler)
    for _ in range(epochs):
        for x, y in loader:
            if clear == "before":
                optimizer.zero_grad()
            outputs = model(x)
            loss = loss_fn(outputs, y)
            if watch == "before":
                doctor.observe(x, y, outputs, loss)
            loss.backward()
            if clear == "behind":
                optimizer.zero_grad()
            if watch == "after":
                doctor.observe(x, y, outputs, loss)
            if step:
                optimizer.step()
        scheduler.step()
    return {finding.name: finding.severity for finding in doctor.report()}


@pytest.mark.parametrize(
    ("settings", "name", "severity"),
    [
        ({"step": False}, "no_step", "fault"),
        ({"lr": 0.0}, "no_step", "fault"),
        ({"clear": "behind"}, "gradients_gone", "fault"),
        ({"watch": "before"}, "gradients_gone", "warning"),
        ({"last": (nn.Sigmoid(),)}, "squashed_outputs", "fault"),
        ({"last": (nn.Softmax(dim=0),)}, "squashed_outputs", "fault"),
        ({"last": (nn.Tanh(),)}, "squashed_outputs", "warning"),
        ({"dropout": 0.9}, "dropout_too_high", "warning"),
        ({"gamma": 0.001}, "rate_used_up", "warning"),
        ({"loss_fn": nn.NLLLoss()}, "wrong_loss", "fault"),
    ],
)
def test_each_fault_is_named_and_no_other_of_these(settings, name, severity):
    found = findings(**settings)
    assert found.get(name) == severity
    assert not (OWN - {name}) & found.keys()


@pytest.mark.parametrize(
    "settings",
    [{}, {"dropout": 0.5}, {"last": (nn.LogSoftmax(dim=1),), "loss_fn": nn.NLLLoss()},
     {"gamma": 0.1, "epochs": 3}],
)  # fmt: skip
def test_a_loop_without_a_fault_has_none_of_them(settings):
    assert not OWN & findings(**settings).keys()
