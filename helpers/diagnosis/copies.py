"""Work on copies, so that a diagnosis leaves no trace: copies of models and optimizers, random numbers put back."""

import copy
import inspect
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from helpers.training.checkpoint import random_state, set_random_state

HOOKS = (
    "_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks",
)  # fmt: skip


class NoCopy(RuntimeError):
    """A part of a training that cannot be copied. The message says which."""


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside of DistributedDataParallel, DataParallel or torch.compile."""
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod
        else:
            return model


def bare_copy(model: nn.Module) -> nn.Module:
    """A copy without the hooks and gradients of the model: running it calls nothing of the owner's.

    Hooks that compute a weight (`weight_norm`, `spectral_norm`) stay. Tensors of the last pass that a module keeps as
    an attribute, which cannot be copied with their graph, are detached in the copy.
    """
    model = unwrapped(model)
    memo: dict[int, object] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    own = copy.deepcopy(model, memo)
    for module in own.modules():
        for name in HOOKS:
            kept = {
                key: hook for key, hook in getattr(module, name, {}).items()
                if type(hook).__module__.startswith("torch.nn.utils")
            }  # fmt: skip
            if name in vars(module):
                vars(module)[name].clear()
                vars(module)[name].update(kept)
    for parameter in own.parameters():
        parameter.grad = None
    return own


def fresh_optimizer(optimizer: Optimizer, original: nn.Module, own: nn.Module, factor: float = 1.0) -> Optimizer:
    """An optimizer of the same kind and settings without state, for the parameters of a copy.

    Parameters that the copy lacks are left out. A rate that a schedule changes is what it began with; of a cycle, half
    its highest.

    Args: factor, by which every learning rate is multiplied.
    Raises: NoCopy for a class that takes more than groups of parameters and options.
    """
    names = {id(p): name for name, p in unwrapped(original).named_parameters()}
    there = dict(own.named_parameters())
    groups = []
    for group in optimizer.param_groups:
        mine = [there[names[id(p)]] for p in group["params"] if names.get(id(p)) in there]
        if mine:
            rate = group["max_lr"] / 2 if "max_lr" in group else group.get("initial_lr", group["lr"])
            schedule = ("params", "initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")
            options = {key: value for key, value in group.items() if key not in schedule}
            groups.append({**copy.deepcopy(options), "params": mine, "lr": float(rate) * factor})
    known = inspect.signature(type(optimizer)).parameters  # AdamW has a default that it does not take
    groups = groups or [{"params": list(there.values()), "lr": float(optimizer.param_groups[0]["lr"]) * factor}]
    try:
        return type(optimizer)(groups, **{key: value for key, value in optimizer.defaults.items() if key in known})
    except Exception as error:  # a class of somebody else may want anything
        raise NoCopy(f"the optimizer {type(optimizer).__name__} cannot be made anew for a copy of the model") from error


def _generators(thing: object, depth: int = 5, seen: set[int] | None = None) -> Iterator[object]:
    """The random number generators that an object holds, however it holds them, down to a depth."""
    seen = set() if seen is None else seen
    if depth < 0 or id(thing) in seen or isinstance(thing, torch.Tensor | np.ndarray | str | bytes | int | float):
        return
    seen.add(id(thing))
    if isinstance(thing, torch.Generator | np.random.Generator | np.random.RandomState | random.Random):
        yield thing
        return
    if isinstance(thing, dict):
        inner = list(thing.values())[:100]
    elif isinstance(thing, list | tuple):
        inner = list(thing)[:100]  # a list of ten thousand paths holds none
    else:
        inner = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    for value in inner:
        yield from _generators(value, depth - 1, seen)


def _state_of(generator: object) -> object:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, np.random.Generator):
        return copy.deepcopy(generator.bit_generator.state)
    return generator.get_state() if isinstance(generator, np.random.RandomState) else generator.getstate()


def _put_back(generator: object, state: object) -> None:
    if isinstance(generator, torch.Generator | np.random.RandomState):
        generator.set_state(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.setstate(state)


@contextmanager
def untouched(*holders: object) -> Iterator[None]:
    """Put back every random number generator at the end, whatever happens: the global ones, those of the holders.

    Args: holders, such as loaders: the generators that they, their data sets and transforms hold are put back too.
    """
    before = random_state()
    own = [(g, _state_of(g)) for holder in holders for g in _generators(holder)]
    grad = torch.is_grad_enabled()
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_grad_enabled(grad)
        for generator, state in own:
            _put_back(generator, state)
        set_random_state(before)
