"""Overfitting, and what helps against it: python tests/benchmarks/regularization_effect.py [--record]

`Net` is trained on 1,000 images with plain SGD at a constant rate until it knows them by heart. Each row changes one
thing. The images are the training part of the split, in a fixed shuffled order:

pool      4,000 images: a run with seed s trains on 1,000 of them, which differ from seed to seed
choice    2,000 images: of these are the training images of the runs that choose a strength
held out  2,000 images: tested on, together with the test part of the split

So 3,000 images are tested on; nothing is chosen by them. The validation part chooses: a strength for each row, from
three, by the accuracy after the last step, mean of two seeds, which measure nothing else; and the epoch of early
stopping, in the reported runs. The row that changes nothing has a choice of three, too, its learning rate; the other
rows take that rate. A row with seed s starts from the same weights as every other row with seed s, and where it has the
same number of images, it gets them in the same order. `none again` changes nothing but the random numbers.

All runs make the same number of steps, as nearly as whole epochs allow, also those with more images. Losses and
accuracies on the training images, as they are and in evaluation mode, and on the validation part are measured after
every second epoch (with more images after each). Penalties count kernels and matrices, not biases. Where a loss is
infinite or nan, the run stops and counts as guessing, 0.1.

The table `grid` has no choices: networks of several widths on several numbers of images, with momentum 0.9 and one
constant rate, the same number of steps.

`--record` writes to `book/results/regularization_effect.json` after each run and goes on where an earlier call stopped.
"""

import copy
import math
import os
import time
from itertools import product

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.optim import SGD, lr_scheduler  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from helpers import runtime  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages, as_is  # noqa: E402
from helpers.model import architectures, net  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.train import NonFiniteLoss, evaluate, train_one_epoch  # noqa: E402
from helpers.visualization import metrics  # noqa: E402
from recording import earlier, head, machine, only, options_of, write  # noqa: E402

CPU, GUESSING = torch.device("cpu"), 0.1
BATCH, NUM_IMAGES, MORE = 50, 1000, {"2,000 images": 2000, "4,000 images": 4000}
POOL, CHOICE = slice(0, 4000), slice(4000, 6000)  # of the shuffled training part; the rest is held out
CHOICE_SEEDS = (100, 101)
STRENGTHS = {  # three for each row that has a choice
    "none": (0.02, 0.05, 0.1),
    "L2": (0.003, 0.01, 0.03),
    "L1": (1e-4, 3e-4, 1e-3),
    "dropout": (0.2, 0.4, 0.6),
    "label smoothing": (0.05, 0.1, 0.2),
    "momentum": (0.5, 0.8, 0.9),
    "decay": ("cosine", "steps", "exponential"),
    "crop + flip": (1, 2, 4),
}
TOGETHER = ("L2", "dropout", "decay", "crop + flip")
ROWS = {
    "none": "plain SGD, constant rate",
    "none again": "the same with other first weights and another order",
    "L2": "weight_decay of SGD",
    "L1": "the sum of the absolute weights, times a factor",
    "dropout": "behind fc1 and fc2",
    "label smoothing": "label_smoothing of the loss",
    "momentum": "momentum of SGD",
    "decay": "the learning rate falls: cosine to 0; a tenth after 1/2 and 3/4; exponentially to a hundredth",
    "crop + flip": "random crop, moved by up to so many pixels, and horizontal flip",
    "2,000 images": "twice as many training images, as many steps",
    "4,000 images": "four times as many training images, as many steps",
    "together": ", ".join(TOGETHER),
}
WIDTHS, SIZES, GRID_LR, GRID_MOMENTUM = (0.25, 0.5, 1, 2), (250, 1000, 4000), 0.02, 0.9


def some_of(images: TensorImages, pool: slice, count: int, seed: int, padding: int = 0) -> TensorImages:
    """The first `count` of the pool in the order of the seed: fewer are part of more."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[pool]
    drawn = torch.randperm(len(order), generator=torch.Generator().manual_seed(seed))[:count]
    return only(images, order[drawn], padding)


def widened(width: float) -> net.Net:
    """`Net` with `width` times as many channels and units."""
    model = net.Net()
    conv1, conv2, fc1, fc2 = (round(width * size) for size in (6, 16, 120, 84))
    model.conv1, model.conv2 = nn.Conv2d(3, conv1, 5), nn.Conv2d(conv1, conv2, 5)
    model.fc1, model.fc2, model.fc3 = nn.Linear(conv2 * 25, fc1), nn.Linear(fc1, fc2), nn.Linear(fc2, 10)
    model.initialize_weights()
    return model


def measure(model: nn.Module, images: TensorImages) -> tuple[float, float]:
    """Loss and accuracy in evaluation mode on the images as they are. Raises: NonFiniteLoss."""
    loss, matrix = evaluate(model, DataLoader(images.without_augmentation(), 500, collate_fn=as_is), CPU, 10)
    if not math.isfinite(loss):
        raise NonFiniteLoss
    return loss, metrics.accuracy(matrix)


# -- a row -----------------------------------------------------------------------------------------------------


def build(changed: dict, seed: int) -> nn.Module:
    """The network of a row: the same first weights for each row with this seed."""
    runtime.seed_everything(seed)
    model = architectures.build("net")
    if "dropout" in changed:
        for name in ("fc1", "fc2"):  # before the ReLU, which is the same: it keeps zeros and positive factors
            setattr(model, name, nn.Sequential(getattr(model, name), nn.Dropout(changed["dropout"])))
    return model.to(memory_format=torch.channels_last)


def loss_of(model: nn.Module, changed: dict):
    """The loss that is minimized: cross-entropy, smoothed or with a penalty."""
    loss_function = nn.CrossEntropyLoss(label_smoothing=changed.get("label smoothing", 0.0))
    if "L1" not in changed:
        return loss_function
    weights = [p for p in model.parameters() if p.ndim > 1]
    return lambda logits, labels: loss_function(logits, labels) + changed["L1"] * sum(p.abs().sum() for p in weights)


def optimizer_of(model: nn.Module, changed: dict, lr: float, steps: int) -> tuple:
    """SGD, and a schedule that steps with it or None."""
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": changed.get("L2", 0.0)},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = SGD(groups, lr, momentum=changed.get("momentum", 0.0), fused=True)
    schedules = {
        None: lambda: None,
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, steps),
        "steps": lambda: lr_scheduler.MultiStepLR(optimizer, [steps // 2, steps * 3 // 4], 0.1),
        "exponential": lambda: lr_scheduler.ExponentialLR(optimizer, 0.01 ** (1 / steps)),
    }
    return optimizer, schedules[changed.get("decay")]()


def run(changed: dict, lr: float, images: TensorImages, valid: TensorImages, test: TensorImages | None, seed: int,
        steps: int) -> dict:  # fmt: skip
    """Train once: curves, and the test at the last epoch and at the best ones; without `test` the accuracy alone."""
    model = build(changed, seed)
    images.seed = seed
    loader = EpochLoader(images, BATCH)
    epochs = steps // len(loader)
    optimizer, schedule = optimizer_of(model, changed, lr, steps)
    loss_function = loss_of(model, changed)
    every = 2 if len(images) == NUM_IMAGES else 1
    found = {key: [] for key in ("epoch", "train_loss", "train", "valid_loss", "valid")}
    best = {"last": (), "best_loss": (math.inf,), "best_accuracy": (math.inf,)}  # what is to be small, epoch, weights
    try:
        for epoch in range(1, epochs + 1):
            loader.set_epoch(epoch - 1)
            train_one_epoch(model, loader, loss_function, optimizer, CPU, scheduler=schedule)
            if test is None or (epoch % every and epoch < epochs):
                continue
            train_loss, train = measure(model, images)
            valid_loss, accuracy = measure(model, valid)
            for key, value in zip(found, (epoch, train_loss, train, valid_loss, accuracy), strict=True):
                found[key].append(round(value, 4 if key in ("train", "valid") else 3))
            state = copy.deepcopy(model.state_dict())
            best["last"] = (0, epoch, state)
            for key, value in (("best_loss", valid_loss), ("best_accuracy", -accuracy)):
                if value < best[key][0]:
                    best[key] = (value, epoch, state)
        if test is None:
            return {"valid": round(measure(model, valid)[1], 4)}
        for key, (_, epoch, state) in best.items():
            model.load_state_dict(state)
            loss, accuracy = measure(model, test)
            found[f"test_{key}"] = {"epoch": epoch, "loss": round(loss, 3), "accuracy": round(accuracy, 4)}
    except NonFiniteLoss:
        guess = {"epoch": epochs, "loss": None, "accuracy": GUESSING}
        return {"valid": GUESSING} if test is None else found | {f"test_{key}": guess for key in best}
    return found


def run_of_grid(width: float, images: TensorImages, valid: TensorImages, test: TensorImages, seed: int,
                steps: int) -> dict:  # fmt: skip
    """Train once; losses and accuracies at the end."""
    runtime.seed_everything(seed)
    model = widened(width).to(memory_format=torch.channels_last)
    images.seed = seed
    loader = EpochLoader(images, BATCH)
    optimizer = SGD(model.parameters(), GRID_LR, momentum=GRID_MOMENTUM, fused=True)
    parts = {"train": images, "valid": valid, "test": test}
    try:
        for epoch in range(steps // len(loader)):
            loader.set_epoch(epoch)
            train_one_epoch(model, loader, nn.CrossEntropyLoss(), optimizer, CPU)
        found = {part: measure(model, measured) for part, measured in parts.items()}
    except NonFiniteLoss:
        return {part: [None, GUESSING] for part in parts}
    return {part: [round(loss, 3), round(accuracy, 4)] for part, (loss, accuracy) in found.items()}


# -- all rows --------------------------------------------------------------------------------------------------


def best_of(choice: dict, row: str) -> float | str:
    """The strength of a row with the highest accuracy over the seeds; the first of equals."""
    return max(STRENGTHS[row], key=lambda strength: sum(choice[row][str(strength)]))


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--steps", type=int, default=1000, help="optimizer steps of a run (default 1000)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each row (default 5)")
    parser.add_argument("--grid-seeds", type=int, default=3, help="runs of each cell of the grid (default 3)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = prepare(options.source, archive=options.archive)
    images, valid, tested = (
        TensorImages(data.index[part], mean=data.mean, std=data.std) for part in ("train", "valid", "test")
    )
    rest = some_of(images, slice(CHOICE.stop, None), len(images), 0)
    test = copy.copy(tested)
    test.images, test.targets = torch.cat([tested.images, rest.images]), torch.cat([tested.targets, rest.targets])
    test.set_epoch(0)

    record = head(__file__, data, f"--steps {options.steps} --seeds {options.seeds} --grid-seeds {options.grid_seeds}")
    record |= {
        "images": {"train": NUM_IMAGES, "valid": len(valid), "test": len(test)},
        "config": {
            "model": "net", "batch_size": BATCH, "steps": options.steps, "choice_seeds": CHOICE_SEEDS,
            "strengths": STRENGTHS, "split_seed": data.seed,
            "grid": {"widths": WIDTHS, "sizes": SIZES, "lr": GRID_LR, "momentum": GRID_MOMENTUM,
                     "parameters": {str(w): sum(p.numel() for p in widened(w).parameters()) for w in WIDTHS}},
        },
        "rows": ROWS,
        "chosen": {},
        **machine(),
        "seconds": 0.0,
        "tables": {
            "choice": {row: {str(x): [] for x in strengths} for row, strengths in STRENGTHS.items()},
            "rows": {row: [] for row in ROWS},
            "grid": {str(width): {str(size): [] for size in SIZES} for width in WIDTHS},
        },
    }  # fmt: skip
    path = results_root() / "regularization_effect.json"
    if options.record and (before := earlier(path, record, "images", "rows")):
        record |= {key: before[key] for key in ("seconds", "tables", "chosen")}
    tables = record["tables"]

    def keep(runs: list, done: object, start: float, what: str) -> None:
        runs.append(done)
        seconds = time.perf_counter() - start
        record["seconds"] = round(record["seconds"] + seconds, 1)
        print(f"{what:40s} {seconds:5.1f} s", flush=True)
        if options.record:
            write(path, record, "tables")

    for row, strengths in STRENGTHS.items():  # the learning rate first: the other rows need it
        lr = best_of(tables["choice"], "none") if row != "none" else None
        for strength in strengths:
            for seed in CHOICE_SEEDS[len(tables["choice"][row][str(strength)]) :]:
                start = time.perf_counter()
                used = some_of(images, CHOICE, NUM_IMAGES, seed, strength if row == "crop + flip" else 0)
                changed = {} if row == "none" else {row: strength}
                done = run(changed, lr or strength, used, valid, None, seed, options.steps)["valid"]
                keep(tables["choice"][row][str(strength)], done, start, f"choice {row} {strength} {done:.3f}")
    record["chosen"] = chosen = {row: best_of(tables["choice"], row) for row in STRENGTHS}

    def run_rows(seed: int) -> None:
        for row in ROWS:
            if len(tables["rows"][row]) > seed:
                continue
            start = time.perf_counter()
            names = TOGETHER if row == "together" else (row,)
            changed = {name: chosen[name] for name in names if name in chosen and name != "none"}
            used = some_of(images, POOL, MORE.get(row, NUM_IMAGES), seed, changed.get("crop + flip", 0))
            other = 10_000 if row == "none again" else 0
            done = run(changed, chosen["none"], used, valid, test, seed + other, options.steps)
            ends = " ".join(f"{done[f'test_{key}']['accuracy']:.3f}" for key in ("last", "best_loss", "best_accuracy"))
            keep(tables["rows"][row], done, start, f"seed {seed} {row}: {done['train'][-1:]} {ends}")

    def run_grid(seed: int) -> None:
        for size, width in product(SIZES, WIDTHS):
            runs = tables["grid"][str(width)][str(size)]
            if len(runs) <= seed:
                start = time.perf_counter()
                done = run_of_grid(width, some_of(images, POOL, size, seed), valid, test, seed, options.steps)
                keep(runs, done, start, f"seed {seed} {width} {size}: {done['train'][1]} {done['test'][1]}")

    for seed in range(options.seeds):
        run_rows(seed)
        if seed == 0:  # a first look at both tables before the other seeds
            run_grid(seed)
    for seed in range(1, options.grid_seeds):
        run_grid(seed)


if __name__ == "__main__":
    main()
