"""A small training as a value, so that a fault is a function from a training to a sick one; and the loop that runs it.

`run` is a plain loop of the kind that readers write. It shows each batch to a watcher, if there is one.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset

from helpers import runtime
from helpers.data.loaders import TensorImages, all_crops, as_is, crop_and_flip
from helpers.data.summary import Prepared
from helpers.model.initialization import initialize_weights
from helpers.model.net import Net
from helpers.model.resnet import CifarResNet


@dataclass(frozen=True, eq=False)
class Images(Dataset):
    """Images in memory, normalized when they are read; with `padding`, cropped and mirrored at random.

    Args: pixels, uint8 [N, 3, H, W]; labels, int64 [N]; mean, std, per channel on the 0-1 scale; rng, the generator of
    the crops, that of torch where it is None.
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    padding: int = 0
    rng: np.random.Generator | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, positions: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        images = self.pixels[torch.as_tensor(positions)]
        if self.padding:
            size, most = len(images), 2 * self.padding + 1
            if self.rng is None:
                shifts, flips = torch.randint(0, most, (size, 2)), torch.rand(size) < 0.5
            else:
                shifts = torch.from_numpy(self.rng.integers(0, most, (size, 2)))
                flips = torch.from_numpy(self.rng.random(size) < 0.5)
            images = crop_and_flip(all_crops(images, self.padding), torch.arange(size), shifts, flips)
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (images / 255 - mean) / std, self.labels[torch.as_tensor(positions)]

    def __getitem__(self, position: int) -> tuple[torch.Tensor, int]:
        images, labels = self.__getitems__([position])
        return images[0], int(labels[0])


def images_of(data: Prepared, part: str, count: int, seed: int = 0, padding: int = 0) -> Images:
    """Up to `count` images of a part of prepared data, chosen at random. Args: part, a key of `data.index`."""
    scale = {"mean": tuple(data.mean), "std": tuple(data.std)}
    found = TensorImages(data.index[part], **scale)
    chosen = torch.randperm(len(found.targets), generator=torch.Generator().manual_seed(seed))[:count]
    return Images(found.images[chosen], found.targets[chosen], padding=padding, **scale)


class MLP(nn.Sequential):
    """Two hidden layers: images [B, 3, H, W] of `size` pixels -> logits [B, K]."""

    def __init__(self, num_classes: int = 10, widths: tuple[int, ...] = (128, 64), size: int = 32) -> None:
        layers: list[nn.Module] = [nn.Flatten()]
        inputs = 3 * size * size
        for width in widths:
            layers += [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        super().__init__(*layers, nn.Linear(inputs, num_classes))
        initialize_weights(self, "kaiming")


def net(num_classes: int = 10) -> Net:
    model = Net(num_classes)
    initialize_weights(model, "kaiming")
    return model


def small_resnet(num_classes: int = 10) -> CifarResNet:
    """Three narrow residual blocks; a first layer with stride 2, so that a step costs as little as one of `Net`."""
    model = CifarResNet(num_classes, blocks=(1, 1, 1), width=8)
    model.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
    initialize_weights(model, "kaiming")
    return model


MODELS = {"net": net, "mlp": MLP, "resnet": small_resnet}


def sgd(model: nn.Module, lr: float = 0.01, momentum: float = 0.9, **more: float) -> SGD:
    return SGD(model.parameters(), lr, momentum, **more)


def cosine(optimizer: Optimizer, epochs: int) -> CosineAnnealingLR:
    """The rate falls to 0 in half a cosine, a step an epoch."""
    return CosineAnnealingLR(optimizer, epochs)


@dataclass(frozen=True)
class Training:
    """All that decides a training; what is not given is healthy.

    Args: model, makes a new one; train, valid, the images; loss, (logits [B, K], labels [B]) -> number; optimizer, made
    for a model; scheduler, made for an optimizer and a number of epochs, or None; after_optimizer, what is done to the
    model once its optimizer is made, returns the model that is trained; metric, "images" or "batches" to average over,
    or "running", over the images of all epochs so far; measured, the part that is called validation; scheduler_each,
    "epoch" or "batch".
    """

    train: Images
    valid: Images
    model: Callable[[], nn.Module] = net
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = field(default_factory=nn.CrossEntropyLoss)
    optimizer: Callable[[nn.Module], Optimizer] = sgd
    scheduler: Callable[[Optimizer, int], object] | None = cosine
    after_optimizer: Callable[[nn.Module], nn.Module] = lambda model: model
    epochs: int = 6
    batch_size: int = 64
    valid_batch_size: int = 100
    shuffle: bool = True
    num_workers: int = 0
    zero_grad: bool = True
    clip_norm: float = 0.0
    train_mode: Callable[[nn.Module], object] = nn.Module.train
    eval_mode: Callable[[nn.Module], object] = nn.Module.eval
    metric: str = "images"
    measured: str = "valid"
    scheduler_each: str = "epoch"


@dataclass
class Trained:
    """What `run` leaves: the trained model, a record an epoch, the watcher, and the error that ended it, if any."""

    model: nn.Module
    history: list[dict[str, float]]
    watcher: object | None
    error: str = ""


def loaders(training: Training) -> dict[str, DataLoader]:
    """The batches of both parts; the last one may be short."""
    more = {"collate_fn": as_is, "num_workers": training.num_workers}
    return {
        "train": DataLoader(training.train, training.batch_size, shuffle=training.shuffle, **more),
        "valid": DataLoader(training.valid, training.valid_batch_size, collate_fn=as_is),
    }


def run(training: Training, seed: int = 0, watch: Callable[..., object] | None = None) -> Trained:
    """Train, and measure after each epoch. An error, or a loss that is not finite, ends it early.

    Args: watch, called once with what a doctor takes; what it returns is told of each batch (`observe`) and of the
    numbers of each epoch (`end_epoch`).
    """
    runtime.seed_everything(seed)
    model = training.model()
    optimizer = training.optimizer(model)
    model = training.after_optimizer(model)
    scheduler = training.scheduler(optimizer, training.epochs) if training.scheduler else None
    batches = loaders(training)
    watcher = watch(model, optimizer, training.loss, batches["train"], batches["valid"], scheduler) if watch else None
    done = Trained(model, [], watcher)
    try:
        for _ in range(training.epochs):
            losses = list(_train(training, model, optimizer, scheduler, batches["train"], watcher))
            loss, accuracy = _measure(training, model, batches[training.measured], watcher)
            if training.metric == "running":
                earlier = [record["valid_accuracy"] for record in done.history[-1:]]
                accuracy = (accuracy + sum(earlier) * len(done.history)) / (len(done.history) + 1)
            record = {"train_loss": sum(losses) / len(losses), "valid_loss": loss, "valid_accuracy": accuracy}
            done.history.append(record)
            if watcher:
                watcher.end_epoch(**record)
            if scheduler and training.scheduler_each == "epoch":
                scheduler.step()
            if not math.isfinite(losses[-1]):
                break
    except (RuntimeError, ValueError, IndexError) as error:  # a fault may well end a training
        done.error = f"{type(error).__name__}: {error}"
    return done


def _train(training: Training, model, optimizer, scheduler, batches, watcher) -> Iterator[float]:
    training.train_mode(model)
    for images, labels in batches:
        if training.zero_grad:
            optimizer.zero_grad()
        logits = model(images)  # B K
        loss = training.loss(logits, labels)
        loss.backward()
        if training.clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), training.clip_norm)
        if watcher:
            watcher.observe(images, labels, logits, loss)
        optimizer.step()
        if scheduler and training.scheduler_each == "batch":
            scheduler.step()
        yield loss.item()
        if not math.isfinite(loss.item()):
            return


def _measure(training: Training, model, batches, watcher) -> tuple[float, float]:
    training.eval_mode(model)
    losses, rights, counts = [], [], []
    with torch.no_grad():
        for images, labels in batches:
            logits = model(images)
            loss = training.loss(logits, labels)
            if watcher:
                watcher.observe(images, labels, logits, loss)
            losses.append(loss.item())
            rights.append((logits.argmax(dim=1) == labels).float().mean().item())
            counts.append(len(labels))
    weights = np.array(counts if training.metric != "batches" else [1] * len(counts), dtype=float)
    return float(np.average(losses, weights=weights)), float(np.average(rights, weights=weights))
