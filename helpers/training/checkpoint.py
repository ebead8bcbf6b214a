"""Checkpoints: written whole or not at all, sealed, read without running code, with the one before as a reserve.

A checkpoint is what `torch.save` writes, a zip archive, with the SHA-256 of all bytes before it as the comment at the
end. `torch.load(path, weights_only=True)` reads it like any other; `read` checks the digest first.
"""

import hashlib
import io
import os
import pickle
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from helpers.model import weights
from helpers.paths import DataError, replacing

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
MARK = b"sha256:"  # before the 64 digits at the end
DIGITS = 64


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
            continue
        with _fitting(origin, name):
            if lacking := [key for key in thing.state_dict() if key not in state[name]]:
                raise KeyError(*lacking)  # a scheduler would go on with what it has
            thing.load_state_dict(state[name])
    with _fitting(origin, "random number generators"):
        set_random_state(state["random"])


@contextmanager
def _fitting(origin: str | os.PathLike[str], name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the state of something else can raise anything
        told = f"{type(error).__name__} {str(error)[:200]!a}"
        raise DataError(f"{origin}: the state of the {name} does not fit ({told}). Start a new run.") from error


def check_history(state: dict, origin: str | os.PathLike[str]) -> None:
    """See that a checkpoint tells what `fit` needs besides the states: the epochs so far, and the best of them.

    Raises: DataError, which names `origin` and what is missing or of another form.
    """
    history, best = state.get("history"), state.get("best")
    numbers = ("lr", "train_mode_loss", "train_mode_accuracy", "images_per_second", "seconds")
    right = {
        "history": isinstance(history, list) and all(
            isinstance(record, dict) and record.get("epoch") == epoch
            and all(isinstance(record.get(name), float) for name in numbers)
            for epoch, record in enumerate(history)
        ),
        "best": isinstance(best, dict) and isinstance(best.get("epoch"), int)
        and isinstance(best.get("score"), float) and isinstance(best.get("weights"), Mapping),
    }  # fmt: skip
    if wrong := [name for name, is_right in right.items() if not is_right]:
        raise DataError(f"{origin}: its {' and '.join(wrong)} is missing or of another form. Start a new run.")


def save(path: Path, state: dict, keep: str | None = None) -> None:
    """Write `state` to `path`; the file that was there gets the name `keep`, or is replaced.

    A kill at any moment leaves at least one whole file.

    Raises: DataError when the disk is full or the folder cannot be written; what was there stays.
    """
    try:
        content = io.BytesIO()
        torch.save(state, content)
        _seal(content)
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
    """Read one checkpoint on the CPU: first its digest, then its content with `weights_only=True`.

    Raises: DataError, which names the file, when it is missing, damaged, or holds more than numbers and text.
    """
    try:
        content = path.read_bytes()
        if not _is_sealed(content):
            raise ValueError("its bytes do not have the SHA-256 at its end: damaged, cut short, or of another program")
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}, not a dictionary")
        return found
    except OSError as error:
        reason = error.strerror
    except pickle.UnpicklingError:  # torch's own message advises to load it without this protection
        reason = "it holds more than tensors, numbers and text, such as code; it was not run"
    except Exception as error:  # a file of another program can raise anything
        reason = str(error)[:200] if type(error) is ValueError else type(error).__name__
    raise DataError(f"{path}: not a readable checkpoint ({reason}). Delete it, or start a new run.")


def _seal(content: io.BytesIO) -> None:
    """Append the digest as the comment of the zip archive, whose length is its last two bytes."""
    content.seek(-2, io.SEEK_END)
    if content.read() != b"\0\0":
        raise ValueError("torch.save wrote an archive that has a comment already")
    content.seek(-2, io.SEEK_END)
    content.write((len(MARK) + DIGITS).to_bytes(2, "little") + MARK)
    content.write(hashlib.sha256(content.getbuffer()).hexdigest().encode())


def _is_sealed(content: bytes) -> bool:
    sealed = memoryview(content)[:-DIGITS]
    return sealed[-len(MARK) :] == MARK and hashlib.sha256(sealed).hexdigest().encode() == content[-DIGITS:]


def read_last(run_dir: Path) -> tuple[dict, Path] | tuple[None, None]:
    """The last checkpoint of a run, and where it is from; (None, None) for a new run.

    When the last is damaged, it is the one before, with a message.

    Raises: DataError when none of those that are there can be read.
    """
    present = [run_dir / name for name in (LAST, PREVIOUS) if (run_dir / name).exists()]
    for path in present:
        try:
            return read(path), path
        except DataError as error:
            if path == present[-1]:
                raise
            print(f"{error}\nGoing on from {present[-1]}.", file=sys.stderr)
    return None, None
