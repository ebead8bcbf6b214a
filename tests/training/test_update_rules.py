"""`helpers.training.update_rules`: the loops that compare a rule on a page with the library."""

import pytest
import torch
from torch.optim import SGD

from helpers.training.update_rules import by_hand, by_library, compare, moves


def loss(w: torch.Tensor, t: int) -> torch.Tensor:
    return ((w - t) ** 2).sum()  # its gradient is 2 (w - t)


def plain(w, g, state, lr=1e-3):
    state["steps"] = state.get("steps", 0) + 1
    return w - lr * g


def test_both_loops_take_the_steps_written_out():
    start, state = torch.tensor([1.0, 2.0], dtype=torch.float64), {}
    w, expected = start, [start]
    for t, lr in enumerate([0.1, 0.2, 0.3]):
        w = w - lr * 2 * (w - t)
        expected.append(w)
    ours = by_hand(plain, loss, start, 3, [0.1, 0.2, 0.3], state)
    torch.testing.assert_close(ours, torch.stack(expected), rtol=0, atol=0)
    torch.testing.assert_close(by_library(SGD, loss, start, 3, [0.1, 0.2, 0.3]), torch.stack(expected))
    assert state == {"steps": 3} and start.tolist() == [1.0, 2.0]


def test_a_rule_that_differs_is_refused(capsys):
    start = torch.ones(3, dtype=torch.float64)
    compare(plain, SGD, [{}, {"lr": 0.1}], loss, start)
    assert capsys.readouterr().out == "SGD: 2 settings by hand, 50 steps each\n"

    def longer(w, g, state, lr=1e-3):
        return w - (lr + 1e-6) * g

    def other_default(w, g, state, lr=1e-2):
        return w - lr * g

    with pytest.raises(AssertionError, match="not close"):
        compare(longer, SGD, [{}], loss, start)
    with pytest.raises(AssertionError, match="lr has another default"):
        compare(other_default, SGD, [{"lr": 0.1}], loss, start)


def test_moves_are_against_the_given_gradients():
    gradients = [1.0, -2.0, 3.0]
    for run, rule in ((by_hand, plain), (by_library, SGD)):
        assert moves(run, rule, gradients, lr=0.5).tolist() == pytest.approx([0.5, -1.0, 1.5])
