"""What a learning rate schedule does to a training: python tests/benchmarks/scheduler_effect.py [--record]

`Net` is trained on 8,000 images with the recipe of the book (SGD with Nesterov momentum 0.9, weight decay, batches of
128, crop with padding 4 and flip, Kaiming's initialization) and eight schedules, each with the same number of steps T.
They step after each batch:

constant           the base rate throughout
step               a tenth of it from T/2 on, a hundredth from 3T/4 on
exponential        the same factor each step, so that a hundredth is left after T steps
cosine             half a cosine, to 0
one cycle          up from 1/25 of it in the first 0.3 T steps, then down to nearly 0; the momentum is left alone
warmup + cosine    linear up from a hundredth of it in the first 0.05 T steps, then half a cosine, to 0
linear to zero     a straight line, to 0
constant again     as constant, with other random numbers throughout: it shows what luck looks like

tuning      The base rate (the highest one) is chosen for each schedule by itself, from one list. These runs have seeds
            that are not reported, are as long, train on four fifths of the training images and are compared on the last
            fifth, by the mean over the tuning seeds. The 2,000 held-out images choose nothing. `constant again` has the
            rate of `constant`.
runs        Each schedule is trained with its own rate on all 8,000 images with the reported seeds, and measured on the
            2,000 images of valid and test after each epoch. A run with seed s has the first weights, the order, the
            crops and the flips of every other run with seed s, but for `constant again`.

A run whose loss becomes infinite is recorded with the accuracy of guessing, 0.1, from then on.

`--record` writes to `book/results/scheduler_effect.json` after each run and goes on where an earlier call stopped.
"""

import copy
import os
import time

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.optim import SGD, Optimizer  # noqa: E402
from torch.optim import lr_scheduler as S  # noqa: E402
from torch.utils.data import DataLoader, Subset  # noqa: E402

import recording  # noqa: E402
from helpers import runtime  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages, as_is  # noqa: E402
from helpers.model import architectures  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.train import NonFiniteLoss, evaluate, train_one_epoch  # noqa: E402
from helpers.training.config import TrainConfig  # noqa: E402
from helpers.visualization import metrics  # noqa: E402

CPU, GUESSING = torch.device("cpu"), 0.1
RATES = (0.01, 0.02, 0.04, 0.08)
TUNING_SEED, TUNING_SHARE = 1000, 0.8
AGAIN = "constant again"
SCHEDULES = ("constant", "step", "exponential", "cosine", "one cycle", "warmup + cosine", "linear to zero")


def schedule(name: str, optimizer: Optimizer, T: int) -> S.LRScheduler:
    """The schedule for T optimizer steps; the base rate is that of the optimizer."""
    if name == "step":
        return S.MultiStepLR(optimizer, [T // 2, 3 * T // 4], gamma=0.1)
    if name == "exponential":
        return S.ExponentialLR(optimizer, gamma=0.01 ** (1 / T))
    if name == "cosine":
        return S.CosineAnnealingLR(optimizer, T_max=T)
    if name == "one cycle":
        highest = [group["lr"] for group in optimizer.param_groups]
        return S.OneCycleLR(optimizer, highest, total_steps=T, pct_start=0.3, cycle_momentum=False)
    if name == "warmup + cosine":
        warmup = T // 20
        parts = [S.LinearLR(optimizer, 0.01, total_iters=warmup), S.CosineAnnealingLR(optimizer, T_max=T - warmup)]
        return S.SequentialLR(optimizer, parts, milestones=[warmup])
    if name == "linear to zero":
        return S.LinearLR(optimizer, 1.0, 0.0, total_iters=T)
    return S.LambdaLR(optimizer, lambda step: 1.0)


def run(name: str, images: TensorImages, held_out: TensorImages, num_epochs: int, lr: float, seed: int) -> dict:
    """Train once: mean training loss of each epoch as seen, and the held-out accuracy after each epoch."""
    config = TrainConfig()
    images = copy.copy(images)
    images.seed = seed + (10_000 if name == AGAIN else 0)
    runtime.seed_everything(images.seed)
    model = architectures.build("net").to(memory_format=torch.channels_last)
    loader = EpochLoader(images, config.batch_size)
    plain = held_out.without_augmentation()
    measured = DataLoader(Subset(plain, range(len(plain))), 500, collate_fn=as_is)
    decay = config.weight_decay
    optimizer = SGD(model.parameters(), lr, config.momentum, nesterov=True, weight_decay=decay, fused=True)
    scheduler = schedule(name, optimizer, num_epochs * len(loader))
    found = {"train_loss": [], "held_out": []}
    for epoch in range(num_epochs):
        loader.set_epoch(epoch)
        try:
            seen = train_one_epoch(model, loader, nn.CrossEntropyLoss(), optimizer, CPU, scheduler=scheduler)
        except NonFiniteLoss:
            rest = num_epochs - epoch
            return {
                "train_loss": found["train_loss"] + [None] * rest,
                "held_out": found["held_out"] + [GUESSING] * rest,
            }
        found["train_loss"].append(round(seen["train_mode_loss"], 4))
        found["held_out"].append(round(metrics.accuracy(evaluate(model, measured, CPU, 10)[1]), 6))
    return found


def main() -> None:
    parser = recording.options_of(__doc__)
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images (default 10)")
    parser.add_argument("--tuning-seeds", type=int, default=2, help="runs for each rate in the list (default 2)")
    parser.add_argument("--seeds", type=int, default=5, help="reported runs of each schedule (default 5)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = prepare(options.source, archive=options.archive)
    images = TensorImages(data.index["train"], mean=data.mean, std=data.std, padding=4)
    held_out = TensorImages(data.index["valid"], data.index["test"], mean=data.mean, std=data.std)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(TUNING_SEED))
    few, compared = (recording.only(images, part) for part in order.split(int(TUNING_SHARE * len(images))))

    config = TrainConfig()
    sizes = f"--epochs {options.epochs} --tuning-seeds {options.tuning_seeds} --seeds {options.seeds}"
    record = recording.head(__file__, data, sizes) | {
        "images": {"train": len(images), "held_out": len(held_out), "tuning": [len(few), len(compared)]},
        "config": {
            "model": "net", "init": "kaiming", "num_epochs": options.epochs, "batch_size": config.batch_size,
            "optimizer": "sgd, Nesterov momentum", "momentum": config.momentum, "weight_decay": config.weight_decay,
            "padding": 4, "lr": list(RATES), "tuning_seeds": [TUNING_SEED + k for k in range(options.tuning_seeds)],
            "seeds": options.seeds, "split_seed": data.seed,
        },
    } | recording.machine() | {
        "seconds": 0.0,
        "schedules": {
            name: {"lr": None, "tuning": {}, "train_loss": [], "held_out": []} for name in (*SCHEDULES, AGAIN)
        },
    }  # fmt: skip
    path = results_root() / "scheduler_effect.json"
    if options.record and (before := recording.earlier(path, record, "images")):
        record |= {"seconds": before["seconds"], "schedules": before["schedules"]}
    rows = record["schedules"]

    todo = [(name, lr, TUNING_SEED + k) for k in range(options.tuning_seeds) for name in SCHEDULES for lr in RATES]
    todo += [(name, None, seed) for seed in range(options.seeds) for name in rows]
    for name, rate, seed in todo:
        row, start = rows[name], time.perf_counter()
        if rate is not None:
            tuned = row["tuning"].setdefault(str(rate), [])
            if len(tuned) > seed - TUNING_SEED:
                continue
            found = run(name, few, compared, options.epochs, rate, seed)
            tuned.append(found["held_out"][-1])
        else:
            if len(row["held_out"]) > seed:
                continue
            tuning = rows["constant" if name == AGAIN else name]["tuning"]
            row["lr"] = float(max(tuning, key=lambda rate: sum(tuning[rate])))  # of equals, the first
            found = run(name, images, held_out, options.epochs, row["lr"], seed)
            for key, values in found.items():
                row[key].append(values)
        record["seconds"] = round(record["seconds"] + time.perf_counter() - start, 1)
        print(f"{name:16s} seed {seed:4d}  lr {row['lr'] if rate is None else rate:<6g} {found['held_out'][-1]:.1%}  "
              f"{record['seconds']:.0f} s in all", flush=True)  # fmt: skip
        if options.record:
            recording.write(path, record, "schedules")


if __name__ == "__main__":
    main()
