"""How often the training doctor is right: python tests/benchmarks/doctor.py [--kind fault] [--seeds 5] [--record]

Each fault of `helpers.diagnosis.faults` × seeds × three models is trained for a few seconds on the drawn sample, with a
doctor that looks on; and at least 60 healthy trainings, with other optimizers, rates, batch sizes and augmentations. A
row holds the doctor's first finding, and the answers of two baselines: the most frequent right answer, and a short list
of rules of thumb on the curves alone.

Half of the fault rows, chosen by a hash of (fault, seed, model), and the healthy rows of seed 0 were there to tune
thresholds with; the table counts both halves apart. No threshold was changed because of what the held-out faults
(`--kind heldout`) showed.

A call goes on where an earlier one ended. `--record` writes to `book/results/doctor.json`, `--out` elsewhere.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn, optim  # noqa: E402

from helpers import runtime  # noqa: E402
from helpers.data.loaders import TensorImages  # noqa: E402
from helpers.diagnosis import faults, heldout, patient  # noqa: E402
from helpers.diagnosis.doctor import Doctor  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from recording import head, machine, write  # noqa: E402

TRAIN, VALID, EPOCHS = 2000, 1000, 6
COLUMNS = (
    "kind", "fault", "seed", "model", "expected", "family", "tuned", "top", "top_family", "faults", "rule", "seconds",
)  # fmt: skip
LISTS = {"fault": faults.FAULTS, "heldout": heldout.FAULTS}


# -- cases -------------------------------------------------------------------------------------------------


def is_for_tuning(kind: str, name: str, seed: int, model: str) -> bool:
    """Which half a case is in, once and for all: of the faults decided by a hash, of the healthy ones seed 0."""
    if kind == "healthy":
        return seed == 0
    return kind == "fault" and hashlib.sha256(f"{name}/{seed}/{model}".encode()).digest()[0] % 2 == 0


def _optimizer(kind: type, **options: float):
    return lambda model: kind(model.parameters(), **options)


HEALTHY = {  # name: what differs from the training that the faults are put into
    **{f"sgd lr {lr:g}": {"optimizer": partial(patient.sgd, lr=lr)} for lr in (0.003, 0.005, 0.01, 0.02)},
    **{f"adam lr {lr:g}": {"optimizer": _optimizer(optim.Adam, lr=lr)} for lr in (3e-4, 1e-3, 2e-3)},
    "sgd lr 0.05 without momentum": {"optimizer": partial(patient.sgd, lr=0.05, momentum=0.0)},
    "sgd nesterov, weight decay 5e-4": {"optimizer": partial(patient.sgd, nesterov=True, weight_decay=5e-4)},
    "adamw, weight decay 0.05": {"optimizer": _optimizer(optim.AdamW, lr=1e-3, weight_decay=0.05)},
    "rmsprop": {"optimizer": _optimizer(optim.RMSprop, lr=3e-4)},
    "adagrad": {"optimizer": _optimizer(optim.Adagrad, lr=0.01)},
    **{f"batch {size}": {"batch_size": size} for size in (32, 128, 256)},
    "batch 16, lr 0.003": {"batch_size": 16, "optimizer": partial(patient.sgd, lr=0.003), "epochs": 4},
    "no augmentation": {"padding": 0},
    "no augmentation, adam": {"padding": 0, "optimizer": _optimizer(optim.Adam, lr=1e-3)},
    "constant rate": {"scheduler": None},
    "ten epochs": {"epochs": 10},
    "clipped at 5": {"clip_norm": 5.0},
    "label smoothing": {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
    "sum instead of mean": {"loss": nn.CrossEntropyLoss(reduction="sum"),
                            "optimizer": partial(patient.sgd, lr=0.01 / 64)},
    "one cycle": {"scheduler": lambda o, epochs: optim.lr_scheduler.OneCycleLR(
        o, 0.03, total_steps=epochs * math.ceil(TRAIN / 64)), "scheduler_each": "batch"},
}  # fmt: skip


def healthy_training(data: dict, model: str, seed: int, changes: dict | None = None) -> patient.Training:
    """A training without a fault, with images that depend on the seed. Args: changes, as in `HEALTHY`."""
    changes = dict(changes or {})
    order = torch.randperm(len(data["train"][1]), generator=torch.Generator().manual_seed(seed))
    chosen, rest = order[:TRAIN], order[TRAIN : TRAIN + VALID]
    pixels, labels = data["train"]
    scale = {"mean": data["mean"], "std": data["std"]}
    train = patient.Images(pixels[chosen], labels[chosen], padding=changes.pop("padding", 2), **scale)
    valid = patient.Images(pixels[rest], labels[rest], **scale)
    return replace(patient.Training(train, valid, model=patient.MODELS[model], epochs=EPOCHS), **changes)


def cases(kind: str, seeds: int, models: list[str]) -> list[tuple[str, int, str]]:
    """All cases of a kind; those to report before those to tune with. Healthy trainings have three seeds at most."""
    names = list(HEALTHY) if kind == "healthy" else list(LISTS[kind])
    numbers = range(min(seeds, 3) if kind == "healthy" else seeds)
    found = [(name, seed, model) for seed in numbers for model in models for name in names]
    return sorted(found, key=lambda case: is_for_tuning(kind, *case))


def run_case(data: dict, kind: str, name: str, seed: int, model: str) -> dict:
    """Train with a doctor that looks on; one row of the record, with a value for each of `COLUMNS`."""
    start = time.process_time()
    runtime.seed_everything(1000 + seed)
    training, expected, family = healthy_training(data, model, seed, HEALTHY[name] if kind == "healthy" else {}), "", ""
    if kind != "healthy":
        fault = LISTS[kind][name]
        training, expected, family = fault(training), fault.finding, fault.family
    done = patient.run(training, seed, Doctor)
    report = done.watcher.report()
    top = report.top
    return {
        "kind": kind, "fault": name, "seed": seed, "model": model, "expected": expected, "family": family,
        "tuned": is_for_tuning(kind, name, seed, model),
        "top": top.name if top else "", "top_family": top.family if top else "",
        "faults": [f.name for f in report.faults], "rule": rule_of_thumb(done.history),
        "seconds": round(time.process_time() - start, 1),
    }  # fmt: skip


# -- baselines and cost ------------------------------------------------------------------------------------


def rule_of_thumb(history: list[dict[str, float]]) -> tuple[str, str]:
    """What a short list of rules says of the curves alone: (finding, family).

    Source: Karpathy, A Recipe for Training Neural Networks, 2019; Goodfellow et al., Deep Learning, 2016, chapter 11.
    """
    if not history or not all(math.isfinite(record["train_loss"]) for record in history):
        return "rate_too_high", "optimizer"
    train = [record["train_loss"] for record in history]
    valid = [record["valid_loss"] for record in history]
    if len(train) > 1 and train[-1] > 1.05 * train[0]:
        return "rate_too_high", "optimizer"
    if len(train) > 1 and train[-1] > 0.97 * train[0]:
        return "rate_too_low", "optimizer"
    if valid[-1] > 1.15 * min(valid) and train[-1] < 0.7 * min(valid):
        return "overfitting", "optimizer"
    if len(train) > 2 and sum(b > a for a, b in zip(train, train[1:], strict=False)) > len(train) / 3:
        return "momentum_too_high", "optimizer"
    if len(train) < 2 or train[-1] < 0.9 * train[-2]:
        return "too_few_epochs", "optimizer"
    return "", ""


def cost(data: dict, model: str, steps: int = 300, repeats: int = 3) -> float:
    """What `observe` adds to a training of 300 steps, as a share of them; the median of three trainings."""
    batches = list(patient.loaders(healthy_training(data, model, 0))["train"])  # made before, so that only steps count
    shares = []
    for repeat in range(repeats):
        runtime.seed_everything(repeat)
        network = patient.MODELS[model]()
        optimizer, loss_fn = patient.sgd(network), nn.CrossEntropyLoss()
        doctor = Doctor(network, optimizer, loss_fn)
        begin, watching = time.process_time(), 0.0
        for images, labels in islice(cycle(batches), steps):
            optimizer.zero_grad()
            logits = network(images)
            loss = loss_fn(logits, labels)
            loss.backward()
            start = time.process_time()
            doctor.observe(images, labels, logits, loss)
            watching += time.process_time() - start
            optimizer.step()
        shares.append(watching / (time.process_time() - begin - watching))
    return float(np.median(shares))


# -- table -------------------------------------------------------------------------------------------------


def table(rows: list[dict], costs: dict[str, float]) -> str:
    """What was reached: the doctor and two baselines, on the half that was not tuned on; healthy trainings; cost."""
    lines = []
    for title, chosen in (
        ("faults, tuned half", [r for r in rows if r["kind"] == "fault" and r["tuned"]]),
        ("faults, reported half", [r for r in rows if r["kind"] == "fault" and not r["tuned"]]),
        ("held-out faults", [r for r in rows if r["kind"] == "heldout"]),
    ):
        if not chosen:
            continue
        frequent, family = (Counter(r[key] for r in chosen).most_common(1)[0][0] for key in ("expected", "family"))
        shares = {
            "doctor": (lambda r: r["top"] == r["expected"], lambda r: r["top_family"] == r["family"]),
            "rules of thumb": (lambda r: r["rule"][0] == r["expected"], lambda r: r["rule"][1] == r["family"]),
            "most frequent": (lambda r, f=frequent: r["expected"] == f, lambda r, f=family: r["family"] == f),
        }
        for who, tests in shares.items():
            top, right = (float(np.mean([test(r) for r in chosen])) for test in tests)
            lines.append(f"{title:22s} {len(chosen):4d}  {who:15s} top finding {top:6.1%}  family {right:6.1%}")
    for title, tuned in (("healthy, tuned seed", True), ("healthy, other seeds", False)):
        well = [r for r in rows if r["kind"] == "healthy" and r["tuned"] == tuned]
        if well:
            clean = float(np.mean([not r["faults"] for r in well]))
            lines.append(f"{title:22s} {len(well):4d}  {'doctor':15s} without a fault {clean:6.1%}")
    lines += [f"observe on {model}: {share:+.1%} of a step" for model, share in costs.items()]
    return "\n".join(lines)


def confusions(rows: list[dict]) -> str:
    """Each fault with what was found instead of it."""
    lines = []
    for name in dict.fromkeys(r["fault"] for r in rows if r["kind"] != "healthy"):
        own = [r for r in rows if r["fault"] == name and r["kind"] != "healthy"]
        wrong = Counter(f"{r['top'] or 'nothing'} ({r['model']})" for r in own if r["top"] != r["expected"])
        lines.append(f"{name:28s} {len(own) - wrong.total():3d} / {len(own):3d}  "
                     + ", ".join(f"{k} {v}" for k, v in wrong.items()))  # fmt: skip
    return "\n".join(lines)


# -- command line ------------------------------------------------------------------------------------------


def load(source: str, archive: str | None) -> tuple[dict, object]:
    """Training images uint8 [N, 3, 32, 32] with labels, mean and std; and what `prepare` said."""
    prepared = prepare(source, archive=archive)
    images = TensorImages(prepared.index["train"], mean=prepared.mean, std=prepared.std)
    scale = {"mean": tuple(prepared.mean), "std": tuple(prepared.std)}
    return {"train": (images.images, images.targets), **scale}, prepared


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--source", default="sample", choices=("cifar10", "sample"))
    parser.add_argument("--archive")
    parser.add_argument("--kind", nargs="*", default=["fault", "healthy"], choices=("fault", "healthy", "heldout"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="*", default=list(patient.MODELS), choices=list(patient.MODELS))
    parser.add_argument("--only", nargs="*", help="names of faults; default: all")
    parser.add_argument("--tuned-half", action="store_true", help="only the half to tune with")
    parser.add_argument("--reported-half", action="store_true", help="only the other half")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after the case that reaches this time")
    parser.add_argument("--cost", action="store_true", help="measure the cost of observe")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    name = "doctor.json" if options.source == "sample" else f"doctor_{options.source}.json"
    path = results_root() / name if options.record else options.out
    data, prepared = load(options.source, options.archive)
    half = " --tuned-half" * options.tuned_half + " --reported-half" * options.reported_half
    sizes = f"--kind {' '.join(options.kind)} --seeds {options.seeds}{half}"
    record = head(__file__, prepared, sizes) | machine() | {"cost": {}, "columns": COLUMNS}
    rows = {}
    if path and path.exists():
        before = json.loads(path.read_text())
        record["cost"] = before["cost"]
        rows = {key: dict(zip(COLUMNS, row, strict=True)) for key, row in before["rows"].items()}

    def save() -> None:
        if path:
            write(path, record | {"rows": {key: list(row.values()) for key, row in rows.items()}}, "rows")

    if options.cost:
        record["cost"] = {model: round(cost(data, model), 4) for model in options.models}
        save()
    runtime.keep_memory()  # after the cost was measured: a reader's own loop may do without
    begin = time.monotonic()
    for kind in options.kind:
        for name, seed, model in cases(kind, options.seeds, options.models):
            key = f"{kind}/{name}/{seed}/{model}"
            tuned = is_for_tuning(kind, name, seed, model)
            skipped = options.reported_half if tuned else options.tuned_half
            if key in rows or skipped or (options.only and name not in options.only):
                continue
            if time.monotonic() - begin > options.seconds:
                break
            rows[key] = row = run_case(data, kind, name, seed, model)
            right = "right" if row["top"] == row["expected"] or (kind == "healthy" and not row["faults"]) else "WRONG"
            print(f"{key:48s} {right:5s} {row['top']:28s} {row['seconds']:5.1f} s", flush=True)
            save()
    print(confusions(list(rows.values())))
    print(table(list(rows.values()), record["cost"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
