"""The parts of a training run: its data, its optimizer and schedule, its folder. `helpers.train` puts them together."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Subset

from helpers.data.loaders import EpochLoader, TensorImages, as_is
from helpers.paths import DataError, remove_leftovers, replacing
from helpers.prepare import PARTS, Prepared, prepare
from helpers.training import checkpoint, distributed, report
from helpers.training.config import TrainConfig
from helpers.training.optimizers import MuonWithAdamW
from helpers.visualization.writers import RunWriter

CONFIG_FILE = "config.json"
SHOWN_IMAGES = 32  # of the first batch, in TensorBoard


def make_loaders(
    config: TrainConfig, data: Prepared, device: torch.device, progress: bool = False
) -> tuple[EpochLoader, dict[str, DataLoader]]:
    """The loader to train with, and one loader a part to measure with (train without crop and flip).

    With several processes each measures every n-th image.

    Raises: DataError for a missing or malformed index, or a label without a class; ValueError for a batch size that
    does not fit.
    """
    parts = {part: [data.index[part]] for part in ("train", "valid", "test")}
    if config.protocol == "official":
        parts = {"train": [data.index[part] for part in PARTS[:3]], "test": [data.index["official_test"]]}
    images = {}
    for part, paths in parts.items():
        augmentation = {"padding": config.padding, "cutout": config.cutout} if part == "train" else {}
        found = TensorImages(
            *paths, mean=data.mean, std=data.std, seed=config.seed, dtype=getattr(torch, config.dtype), **augmentation
        )
        if not 0 <= found.targets.min() <= found.targets.max() < len(data.classes):
            raise DataError(
                f"{', '.join(map(str, paths))}: labels {found.targets.min()} to {found.targets.max()}, but there are "
                f"{len(data.classes)} classes. Correct the index, or build a model with more classes."
            )
        images[part] = found
    rank, size = distributed.rank(), distributed.world_size()
    loader = EpochLoader(
        images["train"], config.batch_size, config.num_workers, rank, size, device.type == "cuda", progress
    )
    measured = {
        part: DataLoader(Subset(found.without_augmentation(), range(rank, len(found), size)), 500, collate_fn=as_is)
        for part, found in images.items()
    }
    return loader, measured


def make_optimizer(model: nn.Module, config: TrainConfig, num_steps: int) -> tuple[Optimizer, OneCycleLR]:
    """The optimizer, and the one-cycle schedule of its learning rate over `num_steps` steps.

    With SGD kernels and matrices decay; biases and normalization layers, which have one dimension, do not.

    Source: L. Smith and N. Topin, Super-Convergence, 2019 (here with constant momentum).
    """
    if config.optimizer == "muon":
        optimizer = MuonWithAdamW(model.parameters(), config.lr, config.weight_decay)
    else:
        decayed = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
        fused = decayed[0].device.type != "mps"  # one kernel for all parameters
        optimizer = SGD(groups, config.lr, config.momentum, nesterov=config.momentum > 0, fused=fused)
    return optimizer, OneCycleLR(
        optimizer, config.lr, total_steps=num_steps, pct_start=config.warmup, cycle_momentum=False
    )


def open_run(config: TrainConfig, data: Prepared, resume: bool) -> tuple[dict | None, dict | None]:
    """Claim the folder of the run; return its result, if it is finished, and its last checkpoint, if there is one.

    Raises: DataError for a folder that holds another run, or this one without `resume`.
    """
    if config.run_dir is None:
        if resume:
            raise ValueError("resume needs the run_dir to go on in")
        return None, None
    run_dir = Path(config.run_dir)
    note = run_dir / CONFIG_FILE
    settings = config.settings() | {"index_sha256": data.index_sha256}
    if not note.exists():
        if resume:
            print(f"{run_dir}: no run to go on with, starting a new one", file=sys.stderr)
        with replacing(note) as temporary:
            temporary.write_text(json.dumps(settings, indent=1))
        return None, None
    try:
        there = json.loads(note.read_text())
    except ValueError as error:
        raise DataError(f"{note}: not readable ({error}). Choose another --run-dir.") from error
    if different := sorted(name for name in settings | there if settings.get(name) != there.get(name)):
        raise DataError(f"{run_dir}: holds a run with another {', '.join(different)}. Choose another --run-dir.")
    if not resume:
        raise DataError(f"{run_dir}: holds a run already. Go on with --resume, or choose another --run-dir.")
    remove_leftovers(run_dir)
    result = run_dir / report.RESULT_FILE
    return json.loads(result.read_text()) if result.exists() else None, checkpoint.read_last(run_dir)


@contextmanager
def settings_of(config: TrainConfig) -> Iterator[None]:
    """The number of threads, and reproducible kernels on a GPU; put back at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(config.threads or before)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            yield
    finally:
        torch.set_num_threads(before)


def prepare_for(config: TrainConfig) -> Prepared:
    """The data of a run: made by the main process, then found by the others."""
    num_images = "all" if config.protocol == "official" else config.num_images
    if distributed.is_main():
        prepare(config.source, archive=config.archive, num_images=num_images)
    distributed.from_main(None)  # the others wait
    return prepare(config.source, archive=config.archive, num_images=num_images)


class RunFiles:
    """The files of a run: what the main process writes after each epoch and at the end."""

    def __init__(self, config: TrainConfig, stateful: dict, steps: int) -> None:
        self.folder, self.stateful = Path(config.run_dir), stateful
        self.writer = RunWriter(self.folder, resume_from=steps)

    def begin(self, loader: EpochLoader, data: Prepared) -> None:
        """Show the first images as the network gets them: wrong colours or crops are seen before hours of training."""
        images, _ = loader.dataset.__getitems__(loader.positions(0)[:SHOWN_IMAGES])
        self.writer.images("first_batch", images, data.mean, data.std, 0)

    def end_epoch(self, history: list[dict], best: dict, steps: int) -> None:
        model, record = self.stateful["model"], history[-1]
        for group in ("loss", "accuracy"):
            names = [name for name in (f"train_mode_{group}", f"valid_{group}") if name in record]
            self.writer.scalars(group, {name.removesuffix(f"_{group}"): record[name] for name in names}, steps)
        self.writer.histograms(model, steps)
        self.writer.kernels("conv1", model.conv1.weight, steps)
        self.writer.flush()  # before the checkpoint: what it covers is in the event file
        if best["epoch"] == record["epoch"]:
            checkpoint.save(self.folder / checkpoint.BEST, best)
        state = checkpoint.capture(self.stateful) | {"history": history, "best": best}
        checkpoint.save(self.folder / checkpoint.LAST, state, keep=checkpoint.PREVIOUS)

    def end(self, result: dict, measures: dict, classes: list[str], steps: int) -> None:
        for part, (_, matrix) in measures.items():
            self.writer.confusion(part, matrix, classes, steps)
        self.writer.close()
        report.write(self.folder, result, classes)
