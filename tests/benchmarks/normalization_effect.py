"""What right and wrong numbers of Normalize do to a training.

    python tests/benchmarks/normalization_effect.py [--record]

The variants and the training are those of page 11 of part 1, as they stand in the notebook, with the parameters of that
page and more seeds: `Net`, 2,000 training images, 5 epochs, SGD without momentum. Each run is a list of epochs, and the
numbers of an epoch are the loss and the accuracy on the validation images, normalized like the training images, and the
accuracy on the training images while they were trained on. A run that is stopped by an infinite loss counts as guessing
from then on.

A run with seed s has the initial weights and the order of the images of every other run with seed s: differences are
taken seed by seed. `--record` writes to `book/results/normalization_<source>.json` after each run and goes on where an
earlier call stopped. The file also holds, for the training images of the split, the standard deviation of all pixels
and the mean of the images' own standard deviations.
"""

import math
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import nbformat  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from helpers import train  # noqa: E402
from helpers.data import index, loaders  # noqa: E402
from helpers.model import architectures  # noqa: E402
from helpers.paths import project_root, results_root  # noqa: E402
from helpers.prepare import Prepared, prepare  # noqa: E402
from helpers.visualization import metrics  # noqa: E402
from recording import earlier, head, machine, options_of, write  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import definition_of_page  # noqa: E402

PAGE = "1_data/11_normalization_and_training"
WITH_BATCH_NORM = ("bytes", "wrong scale", "training set")


def page_parameters() -> dict:
    """The values in the first code cell of the page."""
    page = nbformat.read(project_root() / "chapters" / f"{PAGE}.ipynb", as_version=4)
    found: dict[str, object] = {}
    exec(next(cell.source for cell in page.cells if cell.cell_type == "code"), found)
    return {name: found[name] for name in ("seed", "num_epochs", "batch_size", "lr", "num_images")}


def statistics(data: Prepared) -> dict:
    """Of each channel of the training images, on the scale 0 to 1: two numbers that are taken for each other."""
    pixels = loaders.decode([path for path, _ in index.read_index(data.index["train"])])
    own = [(image.double() / 255).std((1, 2), correction=0) for image in pixels]
    return {"std": data.std, "mean_of_image_stds": torch.stack(own).mean(0).tolist()}


def main() -> None:
    parser = options_of(__doc__, source="sample")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each variant (default 3)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cpu, config = torch.device("cpu"), page_parameters()
    modules = {"train": train, "loaders": loaders, "architectures": architectures, "metrics": metrics}
    modules |= {"torch": torch, "nn": nn, "math": math, "chosen": cpu}
    train_net = definition_of_page(PAGE, "train_net", **modules, **config)
    data = prepare(options.source, archive=options.archive, seed=config["seed"])
    variants = definition_of_page(PAGE, "variants_of")(data.mean, data.std, config["lr"])
    todo = {name: (*numbers, False) for name, numbers in variants.items()}
    todo |= {f"{name}, batch norm": (*variants[name], True) for name in WITH_BATCH_NORM}

    record = {
        **head(__file__, data, f"--seeds {options.seeds}"),
        "config": {"model": "net", "optimizer": "sgd, without momentum"} | config,
        **machine(),
        "statistics": statistics(data),
        "seconds": 0.0,
        "runs": {},
    }
    path = results_root() / f"normalization_{data.source}.json"
    if options.record and (before := earlier(path, record)):
        record |= {"seconds": before["seconds"], "runs": before["runs"]}

    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / "few.txt"
        samples = random.Random(config["seed"]).sample(index.read_index(data.index["train"]), config["num_images"])
        index.write_index(few, samples)
        for seed in range(options.seeds):
            for name, (mean, std, rate, batch_norm) in todo.items():
                done = record["runs"].setdefault(name, [])
                if len(done) > seed:
                    continue
                start = time.perf_counter()
                images, held_out = (
                    loaders.TensorImages(part, mean=mean, std=std) for part in (few, data.index["valid"])
                )
                valid_loader = DataLoader(held_out, 500, collate_fn=loaders.as_is)
                history = train_net(images, valid_loader, seed, rate, batch_norm)
                done.append([[round(value, 6) for value in epoch] for epoch in history])
                record["seconds"] = round(record["seconds"] + time.perf_counter() - start, 1)
                loss, accuracy, _ = min(history)
                print(f"seed {seed}  {name:26s} loss {loss:.3f}  accuracy {accuracy:.1%}", flush=True)
                if options.record:
                    write(path, record, "runs")


if __name__ == "__main__":
    main()
