"""Measure how far the drawn sample stands in for CIFAR-10.

    python tests/benchmarks/sample_realism.py --archive cifar-10-python.tar.gz [--epochs 20] [--json]

Two transfers (a net trained on the one data set, tested on the other; chance is 10 %), and the experiments of
the book on 4,000 images of each: they must come out in the same direction. About 5 minutes on one core.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from helpers.data import sample
from helpers.data.archive import read_archive
from helpers.data.loaders import all_crops, crop_and_flip
from helpers.model.net import Net

GOALS = {"real_to_sample": 0.35, "sample_to_real": 0.25}


def load_real(archive: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images [60000, 32, 32, 3] uint8 and labels [60000] int64 of an archive, the test batch last."""
    real = read_archive(archive)
    images = np.concatenate([real.train_images, real.test_images])
    return images, np.concatenate([real.train_labels, real.test_labels])


def augment_batch(images: torch.Tensor) -> torch.Tensor:
    """Random crop after padding by 4, and a flip of every second image; [B, 3, 32, 32]."""
    size = len(images)
    flips = torch.rand(size, 1)[:, 0] < 0.5
    columns, rows = torch.randint(9, (size, 1)), torch.randint(9, (size, 1))
    everything = torch.arange(len(images))
    return crop_and_flip(all_crops(images, 4), everything, torch.cat([rows, columns], dim=1), flips)


class Trained:
    """A `Net` trained on images [N, 32, 32, 3] uint8 and labels [N], with their mean and std."""

    def __init__(self, images, labels, epochs, seed, augment=True, normalize=True, init="kaiming", lr=0.03, cycle=True):
        torch.manual_seed(seed)
        self.net, self.losses = Net(), []
        self.net.initialize_weights(init)
        pixels = images.reshape(-1, 3) / 255
        self.mean, self.std = (pixels.mean(0), pixels.std(0)) if normalize else (np.zeros(3), np.ones(3))
        inputs, targets = self.prepare(images), torch.as_tensor(labels, dtype=torch.long)
        optimizer = torch.optim.SGD(self.net.parameters(), lr, momentum=0.9, weight_decay=5e-4)
        steps = epochs * -(-len(inputs) // 64)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps) if cycle else None
        for _ in range(epochs):
            total = 0.0
            for batch in torch.randperm(len(inputs)).split(64):
                x = augment_batch(inputs[batch]) if augment else inputs[batch]
                loss = F.cross_entropy(self.net(x), targets[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if scheduler:
                    scheduler.step()
                total += loss.item() * len(batch)
            self.losses.append(total / len(inputs))

    def prepare(self, images: np.ndarray) -> torch.Tensor:
        scaled = ((images / 255 - self.mean) / self.std).astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))

    @torch.no_grad()
    def confusion(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Counts [10, 10]: rows are the true classes, columns the predicted ones."""
        parts = [self.net(self.prepare(part)).argmax(1).numpy() for part in np.array_split(images, 10)]
        guesses = np.concatenate(parts)
        return np.bincount(labels.astype(np.int64) * 10 + guesses, minlength=100).reshape(10, 10)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return float(self.confusion(images, labels).trace() / len(images))


def most_confused(confusion: np.ndarray, count: int = 3) -> list[tuple[str, int]]:
    """The pairs of classes mistaken for each other most often, in either direction, with that number."""
    both = np.triu(confusion + confusion.T, 1)
    order = np.argsort(-both, axis=None, kind="stable")[:count]
    pairs = [divmod(int(k), 10) for k in order]
    return [(f"{sample.CLASS_NAMES[a]}/{sample.CLASS_NAMES[b]}", int(both[a, b])) for a, b in pairs]


def experiments(images: np.ndarray, labels: np.ndarray, held_out: tuple, epochs: int, seed: int) -> dict:
    """The book's experiments on 4,000 images; accuracies on `held_out`, and losses of the last epoch."""
    result = {}
    plain = Trained(images, labels, epochs, seed, augment=False)
    confusion = plain.confusion(*held_out)
    result["held-out accuracy"] = float(confusion.trace() / confusion.sum())
    result["the same, training images"] = plain.accuracy(images, labels)
    result["with augmentation"] = Trained(images, labels, epochs, seed).accuracy(*held_out)
    double = {"epochs": 2 * epochs, "seed": seed}
    result["twice the epochs"] = Trained(images, labels, **double, augment=False).accuracy(*held_out)
    result["twice the epochs, with augmentation"] = Trained(images, labels, **double).accuracy(*held_out)
    quick = {"epochs": max(1, epochs // 3), "seed": seed, "augment": False, "cycle": False}
    for name, change in (
        ("lr 0.01", {"lr": 0.01}),
        ("lr 0.01, not normalized", {"lr": 0.01, "normalize": False}),
        ("lr 0.001, kaiming", {"lr": 0.001}),
        ("lr 0.001, N(0, 0.01)", {"lr": 0.001, "init": "tutorial"}),
    ):
        trained = Trained(images, labels, **quick, **change)
        result[f"{name}: accuracy after {quick['epochs']} epochs"] = trained.accuracy(*held_out)
        result[f"{name}: loss"] = trained.losses[-1]
    result["most confused"] = most_confused(confusion)
    return result


def measure(archive: Path, epochs: int, seed: int) -> dict:
    drawn, drawn_labels = sample.draw_sample()
    real, real_labels = load_real(archive)
    fifty, test, rest = slice(0, 50_000), slice(50_000, None), (drawn[4000:], drawn_labels[4000:])
    on_real = Trained(real[fifty], real_labels[fifty], epochs, seed)
    on_sample = Trained(drawn[:5000], drawn_labels[:5000], epochs, seed)
    return {
        "epochs": epochs,
        "seed": seed,
        "real_to_real": on_real.accuracy(real[test], real_labels[test]),
        "real_to_sample": on_real.accuracy(drawn, drawn_labels),
        "sample_to_real": on_sample.accuracy(real[test], real_labels[test]),
        # The 4,000 are a plain cut: every batch of the sample is balanced, and CIFAR-10's nearly so.
        "sample": experiments(drawn[:4000], drawn_labels[:4000], rest, epochs, seed),
        "real": experiments(real[:4000], real_labels[:4000], (real[test], real_labels[test]), epochs, seed),
    }


def report(result: dict) -> str:
    lines = [f"{'trained on CIFAR-10 (50,000), tested on CIFAR-10':50} {result['real_to_real']:8.3f}"]
    for key, text in (
        ("real_to_sample", "trained on CIFAR-10 (50,000), tested on the sample"),
        ("sample_to_real", "trained on the sample (5,000), tested on CIFAR-10"),
    ):
        lines.append(f"{text:50} {result[key]:8.3f}   wanted: {GOALS[key]:.2f} or more")
    lines.append(f"\n{'4,000 training images of':50} {'sample':>8} {'CIFAR-10':>9}")
    for name, value in result["sample"].items():
        if name != "most confused":
            lines.append(f"{name:50} {value:8.3f} {result['real'][name]:9.3f}")
    for key in ("sample", "real"):
        pairs = ", ".join(f"{pair} {count}" for pair, count in result[key]["most confused"])
        lines.append(f"most confused, {key}: {pairs}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True, help="CIFAR-10's python archive, .tar.gz")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON instead of a table")
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    result = measure(args.archive, args.epochs, args.seed)
    print(json.dumps(result, indent=2) if args.json else report(result))
    return 0 if all(result[key] >= goal for key, goal in GOALS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
