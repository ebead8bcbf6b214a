"""How fast training is, as ratios: python tests/benchmarks/training.py [--archive PATH] [--record]

8,000 training images (of 10,000), the network `Net`, on this CPU. All ways run in turns in this one process, several
times each, and the best time of each counts. The seconds that ours takes to decode the images once are not part of an
epoch; they are given by themselves.

epoch 128   images/s of `helpers.train.train_one_epoch` at batch size 128 against the plain way: a file opened and
            decoded for each image of each epoch, `Resize(32)`, `RandomCrop(32, padding=4)`, `ToTensor`, `Normalize` per
            image, the default `DataLoader`, batch size 16. Ours also flips. Target: 12.
epoch 16    the same with batch size 16 for both. Target: 5.
limit 128, limit 16
            the same ratios, if nothing but training took time: normalized images in memory, without augmentation. No
            loader can do better. The network is small, so that its arithmetic is a large share of the plain way too.
16 bits     as epoch 128, with the arithmetic of ours in bfloat16 (`amp`).
bound       images/s of ours against training on normalized images that are in memory, without augmentation, at the same
            batch size 128. Target: 0.9.
TensorBoard seconds of an epoch with scalars every 10 steps and all histograms at its end, against one without: the
            additional share. Target: at most 0.05.
confusion   a matrix of 10,000 predictions against a loop over the samples. Target: 50.
profile     where an epoch's time goes, in both ways.

`--record` writes the figures to `book/results/training_speed.json`, which the pages read.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402
from torchvision import transforms  # noqa: E402

from helpers import runtime, train  # noqa: E402
from helpers.data.index import read_index  # noqa: E402
from helpers.data.loaders import EpochLoader, TensorImages  # noqa: E402
from helpers.model import architectures  # noqa: E402
from helpers.paths import replacing, results_root  # noqa: E402
from helpers.prepare import Prepared, prepare  # noqa: E402
from helpers.training import report  # noqa: E402
from helpers.training.config import TrainConfig  # noqa: E402
from helpers.visualization import metrics  # noqa: E402
from helpers.visualization.writers import RunWriter  # noqa: E402

CPU = torch.device("cpu")


# -- the plain way ---------------------------------------------------------------------------------------------


class Plain(Dataset):
    """Opens, decodes and transforms one image after the other."""

    def __init__(self, data: Prepared) -> None:
        self.samples = read_index(data.index["train"])
        self.load = lambda path: Image.open(path).convert("RGB")
        self.augment = transforms.Compose([transforms.Resize(32), transforms.RandomCrop(32, padding=4)])
        self.to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize(data.mean, data.std)])

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, n: int) -> tuple[torch.Tensor, int]:
        path, label = self.samples[n]
        return self.to_tensor(self.augment(self.load(path))), label


def plain_epoch(model: nn.Module, loader: DataLoader) -> None:
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, foreach=False)
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        logits = model(images)
        loss = loss_function(logits, labels)
        loss.backward()
        optimizer.step()
        _ = loss.item(), (logits.argmax(1) == labels).sum().item()


# -- ours ------------------------------------------------------------------------------------------------------


class InMemory:
    """Normalized images in one tensor, in a new order each time: nothing left to do but training."""

    def __init__(self, images: torch.Tensor, targets: torch.Tensor, batch_size: int) -> None:
        self.images, self.targets, self.batch_size = images, targets, batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for chosen in torch.randperm(len(self.images)).split(self.batch_size):
            yield self.images[chosen], self.targets[chosen]


def our_epoch(
    model: nn.Module, loader: object, writer: RunWriter | None = None, steps_before: int = 0, amp: bool = False
) -> None:
    config = TrainConfig(lr=0.01)
    optimizer, scheduler = train.make_optimizer(model, config, 1_000)
    train.train_one_epoch(
        model, loader, nn.CrossEntropyLoss(), optimizer, CPU, scheduler=scheduler, writer=writer,
        steps_before=steps_before, amp=amp,
    )  # fmt: skip
    if writer:
        writer.histograms(model, steps_before + 1_000)
        writer.flush()


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(repeats: int, **ways: Callable[[], object]) -> dict[str, list[float]]:
    times = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            times[name].append(seconds_of(work))
    return times


# -- the rows --------------------------------------------------------------------------------------------------


def epochs(data: Prepared, repeats: int) -> dict[str, float]:
    torch.manual_seed(0)
    model = architectures.build("net")
    images = TensorImages(data.index["train"], mean=data.mean, std=data.std, padding=4)
    count = len(images)
    ready = images.without_augmentation().__getitems__(range(count))
    plain = Plain(data)
    threads = torch.get_num_threads()

    def ours(batch_size: int, count: int = threads, amp: bool = False) -> Callable[[], None]:
        def epoch() -> None:
            torch.set_num_threads(count)
            our_epoch(model, EpochLoader(images, batch_size), amp=amp)
            torch.set_num_threads(threads)

        return epoch

    def bound(batch_size: int) -> Callable[[], None]:
        return lambda: our_epoch(model, InMemory(*ready, batch_size))

    plain_loader = DataLoader(plain, batch_size=16, shuffle=True)
    times = in_turns(
        repeats,
        plain=lambda: plain_epoch(model, plain_loader),
        ours128=ours(128),
        bound128=bound(128),
        ours16=ours(16),
        ours128_one_thread=ours(128, 1),
        ours16_one_thread=ours(16, 1),
        bound16=bound(16),
        ours128_16bit=ours(128, amp=True),
    )
    best = {name: count / min(found) for name, found in times.items()}
    return {
        "images_per_second": {name: round(speed) for name, speed in best.items()},
        "epoch 128": max(best["ours128"], best["ours128_one_thread"]) / best["plain"],
        "epoch 16": max(best["ours16"], best["ours16_one_thread"]) / best["plain"],
        "limit 128": best["bound128"] / best["plain"],
        "limit 16": best["bound16"] / best["plain"],
        "16 bits": best["ours128_16bit"] / best["plain"],
        "bound": best["ours128"] / best["bound128"],
        "decode_once_seconds": seconds_of(lambda: TensorImages(data.index["train"], mean=data.mean, std=data.std)),
    }


def tensorboard(data: Prepared, repeats: int) -> float:
    """The additional share: median over pairs of epochs, one with and one without, that ran one after the other."""
    torch.set_num_threads(1)
    model = architectures.build("net")
    loader = EpochLoader(TensorImages(data.index["train"], mean=data.mean, std=data.std, padding=4), 128)
    with tempfile.TemporaryDirectory() as folder, RunWriter(folder) as writer:
        steps = iter(range(0, 10**6, 2_000))
        times = in_turns(
            repeats,
            without=lambda: our_epoch(model, loader),
            logged=lambda: our_epoch(model, loader, writer, next(steps)),
        )
    return min(times["logged"]) / min(times["without"]) - 1


def confusion(repeats: int) -> float:
    generator = torch.Generator().manual_seed(0)
    labels, predictions = (torch.randint(0, 10, (10_000,), generator=generator) for _ in range(2))

    def loop() -> torch.Tensor:
        matrix = torch.zeros(10, 10, dtype=torch.int64)
        for label, prediction in zip(labels.tolist(), predictions.tolist(), strict=True):
            matrix[label, prediction] += 1
        return matrix

    assert torch.equal(loop(), metrics.confusion_matrix(labels, predictions, 10))
    times = in_turns(repeats, loop=loop, ours=lambda: metrics.confusion_matrix(labels, predictions, 10))
    return min(times["loop"]) / min(times["ours"])


def profile(data: Prepared) -> dict[str, dict[str, float]]:
    """Microseconds per image in each stage, each stage run by itself over the same images."""
    torch.set_num_threads(1)
    model = architectures.build("net")
    plain = Plain(data)
    paths = [path for path, _ in plain.samples[:2_000]]
    decoded = [plain.load(path) for path in paths]
    augmented = [plain.augment(image) for image in decoded]
    tensors = [(plain.to_tensor(image), 0) for image in augmented]
    images = TensorImages(data.index["train"], mean=data.mean, std=data.std, padding=4)
    unmoved = images.without_augmentation()
    orders = torch.randperm(len(images))[:2_000].split(128)

    def training(batch_size: int) -> Callable[[], None]:
        batches = list(InMemory(torch.stack([image for image, _ in tensors]), images.targets[:2_000], batch_size))
        return lambda: our_epoch(model, batches)

    def of(work: Callable[[], object]) -> float:
        return round(min(seconds_of(work) for _ in range(5)) / 2_000 * 1e6, 1)

    whole = of(lambda: [images.__getitems__(chosen) for chosen in orders])
    plainly = of(lambda: [unmoved.__getitems__(chosen) for chosen in orders])
    collate = torch.utils.data.default_collate
    return {
        "plain, batch size 16": {
            "open and decode": of(lambda: [plain.load(path) for path in paths]),
            "crop": of(lambda: [plain.augment(image) for image in decoded]),
            "to tensor, normalize": of(lambda: [plain.to_tensor(image) for image in augmented]),
            "collate": of(lambda: [collate(tensors[k : k + 16]) for k in range(0, 2_000, 16)]),
            "train": of(training(16)),
        },
        "ours, batch size 128": {
            "open and decode": 0.0,
            "crop, flip": round(max(whole - plainly, 0.0), 1),
            "fetch, normalize": plainly,
            "collate": 0.0,
            "train": of(training(128)),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--archive", help="a CIFAR-10 archive; without it the drawn sample is used")
    parser.add_argument("--repeats", type=int, default=5, help="turns (default 5)")
    parser.add_argument("--record", action="store_true", help="write book/results/training_speed.json")
    options = parser.parse_args()
    data = prepare("cifar10" if options.archive else "sample", archive=options.archive)
    found = epochs(data, options.repeats)
    ratios = {name: found.pop(name) for name in ("epoch 128", "epoch 16", "limit 128", "limit 16", "16 bits", "bound")}
    ratios |= {"TensorBoard": tensorboard(data, 3 * options.repeats), "confusion": confusion(options.repeats)}
    table = profile(data)
    targets = {
        "epoch 128": ">= 12",
        "epoch 16": ">= 5",
        "bound": ">= 0.9",
        "TensorBoard": "<= 0.05",
        "confusion": ">= 50",
    }
    print(f"{data.label}, {sum(data.counts['train'])} training images; images/s: {found['images_per_second']}")
    for name, ratio in ratios.items():
        print(f"{name:12s} {ratio:7.2f}" + (f"   target {targets[name]}" if name in targets else ""))
    for way, stages in table.items():
        print(f"{way}: microseconds per image")
        for stage, value in stages.items():
            print(f"  {stage:22s} {value:8.1f}  {value / sum(stages.values()):6.1%}")
    if options.record:
        archive = " --archive cifar-10-python.tar.gz" if options.archive else ""
        record = found | {
            "command": f"python tests/benchmarks/training.py{archive} --repeats {options.repeats} --record",
            "data": data.label, "ratios": {name: round(value, 3) for name, value in ratios.items()}, "profile": table,
            "hardware": report.hardware(CPU), "versions": runtime.versions(), "repeats": options.repeats,
        }  # fmt: skip
        with replacing(results_root() / "training_speed.json") as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
