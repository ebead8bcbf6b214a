"""Update rules that stand on a page, step by step against the optimizers of the library.

A rule is a function `rule(w, g, state, **options)` of the weights, their gradient and a dictionary of its own, and
returns the new weights. A loss is a function `loss(w, t)` of the weights and the step, so that gradients may change.
"""

import inspect
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import Optimizer


def by_hand(rule, loss, w, steps=50, lrs=None, state=None, **options):
    """The weights on the way, [steps + 1, *w.shape]; lrs: one a step."""
    path, state = [w], {} if state is None else state
    for t in range(steps):
        w = w.detach().requires_grad_()
        (g,) = torch.autograd.grad(loss(w, t), w)
        if lrs is not None:
            options["lr"] = lrs[t]
        w = rule(w.detach(), g, state, **options)
        path.append(w)
    return torch.stack(path)


def by_library(make, loss, w, steps=50, lrs=None, **options):
    """The same with an optimizer of the library."""
    w = nn.Parameter(w.clone())
    optimizer, path = make([w], **options), [w.detach().clone()]
    for t in range(steps):
        if lrs is not None:
            optimizer.param_groups[0]["lr"] = lrs[t]
        optimizer.zero_grad()
        (value := loss(w, t)).backward()
        optimizer.step(lambda value=value: value)
        path.append(w.detach().clone())
    return torch.stack(path)


def compare(rule: Callable, make: type[Optimizer], cases: Iterable[dict], loss: Callable, w: torch.Tensor) -> None:
    """Take 50 steps with each of the options, by hand and by the library, and say how many cases there were.

    Raises: AssertionError where weights or a default of the rule differ from those of the library.
    """
    cases = list(cases)
    for options in cases:
        ours, theirs = by_hand(rule, loss, w, **options), by_library(make, loss, w, **options)
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)
    known = inspect.signature(make).parameters
    for option in list(inspect.signature(rule).parameters.values())[3:]:
        assert option.default == known[option.name].default, f"{option.name} has another default"
    print(f"{make.__name__}: {len(cases)} settings by hand, 50 steps each")


def moves(run, rule, gradients, **options):
    """How far each step moves one weight with these gradients."""

    def loss(w, t):
        return gradients[t] * w.sum()  # its gradient is gradients[t]

    path = run(rule, loss, torch.zeros(1), len(gradients), **options)
    return -path.diff(dim=0)[:, 0]
