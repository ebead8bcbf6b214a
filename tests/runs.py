"""What tests of training runs share: short settings, comparisons of two runs, and event files read back."""

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from helpers.training import report
from helpers.training.config import TrainConfig
from helpers.visualization.writers import RunWriter


def config(**changes) -> TrainConfig:
    return TrainConfig(**{"num_epochs": 2, "batch_size": 50, "device": "cpu", "threads": 1} | changes)


def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of this process end without their figures, which take longer to draw than such a short training."""
    monkeypatch.setattr(report, "draw", lambda *_: None)
    monkeypatch.setattr(RunWriter, "confusion", lambda *_: None)


def without_times(result: dict) -> dict:
    """What must be the same in every run: times and speeds left out."""
    history = [
        {name: value for name, value in record.items() if name not in ("seconds", "images_per_second")}
        for record in result["history"]
    ]
    return {name: result[name] for name in ("loss", "accuracy", "confusion", "epochs_of_measured_weights")} | {
        "history": history
    }


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def read_events(folder) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "images": 0})
    events.Reload()
    return events


def scalars(events: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]
