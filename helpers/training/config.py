"""`TrainConfig`: everything that decides a training run, checked; and the options of the command line made from it."""

import argparse
import math
from dataclasses import Field, asdict, dataclass, field, fields

from helpers.model import architectures, initialization
from helpers.prepare import whole_or_all

LARGEST = 1e30  # of a learning rate and the like: float32 holds it, and its product with a factor of the optimizer


def _option(default: object, text: str, **more: object) -> Field:
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run. Each field is an option of the command line."""

    source: str = _option("auto", "where the images come from", choices=("auto", "cifar10", "sample"))
    archive: str | None = _option(None, "a CIFAR-10 archive to use instead of a download")
    num_images: int | str | None = _option(
        None, "training images of the archive, or all; default 10000, with the official protocol all", type=whole_or_all
    )
    protocol: str = _option(
        "split",
        "split: train on 80 %% of the images, choose the best epoch on 10 %%, test on 10 %%; "
        "official: train on all of them, take the last epoch, test on the archive's test batch",
        choices=("split", "official"),
    )
    model: str = _option("net", "architecture", choices=architectures.MODELS)
    init: str = _option("kaiming", "initialization", choices=initialization.INIT_METHODS)
    whiten: bool = _option(
        False, "of the fast models: set the first layer from the training images, to outputs that are uncorrelated"
    )
    num_epochs: int = _option(20, "passes over the training images")
    batch_size: int = _option(128, "images in a step, over all processes")
    optimizer: str = _option(
        "sgd",
        "sgd: with Nesterov momentum; muon: Muon for matrices, AdamW for the rest; "
        "muon_sgd: Muon for kernels, SGD with 6 times its rate for the rest",
        choices=("sgd", "muon", "muon_sgd"),
    )
    lr: float = _option(0.05, "highest learning rate of the one-cycle schedule")
    bias_lr: float = _option(1.0, "learning rate of biases with SGD, as a multiple of the other one")
    schedule: str = _option(
        "cosine",
        "how the rate rises and falls: along a cosine from lr / 25 and to almost 0; triangle: linearly from lr / 5 and "
        "to 0.07 lr",
        choices=("cosine", "triangle"),
    )
    warmup: float = _option(0.2, "share of the steps in which the learning rate rises, 0 to 1")
    momentum: float = _option(0.9, "of SGD, 0 to below 1")
    weight_decay: float = _option(
        5e-4,
        "on kernels and matrices, not on biases and normalization layers; with muon, decoupled and on matrices only; "
        "with muon_sgd on matrices only",
    )
    label_smoothing: float = _option(0.0, "share of the target that is spread over all classes, 0 to below 1")
    lookahead: int = _option(0, "steps between two averages of the weights, which are then set to them; 0: none")
    clip_norm: float = _option(0.0, "largest norm of the gradient; 0: no clipping")
    padding: int = _option(4, "pixels by which the random crop moves an image; 0: neither crop nor flip")
    flip: str = _option(
        "random",
        "which images are mirrored: random: half of them, drawn in each epoch; alternating: in one epoch half of them, "
        "in the next the others",
        choices=("random", "alternating"),
    )
    cutout: int = _option(0, "side of a square in each image that is set to the mean, in pixels; 0: none")
    tta: bool = _option(
        False, "at the end measure the test part once more, with test-time augmentation: mirrored and shifted views"
    )
    num_workers: int = _option(0, "loader processes; the images are in memory, so that 0 is mostly fastest")
    device: str = _option("auto", "auto, cpu, cuda, cuda:N or mps")
    threads: int = _option(0, "CPU threads of each process; 0: as many as torch takes")
    dtype: str = _option("float32", "of weights and images", choices=("float32", "float64"))
    amp: bool = _option(False, "mixed precision: float16 with a gradient scaler on cuda, bfloat16 on cpu")
    compile: bool = _option(False, "torch.compile")
    seed: int = _option(0, "of initialization, order, crops, flips and squares; 0 to 2**32 - 1")
    run_dir: str | None = _option(None, "folder of the run; without it nothing is written")
    log_every: int = _option(10, "steps between two points in TensorBoard")

    def __post_init__(self) -> None:
        """Raises: ValueError for a value of another type or out of range, or a contradiction."""
        for f in fields(self):
            value, kind = getattr(self, f.name), type(f.default)
            if kind in (int, float) and (isinstance(value, bool) or not isinstance(value, int | kind)):
                raise ValueError(f"{f.name} is {value!r}: use a {'whole ' if kind is int else ''}number")
        bounds = {  # name: (least, most), None: no bound
            "num_epochs": (1, 1_000_000), "batch_size": (1, None), "log_every": (1, None), "warmup": (0, 1),
            "weight_decay": (0, LARGEST), "clip_norm": (0, LARGEST), "padding": (0, 32), "cutout": (0, 32),
            "lookahead": (0, 1_000_000), "bias_lr": (0, LARGEST),
            "num_workers": (0, 64), "threads": (0, 1024),  # more would only bring the machine down
            "seed": (0, 2**32 - 1),  # what NumPy takes
        }  # fmt: skip
        for name, (least, most) in bounds.items():
            if not least <= (value := getattr(self, name)) <= (math.inf if most is None else most):
                raise ValueError(
                    f"{name} is {value}: use {least} or more" + ("" if most is None else f", up to {most}")
                )
        for name in ("momentum", "label_smoothing"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {value}: use 0 or more, below 1")
        if not 0 < self.lr <= LARGEST:
            raise ValueError(f"lr is {self.lr}: use a number above 0" + (f", up to {LARGEST}" if self.lr > 0 else ""))
        for name, kind in (("run_dir", "folder"), ("archive", "file")):
            if getattr(self, name) == "":
                raise ValueError(f"{name} is empty: name a {kind}, or leave it out")
        for f in fields(self):
            if "choices" in f.metadata and getattr(self, f.name) not in f.metadata["choices"]:
                raise ValueError(
                    f"{f.name} is {getattr(self, f.name)!r}: use one of {', '.join(f.metadata['choices'])}"
                )
        if self.amp and self.dtype == "float64":
            raise ValueError("amp computes in 16 bits, dtype float64 asks for 64: choose one of them")
        if self.whiten and self.model not in architectures.WHITENED:
            raise ValueError(
                f"whiten sets the first layer of {', '.join(architectures.WHITENED)}: leave it out with {self.model}"
            )
        if self.flip == "alternating" and not self.padding:
            raise ValueError("padding 0 means neither crop nor flip: leave flip out, or use a padding of 1 or more")
        if self.protocol == "official" and self.num_images not in (None, "all"):
            raise ValueError("the official protocol trains on all images: leave num_images out")

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add one option a field; `--no-…` does not exist, as every switch is off by default."""
        for f in fields(cls):
            more = {key: value for key, value in f.metadata.items() if key != "help"}
            if isinstance(f.default, bool):
                more["action"] = "store_true"
            elif f.default is not None:
                more["type"] = type(f.default)
            note = "" if f.default is None or isinstance(f.default, bool) else f" (default: {f.default})"
            name = "--" + f.name.replace("_", "-")
            parser.add_argument(name, default=f.default, help=f.metadata["help"] + note, **more)

    def settings(self) -> dict[str, object]:
        """The fields that decide the result: all but the places of archive and run."""
        return {name: value for name, value in asdict(self).items() if name not in ("archive", "run_dir")}

    def command(self) -> str:
        """The command line of this run, with the options that differ from the defaults."""
        words = ["python -m helpers.train"]
        for f in fields(self):
            value = getattr(self, f.name)
            if value != f.default and f.name != "run_dir":
                value = "cifar-10-python.tar.gz" if f.name == "archive" else value
                words.append(f"--{f.name.replace('_', '-')}" + ("" if value is True else f" {value}"))
        return " ".join(words)
