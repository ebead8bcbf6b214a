"""What remains of a run: `result.json`, the curves, the confusion matrices; and on which machine it ran."""

import json
import os
import platform
import statistics
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn

from helpers import runtime
from helpers.paths import DataError, read_json, replacing
from helpers.prepare import Prepared
from helpers.training import distributed
from helpers.training.config import TrainConfig
from helpers.visualization import metrics, plots

RESULT_FILE = "result.json"


def hardware(device: torch.device) -> dict[str, object]:
    """What the time of a run depends on: processor, cores, threads, and the GPU if one was used."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line] \
        if cpuinfo.exists() else []  # fmt: skip
    found = {
        "device": device.type,
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    return found | ({"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {})


def summarize(
    history: list[dict[str, float]],
    measured: dict[str, tuple[float, torch.Tensor]],
    best_epoch: int,
) -> dict[str, object]:
    """The numbers of a run: for each part loss, accuracy and confusion matrix; median speed; the history.

    Args: measured, for each part what `evaluate` returned; best_epoch, from 0, whose weights were measured.
    """
    return {
        "epochs_of_measured_weights": best_epoch + 1,
        "loss": {part: loss for part, (loss, _) in measured.items()},
        "accuracy": {part: metrics.accuracy(matrix) for part, (_, matrix) in measured.items()},
        "confusion": {part: matrix.tolist() for part, (_, matrix) in measured.items()},
        "images_per_second": statistics.median(record["images_per_second"] for record in history),
        "seconds": sum(record["seconds"] for record in history),
        "history": history,
        "versions": runtime.versions(),
    }


def origin(config: TrainConfig, data: Prepared, model: nn.Module, device: torch.device) -> dict[str, object]:
    """Where a result is from: settings, command, images, machine and size of the network."""
    return {
        "config": config.settings(),
        "command": config.command(),
        "data": {name: getattr(data, name) for name in ("label", "official", "source", "num_images", "counts")},
        "hardware": hardware(device) | {"processes": distributed.world_size()},
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def line(record: dict[str, float], num_epochs: int) -> str:
    """One epoch of the history as a line for the terminal."""
    text = f"epoch {record['epoch'] + 1:3d}/{num_epochs}  train-mode loss {record['train_mode_loss']:.4f}"
    text += f" accuracy {record['train_mode_accuracy']:.1%}"
    if "valid_loss" in record:
        text += f"  valid loss {record['valid_loss']:.4f} accuracy {record['valid_accuracy']:.1%}"
    return text + f"  {record['images_per_second']:,.0f} images/s"


def write(run_dir: Path, result: dict, classes: list[str]) -> None:
    """Draw the figures, then write result.json: where it is, the run is finished."""
    draw(run_dir, result, classes)
    with replacing(run_dir / RESULT_FILE) as temporary:
        temporary.write_text(json.dumps(result, indent=1))


def draw(run_dir: Path, result: dict, classes: list[str]) -> None:
    """Draw curves.png and confusion_<part>.png."""
    with plt.style.context(plots.STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
        plots.curves(result["history"], ("train_mode_loss", "valid_loss"), "cross-entropy (nats)", axes[0])
        plots.curves(result["history"], ("train_mode_accuracy", "valid_accuracy"), "accuracy (share)", axes[1])
        _save(run_dir / "curves.png", figure)
        for part, matrix in result["confusion"].items():
            axes = plots.confusion_figure(matrix, classes)
            axes[0].figure.suptitle(f"{part}: {result['data']['label']}, accuracy {result['accuracy'][part]:.1%}")
            _save(run_dir / f"confusion_{part}.png", axes[0].figure)


def read(run_dir: Path) -> dict[str, object]:
    """The result of a finished run. Raises: DataError, which names the file, when it is damaged or lacks a part."""
    path, remedy = run_dir / RESULT_FILE, "Delete it, then --resume measures again."
    result = read_json(path, remedy)
    accuracy, loss, data = (result.get(name) for name in ("accuracy", "loss", "data"))
    if (
        not all(isinstance(part, dict) for part in (accuracy, loss, data)) or "label" not in data
        or accuracy.keys() != loss.keys() or not isinstance(result.get("epochs_of_measured_weights"), int)
        or not all(isinstance(number, float) for number in (*accuracy.values(), *loss.values()))
    ):  # fmt: skip
        raise DataError(f"{path}: damaged, a part of the result is missing. {remedy}")
    return result


def _save(path: Path, figure: plt.Figure) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    plt.close(figure)
