"""Which optimizer: accuracy, sensitivity and cost of fourteen: python tests/benchmarks/optimizer_effect.py [--record]

`Net` is trained with each optimizer of ROWS: settings of the library but for the learning rate, no weight decay but
for AdamW's. In every row the learning rate starts at its value and falls to 0 along a cosine, step by step. The order
of the work, fixed before anything was trained:

tuning  The 8,000 training images of the split are divided: 4/5 to train with, 1/5 to choose by. Every optimizer gets
        the same grid of learning rates, from 0.0001 to 10, each the square root of 10 times the one before, with the
        first tuning seed. The next tuning seeds are run for the rates that end within 5 points of its best. The best
        mean chooses the rate. A run of the tuning that is at or below 12 % after half of its epochs ends there.
final   With its rate each optimizer is trained on all 8,000 images, with seeds that chose nothing, and measured on the
        other 2,000 images of the split (valid and test), which chose nothing either. One row is no optimizer of its
        own: `momentum again` is `momentum` with its rate and other first weights. It shows what luck looks like.
timing  Seconds of `optimizer.step()` by itself, in rounds in which every optimizer takes its turn; the ratio to plain
        SGD is taken round by round, and the median over the rounds is recorded. The same for forward and backward pass.

Runs with one seed share first weights, order, crops and flips: differences are taken seed by seed. Where a loss is
infinite or nan, the run stops and counts as guessing, 0.1.

`--record` writes to `book/results/optimizer_effect.json` after each run and goes on where an earlier call stopped.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.optim.lr_scheduler import CosineAnnealingLR  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

import recording  # noqa: E402
from helpers import runtime  # noqa: E402
from helpers.data.index import read_index, write_index  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages, as_is  # noqa: E402
from helpers.model import architectures  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.train import NonFiniteLoss, evaluate, train_one_epoch  # noqa: E402
from helpers.training.optimizers import MuonWithAdamW  # noqa: E402
from helpers.visualization import metrics  # noqa: E402

CPU, GUESSING = torch.device("cpu"), 0.1
GIVE_UP, CLOSE = 0.12, 0.05  # the rules of the tuning
BATCH_SIZE, PADDING = 64, 4
RATES = [float(f"{10 ** (k / 2):.3g}") for k in range(-8, 3)]  # 0.0001, 0.000316, ..., 3.16, 10
FIRST_TUNING_SEED = 100
MOMENTUM, AGAIN = "momentum", "momentum again"
ROWS = {  # name: class, what differs from the library's settings
    "SGD": ("SGD", {}),
    MOMENTUM: ("SGD", {"momentum": 0.9}),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "ASGD": ("ASGD", {}),
    "Rprop": ("Rprop", {}),
    "Adagrad": ("Adagrad", {}),
    "Adadelta": ("Adadelta", {}),
    "RMSprop": ("RMSprop", {}),
    "Adam": ("Adam", {}),
    "Adamax": ("Adamax", {}),
    "AdamW": ("AdamW", {}),
    "NAdam": ("NAdam", {}),
    "RAdam": ("RAdam", {}),
    "Muon": ("MuonWithAdamW", {}),
}


def make(name: str, model: nn.Module, lr: float) -> torch.optim.Optimizer:
    kind, settings = ROWS[MOMENTUM if name == AGAIN else name]
    if kind == "MuonWithAdamW":
        return MuonWithAdamW(model.parameters(), lr)
    return getattr(torch.optim, kind)(model.parameters(), lr=lr, **settings)


def new_model(seed: int) -> nn.Module:
    runtime.seed_everything(seed)
    return architectures.build("net").to(memory_format=torch.channels_last)


def run(
    name: str, lr: float, seed: int, images: TensorImages, epochs: int, measure: Callable, give_up: float = 0.0
) -> list[float]:
    """Train once; what `measure` says of the model after each epoch, 0.1 once it has diverged.

    Args: give_up, the accuracy at or below which the run ends after half of its epochs.
    """
    model = new_model(seed + (10_000 if name == AGAIN else 0))
    images.seed = seed
    loader = EpochLoader(images, BATCH_SIZE)
    optimizer = make(name, model, lr)
    schedule = CosineAnnealingLR(optimizer, epochs * len(loader))
    found = []
    try:
        for epoch in range(epochs):
            loader.set_epoch(epoch)
            train_one_epoch(model, loader, nn.CrossEntropyLoss(), optimizer, CPU, scheduler=schedule)
            if not give_up or epoch + 1 in (epochs // 2, epochs):
                found.append(round(measure(model), 4))
                if found[-1] <= give_up:
                    break
    except NonFiniteLoss:
        found += [GUESSING] * (epochs - len(found))
    return found


def measure_on(*paths: Path, **numbers: list[float]) -> tuple[Callable[[nn.Module], float], int]:
    """A function that gives the accuracy on these images; and their number."""
    images = TensorImages(*paths, **numbers)
    loader = DataLoader(images, 500, collate_fn=as_is)

    def accuracy(model: nn.Module) -> float:
        loss, matrix = evaluate(model, loader, CPU, 10)
        return metrics.accuracy(matrix) if torch.tensor(loss).isfinite() else GUESSING

    return accuracy, len(images)


def timing(images: TensorImages, rounds: int, steps: int = 10) -> dict:
    """Medians over the rounds: microseconds of a step, and its ratio to plain SGD in the same round."""
    generator = torch.Generator().manual_seed(0)
    batch, labels = images.__getitems__(list(range(BATCH_SIZE)))
    batch = batch.to(memory_format=torch.channels_last)
    loss_function, trained = nn.CrossEntropyLoss(), new_model(0)

    def pass_through() -> None:
        trained.zero_grad()
        loss_function(trained(batch), labels).backward()

    actions = {"forward and backward": pass_through}
    for name in ROWS:
        model = new_model(0)
        for p in model.parameters():
            p.grad = 0.01 * torch.randn(p.shape, generator=generator)
        actions[name] = make(name, model, 1e-4).step
    seconds = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            for _ in range(steps):
                action()
            if number:  # the first round warms up
                seconds[name].append((time.perf_counter() - start) / steps)
    return {
        name: {
            "us": round(1e6 * statistics.median(found), 1),
            "ratio": round(statistics.median(a / b for a, b in zip(found, seconds["SGD"], strict=True)), 2),
        }
        for name, found in seconds.items()
    }


def main() -> None:
    parser = recording.options_of(__doc__)
    parser.add_argument("--epochs", type=int, default=6, help="passes over the training images (default 6)")
    parser.add_argument("--tuning-seeds", type=int, default=2, help="runs of each rate (default 2)")
    parser.add_argument("--seeds", type=int, default=4, help="final runs of each row (default 4)")
    parser.add_argument("--rounds", type=int, default=50, help="of the timing (default 50)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = prepare(options.source, archive=options.archive)
    numbers = {"mean": data.mean, "std": data.std}
    final = TensorImages(data.index["train"], padding=PADDING, **numbers)
    held_out, num_held_out = measure_on(data.index["valid"], data.index["test"], **numbers)
    samples = read_index(data.index["train"])
    random.Random(data.seed).shuffle(samples)
    cut = len(samples) // 5
    with tempfile.TemporaryDirectory() as folder:
        for part, chosen in (("choose", samples[:cut]), ("train", samples[cut:])):
            write_index(Path(folder, part), chosen)
        tuned = TensorImages(Path(folder, "train"), padding=PADDING, **numbers)
        choose, num_choose = measure_on(Path(folder, "choose"), **numbers)

    sizes = f"--epochs {options.epochs} --tuning-seeds {options.tuning_seeds} --seeds {options.seeds}"
    record = recording.head(__file__, data, sizes) | {
        "images": {
            "tuning_train": len(tuned), "tuning_choose": num_choose, "train": len(final), "held_out": num_held_out,
        },
        "config": {
            "model": "net", "parameters": sum(p.numel() for p in new_model(0).parameters()),
            "num_epochs": options.epochs, "batch_size": BATCH_SIZE, "padding": PADDING,
            "schedule": "cosine from the rate to 0, step by step", "rates": RATES, "split_seed": data.seed,
            "tuning_seeds": [FIRST_TUNING_SEED + k for k in range(options.tuning_seeds)], "again": AGAIN,
            "give_up": GIVE_UP, "close": CLOSE,
        },
        "rows": {name: {"class": kind, "settings": settings} for name, (kind, settings) in ROWS.items()},
        **recording.machine(),
        "cpu_seconds": 0.0, "timing": {}, "chosen": {}, "tuning": {}, "final": {},
    }  # fmt: skip
    path = results_root() / "optimizer_effect.json"
    if options.record and (before := recording.earlier(path, record, "images", "rows")):
        record |= {key: before[key] for key in ("cpu_seconds", "timing", "chosen", "tuning", "final")}

    def save(start: float, told: str) -> None:
        seconds = time.process_time() - start
        record["cpu_seconds"] = round(record["cpu_seconds"] + seconds, 1)
        print(f"{told}  {seconds:.1f} s", flush=True)
        if options.record:
            recording.write(path, record, "tuning")

    for k, (lr, name) in product(range(options.tuning_seeds), product(RATES, ROWS)):
        rates = record["tuning"].setdefault(name, {})
        runs = rates.setdefault(f"{lr:g}", [])
        if len(runs) > k or (k and runs[0] < max(found[0] for found in rates.values()) - CLOSE):
            continue
        start = time.process_time()
        runs.append(run(name, lr, FIRST_TUNING_SEED + k, tuned, options.epochs, choose, GIVE_UP)[-1])
        save(start, f"tuning {k}  {name:14s} {lr:8g}  {runs[-1]:.1%}")
    for name, rates in record["tuning"].items():
        means = {rate: statistics.mean(runs) for rate, runs in rates.items()}
        record["chosen"][name] = float(max(means, key=means.get))
    for seed, name in product(range(options.seeds), [*ROWS, AGAIN]):
        runs = record["final"].setdefault(name, [])
        if len(runs) <= seed:
            start = time.process_time()
            lr = record["chosen"][MOMENTUM if name == AGAIN else name]
            runs.append(run(name, lr, seed, final, options.epochs, held_out))
            save(start, f"final {seed}  {name:14s} {lr:8g}  {' '.join(f'{100 * x:.0f}' for x in runs[-1])} %")
    if not record["timing"]:
        start = time.process_time()
        record["timing"] = timing(final, options.rounds)
        save(start, "timing")


if __name__ == "__main__":
    main()
