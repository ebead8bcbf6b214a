"""Trainings of readers: healthy ones in other styles are not called ill, and the remedy points the right way."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, WeightedRandomSampler

from helpers.diagnosis.checks.inputs import input_offset, input_scale
from helpers.diagnosis.checks.layers import batch_norm_batch_of_one, network_too_small
from helpers.diagnosis.checks.rates import noisy_loss, rate_too_high, rate_too_low
from helpers.diagnosis.doctor import Doctor
from helpers.diagnosis.observation import Inputs, Parameter, Seen
from helpers.diagnosis.signals import through


def points(sizes: list[int]) -> TensorDataset:
    """Rows of eight numbers around a place of their class; sizes, of the classes."""
    torch.manual_seed(0)
    labels = torch.cat([torch.full((size,), k) for k, size in enumerate(sizes)])
    return TensorDataset(torch.randn(len(labels), 8) + 4 * torch.eye(8)[labels], labels)


def findings(train, loss_fn=None, last=(), epochs: int = 6, **options) -> dict[str, str]:
    """Severities of what is found in a plain loop with Adam. Args: last, layers behind; options, of the loader."""
    torch.manual_seed(0)
    loader = DataLoader(train, 20, **options)
    classes = 1 + max(int(labels.max()) for _, labels in loader)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, classes), *last)
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), 0.01), loss_fn or nn.CrossEntropyLoss()
    doctor = Doctor(model, optimizer, loss_fn, loader)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            outputs = model(x)
            loss = loss_fn(outputs, y)
            loss.backward()
            doctor.observe(x, y, outputs, loss)
            optimizer.step()
    return {finding.name: finding.severity for finding in doctor.report()}


def log_of_probabilities(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return -(F.one_hot(labels, outputs.shape[1]) * outputs.clamp(1e-7, 1 - 1e-7).log()).sum(dim=1).mean()


def test_a_softmax_is_right_before_the_logarithm_and_wrong_before_cross_entropy():
    even = points([100] * 4)
    right = findings(even, log_of_probabilities, [nn.Softmax(dim=1)], shuffle=True)
    wrong = findings(even, None, [nn.Softmax(dim=1)], shuffle=True)
    assert "softmax_before_loss" not in right and wrong["softmax_before_loss"] == "fault"


def test_the_squared_error_is_a_warning_where_it_works_and_a_fault_where_it_does_not():
    def squared_error(outputs, labels):
        return F.mse_loss(outputs, F.one_hot(labels, outputs.shape[1]).float())

    even = points([100] * 4)
    mixed = TensorDataset(even.tensors[0], even.tensors[1][torch.randperm(400)])
    assert findings(even, squared_error, shuffle=True)["wrong_loss"] == "warning"
    assert findings(mixed, squared_error, shuffle=True, epochs=2)["wrong_loss"] == "fault"


def test_rare_classes_that_are_drawn_or_weighed_more_are_no_imbalance():
    uneven = points([400, 200, 60, 30])
    counts = torch.bincount(uneven.tensors[1])
    sampler = WeightedRandomSampler(1 / counts[uneven.tensors[1]], len(uneven))
    assert findings(uneven, shuffle=True)["imbalance"] == "fault"
    assert "imbalance" not in findings(uneven, sampler=sampler)
    assert "imbalance" not in findings(uneven, nn.CrossEntropyLoss(weight=1 / counts), shuffle=True)


def test_a_stream_without_a_length_is_looked_at():
    rows = points([100] * 4)

    class Stream(IterableDataset):
        def __iter__(self):
            yield from (rows[k] for k in torch.randperm(len(rows)).tolist())

    found = findings(Stream(), nn.CrossEntropyLoss(reduction="sum"))
    assert "fault" not in found.values() and "not_covered" not in found


def test_few_channels_are_no_bottleneck_where_the_maps_are_large():
    wide = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 30))
    narrow = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4), nn.ReLU(), nn.Linear(4, 30))
    for model, expected in ((wide, None), (narrow, "fault")):
        labels = torch.arange(30)
        signals = through(model, torch.randn(30, 3, 8, 8), labels, F.cross_entropy, lambda m, x: m(x))
        verdict = network_too_small(Seen(signals=signals, label_counts=torch.bincount(labels).numpy()))
        assert (verdict and verdict.severity) == expected


def seen_steps(ratio: float, largest: float, right: float) -> Seen:
    """Forty steps with these update ratios and this share of right answers, of ten classes."""
    return Seen(
        parameters=[Parameter("w", 2, 10, True, True, 1.0, 1.0, ratio, largest)], sizes=[100] * 40,
        losses=np.full(40, 2.3), rights=np.full(40, right), label_counts=np.full(10, 100),
    )  # fmt: skip


def test_a_network_that_one_long_step_killed_needs_a_lower_rate():
    dead = seen_steps(ratio=0.0, largest=30.0, right=0.1)
    assert rate_too_high(dead).severity == "fault" and rate_too_low(dead) is None
    slow = seen_steps(ratio=1e-6, largest=2e-6, right=0.1)
    assert rate_too_high(slow) is None and rate_too_low(slow).severity == "warning"


def test_long_steps_of_a_training_that_works_are_not_called_too_long():
    assert rate_too_high(seen_steps(ratio=0.05, largest=0.06, right=0.95)) is None
    assert rate_too_high(seen_steps(ratio=0.035, largest=0.06, right=0.6)) is None
    assert rate_too_high(seen_steps(ratio=0.05, largest=0.06, right=0.6)).severity == "warning"


def test_a_loss_near_zero_may_double():
    low, high = np.full(60, 0.01), np.full(60, 0.02)
    assert noisy_loss(Seen(losses=np.concatenate([np.full(60, 2.0), low, high]))) is None
    assert noisy_loss(Seen(losses=np.concatenate([np.full(60, 2.0), 100 * low, 100 * high]))) is not None


@pytest.mark.parametrize(
    ("mean", "std", "scale", "offset"),
    [
        (0.0, 1.0, None, None), (0.5, 0.25, None, None), (110.0, 60.0, "fault", None), (-0.44, 2.2, "warning", None),
        (0.002, 0.001, "fault", None), (-480.0, 1.0, None, "fault"), (-1.9, 0.004, None, "fault"),
        (-1.9, 4.0, None, None),  # normalized twice: a check of its own
    ],
)  # fmt: skip
def test_the_scale_of_the_inputs(mean, std, scale, offset):
    seen = Seen(inputs=[Inputs([mean] * 3, [std] * 3, mean + 2 * std, 0.0, True)])
    for check, expected in ((input_scale, scale), (input_offset, offset)):
        verdict = check(seen)
        assert (verdict and verdict.severity) == expected


@pytest.mark.parametrize(("size", "expected"), [(1, "fault"), (2, "warning"), (4, "warning"), (8, None)])
def test_batch_normalization_with_few_images(size, expected):
    verdict = batch_norm_batch_of_one(Seen(model=nn.BatchNorm2d(3), sizes=[size] * 20))
    assert (verdict and verdict.severity) == expected
