"""Diagnose a finished run of `helpers.train`: python -m helpers.diagnose RUN_DIR

The data and the network are made again from config.json, with the weights that the run began with; a copy is trained
for some steps; result.json and the checkpoint tell how it went on.
"""

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path

from torch import nn

from helpers import runtime
from helpers.diagnosis.doctor import diagnose
from helpers.diagnosis.findings import Report
from helpers.model import architectures
from helpers.paths import DataError, read_json, replacing
from helpers.training import checkpoint, report
from helpers.training.config import TrainConfig
from helpers.training.folder import CONFIG_FILE
from helpers.training.optimizers import PartedOptimizer
from helpers.training.run import make_loaders, make_optimizer, prepare_for, whiten


def config_of(run_dir: Path, archive: str | None = None, device: str = "cpu") -> TrainConfig:
    """The settings of a run. Raises: DataError for a folder without them, or with those of another version."""
    note = run_dir / CONFIG_FILE
    if not note.exists():
        raise DataError(f"{str(run_dir)!a}: holds no {CONFIG_FILE}. Name the --run-dir of a run of helpers.train.")
    settings = read_json(note, "Name another run.")
    settings.pop("index_sha256", None)
    if strange := sorted(settings.keys() - {f.name for f in fields(TrainConfig)}):
        names = ", ".join(map(ascii, strange[:8]))
        raise DataError(f"{str(note)!a}: of another version of this program, which has {names}. Name another run.")
    try:
        return TrainConfig(**settings | {"archive": archive, "device": device, "num_workers": 0})
    except (TypeError, ValueError) as error:
        raise DataError(f"{str(note)!a}: damaged ({error}). Name another run.") from error


def diagnose_run(run_dir: str | Path, archive: str | None = None, device: str = "cpu") -> Report:
    """The report on a finished run. Args: archive, of CIFAR-10, where the run was given one.

    Raises: DataError for a folder without a finished run, or whose data are not here.
    """
    run_dir = Path(run_dir)
    config = config_of(run_dir, archive, device)
    if not (run_dir / report.RESULT_FILE).exists():
        raise DataError(f"{str(run_dir)!a}: the run is not finished. Go on with --resume first.")
    result = report.read(run_dir)
    history = result.get("history")
    if not isinstance(history, list) or not all(isinstance(record, dict) for record in history):
        raise DataError(f"{str(run_dir / report.RESULT_FILE)!a}: damaged, it holds no history.")
    data = prepare_for(config)
    where = runtime.pick_device(device)
    loader, measured = make_loaders(config, data, where)
    runtime.seed_everything(config.seed)  # the weights that the run began with
    model = architectures.build(config.model, len(data.classes), config.init).to(where)
    if config.whiten:
        whiten(model, loader.dataset)
    # the steps of a copy are too few to average, and parts can be made anew where the whole cannot
    optimizer, scheduler = make_optimizer(model, replace(config, lookahead=0), config.num_epochs * len(loader))
    optimizers = list(optimizer.parts.values()) if isinstance(optimizer, PartedOptimizer) else optimizer
    epochs = [record | {"train_loss": record.get("train_mode_loss")} for record in history]
    best = checkpoint.read(run_dir / checkpoint.BEST)["weights"]
    loss_fn = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    return diagnose(
        model, loader, measured.get("valid", measured["test"]), loss_fn, optimizers, scheduler,
        {"epochs": epochs, "weights": best},
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.diagnose", description=__doc__.partition("\n")[0])
    parser.add_argument("run_dir", help="folder of a finished run of helpers.train")
    parser.add_argument("--archive", help="the CIFAR-10 archive that the run was given")
    parser.add_argument("--device", default="cpu", help="where to compute")
    parser.add_argument("--json", help="also write the findings to this file")
    options = parser.parse_args(arguments)
    try:
        found = diagnose_run(options.run_dir, options.archive, options.device)
        if options.json:
            with replacing(options.json) as temporary:
                temporary.write_text(found.to_json())
    except (DataError, ValueError, runtime.DeviceError) as error:
        print(f"diagnose: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename or options.run_dir
        print(f"diagnose: {where!a}: cannot be read or written: {error.strerror or error}.", file=sys.stderr)
        return 1
    print(found.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
