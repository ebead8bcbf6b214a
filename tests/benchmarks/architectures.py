"""What the ideas of the landmark networks do at a small size.

    python tests/benchmarks/architectures.py [--record]

The twelve small networks of `helpers.model.landmarks`, all between 0.6 and 14 million multiply-adds an image, are
trained with one recipe: SGD with Nesterov momentum, one cycle, batches of 128, crop with padding 4 and flip, Kaiming's
initialization. Their sizes were fixed before any accuracy was measured. One of them, AlexNet without dropout, was added
when the others were known, to see why AlexNet did not learn in the tuning.

tuning      The highest learning rate is chosen for each network by itself, from one short list, with one run each.
            These runs are shorter, have a seed that is not reported, train on four fifths of the training images, and
            are compared on the last fifth. The 2,000 held-out images choose nothing.
runs        Each network is trained on all 8,000 training images with the reported seeds and measured on the 2,000
            images of valid and test, after the last epoch. A run with seed s has the order, crops and flips of every
            other run with seed s: differences are taken seed by seed. The initial weights differ, as the networks do.

A run whose loss becomes infinite is recorded with accuracy 0.1, that of guessing. `cpu_seconds` is the processor time
of an epoch, so that other programs on the machine matter little; `flops` are those of a forward pass for one image, two
a multiply-add, counted by `torch.utils.flop_counter`, which counts convolutions and matrix products only.

`--record` writes to `book/results/architectures.json` after each run and goes on where an earlier call stopped.
"""

import copy
import os
import time

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Subset  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from helpers import runtime  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages, as_is  # noqa: E402
from helpers.model import landmarks  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.train import NonFiniteLoss, evaluate, train_one_epoch  # noqa: E402
from helpers.training.config import TrainConfig  # noqa: E402
from helpers.training.run import make_optimizer  # noqa: E402
from helpers.visualization import metrics  # noqa: E402
from recording import earlier, head, machine, only, options_of, write  # noqa: E402

CPU = torch.device("cpu")
RATES = (0.01, 0.03, 0.1)
TUNING_SEED, TUNING_SHARE = 1000, 0.8


def flops_of(model: nn.Module) -> int:
    """Floating-point operations of a forward pass for one image."""
    model.eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.zeros(1, 3, 32, 32))
    model.train()
    return counter.get_total_flops()


def accuracy(model: nn.Module, images: TensorImages) -> float:
    plain = images.without_augmentation()
    loader = DataLoader(Subset(plain, range(len(plain))), 500, collate_fn=as_is)
    return metrics.accuracy(evaluate(model, loader, CPU, 10)[1])


def run(name: str, images: TensorImages, held_out: TensorImages, num_epochs: int, lr: float, seed: int) -> dict:
    """Train once: the accuracies after the last epoch, and the processor time of an epoch in seconds."""
    images = copy.copy(images)
    images.seed = seed
    runtime.seed_everything(seed)
    model = landmarks.build(name).to(memory_format=torch.channels_last)
    config = TrainConfig(num_epochs=num_epochs, lr=lr)
    loader = EpochLoader(images, config.batch_size)
    optimizer, scheduler = make_optimizer(model, config, num_epochs * len(loader))
    start = time.process_time()
    try:
        for epoch in range(num_epochs):
            loader.set_epoch(epoch)
            train_one_epoch(model, loader, nn.CrossEntropyLoss(), optimizer, CPU, scheduler=scheduler)
    except NonFiniteLoss:
        return {"train": 0.1, "held_out": 0.1, "cpu_seconds": None}
    seconds = (time.process_time() - start) / num_epochs
    found = {"train": accuracy(model, images), "held_out": accuracy(model, held_out)}
    return {part: round(value, 6) for part, value in found.items()} | {"cpu_seconds": round(seconds, 2)}


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--num-images", type=int, default=None, help="images to split (default: as in the book)")
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training images (default 8)")
    parser.add_argument("--tuning-epochs", type=int, default=3, help="passes of a run that chooses lr (default 3)")
    parser.add_argument("--seeds", type=int, default=3, help="reported runs of each network (default 3)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = prepare(options.source, archive=options.archive, num_images=options.num_images)
    images = TensorImages(data.index["train"], mean=data.mean, std=data.std, padding=4)
    held_out = TensorImages(data.index["valid"], data.index["test"], mean=data.mean, std=data.std)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(TUNING_SEED))
    few, compared = (only(images, part) for part in order.split(int(TUNING_SHARE * len(images))))

    config = TrainConfig(num_epochs=options.epochs)
    sizes = f"--epochs {options.epochs} --tuning-epochs {options.tuning_epochs} --seeds {options.seeds}"
    record = {
        **head(__file__, data, sizes),
        "images": {"train": len(images), "held_out": len(held_out), "tuning": [len(few), len(compared)]},
        "config": {
            "init": "kaiming", "num_epochs": options.epochs, "batch_size": config.batch_size,
            "optimizer": "sgd, Nesterov momentum 0.9, one cycle", "weight_decay": config.weight_decay, "padding": 4,
            "lr": list(RATES), "tuning_epochs": options.tuning_epochs, "tuning_seed": TUNING_SEED,
            "split_seed": data.seed,
        },
        **machine(),
        "seconds": 0.0,
        "networks": {},
    }  # fmt: skip
    for name in landmarks.LANDMARKS:
        model = landmarks.build(name)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        record["networks"][name] = {
            "parameters": parameters, "flops": flops_of(model), "tuning": {}, "lr": None,
            "train": [], "held_out": [], "cpu_seconds": [],
        }  # fmt: skip
    path = results_root() / "architectures.json"
    if options.record and (before := earlier(path, record, "images")):
        for name, entry in record["networks"].items():
            done = before["networks"].get(name, entry)
            if any(done[key] != entry[key] for key in ("parameters", "flops")):
                raise SystemExit(f"{path}: {name} is another network there. Move it away first.")
            record["networks"][name] = done
        record["seconds"] = before["seconds"]

    todo = [(name, lr, None) for name in landmarks.LANDMARKS for lr in RATES]
    todo += [(name, None, seed) for seed in range(options.seeds) for name in landmarks.LANDMARKS]
    for name, rate, seed in todo:
        entry = record["networks"][name]
        if str(rate) in entry["tuning"] or (seed is not None and len(entry["held_out"]) > seed):
            continue
        start = time.perf_counter()
        if seed is None:
            found = run(name, few, compared, options.tuning_epochs, rate, TUNING_SEED)
            entry["tuning"][str(rate)] = found["held_out"]
            entry["lr"] = float(max(entry["tuning"], key=entry["tuning"].get))  # of equals, the first
        else:
            found = run(name, images, held_out, options.epochs, entry["lr"], seed)
            for key, value in found.items():
                entry[key].append(value)
        seconds = time.perf_counter() - start
        record["seconds"] = round(record["seconds"] + seconds, 1)
        what = f"tuning lr {rate}" if seed is None else f"seed {seed} lr {entry['lr']}"
        print(f"{name:12s} {what:16s} train {found['train']:.1%}  held out {found['held_out']:.1%}  {seconds:.1f} s "
              f"(cpu {found['cpu_seconds']} s an epoch), {record['seconds']:.0f} s in all", flush=True)  # fmt: skip
        if options.record:
            write(path, record)


if __name__ == "__main__":
    main()
