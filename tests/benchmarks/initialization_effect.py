"""What the initialization does to a training: python tests/benchmarks/initialization_effect.py [--record]

`Net` is trained on 8,000 images with the normalization, the random crop and the flip of the book, from the weights of
each initialization of `helpers.model.initialization`. The other 2,000 images of the split (valid and test) are held
out; nothing is chosen by them. Two recipes:

book        SGD with Nesterov momentum 0.9, weight decay, one cycle of the learning rate up to 0.05, batches of 128.
tutorial    Plain SGD with momentum 0.9, learning rate 0.001 throughout, batches of 16, as in the training script of the
            2018 tutorial. Up to 2 seeds, as an epoch has eight times as many steps.

Further tables hold some rows again: `longer` with 2.5 times as many epochs of the book's recipe (up to 2 seeds), `book,
batch norm` and `tutorial, batch norm` (up to 2 seeds) with a BatchNorm layer behind each layer but the last. One row is
no initialization of its own: `kaiming again` draws as `kaiming` does, with other random numbers. It shows what the luck
of the draw looks like.

A run with seed s sees the same images in the same order, moved and flipped in the same way, as every other run of its
recipe with seed s: differences are taken seed by seed. Loss and accuracy on the held-out images are measured before the
first step and after each epoch; the loss on the training images is the mean over an epoch, as they were seen. Where a
loss is infinite or nan, the run stops: from then on losses are null, and the accuracy is that of guessing, 0.1.

`--record` writes to `book/results/initialization_effect.json` after each run and goes on where an earlier call stopped.
"""

import math
import os
import time
from dataclasses import dataclass

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.optim import SGD  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from helpers import runtime  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages, as_is  # noqa: E402
from helpers.model import architectures, net  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.train import NonFiniteLoss, evaluate, train_one_epoch  # noqa: E402
from helpers.training.config import TrainConfig  # noqa: E402
from helpers.training.run import make_optimizer  # noqa: E402
from helpers.visualization import metrics  # noqa: E402
from recording import earlier, head, machine, options_of, write  # noqa: E402

CPU, GUESSING = torch.device("cpu"), 0.1
LR, BATCH = {"book": 0.05, "tutorial": 0.001}, {"book": 128, "tutorial": 16}
AGAIN = "kaiming again"
USED = {  # the rows, and what they are in words
    "torch": "what the layers do by themselves: U(±1/sqrt(fan_in))",
    "kaiming": "N(0, 2/fan_in)",
    "kaiming_uniform": "uniform, variance 2/fan_in",
    "xavier": "uniform, variance 2/(fan_in + fan_out)",
    "xavier_normal": "N(0, 2/(fan_in + fan_out))",
    "orthogonal": "orthonormal rows or columns, gain 1",
    "uniform": "U(-0.1, 0.1)",
    "normal": "N(0, 0.1²)",
    "small_normal": "N(0, 0.01²)",
    "tutorial": "convolutions xavier normal, linear layers N(0, 0.01²)",
    "sparse": "N(0, 0.01²), a tenth of the weights 0",
    "constant": "every weight 0.01",
    "zero": "every weight 0",
    "identity": "dirac_ for convolutions, eye_ for linear layers",
    AGAIN: "N(0, 2/fan_in), other random numbers",
}
LONGER = ("kaiming", "torch", "tutorial", "small_normal")
WITH_BATCH_NORM = ("kaiming", "tutorial", "small_normal")


@dataclass(frozen=True)
class Table:
    """Rows that are compared with each other."""

    recipe: str
    rows: tuple[str, ...]
    num_epochs: int
    seeds: int
    batch_norm: bool = False


def tables_of(epochs: int, seeds: int, rows: tuple[str, ...]) -> dict[str, Table]:
    longer, normalized = (tuple(name for name in names if name in rows) for names in (LONGER, WITH_BATCH_NORM))
    return {
        "book": Table("book", rows, epochs, seeds),
        "book, batch norm": Table("book", normalized, epochs, seeds, True),
        "tutorial, batch norm": Table("tutorial", normalized, epochs, min(seeds, 2), True),
        "longer": Table("book", longer, math.ceil(2.5 * epochs), min(seeds, 2)),
        "tutorial": Table("tutorial", rows, epochs, min(seeds, 2)),
    }


# -- a run -----------------------------------------------------------------------------------------------------


def run(name: str, table: Table, images: TensorImages, held_out: DataLoader, seed: int) -> dict:
    """Train once; losses and accuracies, the latter on the held-out images before and after each epoch."""
    runtime.seed_everything(seed + (10_000 if name == AGAIN else 0))
    model = architectures.build("net", init="kaiming" if name == AGAIN else name)
    if table.batch_norm:
        net.with_batch_norm(model)
    model.to(memory_format=torch.channels_last)
    images.seed = seed
    loader = EpochLoader(images, BATCH[table.recipe])
    lr, scheduler = LR[table.recipe], None
    if table.recipe == "book":
        config = TrainConfig(num_epochs=table.num_epochs, lr=lr, batch_size=BATCH["book"])
        optimizer, scheduler = make_optimizer(model, config, table.num_epochs * len(loader))
    else:
        optimizer = SGD(model.parameters(), lr, momentum=0.9, fused=True)
    found = {"train_loss": [], "held_out_loss": [], "held_out": []}
    for epoch in range(table.num_epochs + 1):
        try:
            if epoch:
                loader.set_epoch(epoch - 1)
                seen = train_one_epoch(model, loader, nn.CrossEntropyLoss(), optimizer, CPU, scheduler=scheduler)
                found["train_loss"].append(round(seen["train_mode_loss"], 4))
            loss, matrix = evaluate(model, held_out, CPU, 10)
            if not math.isfinite(loss):
                raise NonFiniteLoss
        except NonFiniteLoss:
            rest = table.num_epochs + 1 - len(found["held_out"])
            found["held_out_loss"] += [None] * rest
            found["held_out"] += [GUESSING] * rest
            found["train_loss"] += [None] * (table.num_epochs - len(found["train_loss"]))
            break
        found["held_out_loss"].append(round(loss, 4))
        found["held_out"].append(round(metrics.accuracy(matrix), 4))
    return found


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training images (default 8)")
    parser.add_argument("--seeds", type=int, default=4, help="runs of each row (default 4)")
    parser.add_argument("--rows", help="only these rows, separated by commas; not with --record")
    options = parser.parse_args()
    rows = tuple(options.rows.split(",") if options.rows else USED)
    if unknown := sorted(set(rows) - set(USED)):
        parser.error(f"no row {', '.join(unknown)}: choose from {', '.join(USED)}")
    if options.record and options.rows:
        parser.error("a record holds all rows: leave --rows out")
    torch.set_num_threads(1)
    data = prepare(options.source, archive=options.archive)
    images = TensorImages(data.index["train"], mean=data.mean, std=data.std, padding=4)
    measured = TensorImages(data.index["valid"], data.index["test"], mean=data.mean, std=data.std)
    held_out = DataLoader(measured, 500, collate_fn=as_is)
    tables = tables_of(options.epochs, options.seeds, rows)

    config = TrainConfig()
    sizes = f"--epochs {options.epochs} --seeds {options.seeds}"
    record = {
        **head(__file__, data, sizes),
        "images": {"train": len(images), "held_out": len(measured)},
        "config": {
            "model": "net",
            "padding": images.padding,
            "book": {
                "optimizer": "sgd, Nesterov momentum 0.9, one cycle", "lr": LR["book"], "batch_size": BATCH["book"],
                "weight_decay": config.weight_decay, "warmup": config.warmup,
            },
            "tutorial": {
                "optimizer": "sgd, momentum 0.9, constant rate", "lr": LR["tutorial"], "batch_size": BATCH["tutorial"],
                "weight_decay": 0.0,
            },
            "num_epochs": {title: table.num_epochs for title, table in tables.items()},
            "split_seed": data.seed,
        },
        "rows": {name: USED[name] for name in rows},
        **machine(),
        "seconds": 0.0,
        "tables": {title: {} for title in tables},
    }  # fmt: skip
    path = results_root() / "initialization_effect.json"
    if options.record and (before := earlier(path, record, "images", "rows")):
        record |= {"seconds": before["seconds"], "tables": before["tables"]}

    todo = [
        (title, name, seed) for title, table in tables.items() for seed in range(table.seeds) for name in table.rows
    ]
    for title, name, seed in todo:
        runs = record["tables"][title].setdefault(name, [])
        if len(runs) > seed:
            continue
        start = time.perf_counter()
        runs.append(run(name, tables[title], images, held_out, seed))
        seconds = time.perf_counter() - start
        record["seconds"] = round(record["seconds"] + seconds, 1)
        accuracies = " ".join(f"{100 * accuracy:.0f}" for accuracy in runs[-1]["held_out"])
        print(f"seed {seed}  {title:20s}  {name:16s} {accuracies} %  {seconds:.1f} s", flush=True)
        if options.record:
            write(path, record, "tables")


if __name__ == "__main__":
    main()
