"""How long to an accuracy on a GPU: python tests/benchmarks/gpu_time.py [--archive PATH] [--seeds 3] [--record]

The fast recipe of this book beside the published package of the same family, on the same images and the same GPU:

ours      `helpers.train` with the settings of fast_network.py, in this process; seconds of all epochs, and the
          accuracies on the official test images.
airbench  `airbench.train94`, after its own warm-up (`pip install airbench`; version 0.1.8); seconds of the call, and
          the accuracies of `airbench.evaluate` without and with test-time augmentation. Left out with --ours-only.

`--record` writes to `book/results/gpu_time.json` after each run and goes on where an earlier call stopped.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path

os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported, which helpers do

import numpy as np  # noqa: E402
import torch  # noqa: E402

import fast_network  # noqa: E402
import recording  # noqa: E402
from helpers.data.archive import read_archive  # noqa: E402
from helpers.paths import results_root  # noqa: E402
from helpers.prepare import Prepared, prepare  # noqa: E402
from helpers.train import fit  # noqa: E402
from helpers.training import report  # noqa: E402
from helpers.training.config import TrainConfig  # noqa: E402


def write_images(archive: str, folder: Path) -> None:
    """The images of an archive in the files that the package looks for: cifar10/train.pt and cifar10/test.pt."""
    data = read_archive(archive)
    (folder / "cifar10").mkdir()
    for part in ("train", "test"):
        images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
        content = {
            "images": torch.tensor(images),  # uint8 [N, 32, 32, 3]
            "labels": torch.tensor(labels.astype(np.int64)),
            "classes": list(data.class_names),
        }
        torch.save(content, folder / "cifar10" / f"{part}.pt")


def ours(seed: int, data: Prepared) -> dict:
    settings = fast_network.FAST | {"source": data.source, "protocol": "official", "device": "cuda", "seed": seed}
    result = fit(TrainConfig(**settings), data=data)[1]
    found = result["accuracy"]
    return {"seconds": round(result["seconds"], 2), "accuracy": found["test"], "accuracy_tta": found["test_tta"]}


def theirs(seed: int, archive: str) -> dict:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # it looks in the current folder
        write_images(archive, Path(folder))
        import airbench  # not a requirement of the book; it loads the images at once

        airbench.warmup94()
        torch.manual_seed(seed)
        torch.cuda.synchronize()
        start = time.perf_counter()
        model = airbench.train94(verbose=False)
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        test = airbench.CifarLoader("cifar10", train=False, batch_size=2000)
        accuracy, accuracy_tta = (airbench.evaluate(model, test, tta_level=level) for level in (0, 2))
    return {"seconds": round(seconds, 2), "accuracy": accuracy, "accuracy_tta": accuracy_tta}


def main() -> None:
    parser = recording.options_of(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument("--ours-only", action="store_true", help="leave the package out")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("gpu_time.py: torch sees no GPU here. Run it on a machine that has one.")
    data = prepare(options.source, archive=options.archive, num_images="all")
    record = recording.head(__file__, data, f"--seeds {options.seeds}") | {
        "config": fast_network.FAST, **recording.machine(), "rows": {"ours": [], "airbench": []},
    }  # fmt: skip
    record["hardware"] = report.hardware(torch.device("cuda"))
    path = results_root() / "gpu_time.json"
    if options.record and (before := recording.earlier(path, record)):
        record["rows"] = before["rows"]
    for seed in range(options.seeds):
        for name, rows in record["rows"].items():
            if len(rows) > seed or (name == "airbench" and options.ours_only):
                continue
            rows.append(ours(seed, data) if name == "ours" else theirs(seed, data.archive))
            print(f"{name:9s} seed {seed}: {rows[-1]}", flush=True)
            if options.record:
                recording.write(path, record, "rows")


if __name__ == "__main__":
    main()
