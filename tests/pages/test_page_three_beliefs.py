"""The functions on the page that tests three beliefs, as they stand in the notebook."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F

from helpers import runtime

PAGE = "4_visualization/05b_three_beliefs"
seeds = st.integers(0, 2**31)
FALLING = [40, 31, 24, 19, 14, 11, 9, 7, 5, 4]

linear = definition_of_page(PAGE, "linear", nn=nn)
mlp = definition_of_page(PAGE, "mlp", nn=nn, runtime=runtime)
rescaled = definition_of_page(PAGE, "rescaled", copy=copy, torch=torch, linear=linear)
sgd = definition_of_page(PAGE, "sgd", torch=torch, linear=linear)
factors = definition_of_page(PAGE, "factors", np=np)
rms = definition_of_page(PAGE, "rms")
positions = definition_of_page(PAGE, "positions", torch=torch)
class_counts = definition_of_page(PAGE, "class_counts", torch=torch, falling=FALLING)
backward_passes = definition_of_page(PAGE, "backward_passes", torch=torch, F=F, num_steps=5, batch_size=4)
smallest_shift = definition_of_page(PAGE, "smallest_shift_solution", math=math)
decay_for = definition_of_page(PAGE, "decay_for_solution")


@given(seeds, st.sampled_from([0, 1, 2]), st.floats(0.1, 10))
@settings(deadline=None, max_examples=25)
def test_a_rescaled_network_is_the_same_function_with_other_gradients(seed, layer, c):
    model = mlp(seed % 1000).double()
    with torch.no_grad():
        for part in linear(model):
            part.bias.normal_()
    other = rescaled(model, layer, c)
    x, y = torch.randn(6, 192).double(), torch.arange(6)
    torch.testing.assert_close(other(x), model(x))
    for one in (model, other):
        F.cross_entropy(one(x), y).backward()
    scale = dict.fromkeys(range(4), 1.0) | {layer: c, layer + 1: 1 / c}
    for k, (a, b) in enumerate(zip(linear(model), linear(other), strict=True)):
        torch.testing.assert_close(b.weight, a.weight * scale[k])
        torch.testing.assert_close(b.weight.grad, a.weight.grad / scale[k])
        assert rms(b.weight) == pytest.approx(scale[k] * rms(a.weight))


@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=6))
def test_factors_are_inverse_or_in_proportion_and_their_geometric_mean_is_1(sizes):
    sizes = np.array(sizes)
    for way, constant in (("inverse", 1), ("in proportion", -1)):
        found = factors(sizes, way)
        assert np.log(found).mean() == pytest.approx(0, abs=1e-9)
        product = found * sizes**constant
        np.testing.assert_allclose(product, product[0])
    assert factors(sizes, "one rate").tolist() == [1.0] * len(sizes)
    assert sorted(factors(sizes, "inverse, moved")) == sorted(factors(sizes, "inverse"))
    if len(set(sizes)) == len(sizes):
        assert (factors(sizes, "inverse, moved") != factors(sizes, "inverse")).any()


@given(seeds, st.booleans())
@settings(deadline=None, max_examples=20)
def test_as_many_images_of_each_class_as_asked_none_twice(seed, unbalanced):
    g = torch.Generator().manual_seed(seed)
    y = torch.randperm(1000, generator=g) % 10
    counts = class_counts(unbalanced, g)
    assert sorted(counts, reverse=True) == (FALLING if unbalanced else [sum(FALLING) // 10] * 10)
    chosen = positions(y, counts, g)
    assert len(chosen.unique()) == len(chosen) == sum(counts)
    assert torch.bincount(y[chosen], minlength=10).tolist() == counts


def test_each_layer_gets_its_rate_and_only_weights_decay():
    model = mlp(0)
    groups = sgd(model, [0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.0, 0.7]).param_groups
    found = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    for layer, rate, decay in zip(linear(model), (0.1, 0.2, 0.3, 0.4), (0.0, 0.5, 0.0, 0.7), strict=True):
        assert found[id(layer.weight)] == (rate, decay) and found[id(layer.bias)] == (rate, 0)
    assert len(found) == 8 and all(group["momentum"] == 0.9 for group in groups)


def test_every_image_is_seen_once_before_any_is_seen_twice():
    x, y = torch.eye(10), torch.arange(10)
    model = nn.Linear(10, 10)
    seen = []

    def note(_layer, inputs):
        seen.extend(inputs[0].argmax(1).tolist())

    model.register_forward_pre_hook(note)
    losses = [(loss, model.weight.grad.clone()) for loss in backward_passes(model, x, y, 3)]
    assert len(losses) == 5 and sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    last = seen[-4:]
    expected = F.cross_entropy(model(x[last]), y[last])
    assert losses[-1][0] == pytest.approx(expected.item())
    torch.testing.assert_close(losses[-1][1], torch.autograd.grad(expected, model.weight)[0])


@given(seeds, st.integers(1, 100))
@settings(deadline=None)
def test_the_shift_reaches_the_recall_and_no_smaller_one_does(seed, percent):
    g = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(30, 3, generator=g).double(), torch.arange(30) % 3
    shift = smallest_shift(logits, labels, 1, percent / 100)
    for more, reached in ((1e-9, True), (-1e-6, False)):
        moved = logits + torch.tensor([0, shift + more, 0], dtype=torch.float64)
        recall = (moved.argmax(1) == 1)[labels == 1].double().mean()
        assert (recall >= percent / 100 - 1e-9) == reached


@given(st.floats(0.05, 0.99), st.integers(1, 500), st.floats(1e-3, 1))
def test_decay_shrinks_to_the_share(share, steps, lr):
    weight = 1.0
    for _ in range(steps):
        weight -= lr * decay_for(share, steps, lr) * weight
    assert weight == pytest.approx(share)
