"""What the scripts beside this one share: options, a part of the images, the head of a record, going on, writing."""

import argparse
import copy
import json
from pathlib import Path

import torch

from helpers import runtime
from helpers.data.loaders import TensorImages, all_crops
from helpers.paths import replacing
from helpers.prepare import Prepared
from helpers.training import report


def only(images: TensorImages, chosen: torch.Tensor, padding: int | None = None) -> TensorImages:
    """The images at these positions, with the same crop or with another one."""
    part = copy.copy(images)
    part.images, part.targets = images.images[chosen], images.targets[chosen]
    part.padding = images.padding if padding is None else padding
    part.crops = all_crops(part.images, part.padding)
    part.set_epoch(0)
    return part


def options_of(doc: str, *, source: str = "cifar10") -> argparse.ArgumentParser:
    """A parser with --source, --archive and --record. Args: doc, of the script; source, the default one."""
    parser = argparse.ArgumentParser(description=doc.partition("\n")[0])
    parser.add_argument("--source", default=source, choices=("cifar10", "sample"))
    parser.add_argument("--archive", help="a CIFAR-10 archive; default: CIFAR10_ARCHIVE, else the downloaded one")
    parser.add_argument("--record", action="store_true", help="write to book/results after each run, and go on there")
    return parser


def head(script: str, data: Prepared, sizes: str) -> dict:
    """How a record begins: the command that makes it, and its images. Args: script, the `__file__` of the caller."""
    archive = "" if data.source == "sample" else " --archive cifar-10-python.tar.gz"
    return {
        "command": f"python tests/benchmarks/{Path(script).name} --source {data.source}{archive} {sizes} --record",
        "data": data.label,
        "note": "" if data.official else "unofficial JPEG copy" if data.source == "cifar10" else "drawn images",
    }


def machine() -> dict:
    """On what it is measured: versions and processor."""
    return {"versions": runtime.versions(), "hardware": report.hardware(torch.device("cpu"))}


def earlier(path: Path, record: dict, *same: str) -> dict | None:
    """What an earlier call has written there; None where there is none.

    Raises: SystemExit where its data, config, versions, or a key of `same`, differ from those of `record`.
    """
    if not path.exists():
        return None
    before, asked = json.loads(path.read_text()), json.loads(json.dumps(record))
    if any(before[key] != asked[key] for key in ("data", "config", "versions", *same)):
        raise SystemExit(f"{path}: another experiment. Move it away first.")
    return before


def write(path: Path, record: dict, table: str | None = None) -> None:
    """Write JSON: a value a line; or, with the name of a table, a line for each key and for each row of the table."""
    text = json.dumps(record, indent=1)
    if table:
        pairs = (f"{json.dumps(key)}: {_rows(value, 2) if key == table else json.dumps(value)}"
                 for key, value in record.items())  # fmt: skip
        text = "{\n " + ",\n ".join(pairs) + "\n}"
    with replacing(path) as temporary:
        temporary.write_text(text + "\n")


def _rows(value: object, depth: int) -> str:
    """JSON with a line for each value that is not a dictionary."""
    if not isinstance(value, dict):
        return json.dumps(value)
    rows = (f"{' ' * depth}{json.dumps(key)}: {_rows(row, depth + 1)}" for key, row in value.items())
    return "{\n" + ",\n".join(rows) + f"\n{' ' * (depth - 1)}}}"
