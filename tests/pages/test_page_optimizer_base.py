"""The functions of the page about the optimizer's base class, as they stand in the notebook, against torch."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer

PAGE = "3_loss_optimizer/08_optimizer_base"
PlainSGD = definition_of_page(PAGE, "PlainSGD", torch=torch, Optimizer=Optimizer)
SignSGD = definition_of_page(PAGE, "SignSGDSolution", PlainSGD=PlainSGD)
flat = definition_of_page(PAGE, "flat", torch=torch)
groups_of = definition_of_page(PAGE, "groups_of", nn=nn)
clip_by_norm, clip_by_value = (definition_of_page(PAGE, f"clip_by_{name}", torch=torch) for name in ("norm", "value"))
accumulate = definition_of_page(PAGE, "accumulate_solution", nn_F=F)
seeds = st.integers(0, 2**31)


def some_parameters(shapes, seed):
    g = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=g, dtype=torch.float64)) for shape in shapes]


@given(
    st.lists(st.lists(st.integers(1, 3), min_size=0, max_size=3), min_size=1, max_size=3),
    st.sampled_from([0.0, 0.5, 0.9]),
    st.sampled_from([0.0, 0.1]),
    st.booleans(),
    seeds,
)
@settings(deadline=None, max_examples=12)
def test_the_optimizer_of_the_page_makes_the_steps_of_torch(shapes, momentum, decay, nesterov, seed):
    options = {"lr": 0.1, "momentum": momentum, "weight_decay": decay, "nesterov": nesterov and momentum > 0}
    ours, theirs = some_parameters(shapes, seed), some_parameters(shapes, seed)
    tools = PlainSGD(ours, **options), SGD(theirs, **options)
    g = torch.Generator().manual_seed(seed)
    for step in range(6):
        for k, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            gradient = torch.randn(one.shape, generator=g, dtype=torch.float64)
            skipped = step in (0, 4) and k == 0  # no gradient in some steps
            one.grad, other.grad = (None, None) if skipped else (gradient.clone(), gradient.clone())
        if step == 3:  # each goes on with the state of the other
            states = [copy.deepcopy(tool.state_dict())["state"] for tool in tools]
            for tool, state in zip(tools, states[::-1], strict=True):
                tool.load_state_dict(tool.state_dict() | {"state": state})
        for tool in tools:
            tool.step()
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", [PlainSGD, SignSGD])
def test_a_group_has_its_own_rate_and_the_closure_runs_with_gradients_and_is_returned(kind):
    slow, fast = some_parameters([[2], [2]], 0)
    start = slow.detach().clone(), fast.detach().clone()
    tool = kind([{"params": [slow]}, {"params": [fast], "lr": 0.5}], lr=0.25)

    def closure():
        tool.zero_grad()
        loss = slow.sum() + fast.sum()
        loss.backward()
        return loss

    before = sum(p.sum() for p in start)
    torch.testing.assert_close(tool.step(closure), before)
    torch.testing.assert_close([slow.detach(), fast.detach()], [start[0] - 0.25, start[1] - 0.5])
    assert slow.is_leaf and slow.requires_grad


def test_flat_takes_all_numbers_in_order_and_none_for_nothing():
    assert flat([torch.ones(2, 1), None, torch.tensor(3.0)]).tolist() == [1.0, 1.0, 3.0]
    assert flat([None]).tolist() == []


def test_kernels_and_matrices_decay_and_neither_biases_nor_normalization_does():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm([4, 2, 2]), nn.Linear(4, 2)
    )
    decayed, others = groups_of(model, 0.3)
    assert [name for name, _ in decayed["params"]] == ["0.weight", "4.weight"]
    names = {name for name, _ in others["params"]}
    assert names == {f"{k}.{part}" for k in range(5) for part in ("weight", "bias")} - {"0.weight", "4.weight"}
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.3, 0.0)  # LayerNorm here has three axes


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.sampled_from([1e-3, 0.5, 1.0, 2.0, 100.0]), seeds)
@settings(deadline=None, max_examples=40)
def test_clipping_equals_that_of_torch(sizes, limit, seed):
    for by_hand, of_torch in (
        (clip_by_norm, nn.utils.clip_grad_norm_),
        (clip_by_value, nn.utils.clip_grad_value_),
    ):
        parameters = some_parameters([[n] for n in sizes], seed)
        for p in parameters:
            p.grad = p.detach().clone()
        expected = by_hand([p.grad.clone() for p in parameters], limit)
        of_torch(parameters, limit)
        torch.testing.assert_close([p.grad for p in parameters], expected)


def test_clipping_has_the_right_gradient_too():
    """Of interest where a clipped gradient is part of a loss; far from the kinks of `clamp`."""
    g = torch.Generator().manual_seed(0)
    values = torch.randn(6, generator=g, dtype=torch.float64, requires_grad=True)
    for limit in (0.7, 100.0):
        assert torch.autograd.gradcheck(lambda v, limit=limit: clip_by_norm([v[:2], v[2:]], limit), values)
        assert torch.autograd.gradcheck(lambda v, limit=limit: clip_by_value([v], limit), values)


@given(st.integers(1, 9), st.integers(1, 9), seeds)
@settings(deadline=None, max_examples=30)
def test_parts_weighted_by_their_images_give_the_gradient_of_the_whole(count, size, seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 4, generator=g, dtype=torch.float64)
    y = torch.randint(0, 3, (count,), generator=g)
    model = nn.Linear(4, 3).double()
    wanted = torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))
    accumulate(model, x, y, size)
    torch.testing.assert_close([p.grad for p in model.parameters()], list(wanted))
    sizes = [len(part) for part in x.split(size)]
    accumulated = definition_of_page(PAGE, "accumulated", nn_F=F, x=x, y=y, flat=flat)
    found = accumulated(model, sizes, [n / count for n in sizes])
    torch.testing.assert_close(found, flat(wanted))
