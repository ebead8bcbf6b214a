"""Weights from elsewhere: given to a model whole, or as far as they fit; and those that come with the book."""

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass

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
    differences = _differences(model.state_dict(), state)
    if any(differences.values()):
        found = "; ".join(f"{what}: {', '.join(keys)}" for what, keys in differences.items() if keys)
        raise DataError(f"{origin}: the weights of another architecture than {type(model).__name__}. {found}")


def _differences(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> dict[str, tuple[str, ...]]:
    """The keys that a state lacks, that it has beyond the own ones, and those of another shape with both shapes."""
    return {
        "missing": tuple(key for key in own if key not in state),
        "unexpected": tuple(key for key in state if key not in own),
        "mismatched": tuple(
            f"{key} {list(state[key].shape)}, not {list(own[key].shape)}"
            for key in own
            if key in state and state[key].shape != own[key].shape
        ),
    }


@dataclass(frozen=True)
class Transplant:
    """What `transplant` did, by key; `str` makes a short text of it.

    missing, not in the state; unexpected, not in the model; mismatched, in both, with both shapes. The counts are of
    the model: tensors are parameters and buffers, `parameters` counts numbers that are trained.
    """

    moved: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]
    tensors: int
    moved_parameters: int
    parameters: int

    def __str__(self) -> str:
        share = f", {self.moved_parameters / self.parameters:.1%} of the parameters" if self.parameters else ""
        lines = [f"moved {len(self.moved)} of {self.tensors} tensors{share}"]
        for what in ("missing", "unexpected", "mismatched"):
            if keys := getattr(self, what):
                more = f", and {len(keys) - 2} more" if len(keys) > 2 else ""
                lines.append(f"{what}: {', '.join(keys[:2])}{more}")
        return "\n".join(lines)


def transplant(model: nn.Module, state: Mapping[str, torch.Tensor]) -> Transplant:
    """Copy every tensor of a `state_dict` whose key and shape are those of a tensor of the model.

    The model keeps what it has elsewhere, and shares no memory with the state. Numbers of another precision are
    converted, and go to the device of the model.

    Raises: DataError for something else than a state_dict, for tensors that hold no numbers (device meta), and for
    whole numbers where the model has fractions, or the reverse; the model is then as it was.
    """
    remedy = "Pass what model.state_dict() returned; of a checkpoint, the entry that holds it."
    if not isinstance(state, Mapping):
        raise DataError(f"the weights are a {type(state).__name__}, no state_dict. {remedy}")
    if others := [f"{key!a} {type(value).__name__}" for key, value in state.items() if not torch.is_tensor(value)]:
        raise DataError(f"the weights are no state_dict, it holds {', '.join(others[:3])}. {remedy}")
    own = model.state_dict()
    moved = [key for key in own if key in state and state[key].shape == own[key].shape]
    for key in moved:
        if state[key].is_meta or own[key].is_meta:
            whose = "the state" if state[key].is_meta else "the model"
            raise DataError(f"{key}: {whose} holds no numbers yet (device meta). Load or initialize it first.")
        if state[key].dtype != own[key].dtype and not (state[key].is_floating_point() and own[key].is_floating_point()):
            raise DataError(f"{key}: {state[key].dtype}, not {own[key].dtype}. These are weights for something else.")
    copies = {key: state[key].to(own[key], copy=True) for key in moved}  # what fails here has changed nothing
    with torch.no_grad():
        for key, values in copies.items():
            own[key].copy_(values)
    sizes = {name: p.numel() for name, p in model.named_parameters(remove_duplicate=False)}
    return Transplant(
        moved=tuple(moved),
        **_differences(own, state),
        tensors=len(own),
        moved_parameters=sum(sizes.get(key, 0) for key in moved),
        parameters=sum(sizes.values()),
    )


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
