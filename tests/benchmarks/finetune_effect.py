"""What a pretrained network is worth when labels are few: python tests/benchmarks/finetune_effect.py [--record]

A small residual network with batch normalization is trained on five classes: the pretraining. Then it is to tell the
other five classes apart, and is given n labelled images of them, as many of each class. Four ways are compared:

from scratch   all weights are new
frozen body    the body is that of the pretrained network and stays as it is, its batch normalization in evaluation
               mode; a new head is trained
finetuned      the body starts from the pretrained network, the head is new; all is trained, the body with a smaller
               learning rate
two stages     half of the steps as "frozen body", the other half as "finetuned"

A fifth row, "from scratch, longer", has as many steps as pretraining and finetuning together, at one n.

With each seed there is a pretraining of its own, other weights of a new head and other labelled images; the four ways
share them, see the images in the same order with the same crops and flips, and make the same number of steps, which
grows with n. The learning rates are chosen with other seeds, from short lists, by images that measure nothing: the
validation part of the split. What is reported is measured on the test part of the split, which chose nothing. Both hold
the five new classes only. Crops and flips are those of the book's training; mean and standard deviation are those of
the pretraining images.

`--record` writes to `book/results/finetune_effect.json` after each run and goes on where an earlier call stopped.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from helpers import runtime
from helpers.data.index import read_index
from helpers.data.loaders import all_crops, crop_and_flip, decode
from helpers.model.resnet import CifarResNet
from helpers.model.weights import transplant
from helpers.paths import results_root
from helpers.prepare import prepare
from recording import earlier, head, machine, options_of, write

BLOCKS, WIDTH = (1, 1, 1), 8
OLD, NEW = range(0, 5), range(5, 10)  # classes
BATCH_SIZE, PADDING, MOMENTUM, WEIGHT_DECAY, WARMUP = 32, 4, 0.9, 5e-4, 0.25
PRETRAINING_LR = 0.1
STEPS = {25: 100, 100: 150, 400: 250, 1600: 400, 6400: 800}  # for n labelled images
LONGER_AT = 400
FIRST_TUNING_SEED = 100
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)  # of all weights from scratch, and of the head
FACTORS = (1.0, 0.3, 0.1, 0.03)  # rate of the body over that of the head
SCRATCH, FROZEN, FINETUNED, STAGES, LONGER = METHODS = (
    "from scratch", "frozen body", "finetuned", "two stages", "from scratch, longer",
)  # fmt: skip


# -- images ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Images:
    """Images uint8 [N, 3, 32, 32] of five classes, their labels from 0 to 4, and what they are normalized with."""

    images: torch.Tensor
    labels: torch.Tensor
    mean: torch.Tensor  # 3 1 1
    std: torch.Tensor

    def to_input(self, images: torch.Tensor) -> torch.Tensor:
        values = (images.float() / 255 - self.mean) / self.std
        return values.contiguous(memory_format=torch.channels_last)  # as the convolutions like it

    def balanced(self, n: int, seed: int) -> "Images":
        """n images, as many of each class; with one seed a larger set holds the smaller one."""
        generator = torch.Generator().manual_seed(seed)
        parts = []
        for label in range(5):
            members = (self.labels == label).nonzero()[:, 0]
            parts.append(members[torch.randperm(len(members), generator=generator)][: n // 5])
        chosen = torch.cat(parts)
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def batches(self, num_steps: int, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Cropped and flipped, in an order that is new in each epoch; the rest of an epoch is left out."""
        generator = torch.Generator().manual_seed(seed)
        crops, size = all_crops(self.images, PADDING), min(BATCH_SIZE, len(self.labels))
        order = torch.empty(0, dtype=torch.int64)
        for _ in range(num_steps):
            if len(order) < size:
                order = torch.randperm(len(self.labels), generator=generator)
            chosen, order = order[:size], order[size:]
            shifts = torch.randint(0, 2 * PADDING + 1, (size, 2), generator=generator)
            flips = torch.rand(size, generator=generator) < 0.5
            yield self.to_input(crop_and_flip(crops, chosen, shifts, flips)), self.labels[chosen]


@torch.inference_mode()
def accuracy(model: nn.Module, data: Images, most: int = 10_000) -> float:
    """Share of the images that are classified right, in evaluation mode; of about `most`, if there are more."""
    model.eval()
    chosen = torch.arange(0, len(data.labels), max(1, len(data.labels) // most))
    logits = torch.cat([model(data.to_input(part)) for part in data.images[chosen].split(500)])
    return (logits.argmax(dim=1) == data.labels[chosen]).double().mean().item()


# -- training --------------------------------------------------------------------------------------------------


def new_network(seed: int) -> CifarResNet:
    runtime.seed_everything(seed)
    return CifarResNet(5, BLOCKS, WIDTH).to(memory_format=torch.channels_last)


def train(model: CifarResNet, batches: Iterator, num_steps: int, head_lr: float, body_lr: float) -> None:
    """One cycle of both learning rates; with body_lr 0 the body is frozen, and its batch normalization with it."""
    head = {id(p) for p in model.fc.parameters()}
    groups = []
    for lr, part in ((head_lr, True), (body_lr, False)):
        chosen = [p for p in model.parameters() if (id(p) in head) == part]
        for p in chosen:
            p.requires_grad_(lr > 0)
        if lr:
            kernels, others = [p for p in chosen if p.ndim > 1], [p for p in chosen if p.ndim <= 1]
            groups.append({"params": kernels, "lr": lr, "weight_decay": WEIGHT_DECAY})
            groups.append({"params": others, "lr": lr, "weight_decay": 0.0})
    groups = [group for group in groups if group["params"]]
    optimizer = SGD(groups, head_lr, MOMENTUM, nesterov=True, fused=True)
    highest = [group["lr"] for group in groups]
    scheduler = OneCycleLR(optimizer, highest, total_steps=num_steps, pct_start=WARMUP, cycle_momentum=False)
    model.train(body_lr > 0)
    for _ in range(num_steps):
        images, labels = next(batches)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        scheduler.step()


def trained(
    method: str, labelled: Images, pretrained: dict[str, torch.Tensor], seed: int, rates: dict, longer_by: int
) -> CifarResNet:
    """A network for the new classes, by one of the five ways. Args: rates, `scratch`, `head` and `factor`."""
    model = new_network(seed)
    num_steps = STEPS[len(labelled.labels)] + (longer_by if method == LONGER else 0)
    batches = labelled.batches(num_steps, seed)
    if method in (SCRATCH, LONGER):
        train(model, batches, num_steps, rates["scratch"], rates["scratch"])
        return model
    # the head of the other five classes has the same shape, and is left out by name
    moved = transplant(model, {key: values for key, values in pretrained.items() if not key.startswith("fc.")})
    assert moved.missing == ("fc.weight", "fc.bias") and not moved.unexpected + moved.mismatched
    head_lr, body_lr = rates["head"], rates["head"] * rates.get("factor", 0)
    with_frozen = {FROZEN: num_steps, FINETUNED: 0, STAGES: num_steps // 2}[method]
    if with_frozen:
        train(model, batches, with_frozen, head_lr, 0.0)
    if with_frozen < num_steps:
        train(model, batches, num_steps - with_frozen, head_lr, body_lr)
    return model


def best(tuning: dict[str, dict[str, list[float]]]) -> float:
    """The learning rate, or factor, with the highest mean accuracy over label counts and seeds."""
    means = {rate: torch.tensor(list(counts.values())).mean().item() for rate, counts in tuning.items()}
    return float(max(means, key=means.get))


# -- the plan --------------------------------------------------------------------------------------------------


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--num-images", type=int, help="images to divide (default: 20,000; of the sample all)")
    parser.add_argument("--labels", help=f"labelled images (default {','.join(map(str, STEPS))}, as many as there are)")
    parser.add_argument("--tune-at", default="100,1600", help="labelled images when rates are chosen (100,1600)")
    parser.add_argument("--epochs", type=int, default=6, help="of the pretraining (default 6)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each row (default 5)")
    parser.add_argument("--tuning-seeds", type=int, default=2, help="other seeds, that choose the rates (default 2)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = prepare(
        options.source,
        archive=options.archive,
        num_images=options.num_images or (20_000 if options.source == "cifar10" else None),
    )
    read = {}
    for part in ("train", "valid", "test"):
        samples = read_index(data.index[part])
        read[part] = decode([path for path, _ in samples]), torch.tensor([label for _, label in samples])
    images, labels = read["train"]
    scaled = images[labels < NEW[0]].float() / 255
    mean = scaled.mean(dim=(0, 2, 3))[:, None, None]
    std = scaled.std(dim=(0, 2, 3), correction=0)[:, None, None]
    parts = {}
    for part, (images, labels) in read.items():
        old = labels < NEW[0]
        parts["old", part] = Images(images[old], labels[old], mean, std)
        parts["new", part] = Images(images[~old], labels[~old] - NEW[0], mean, std)
    pool = parts["new", "train"]
    asked = options.labels.split(",") if options.labels else [n for n in STEPS if n <= len(pool.labels)]
    counts, tune_at = [int(n) for n in asked], [int(n) for n in options.tune_at.split(",")]
    for n in [*counts, *tune_at]:
        if n not in STEPS or n > len(pool.labels):
            parser.error(f"{n} labelled images: use {', '.join(map(str, STEPS))}, at most {len(pool.labels)}")
    pretraining_steps = options.epochs * (len(parts["old", "train"].labels) // BATCH_SIZE)

    sizes = f"--num-images {data.num_images} --epochs {options.epochs} --seeds {options.seeds}"
    record = {
        **head(__file__, data, sizes),
        "classes": {"old": [data.classes[k] for k in OLD], "new": [data.classes[k] for k in NEW]},
        "images": {
            "pretraining": len(parts["old", "train"].labels), "labelled_at_most": len(pool.labels),
            "choose_rates": len(parts["new", "valid"].labels), "measure": len(parts["new", "test"].labels),
        },
        "config": {
            "model": f"CifarResNet, blocks {list(BLOCKS)}, width {WIDTH}",
            "parameters": sum(p.numel() for p in new_network(0).parameters()),
            "pretraining_epochs": options.epochs, "pretraining_steps": pretraining_steps,
            "pretraining_lr": PRETRAINING_LR, "batch_size": BATCH_SIZE, "weight_decay": WEIGHT_DECAY,
            "optimizer": f"sgd, Nesterov momentum {MOMENTUM}, one cycle",
            "augmentation": f"crop, padding {PADDING}; flip", "steps": {str(n): STEPS[n] for n in counts},
            "longer_at": LONGER_AT, "tuned_at": tune_at, "rates": RATES, "factors": FACTORS,
            "tuning_seeds": [FIRST_TUNING_SEED + k for k in range(options.tuning_seeds)], "split_seed": data.seed,
        },
        **machine(),
        "seconds": 0.0,
        "tuning": {"scratch": {}, "head": {}, "factor": {}},
        "rates": {},
        "pretraining": {},
        "rows": {},
    }  # fmt: skip
    path = results_root() / "finetune_effect.json"
    if options.record and (before := earlier(path, record, "images")):
        record |= {key: before[key] for key in ("seconds", "tuning", "rates", "pretraining", "rows")}

    def save(start: float, told: str) -> None:
        seconds = time.perf_counter() - start
        record["seconds"] = round(record["seconds"] + seconds, 1)
        print(f"{told}  {seconds:.1f} s", flush=True)
        if options.record:
            write(path, record)

    @cache
    def pretrained(seed: int) -> dict[str, torch.Tensor]:
        start = time.perf_counter()
        model = new_network(10_000 + seed)  # not the start of "from scratch"
        train(model, parts["old", "train"].batches(pretraining_steps, seed), pretraining_steps, *(PRETRAINING_LR,) * 2)
        reached = accuracy(model, parts["old", "test"])
        record["pretraining"][str(seed)] = round(reached, 6)
        save(start, f"seed {seed}  pretraining {reached:.1%}")
        return model.state_dict()

    def measure(method: str, n: int, seed: int, rates: dict, part: str) -> tuple[float, float, tuple]:
        """Accuracy on the labelled images and on the part, and what `save` takes."""
        state = {} if method in (SCRATCH, LONGER) else pretrained(seed)
        start = time.perf_counter()
        labelled = pool.balanced(n, seed)
        model = trained(method, labelled, state, seed, rates, pretraining_steps)
        seen, reached = round(accuracy(model, labelled, 500), 6), round(accuracy(model, parts["new", part]), 6)
        shown = f"seed {seed}  {n:4d} labels  {method:20s} {rates}  train {seen:.1%}  {part} {reached:.1%}"
        return seen, reached, (start, shown)

    # first the rates: those of the body with the best one of the head
    plan = (("scratch", SCRATCH, RATES), ("head", FROZEN, RATES), ("factor", FINETUNED, FACTORS))
    for name, method, choices in plan:
        for k, n, choice in product(range(options.tuning_seeds), tune_at, choices):
            entry = record["tuning"][name].setdefault(str(choice), {}).setdefault(str(n), [])
            if len(entry) <= k:
                rates = record["rates"] | {name: choice}
                _, reached, told = measure(method, n, FIRST_TUNING_SEED + k, rates, "valid")
                entry.append(reached)
                save(*told)
        record["rates"][name] = best(record["tuning"][name])
    # then the rows, seed by seed
    todo = list(product(range(options.seeds), counts, METHODS[:-1]))
    todo += [(seed, LONGER_AT, LONGER) for seed in range(options.seeds) if LONGER_AT in counts]
    for seed, n, method in todo:
        entry = record["rows"].setdefault(method, {}).setdefault(str(n), {"train": [], "test": []})
        if len(entry["test"]) <= seed:
            seen, reached, told = measure(method, n, seed, record["rates"], "test")
            entry["train"].append(seen)
            entry["test"].append(reached)
            save(*told)
    save(time.perf_counter(), f"done, {record['seconds']:.0f} s in all;")


if __name__ == "__main__":
    main()
