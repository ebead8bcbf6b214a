"""Checkpoints: written whole or not at all, read without running code, with the one before as a reserve."""

import io
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from helpers.model import weights
from helpers.paths import DataError, replacing

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"


def random_state() -> dict[str, object]:
    """The state of every random number generator, as plain values and tensors."""
    version, numbers, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict) -> None:
    """Put back what `random_state` returned."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def capture(stateful: Mapping[str, object]) -> dict:
    """The state of everything that has a `state_dict`, and of the random number generators."""
    return {name: thing.state_dict() for name, thing in stateful.items()} | {"random": random_state()}


def restore(stateful: Mapping[str, object], state: dict, origin: str | os.PathLike[str]) -> None:
    """Put back what `capture` returned. Raises: DataError, which names `origin`, for the state of something else."""
    for name, thing in stateful.items():
        if name not in state:
            raise DataError(f"{origin}: holds no {name}. Is it a checkpoint of helpers.train?")
        if isinstance(thing, nn.Module):
            weights.load_state(thing, state[name], origin)
        else:
            try:
                thing.load_state_dict(state[name])
            except (ValueError, KeyError) as error:
                raise DataError(f"{origin}: the state of the {name} does not fit: {error}. Start a new run.") from error
    set_random_state(state["random"])


def save(path: Path, state: dict, keep: str | None = None) -> None:
    """Write `state` to `path`; the file that was there gets the name `keep`, or is replaced.

    A kill at any moment leaves at least one whole file.

    Raises: DataError when the disk is full or the folder cannot be written; what was there stays.
    """
    try:
        content = io.BytesIO()
        torch.save(state, content)
        with replacing(path) as temporary:
            temporary.write_bytes(content.getbuffer())
            if keep and path.exists():
                os.replace(path, path.with_name(keep))
    except OSError as error:
        raise DataError(
            f"{path}: the checkpoint cannot be written: {error.strerror}. The one before is still there. "
            "Free space, then go on with --resume."
        ) from error


def read(path: Path) -> dict:
    """Read one checkpoint on the CPU with `weights_only=True`.

    Raises: DataError, which names the file, when it is missing, damaged, or holds more than numbers and text.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise anything
        reason = str(error).partition("\n")[0][:200]
        raise DataError(f"{path}: not a readable checkpoint ({reason}). Delete it, or start a new run.") from error


def read_last(run_dir: Path) -> dict | None:
    """The last checkpoint of a run; the one before, with a message, when the last is damaged; None for a new run.

    Raises: DataError when none of those that are there can be read.
    """
    present = [run_dir / name for name in (LAST, PREVIOUS) if (run_dir / name).exists()]
    for path in present:
        try:
            return read(path)
        except DataError as error:
            if path == present[-1]:
                raise
            print(f"{error}\nGoing on from {present[-1]}.", file=sys.stderr)
    return None
