"""The autograd engine on the page, as it stands in the notebook, against torch; and what the page counts with."""

import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

PAGE = "3_loss_optimizer/02_autograd"
of_page = {"torch": torch, "np": np, "F": F, "nn": nn}
for name in ("in_order", "Value", "fit", "add", "mul", "matmul", "exp", "log", "relu", "total", "divide_solution"):
    of_page[name] = definition_of_page(PAGE, name, **of_page)
Value, in_order, total, accumulate = (
    *(of_page[name] for name in ("Value", "in_order", "total")),
    definition_of_page(PAGE, "accumulate_solution", F=F),
)
in_order.__globals__["in_order"] = in_order  # it calls itself

BINARY = {
    "add": torch.add,
    "mul": torch.mul,
    "matmul": torch.matmul,
    "divide_solution": torch.div,
}
UNARY = {"exp": torch.exp, "log": torch.log, "relu": torch.relu}
QUICK = settings(deadline=None, max_examples=20)
PAIRS = (  # shapes that broadcast
    ((), ()), ((3,), (3,)), ((3,), ()), ((), (2, 3)), ((2, 3), (3,)), ((2, 1), (4,)), ((2, 1, 3), (4, 1)),
    ((1,), (5,)), ((1, 1), (2, 2)),
)  # fmt: skip


def uniform(shape, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


def assert_same(operation, wanted, *arrays) -> None:
    """Two operations agree in value, and in the gradients of a weighted sum of what they return."""
    values = [Value(array) for array in arrays]
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    ours, theirs = operation(*values), wanted(*tensors)
    weight = uniform(tuple(theirs.shape), 9)
    assert_close(torch.as_tensor(ours.data), theirs.detach(), check_stride=False)
    total(of_page["mul"](ours, Value(weight))).backward()
    (theirs * torch.tensor(weight)).sum().backward()
    for value, tensor in zip(values, tensors, strict=True):
        assert np.shape(value.grad) == tensor.shape
        assert_close(torch.as_tensor(value.grad), tensor.grad)


@pytest.mark.parametrize("shapes", PAIRS)
@pytest.mark.parametrize("name", ["add", "mul", "divide_solution"])
def test_operations_on_two_values_are_those_of_torch_with_broadcasting(name, shapes):
    assert_same(of_page[name], BINARY[name], *(uniform(shape, k) for k, shape in enumerate(shapes)))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
@QUICK
def test_the_matrix_product_is_that_of_torch(m, n, k):
    assert_same(of_page["matmul"], torch.matmul, uniform((m, n), 1), uniform((n, k), 2))


@given(st.lists(st.integers(1, 4), max_size=3))
@QUICK
def test_functions_of_one_value_are_those_of_torch(shape):
    for name, wanted in UNARY.items():
        assert_same(of_page[name], wanted, uniform(shape, 3))
    assert_same(of_page["relu"], torch.relu, uniform(shape, 3) - 1.2)
    assert_same(of_page["relu"], torch.relu, np.zeros(shape))
    assert_same(total, torch.sum, uniform(shape, 3))
    for axis in range(len(shape)):
        wanted = lambda a, axis=axis: a.sum(axis, keepdim=True)  # noqa: E731
        assert_same(lambda a, axis=axis: total(a, axis), wanted, uniform(shape, 3))


def test_a_value_that_is_used_often_gets_all_its_gradients():
    add, mul = of_page["add"], of_page["mul"]
    assert_same(lambda x: mul(add(x, x), add(mul(x, x), x)), lambda x: (x + x) * (x * x + x), uniform((3,), 4))


def test_a_shared_part_is_walked_once_however_often_it_is_used():
    x = y = Value(1.0)
    calls = []
    for _ in range(30):  # 2 to the power of 30 ways lead from the end to the start
        y = of_page["add"](y, y)
        y.back = lambda g, back=y.back: (calls.append(g), back(g))[1]
    y.backward()
    assert x.grad == 2**30 and len(calls) == 30


def test_backward_adds_to_leaves_and_only_to_them():
    x = Value(3.0)
    square = of_page["mul"](x, x)
    y = of_page["add"](square, x)
    y.backward()
    assert (x.grad, square.grad, y.grad) == (7, 0, 0)
    y.backward()
    assert x.grad == 14


def test_the_order_has_each_value_once_and_after_its_parents():
    x = Value(1.0)
    a = of_page["exp"](x)
    b = of_page["mul"](a, x)
    c = of_page["add"](b, a)
    order = in_order(c)
    assert order == [x, a, b, c]


@given(st.integers(1, 9), st.integers(1, 12))
@QUICK
def test_accumulation_gives_the_gradient_of_the_whole(count, size):
    torch.manual_seed(0)
    model = nn.Linear(4, 3).double()
    images, labels = torch.randn(count, 4).double(), torch.arange(count) % 3
    wanted = torch.autograd.grad(F.cross_entropy(model(images), labels), list(model.parameters()))
    for _ in range(2):  # the second call forgets the first
        accumulate(model, images, labels, size)
        assert_close([p.grad for p in model.parameters()], list(wanted))


def test_kept_bytes_counts_memory_once_and_not_what_is_known():
    kept = weakref.WeakSet()
    kind = definition_of_page(PAGE, "Kept", kept=kept)
    kept_bytes = definition_of_page(PAGE, "kept_bytes", kept=kept)
    x = torch.ones(10, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(kind, lambda one: one.tensor):
        y = torch.exp(x)  # keeps its output, 40 bytes
        z = (y.view(2, 5) ** 2).sum()  # keeps its input: the same memory
        w = (x * x).sum()  # keeps x, twice
    assert kept_bytes([]) == 80 and kept_bytes([x]) == 40
    w.backward()
    assert kept_bytes([]) == 40
    z.backward()
    assert kept_bytes([]) == 0
    assert_close(x.grad, 2 * x.detach() + 2 * torch.exp(x.detach()) ** 2)
    del y


def test_detach_on_the_page_stops_the_gradient_and_keeps_the_numbers():
    layer = definition_of_page(PAGE, "Detach", nn=nn)()
    x = torch.ones(2, requires_grad=True)
    assert torch.equal(layer(x), x) and not layer(x).requires_grad
