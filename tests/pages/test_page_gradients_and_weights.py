"""The functions on the page about gradients and weights, as they stand in the notebook."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from tensorboard.plugins.distribution.compressor import NORMAL_HISTOGRAM_BPS, compress_histogram_proto
from tensorboardX.summary import make_histogram
from torch import nn
from torch.nn import functional as F

PAGE = "4_visualization/05_gradients_and_weights"
seeds = st.integers(0, 2**31)

rms = definition_of_page(PAGE, "rms")
step_ratios = definition_of_page(PAGE, "step_ratios", rms=rms)
nine_lines = definition_of_page(PAGE, "nine_lines", np=np, SHARES=np.array(NORMAL_HISTOGRAM_BPS))
at_outputs = definition_of_page(PAGE, "at_outputs", F=F)
batch_gradients = definition_of_page(PAGE, "batch_gradients", F=F, torch=torch, place=torch.device("cpu"))
split = definition_of_page(PAGE, "split", torch=torch, assert_close=torch.testing.assert_close)
compared = definition_of_page(PAGE, "compared", F=F, split=split)
layer_rates, alarms = (
    definition_of_page(PAGE, f"{name}_solution", rms=rms, math=math) for name in ("layer_rates", "alarms")
)
Block = definition_of_page(PAGE, "Block", nn=nn, F=F)


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()


@given(seeds, st.integers(1, 500), st.floats(1e-3, 10), st.floats(-3, 3))
@settings(deadline=None)
def test_nine_lines_are_quantiles(seed, count, scale, mean):
    values = np.random.default_rng(seed).normal(mean, scale, (1, count))
    lines = nine_lines(values)
    np.testing.assert_allclose(lines, np.quantile(values, np.array(NORMAL_HISTOGRAM_BPS) / 10_000), atol=1e-12)


def test_nine_lines_are_near_those_of_tensorboard():
    values = np.random.default_rng(0).normal(0, 1, 5000)
    limits = 1e-12 * 1.1 ** np.arange(400)
    histogram = make_histogram(values, [*-limits[::-1], 0, *limits])
    library = [value for _, value in compress_histogram_proto(histogram)]
    np.testing.assert_allclose(nine_lines(values), library, atol=0.05)


@given(seeds, st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(deadline=None, max_examples=30)
def test_the_gradient_of_the_epoch_is_that_of_all_images_at_once(seed, sizes):
    model = network(seed)
    x, labels = torch.randn(sum(sizes), 4).double(), torch.randint(3, (sum(sizes),))
    batches = list(zip(x.split(sizes), labels.split(sizes), strict=True))
    rows = batch_gradients(model, batches)
    once = batch_gradients(model, [(x, labels)])
    weights = [p for p in model.parameters() if p.ndim > 1]
    wanted = torch.autograd.grad(F.cross_entropy(model(x), labels), weights)
    for layer, (whole,), p in zip(rows, once, wanted, strict=True):
        torch.testing.assert_close(whole, p.flatten())
        found, noise = split(layer, sizes)
        torch.testing.assert_close(found, whole)
        assert -1e-12 <= noise < 1 and (len(sizes) > 1 or abs(noise) < 1e-9)


def test_last_batch_against_the_epoch():
    rows = torch.tensor([[2.0, 0.0], [0.0, 4.0]]).double()
    times, cosine, noise = compared(rows, [3, 1])  # whole: (1.5, 1)
    length = math.hypot(1.5, 1)
    assert times == pytest.approx(4 / length) and cosine == pytest.approx(1 / length)
    assert noise == pytest.approx(1 - length**2 / (0.75 * 4 + 0.25 * 16))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_ratios_are_those_of_the_step_that_was_made(momentum):
    model = network(0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum)
    x, labels = torch.randn(5, 4).double(), torch.tensor([0, 1, 2, 0, 1])
    for _ in range(2):
        model.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        before = [p.detach().clone() for p in model.parameters() if p.ndim > 1]
        ratios = step_ratios(model, optimizer)
    after = [p.detach() for p in model.parameters() if p.ndim > 1]
    wanted = [((a - b).norm() / b.norm()).item() for a, b in zip(after, before, strict=True)]
    assert ratios == pytest.approx(wanted) and len(ratios) == 2


def test_gradients_at_outputs_are_those_of_autograd():
    model = network(1)
    x, labels = torch.randn(5, 4).double(), torch.tensor([0, 1, 2, 0, 1])
    by_hand = at_outputs(model, x, labels)
    outputs = [model[0](x)]
    outputs += [model[1](outputs[-1])]
    outputs += [model[2](outputs[-1])]
    wanted = torch.autograd.grad(F.cross_entropy(outputs[-1], labels), outputs)
    torch.testing.assert_close(by_hand, list(wanted))


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_a_block_has_the_right_values_and_gradients(norm, skip):
    torch.manual_seed(2)
    block = Block(norm, skip).double()
    x = torch.randn(2, 8, 3, 3).double()
    y = F.conv2d(x, block.conv.weight, block.conv.bias, padding=1)
    if norm:
        y = F.batch_norm(y, None, None, training=True)
    torch.testing.assert_close(block(x), y.clamp(min=0) + skip * x)
    assert torch.autograd.gradcheck(lambda part: block(torch.cat([part, x[:1, 1:]], 1)), x[:1, :1].requires_grad_())


def test_rates_of_the_solution_make_the_wanted_step():
    model = network(3)
    model(torch.randn(5, 4).double()).square().sum().backward()
    rates = layer_rates(model, 0.01)
    before = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        for p, rate in zip(model.parameters(), rates, strict=True):
            p -= rate * p.grad
    for p, old in zip(model.parameters(), before, strict=True):
        assert rms(p - old) / rms(old) == pytest.approx(0.01)


def test_alarms_are_what_is_small_or_not_finite():
    one = torch.ones(3)
    found = alarms({"a": one, "b": one / 100, "c": one * math.nan, "d": one * math.inf}, 0.1)
    assert found == ["b", "c", "d"]
