"""The parts of a training run: its data, its optimizer and schedule. `helpers.train` puts them together."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Subset

from helpers.data.loaders import EpochLoader, TensorImages, as_is
from helpers.model.fast import FastNet
from helpers.paths import DataError
from helpers.prepare import PARTS, Prepared, prepare
from helpers.training import distributed
from helpers.training.config import TrainConfig
from helpers.training.optimizers import Lookahead, MuonWithAdamW, MuonWithSGD

WHITENING_IMAGES = 5_000  # or a few more, evenly chosen
TRIANGLE = {"anneal_strategy": "linear", "div_factor": 5.0, "final_div_factor": 0.2 / 0.07}  # lr / 5, lr, 0.07 lr
SGD_BESIDE_MUON = 6.0  # the rate of SGD, as a multiple of that of Muon for kernels


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
        augmentation = {}
        if part == "train":
            alternate = config.flip == "alternating"
            augmentation = {"padding": config.padding, "alternate": alternate, "cutout": config.cutout}
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


def whiten(model: FastNet, images: TensorImages) -> None:
    """Set the first layer of the network from its training images, as they are without crops and flips."""
    chosen = range(0, len(images), max(1, len(images) // WHITENING_IMAGES))
    model.whiten(images.without_augmentation().__getitems__(chosen)[0])


def make_optimizer(model: nn.Module, config: TrainConfig, num_steps: int) -> tuple[Optimizer, OneCycleLR]:
    """The optimizer, and the one-cycle schedule of its learning rate over `num_steps` steps.

    With SGD kernels and matrices decay; biases and normalization layers, which have one dimension, do not, and may have
    a rate of their own.

    Source: L. Smith and N. Topin, Super-Convergence, 2019 (here with constant momentum).
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    if config.optimizer == "muon":
        optimizer = MuonWithAdamW(trained, config.lr, config.weight_decay)
    else:
        kernels = [p for p in trained if p.ndim == 4 and config.optimizer == "muon_sgd"]
        lr = config.lr * (SGD_BESIDE_MUON if kernels else 1)
        decayed = [p for p in trained if p.ndim > 1 and (p.ndim != 4 or not kernels)]
        others = [p for p in trained if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": config.weight_decay, "lr": lr},
            {"params": others, "weight_decay": 0.0, "lr": config.bias_lr * lr},
        ]
        if kernels:
            optimizer = MuonWithSGD(kernels, config.lr, groups, config.momentum)
        else:
            fused = decayed[0].device.type != "mps"  # one kernel for all parameters
            optimizer = SGD(groups, config.lr, config.momentum, nesterov=config.momentum > 0, fused=fused)
    if config.lookahead:
        optimizer = Lookahead(optimizer, model.buffers(), config.lookahead, num_steps)
    return optimizer, _one_cycle(optimizer, config, num_steps)


def _one_cycle(optimizer: Optimizer, config: TrainConfig, num_steps: int) -> OneCycleLR:
    """The rates rise to step `warmup · num_steps - 1`, counted from 0, and fall from there to the last step.

    OneCycleLR divides by the length of both parts, so that neither may be 0.
    """
    warmup = config.warmup
    if warmup == 1 or num_steps == 1:  # it rises to the last step; the one step of the fall is never made
        warmup, num_steps = num_steps / (num_steps + 1), num_steps + 1
    if warmup * num_steps == 1:  # it is highest at the first step
        warmup *= 1 - 1e-9
    form = TRIANGLE if config.schedule == "triangle" else {}
    highest = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, highest, total_steps=num_steps, pct_start=warmup, cycle_momentum=False, **form)


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
    options = {"archive": config.archive, "num_images": num_images}
    distributed.from_main(lambda: prepare(config.source, **options))
    return prepare(config.source, **options)  # another machine may have a data folder of its own
