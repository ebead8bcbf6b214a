"""What JPEG costs: python tests/benchmarks/jpeg_effect.py [--archive PATH] [--record]

An unofficial copy of CIFAR-10 may have been compressed on its way. Two questions:

traces    How was it compressed? A JPEG image that is compressed again with its own settings hardly changes: for each
          quality and each subsampling of the colours, the mean squared change of a pixel value (0 to 255) over the
          first training images. A dip tells the settings.
accuracy  What does that cost? The fast recipe, on images that were compressed again, more and more: training and
          measured images alike, 40,000 and 10,000 of a split of the training batches. Beside each accuracy stands the
          mean squared change. The line through accuracy and change, extended from the copy by the change that its own
          settings make, tells how far the copy lies below images that were never compressed.

Runs with one seed share first weights, order, crops and flips. `--record` writes to `book/results/jpeg_effect.json`
after each run and goes on where an earlier call stopped.
"""

import io
import os
import statistics
import time

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

import recording  # noqa: E402
from fast_network import FAST  # noqa: E402
from helpers import runtime  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages, all_crops, as_is  # noqa: E402
from helpers.model import architectures  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.train import evaluate, train_one_epoch  # noqa: E402
from helpers.training.config import TrainConfig  # noqa: E402
from helpers.training.run import make_optimizer, whiten  # noqa: E402
from helpers.visualization import metrics  # noqa: E402

CPU = torch.device("cpu")
TRACE_IMAGES, TRACE_QUALITIES = 300, (*range(50, 90, 5), *range(90, 101))
SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
AS_IT_IS = "as it is"
QUALITIES = (AS_IT_IS, 60, 45, 30)


def compressed(images: torch.Tensor, quality: int, subsampling: str = "4:2:0") -> torch.Tensor:
    """The images [N, 3, H, W] after they were written as JPEG and read again."""
    found = []
    for pixels in images.permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=SUBSAMPLINGS[subsampling])
        found.append(np.asarray(Image.open(file).convert("RGB")))
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous()


def change(before: torch.Tensor, after: torch.Tensor) -> float:
    return round((before.float() - after.float()).square().mean().item(), 3)


def traces(images: torch.Tensor) -> dict[str, dict[int, float]]:
    few = images[:TRACE_IMAGES]
    return {
        name: {str(quality): change(few, compressed(few, quality, name)) for quality in TRACE_QUALITIES}
        for name in SUBSAMPLINGS
    }


def compress(part: TensorImages, quality: int | str) -> float:
    """Put compressed images into a part, and tell how much they changed."""
    if quality == AS_IT_IS:
        return 0.0
    before, part.images = part.images, compressed(part.images, quality)
    part.crops = all_crops(part.images, part.padding)
    return change(before, part.images)


def run(config: TrainConfig, train: TensorImages, held_out: TensorImages) -> float:
    """Train once; the accuracy on the held-out images after the last epoch."""
    runtime.seed_everything(config.seed)
    model = architectures.build(config.model, init=config.init).to(memory_format=torch.channels_last)
    whiten(model, train)
    train.seed = config.seed
    loader = EpochLoader(train, config.batch_size)
    optimizer, scheduler = make_optimizer(model, config, config.num_epochs * len(loader))
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    for epoch in range(config.num_epochs):
        loader.set_epoch(epoch)
        train_one_epoch(model, loader, loss_function, optimizer, CPU, scheduler=scheduler, amp=config.amp)
    matrix = evaluate(model, DataLoader(held_out, 500, collate_fn=as_is), CPU, 10, amp=config.amp)[1]
    return metrics.accuracy(matrix)


def main() -> None:
    parser = recording.options_of(__doc__)
    parser.add_argument("--epochs", type=int, default=3, help="passes over the training images (default 3)")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each quality (default 2)")
    parser.add_argument("--threads", type=int, default=1, help="default 1")
    parser.add_argument("--traces", action="store_true", help="only look how the images were compressed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = prepare(options.source, archive=options.archive, num_images="all")
    numbers = {"mean": data.mean, "std": data.std}

    def parts() -> tuple[TensorImages, TensorImages]:
        return (
            TensorImages(data.index["train"], padding=FAST["padding"], alternate=True, **numbers),
            TensorImages(data.index["valid"], data.index["test"], **numbers),
        )

    runtime.keep_memory()
    settings = FAST | {"num_epochs": options.epochs}
    record = recording.head(__file__, data, f"--epochs {options.epochs} --seeds {options.seeds}") | {
        "config": settings, **recording.machine(), "traces": {}, "changes": {}, "accuracy": {},
    }  # fmt: skip
    path = results_root() / "jpeg_effect.json"
    if options.record and (before := recording.earlier(path, record)):
        record |= {key: before[key] for key in ("traces", "changes", "accuracy")}
    record["traces"] = record["traces"] or traces(parts()[0].images)
    found = {(name, q): value for name, changes in record["traces"].items() for q, value in changes.items()}
    for (name, quality), value in sorted(found.items(), key=lambda item: item[1])[:8]:  # 95 and more changes any little
        print(f"compressed with quality {quality}, {name}, they change by {value}", flush=True)
    for quality in () if options.traces else QUALITIES:
        runs = record["accuracy"].setdefault(str(quality), [])
        if len(runs) == options.seeds:
            continue
        train, held_out = parts()
        record["changes"][str(quality)] = compress(train, quality)
        compress(held_out, quality)
        for seed in range(len(runs), options.seeds):
            start = time.process_time()
            runs.append(run(TrainConfig(**settings, seed=seed), train, held_out))
            seconds = time.process_time() - start
            print(f"quality {quality}, seed {seed}: {runs[-1]:.2%}, {seconds:.0f} s of CPU time", flush=True)
            if options.record:
                recording.write(path, record, "accuracy")
    for quality, runs in record["accuracy"].items():
        print(f"{quality:9s} change {record['changes'][quality]:7.2f}  accuracy {statistics.mean(runs):.2%}")
    if options.record:
        recording.write(path, record, "accuracy")


if __name__ == "__main__":
    main()
