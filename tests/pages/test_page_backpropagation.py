"""Backpropagation by hand, as it stands in the notebook: every gradient against autograd, values and shapes."""

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn

PAGE = "3_loss_optimizer/03_backpropagation_by_hand"
of_page = {"np": np, "torch": torch, "nn": nn, "pairwise": pairwise}
NAMES = ("sigmoid", "forward", "delta_before", "backward", "draw", "as_module", "deltas", "relu", "sigmoid_slope")
for name in (*NAMES, "relu_delta_solution", "input_gradient_solution"):
    of_page[name] = definition_of_page(PAGE, name, **of_page)
forward, backward, deltas = (of_page[name] for name in ("forward", "backward", "deltas"))

QUICK = settings(deadline=None, max_examples=30)
networks = st.lists(st.integers(1, 6), min_size=2, max_size=5)  # units of each layer, the input first
seeds = st.integers(0, 2**31)


def agree(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-13)


def case(sizes, B, seed):
    """Parameters, images and targets, drawn for networks of these sizes."""
    rng = np.random.default_rng(seed)
    return of_page["draw"](sizes, rng), rng.normal(size=(B, sizes[0])), rng.uniform(size=(B, sizes[-1]))


@given(networks, st.integers(1, 5), seeds)
@QUICK
def test_backward_gives_the_gradients_of_autograd(sizes, B, seed):
    parameters, X, Y = case(sizes, B, seed)
    model, images = of_page["as_module"](parameters), torch.tensor(X, requires_grad=True)
    outputs = forward(parameters, X)
    answers = model(images)
    agree(outputs[-1], answers.detach().numpy())
    ((answers - torch.tensor(Y)) ** 2).sum().div(2 * B).backward()
    flat = [g for pair in backward(parameters, outputs, Y) for g in pair]
    for by_hand, parameter in zip(flat, model.parameters(), strict=True):
        agree(by_hand, parameter.grad.numpy())
    agree(of_page["input_gradient_solution"](parameters, outputs, Y), images.grad.numpy())


@given(networks, st.integers(1, 5), seeds, st.sampled_from(["sigmoid", "relu"]))
@QUICK
def test_deltas_are_the_derivatives_with_respect_to_what_goes_into_each_activation(sizes, B, seed, activation):
    parameters, X, G = case(sizes, B, seed)
    weights = [W for W, _ in parameters]
    a, into = torch.tensor(X), []
    for W in weights:
        into.append((a @ torch.tensor(W).T).requires_grad_())
        a = getattr(torch, activation)(into[-1])
    wanted = torch.autograd.grad((a * torch.tensor(G)).sum(), into)
    slope = of_page["sigmoid_slope"] if activation == "sigmoid" else lambda z: (z > 0).astype(float)
    found = deltas(weights, X, G, of_page[activation], slope)
    for by_hand, by_torch in zip(found, wanted, strict=True):
        agree(by_hand, by_torch.numpy())


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), seeds)
@QUICK
def test_the_step_through_relu_is_that_of_autograd_also_at_zero(B, K, H, seed):
    rng = np.random.default_rng(seed)
    delta, W, z = rng.normal(size=(B, K)), rng.normal(size=(K, H)), rng.integers(-1, 2, (B, H)).astype(float)
    into = torch.tensor(z, requires_grad=True)
    (torch.relu(into) @ torch.tensor(W).T * torch.tensor(delta)).sum().backward()
    agree(of_page["relu_delta_solution"](delta, W, z), into.grad.numpy())


def test_the_slope_of_a_sigmoid_is_a_quarter_at_most_and_its_derivative():
    z = torch.linspace(-6, 6, 25, dtype=torch.float64, requires_grad=True)
    torch.sigmoid(z).sum().backward()
    slope = of_page["sigmoid_slope"](z.detach().numpy())
    agree(slope, z.grad.numpy())
    assert slope.max() == slope[12] == 0.25
