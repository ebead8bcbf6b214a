"""Weights from elsewhere: given to a model whole or not at all, and those that come with the book."""

import hashlib
import io
import os
from collections.abc import Mapping

import torch
from torch import nn

from helpers.model.net import Net
from helpers.paths import DataError, project_root, read_json


def load_state(model: nn.Module, state: Mapping[str, torch.Tensor], origin: str | os.PathLike[str]) -> None:
    """Give a model the weights of a `state_dict`, all of them or none.

    Args: origin, where the state is from, for the message.
    Raises: DataError, which lists the keys that are missing, unexpected, or of another shape.
    """
    check_state(model, state, origin)
    model.load_state_dict(state)


def check_state(model: nn.Module, state: Mapping[str, torch.Tensor], origin: str | os.PathLike[str]) -> None:
    """See that these are weights for this model, without changing it. Arguments and errors as for `load_state`."""
    if not isinstance(state, Mapping) or not all(isinstance(values, torch.Tensor) for values in state.values()):
        raise DataError(f"{origin}: the weights are no state_dict, which is a dictionary of tensors.")
    own = model.state_dict()
    mismatched = [
        f"{key} {list(state[key].shape)}, not {list(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    lists = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "mismatched": mismatched,
    }
    if any(lists.values()):
        found = "; ".join(f"{what}: {', '.join(keys)}" for what, keys in lists.items() if keys)
        raise DataError(f"{origin}: the weights of another architecture than {type(model).__name__}. {found}")


def load_pretrained(source: str) -> Net:
    """`Net` as it was trained for the book, in evaluation mode: cifar10 or sample.

    `data/weights/weights.json` says how each was trained, and with which mean and standard deviation its images were
    normalized.

    Raises: ValueError for another source; DataError for a missing file or one with another checksum.
    """
    folder = project_root() / "data" / "weights"
    known = read_json(folder / "weights.json", "Restore it with git checkout.")
    if source not in known:
        raise ValueError(f"no weights for {source!r}: use one of {', '.join(sorted(known))}")
    path = folder / known[source]["file"]
    if not path.exists():
        raise DataError(f"{path}: missing. Restore it with git checkout.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != known[source]["sha256"]:
        raise DataError(f"{path}: not the file that weights.json describes. Restore it with git checkout.")
    model = Net()
    load_state(model, torch.load(io.BytesIO(content), weights_only=True), path)
    return model.eval()
