"""How soon which accuracy: python tests/benchmarks/fast_network.py [--seeds 3] [--wide] [--without PIECE] [--net]

Every training is a run of `helpers.train` in a folder of its own below `data/runs/`. One that was stopped goes on
there, and one that is recorded is not run again.

the recipe   `FastNet` with all pieces, trained on all 50,000 images, measured once on the official test images, with
             and without test-time augmentation; a record a seed, `book/results/fast_cifar10_seed0.json`, ...
--wide       `WideFastNet`, more epochs and augmentation; `book/results/fast_wide_cifar10_seed0.json`, ...
--without P  the recipe, and the recipe less one piece (`all`: each in turn), on the 40,000 training images of a split;
             measured on its 5,000 test images, so that the official ones are not asked again. One row a piece and
             seed in `book/results/fast_ablation.json`: the rows of a seed share order, crops and first weights.
--net        `Net` by the same means; `book/results/net_fast_cifar10_seed0.json`, ...

`--processes 2` trains in two processes of one thread each (torchrun) instead of one with `--threads` threads. `--device
cuda` is for a GPU, whose records have `_cuda` in their names; beside it, on the same machine, the package of the paper:
`pip install airbench; python -c "import airbench; airbench.train94()"`.
"""

import argparse
import os
import statistics
import subprocess
import sys

import recording
from helpers.paths import project_root, read_json, results_root, runs_root
from helpers.prepare import prepare
from helpers.training import report
from helpers.training.config import TrainConfig

FAST = {
    "model": "fast", "init": "partial_identity", "whiten": True, "num_epochs": 12, "batch_size": 512,
    "optimizer": "muon_sgd", "lr": 0.15, "momentum": 0.85, "weight_decay": 0.00133, "bias_lr": 64.0,
    "schedule": "triangle", "warmup": 0.0, "label_smoothing": 0.2, "padding": 2, "flip": "alternating", "lookahead": 5,
    "amp": True, "tta": True,
}  # fmt: skip
WIDE = FAST | {"model": "fast_wide", "num_epochs": 17, "padding": 3, "cutout": 8}
NET = {
    "init": "torch", "num_epochs": 82, "batch_size": 256, "optimizer": "muon", "lr": 0.01, "warmup": 0.2,
    "weight_decay": 0.4, "padding": 3, "flip": "alternating", "amp": True, "tta": True,
}  # fmt: skip
WHOLE = "nothing"
PIECES = {  # name: what stands there instead; the epochs stay
    WHOLE: {},
    "whitening": {"whiten": False},
    "identity": {"init": "torch"},
    "Muon": {"optimizer": "sgd", "lr": 0.75, "warmup": 0.23},
    "rate of biases": {"bias_lr": 1.0},
    "lookahead": {"lookahead": 0},
    "alternating flips": {"flip": "random"},
    "label smoothing": {"label_smoothing": 0.0},
    "triangle": {"schedule": "cosine"},
    "crops and flips": {"padding": 0, "flip": "random"},
}


# -- runs ------------------------------------------------------------------------------------------------------


def words_of(settings: dict[str, object]) -> list[str]:
    """The options of `helpers.train` for these settings, without those that have their default."""
    defaults, words = TrainConfig(), []
    for name, value in settings.items():
        if value != getattr(defaults, name):
            words += ["--" + name.replace("_", "-")] + ([] if value is True else [str(value)])
    return words


def train(name: str, settings: dict[str, object], archive: str | None, processes: int) -> dict:
    """The result of a run, in a process or several of its own; it goes on where it was stopped."""
    run_dir = runs_root() / "fast_network" / name
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    words = words_of(settings) + (["--archive", archive] if archive else [])
    command = [sys.executable, *start, "-m", "helpers.train", *words, "--run-dir", str(run_dir), "--resume"]
    environment = os.environ | {"OMP_NUM_THREADS": str(settings["threads"]), "TQDM_DISABLE": "1"}
    done = subprocess.run(command, cwd=project_root(), env=environment)
    if done.returncode:
        raise SystemExit(f"{name}: the run ended with {done.returncode}; see above")
    return report.read(run_dir)


def note_of(result: dict) -> list[str]:
    notes = ["timed beside other work on the same cores: the speed is a lower bound"]
    if not result["data"]["official"]:
        notes.insert(0, "unofficial JPEG copy: every image of this archive was compressed once as JPEG")
    return notes


def told(name: str, result: dict) -> str:
    accuracy = "  ".join(f"{part} {value:.2%}" for part, value in result["accuracy"].items())
    return f"{name:32s} {accuracy}  {result['seconds'] / 60:.1f} minutes"


def whole_runs(name: str, settings: dict[str, object], options: argparse.Namespace) -> None:
    """Train with each seed on all images, with the official test images at the end, and record it."""
    device = "" if options.device == "cpu" else f"_{options.device}"
    for seed in range(options.seeds):
        path = results_root() / f"{name}_{options.source}{device}_seed{seed}.json"
        if path.exists():
            result = read_json(path, "Move it away.")
            if result["config"] != TrainConfig(**settings, seed=seed).settings():
                raise SystemExit(f"{path}: another experiment. Move it away first.")
        else:
            result = train(path.stem, settings | {"seed": seed}, options.archive, options.processes)
            if options.record:
                recording.write(path, {"notes": note_of(result)} | result, "history")
        print(told(path.stem, result), flush=True)


def row_of(seed: int, result: dict) -> dict:
    return {
        "seed": seed, "accuracy": result["accuracy"]["test"], "loss": result["loss"]["test"],
        "seconds": round(result["seconds"], 1), "images_per_second": round(result["images_per_second"]),
    }  # fmt: skip


def ablation(pieces: list[str], settings: dict[str, object], options: argparse.Namespace) -> None:
    """Train without each piece, seed by seed; a row is recorded as soon as it is there."""
    settings = settings | {"protocol": "split", "num_images": "all", "tta": False}
    data = prepare(options.source, archive=options.archive, num_images="all")
    sizes = f"--seeds {options.seeds} --epochs {settings['num_epochs']} --without all"
    record = recording.head(__file__, data, sizes) | {
        "config": settings, "pieces": PIECES, **recording.machine(), "processes": options.processes, "rows": {},
    }  # fmt: skip
    path = results_root() / "fast_ablation.json"
    if options.record and (before := recording.earlier(path, record, "pieces", "processes")):
        record["rows"] = before["rows"]
    for seed in range(options.seeds):
        for piece in pieces:
            rows = record["rows"].setdefault(piece, [])
            if any(row["seed"] == seed for row in rows):
                continue
            name = f"without_{piece.replace(' ', '_')}_epochs{settings['num_epochs']}_seed{seed}"
            result = train(name, settings | PIECES[piece] | {"seed": seed}, options.archive, options.processes)
            rows.append(row_of(seed, result))
            print(told(f"without {piece}, seed {seed}", result), flush=True)
            if options.record:
                recording.write(path, record, "rows")
    for piece, rows in record["rows"].items():
        print(f"without {piece:20s} {difference(record['rows'], piece)}  {len(rows)} seeds")


def difference(rows: dict[str, list[dict]], piece: str) -> str:
    """Points of accuracy that a piece is worth: the mean over the seeds that both have, in pairs."""
    whole = {row["seed"]: row for row in rows.get(WHOLE, [])}
    pairs = [(whole[row["seed"]], row) for row in rows[piece] if row["seed"] in whole]
    if not pairs:
        return "  -"
    points = [100 * (one["accuracy"] - other["accuracy"]) for one, other in pairs]
    return f"{statistics.mean(points):+.2f} points, {min(points):+.2f} to {max(points):+.2f}"


# -- command line ----------------------------------------------------------------------------------------------


def main() -> None:
    parser = recording.options_of(__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--epochs", type=int, help="instead of those of the recipe")
    parser.add_argument("--threads", type=int, default=2, help="of each process (default 2)")
    parser.add_argument("--processes", type=int, default=1, help="that train together (default 1)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--without", choices=[*PIECES, "all"], help="leave a piece out; all: each in turn")
    what.add_argument("--wide", action="store_true", help="train WideFastNet instead")
    what.add_argument("--net", action="store_true", help="train Net instead")
    options = parser.parse_args()
    recipes = {"net_fast": (options.net, NET), "fast_wide": (options.wide, WIDE), "fast": (True, FAST)}
    name, recipe = next((name, recipe) for name, (chosen, recipe) in recipes.items() if chosen)
    settings = recipe | {
        "source": options.source, "protocol": "official", "device": options.device, "threads": options.threads,
    }  # fmt: skip
    if options.epochs:
        settings["num_epochs"] = options.epochs
    if options.without:
        pieces = list(PIECES) if options.without == "all" else list(dict.fromkeys((WHOLE, options.without)))
        ablation(pieces, settings, options)
    else:
        whole_runs(name, settings, options)


if __name__ == "__main__":
    main()
