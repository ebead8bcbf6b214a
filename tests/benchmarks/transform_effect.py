"""What each transform does to a training, as the only one: python tests/benchmarks/transform_effect.py [--record]

`Net` is trained on the 8,000 training images with each of the 22 transforms of the book by itself, with four policies,
and with none: same network, same recipe, same number of steps, several seeds. Nothing else is done to the images: they
are bytes divided by 255. The other 2,000 images of the split (valid and test) are held out. Nothing is chosen by them.

random      A transform that draws is applied to the training images only, anew in each epoch. v2 draws once per call,
            so that a whole batch would get one and the same change. The images are therefore dealt out at random into
            groups of 8, anew in each epoch, and each group is one call: 1,000 draws an epoch.
fixed       A transform that does not draw is part of the preprocessing: training and held-out images both get it.
views       Five and ten crops: a training image shows one of them, chosen at random in each epoch; the logits of a
            held-out image are the mean over all of them.
identity    Transforms that change no number, up to the rounding of a division. Where the tensors are equal bit for bit,
            so is the training, and only seed 0 is run, to show it. Where the last bit differs, all seeds are run.
placebo     Nothing is done to the images, but their order is not that of the other rows with the seed: what a row that
            does nothing looks like.
batch       MixUp and CutMix, called on each batch of 128.

Further rows ask why RandomChoice gains more than crop + flip: the same transforms, less often, without the jitter, and
with a draw for each image instead of each group. `budgets` holds some rows again with other numbers of epochs, all else
equal. `again` holds the row that came first, and the usual advice, once more with new seeds.

A run with seed s has the initial weights and the order of the images of every other run with seed s: differences are
taken seed by seed. `--record` writes to `book/results/transform_effect.json` after each run and goes on where an
earlier call stopped.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torchvision.transforms import functional as v1_functional  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from helpers import runtime  # noqa: E402
from helpers.data.index import read_index  # noqa: E402
from helpers.data.loaders import all_crops, crop_and_flip, decode  # noqa: E402
from helpers.model import architectures, net  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import prepare  # noqa: E402
from helpers.training.config import TrainConfig  # noqa: E402
from helpers.training.run import make_optimizer  # noqa: E402
from recording import earlier, head, machine, options_of, write  # noqa: E402

CPU = torch.device("cpu")
GROUP = 8  # images that share a draw
LR = 0.05
EPS, WHITENED = 0.01, 2_000  # of the whitening: added to the variance of each direction; images
TO_FLOAT = v2.ToDtype(torch.float32, scale=True)


def whitening(images: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """ZCA matrix [D, D] and mean [D] of images [N, C, H, W] on the 0–1 scale.

    W = V diag(1 / sqrt(variance + eps)) V^T, over all D directions; those without variance are scaled by 1 / sqrt(eps).
    """
    rows = images.flatten(1)  # N D
    mean = rows.mean(dim=0)
    _, lengths, directions = torch.linalg.svd(rows - mean, full_matrices=False)  # directions: min(N, D) D
    rest = eps**-0.5
    scales = (lengths.square() / (len(rows) - 1) + eps).rsqrt() - rest
    return directions.T * scales @ directions + rest * torch.eye(rows.shape[1]), mean


@dataclass(frozen=True)
class Row:
    """A transform by itself: kind (see above), what was used, in words, and the function, on uint8 [B, 3, 32, 32]."""

    kind: str
    used: str
    apply: Callable
    group: int = GROUP  # images that share a draw


def views_of(crops: Callable, back: Callable) -> Callable:
    """All crops of each image, resized: [B, C, H, W] -> [V, B, C, H, W]."""
    return lambda images: torch.stack([back(crop) for crop in crops(images)])


def through_pil(images: torch.Tensor) -> torch.Tensor:
    return torch.stack([v2.functional.pil_to_tensor(v2.functional.to_pil_image(image)) for image in images])


def through_to_tensor(images: torch.Tensor) -> torch.Tensor:
    return torch.stack([v1_functional.to_tensor(image.permute(1, 2, 0).numpy()) for image in images])


def moved_one_by_one(images: torch.Tensor) -> torch.Tensor:
    """Crop with padding 4 and flip with probability 0.5, with a draw for each image."""
    shifts, flips = torch.randint(0, 9, (len(images), 2)), torch.rand(len(images)) < 0.5
    return crop_and_flip(all_crops(images, 4), torch.arange(len(images)), shifts, flips)


def catalogue(train_images: torch.Tensor) -> dict[str, Row]:
    """The 22 transforms and four policies."""
    scaled = TO_FLOAT(train_images)  # N C H W, 0–1
    mean, std = scaled.mean(dim=(0, 2, 3)).tolist(), scaled.std(dim=(0, 2, 3), correction=0).tolist()
    white = v2.LinearTransformation(*whitening(scaled[:WHITENED], EPS))
    back = v2.Resize(32)
    crop, flip, jitter = v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip(1.0), v2.ColorJitter(0.4, 0.4, 0.4)
    maybe_flip, nothing = v2.RandomHorizontalFlip(0.5), v2.Identity()
    third_crop, third_flip = v2.RandomApply([crop], 1 / 3), v2.RandomHorizontalFlip(1 / 3)
    smooth = {"interpolation": v2.InterpolationMode.BILINEAR}
    affine = v2.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), **smooth)
    return {
        "RandomCrop": Row("random", "size 32, padding 4, black", crop),
        "CenterCrop": Row("fixed", "size 28, resized to 32", v2.Compose([v2.CenterCrop(28), back])),
        "RandomResizedCrop": Row("random", "size 32, scale 0.5 to 1", v2.RandomResizedCrop(32, scale=(0.5, 1.0))),
        "FiveCrop": Row("views", "size 28, each resized to 32", views_of(v2.FiveCrop(28), back)),
        "TenCrop": Row("views", "size 28, each resized to 32", views_of(v2.TenCrop(28), back)),
        "RandomHorizontalFlip": Row("random", "p 0.5", maybe_flip),
        "RandomVerticalFlip": Row("random", "p 0.5", v2.RandomVerticalFlip(0.5)),
        "RandomRotation": Row("random", "up to 15 degrees, bilinear", v2.RandomRotation(15, **smooth)),
        "Resize": Row("fixed", "to 24, then back to 32", v2.Compose([v2.Resize(24), back])),
        "Normalize": Row("fixed", "mean and std of training images", v2.Compose([TO_FLOAT, v2.Normalize(mean, std)])),
        "ToTensor": Row("identity", "none has its scaling already", through_to_tensor),
        "Pad": Row("fixed", "4, black, resized to 32", v2.Compose([v2.Pad(4), back])),
        "ColorJitter": Row("random", "brightness, contrast, saturation 0.4", jitter),
        "Grayscale": Row("fixed", "3 channels", v2.Grayscale(3)),
        "LinearTransformation": Row("fixed", f"ZCA whitening, eps {EPS}", v2.Compose([TO_FLOAT, white])),
        "RandomAffine": Row("random", "10 degrees, shift 0.1, scale 0.9–1.1", affine),
        "RandomGrayscale": Row("random", "p 0.2", v2.RandomGrayscale(0.2)),
        "ToPILImage": Row("identity", "to PIL and back", through_pil),
        "Lambda": Row("identity", "returns its input", v2.Lambda(lambda images: images)),
        "RandomChoice": Row("random", "one of crop, flip, jitter", v2.RandomChoice([crop, flip, jitter])),
        "RandomApply": Row("random", "crop and flip together, p 0.5", v2.RandomApply([crop, flip], 0.5)),
        "RandomOrder": Row("random", "crop, flip (p 0.5), jitter", v2.RandomOrder([crop, maybe_flip, jitter])),
        "crop + flip": Row("random", "padding 4, black; p 0.5", v2.Compose([crop, maybe_flip])),
        "TrivialAugmentWide": Row("random", "defaults", v2.TrivialAugmentWide()),
        "MixUp": Row("batch", "alpha 0.2", v2.MixUp(alpha=0.2, num_classes=10)),
        "CutMix": Row("batch", "alpha 1", v2.CutMix(alpha=1.0, num_classes=10)),
        "other order": Row("placebo", "nothing; other order", v2.Identity()),
        "crop, a third": Row("random", "the crop, p 1/3", v2.RandomApply([crop], 1 / 3)),
        "crop and flip, a third each": Row("random", "each p 1/3, by themselves", v2.Compose([third_crop, third_flip])),
        "RandomChoice, no jitter": Row("random", "one of crop, flip, nothing", v2.RandomChoice([crop, flip, nothing])),
        "crop + flip, each image": Row("random", "a draw for each image", moved_one_by_one, len(train_images)),
    }


POLICIES = ("crop + flip", "TrivialAugmentWide", "MixUp", "CutMix")
WHY = (
    "other order", "crop, a third", "crop and flip, a third each", "RandomChoice, no jitter", "crop + flip, each image",
)  # fmt: skip
BUDGETS = (4, 10)  # epochs
AGAIN = ("none", "RandomChoice", "crop + flip")  # with as many new seeds
WITH_BUDGETS = ("none", "RandomHorizontalFlip", "RandomCrop", "crop + flip", "RandomChoice")


# -- a run -----------------------------------------------------------------------------------------------------


def to_input(images: torch.Tensor) -> torch.Tensor:
    """Bytes to 0–1; what is float already stays. Channels last, as the convolutions like it."""
    return TO_FLOAT(images).contiguous(memory_format=torch.channels_last)


def in_groups(transform: Callable, images: torch.Tensor, size: int) -> torch.Tensor:
    """Apply a random transform with one draw for each group of `size` images, which are dealt out at random."""
    result = torch.empty_like(images)
    for chosen in torch.randperm(len(images)).split(size):
        result[chosen] = transform(images[chosen])
    return result


@torch.inference_mode()
def logits_of(model: net.Net, images: torch.Tensor) -> torch.Tensor:
    return torch.cat([model(part) for part in to_input(images).split(500)])


def run(row: Row | None, parts: dict[str, tuple[torch.Tensor, torch.Tensor]], num_epochs: int, seed: int) -> dict:
    """Train once; the accuracies on the training images, as they are without the draw, and on the held-out ones."""
    kind = row.kind if row else "none"
    images, labels = parts["train"]
    done_once = kind in ("fixed", "views", "identity")
    inputs = {name: row.apply(part) if done_once else part for name, (part, _) in parts.items()}
    config = TrainConfig(num_epochs=num_epochs, lr=LR)
    runtime.seed_everything(seed)
    model = architectures.build("net").to(memory_format=torch.channels_last)
    # not disturbed by the draws of the transform
    orders = torch.Generator().manual_seed(seed + (10_000 if kind == "placebo" else 0))
    steps = num_epochs * (len(images) // config.batch_size)
    optimizer, scheduler = make_optimizer(model, config, steps)
    everything = torch.arange(len(images))
    for _ in range(num_epochs):
        if kind == "random":
            shown = in_groups(row.apply, images, row.group)
        elif kind == "views":
            shown = inputs["train"][torch.randint(len(inputs["train"]), (len(images),)), everything]
        else:
            shown = inputs["train"]
        order = torch.randperm(len(images), generator=orders)
        for chosen in order[: len(images) // config.batch_size * config.batch_size].split(config.batch_size):
            batch, targets = to_input(shown[chosen]), labels[chosen]
            if kind == "batch":
                batch, targets = row.apply(batch, targets)
            optimizer.zero_grad()
            F.cross_entropy(model(batch), targets).backward()
            optimizer.step()
            scheduler.step()
    model.eval()
    found = {}
    for name, (_, targets) in parts.items():
        views = inputs[name] if kind == "views" else [inputs[name]]
        logits = torch.stack([logits_of(model, view) for view in views]).mean(dim=0)  # N K
        found[name] = (logits.argmax(dim=1) == targets).double().mean().item()
    return found


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images (default 10)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--rows", help="only these rows, separated by commas; none is always run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = prepare(options.source, archive=options.archive)
    indexes = {"train": ["train"], "held_out": ["valid", "test"]}
    parts = {}
    for name, names in indexes.items():
        samples = [sample for part in names for sample in read_index(data.index[part])]
        parts[name] = decode([path for path, _ in samples]), torch.tensor([label for _, label in samples])
    rows = catalogue(parts["train"][0])
    if options.rows:
        chosen = options.rows.split(",")
        if unknown := sorted(set(chosen) - set(rows)):
            parser.error(f"no row {', '.join(unknown)}: choose from {', '.join(rows)}")
        rows = {name: rows[name] for name in chosen}
    equal = set()
    for name in (name for name, row in rows.items() if row.kind == "identity"):
        pairs = [(to_input(rows[name].apply(images)), to_input(images)) for images, _ in parts.values()]
        if not all(torch.allclose(one, other, rtol=0, atol=1e-6) for one, other in pairs):
            raise RuntimeError(f"{name} is not the identity")
        if all(torch.equal(one, other) for one, other in pairs):
            equal.add(name)

    config = TrainConfig(num_epochs=options.epochs, lr=LR)
    sizes = f"--epochs {options.epochs} --seeds {options.seeds}"
    record = {
        **head(__file__, data, sizes),
        "images": {name: len(labels) for name, (_, labels) in parts.items()},
        "config": {
            "model": "net", "init": config.init, "num_epochs": options.epochs, "batch_size": config.batch_size,
            "optimizer": "sgd, Nesterov momentum 0.9, one cycle", "lr": LR, "weight_decay": config.weight_decay,
            "images_that_share_a_draw": GROUP, "images_that_make_the_whitening": WHITENED, "split_seed": data.seed,
        },
        **machine(),
        "seconds": 0.0,
        "rows": {},
        "budgets": {},
        "again": {},
    }  # fmt: skip
    path = results_root() / "transform_effect.json"
    if options.record and (before := earlier(path, record, "images")):
        record |= {"seconds": before["seconds"], "rows": before["rows"], "budgets": before.get("budgets", {})}
        record["again"] = before.get("again", {})

    # short runs first, then row by row, seed by seed
    todo = [(record["budgets"].setdefault(str(epochs), {}), epochs, name, seed) for seed in range(options.seeds)
            for epochs in BUDGETS for name in WITH_BUDGETS if name == "none" or name in rows]  # fmt: skip
    todo += [(record["rows"], options.epochs, name, seed) for seed in range(options.seeds) for name in ["none", *rows]]
    todo += [(record["again"], options.epochs, name, options.seeds + seed) for seed in range(options.seeds)
             for name in AGAIN if name == "none" or name in rows]  # fmt: skip
    for table, epochs, name, seed in todo:
        row = rows.get(name)
        entry = table.setdefault(
            name,
            {
                "kind": row.kind if row else "none",
                "used": row.used if row else "bytes divided by 255",
                "policy": name in POLICIES,
                "why": name in WHY,
                "train": [],
                "held_out": [],
            },
        )
        if len(entry["held_out"]) > (seed - options.seeds if table is record["again"] else seed):
            continue
        start = time.perf_counter()
        if row and row.kind == "identity" and seed and name in equal:
            found = {part: table["none"][part][seed] for part in parts}
        else:
            found = run(row, parts, epochs, seed)
        seconds = time.perf_counter() - start
        for part, accuracy in found.items():
            entry[part].append(round(accuracy, 6))
        held_out = torch.tensor(entry["held_out"], dtype=torch.float64)
        entry["mean"] = round(held_out.mean().item(), 6)
        entry["std"] = round(held_out.std().item(), 6) if len(held_out) > 1 else None
        record["seconds"] = round(record["seconds"] + seconds, 1)
        shown = "  ".join(f"{part} {accuracy:.1%}" for part, accuracy in found.items())
        print(f"seed {seed}  {epochs:2d} epochs  {name:28s} {shown}  {seconds:.1f} s", flush=True)
        if options.record:
            write(path, record)


if __name__ == "__main__":
    main()
