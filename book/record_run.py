"""Keep the result of a finished run with the book: python book/record_run.py RUN_DIR NAME [--weights] [--note TEXT]

Writes book/results/NAME.json, one entry a line. With --weights also data/weights/<model>_<source>.pt and its entry
in data/weights/weights.json, from which `helpers.model.weights` reads; data/README.md says the same in words.
"""

import argparse
import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path

import torch

from helpers.paths import project_root, replacing, results_root
from helpers.prepare import prepare
from helpers.training import checkpoint
from helpers.training.config import TrainConfig

UNOFFICIAL = (
    "unofficial JPEG copy: every image of this archive was compressed once as JPEG; another MD5 than the official"
)


def lines(entries: dict) -> str:
    """JSON with one entry a line; lists of entries, such as the history, with one a line too."""
    rows = []
    for name, value in entries.items():
        text = json.dumps(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(entry) for entry in value) + "\n ]"
        rows.append(f' "{name}": {text}')
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("name", help="of the result")
    parser.add_argument("--weights", action="store_true", help="keep the weights too, as those of the source")
    parser.add_argument("--archive", help="the archive that was used, for mean and standard deviation")
    parser.add_argument("--note", action="append", default=[], help="something a reader of the result must know")
    options = parser.parse_args()
    result = json.loads((options.run_dir / "result.json").read_text())
    source = result["data"]["source"]
    notes = ([UNOFFICIAL] if source == "cifar10" and not result["data"]["official"] else []) + options.note
    with replacing(results_root() / f"{options.name}.json") as temporary:
        temporary.write_text(lines({"notes": notes} | result))
    if not options.weights:
        return
    best = checkpoint.read(options.run_dir / checkpoint.BEST)
    content = io.BytesIO()
    torch.save({name: values.contiguous() for name, values in best["weights"].items()}, content)
    folder = project_root() / "data" / "weights"
    path = folder / f"{result['config']['model']}_{source}.pt"
    with replacing(path) as temporary:
        temporary.write_bytes(content.getvalue())
    known_file = folder / "weights.json"
    known = json.loads(known_file.read_text()) if known_file.exists() else {}
    config = TrainConfig(**result["config"], archive=options.archive)
    images = "all" if config.protocol == "official" else config.num_images
    data = asdict(prepare(source, archive=options.archive, num_images=images))
    known[source] = {
        "file": path.name,
        "sha256": hashlib.sha256(content.getvalue()).hexdigest(),
        "trained_on": result["data"]["label"],
        "command": result["command"],
        "result": f"{options.name}.json",
        "test_accuracy": result["accuracy"]["test"],
        "mean": data["mean"],
        "std": data["std"],
    }
    with replacing(known_file) as temporary:
        temporary.write_text(json.dumps(known, indent=1) + "\n")
    print(f"{path.name} {known[source]['sha256']}")


if __name__ == "__main__":
    main()
