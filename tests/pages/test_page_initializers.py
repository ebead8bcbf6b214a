"""The functions of the pages about initialization, and every initializer against its law: moments, bounds, shape."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from support import definition_of_page
from torch import nn
from torch.distributions import Normal, Uniform
from torch.nn import functional as F

from helpers.model import initialization
from helpers.model.net import Net

PAGE, NEXT_PAGE = "2_model/10_initializers", "2_model/11_why_initialization_matters"
count_fans, fans_of_shape, ks_distance, uniform_law, normal_law, mean_square, fans = (
    definition_of_page(PAGE, name, math=math, torch=torch, nn=nn, Normal=Normal, Uniform=Uniform)
    for name in (
        *("count_fans", "fans_of_shape", "ks_distance", "uniform_law", "normal_law", "mean_square", "fans_solution"),
    )
)
far_from = definition_of_page(PAGE, "far_from", math=math, ks_distance=ks_distance, Uniform=Uniform)
which = definition_of_page(
    PAGE, "which_solution", math=math, ks_distance=ks_distance, uniform_law=uniform_law, normal_law=normal_law,
    fans_of_shape=fans_of_shape,
)  # fmt: skip
shapes = st.sampled_from([(300, 200), (90, 700), (48, 24, 5, 5), (64, 32, 3, 4), (20, 30, 3, 3, 3)])
seeds = st.integers(0, 2**31)


def law_of(name: str, shape: tuple[int, ...], slope: float, gain: float, mode: str) -> Normal | Uniform:
    """The law of a draw, from the papers; fans counted without the library."""
    places = math.prod(shape[2:])
    n_in, n_out = shape[1] * places, shape[0] * places
    if name.startswith("xavier"):
        variance = 2 * gain**2 / (n_in + n_out)
    elif name.startswith("kaiming"):
        variance = 2 / ((1 + slope**2) * (n_in if mode == "fan_in" else n_out))
    else:
        variance = gain**2
    if "uniform" in name:
        return uniform_law(-math.sqrt(3 * variance), math.sqrt(3 * variance))
    return normal_law(0.0, math.sqrt(variance))


def draw(name: str, shape: tuple[int, ...], slope: float, gain: float, mode: str, seed: int) -> torch.Tensor:
    options = {"generator": torch.Generator().manual_seed(seed)}
    if name.startswith("xavier"):
        options["gain"] = gain
    elif name.startswith("kaiming"):
        options |= {"a": slope, "mode": mode}
    elif name == "uniform_":
        options |= {"a": -gain * math.sqrt(3), "b": gain * math.sqrt(3)}
    else:
        options["std"] = gain
    return getattr(nn.init, name)(torch.empty(shape), **options)


NAMES = ["xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "uniform_", "normal_"]


@pytest.mark.parametrize("name", NAMES)
@given(shapes, st.sampled_from([0.0, 0.2, math.sqrt(5)]), st.sampled_from([0.5, 5 / 3]), st.booleans(), seeds)
@settings(deadline=None, max_examples=12, derandomize=True)
def test_a_draw_follows_its_law_in_mean_variance_bound_and_shape(name, shape, slope, gain, forward, seed):
    given_ = (name, shape, slope, gain, "fan_in" if forward else "fan_out")
    weight, law = draw(*given_, seed), law_of(*given_)
    mean, variance, distance = far_from(weight, law)
    assert abs(mean) < 5 and abs(variance) < 5 and distance < 2.6
    if isinstance(law, Uniform):
        assert 0.998 * law.high < weight.abs().max() <= law.high * (1 + 1e-6)


@pytest.mark.parametrize(
    "other", [1.03, 0.97, "normal"], ids=["3 % too large", "3 % too small", "the other law of the same variance"]
)
def test_the_tests_of_the_page_refuse_another_law(other):
    weight = nn.init.uniform_(torch.empty(300, 300), -1, 1, generator=torch.Generator().manual_seed(3))
    law = normal_law(0.0, 3**-0.5) if other == "normal" else uniform_law(-other, other)
    _, variance, distance = far_from(weight, law)
    assert distance > 2.6 or abs(variance) > 5


@given(st.integers(1, 300), st.booleans(), seeds)
@settings(deadline=None, max_examples=40)
def test_the_distance_of_the_page_is_that_of_scipy(count, normal, seed):
    draws = torch.randn(count, generator=torch.Generator().manual_seed(seed))
    law = normal_law(0.1, 0.8) if normal else uniform_law(-1.0, 1.5)
    known = stats.norm(0.1, 0.8) if normal else stats.uniform(-1.0, 2.5)
    wanted = stats.kstest(draws.double().numpy(), known.cdf).statistic
    assert math.isclose(ks_distance(draws, law.cdf).item(), wanted, abs_tol=1e-9)


@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.booleans(),
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_counted_fans_are_those_of_the_formula_with_groups_and_transposed(groups, ins, outs, kernel, transposed):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = kind(groups * ins, groups * outs, kernel, groups=groups, bias=False)
    counted = count_fans(layer, groups * ins, 7, 7)
    assert counted == fans(layer) == (ins * math.prod(kernel), outs * math.prod(kernel))
    by_rule = nn.init._calculate_fan_in_and_fan_out(layer.weight)
    assert fans_of_shape(layer.weight) == by_rule
    if groups == 1:
        assert by_rule == (counted[::-1] if transposed else counted)


def test_a_transposed_weight_gets_its_law_through_a_transposed_view():
    layer = nn.ConvTranspose2d(32, 64, 5)
    nn.init.kaiming_normal_(layer.weight.transpose(0, 1), generator=torch.Generator().manual_seed(0))
    assert layer.weight.requires_grad and layer.weight.is_leaf
    mean, variance, distance = far_from(layer.weight, normal_law(0.0, math.sqrt(2 / (32 * 25))))
    assert abs(mean) < 5 and abs(variance) < 5 and distance < 2.6


@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([0.5, 1.0, 2.0]), seeds)
@settings(deadline=None, max_examples=20)
def test_orthogonal_keeps_lengths_on_its_shorter_side(rows, columns, gain, seed):
    generator = torch.Generator().manual_seed(seed)
    matrix = nn.init.orthogonal_(torch.empty(rows, columns, dtype=torch.float64), gain, generator)
    small = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    torch.testing.assert_close(small, gain**2 * torch.eye(min(rows, columns), dtype=torch.float64))


@given(st.integers(1, 40), st.integers(1, 12), st.floats(0, 1), seeds)
@settings(deadline=None, max_examples=40)
def test_sparse_has_its_zeros_in_each_column(rows, columns, sparsity, seed):
    weight = nn.init.sparse_(torch.empty(rows, columns), sparsity, generator=torch.Generator().manual_seed(seed))
    assert ((weight == 0).sum(dim=0) == math.ceil(sparsity * rows)).all()


def test_the_values_of_sparse_are_normal_and_the_identities_change_nothing():
    weight = nn.init.sparse_(torch.empty(400, 200), 0.25, std=0.1, generator=torch.Generator().manual_seed(1))
    mean, variance, distance = far_from(weight[weight != 0], normal_law(0.0, 0.1))
    assert abs(mean) < 5 and abs(variance) < 5 and distance < 2.6
    x = torch.randn(4, 6, 5, 5)
    assert torch.equal(F.conv2d(x, nn.init.dirac_(torch.empty(6, 6, 3, 3)), padding=1), x)
    assert torch.equal(F.linear(x, nn.init.eye_(torch.empty(3, 5))), x[..., :3])
    assert (nn.init.constant_(torch.empty(3, 4), -0.7) == torch.tensor(-0.7)).all()


@pytest.mark.parametrize(
    ("f", "wanted"), [(F.relu, 1 / 2), (lambda z: z, 1), (lambda z: z**2, 3), (F.selu, 1), (torch.sin, 0.4323323584)]
)
def test_the_integral_of_the_page_is_that_of_the_normal_law(f, wanted):
    assert math.isclose(mean_square(f), wanted, abs_tol=1e-5)  # the mean of sin² is (1 - e⁻²) / 2


def test_the_detective_knows_the_methods_of_the_book():
    torch.manual_seed(0)
    told = {}
    for method in ("torch", "kaiming", "xavier", "kaiming_uniform", "xavier_normal"):
        model = Net()
        initialization.initialize_weights(model, method)
        told[method] = which(model.fc1.weight)
    assert told == {
        "torch": "default",
        "kaiming": "kaiming_normal_",
        "xavier": "xavier_uniform_",
        "kaiming_uniform": "kaiming_uniform_",
        "xavier_normal": "xavier_normal_",
    }


# -- the page on why it matters ----------------------------------------------------------------------------


def test_theory_gives_the_factor_of_relu_and_the_measurement_agrees():
    inputs = torch.randn(32, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(99))
    context = {"torch": torch, "nn": nn, "math": math, "depth": 6, "n": 256, "draws": 4, "seed": 0, "inputs": inputs}
    context["mean_square"] = definition_of_page(NEXT_PAGE, "mean_square", torch=torch, math=math)
    theory, measure = (definition_of_page(NEXT_PAGE, name, **context) for name in ("theory", "measure"))
    std = 0.05
    factor = 256 * std**2 / 2  # of the mean square, each layer, both ways
    layers = torch.arange(6, dtype=torch.float64)
    first = 256 * std**2 * inputs.square().mean()
    wanted = torch.stack([first * factor**layers, factor ** (5 - layers)])
    torch.testing.assert_close(theory(std, F.relu, lambda z: (z > 0).double()), wanted, rtol=1e-3, atol=0)
    found = measure(std, F.relu)
    assert (found / wanted).log().abs().max() < 0.35  # one factor too many would be log 3.1 = 1.1
    linear = theory(std, lambda z: z, torch.ones_like)
    torch.testing.assert_close(linear[1], (2 * factor) ** (5 - layers), rtol=1e-6, atol=0)


def test_sizes_of_a_network_are_those_of_its_layers():
    rms = definition_of_page(NEXT_PAGE, "rms")
    sizes_of = definition_of_page(NEXT_PAGE, "sizes_of", nn=nn, F=F, rms=rms)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    x, y = torch.randn(20, 5).double(), torch.arange(20) % 3
    rows = sizes_of(model, x, y)
    hidden = model[0](x)
    F.cross_entropy(model[2](hidden.relu()), y).backward()  # a second gradient on top of the first
    for (layer, *found), wanted in zip(rows, ((x, hidden), (hidden.relu(), model(x))), strict=True):
        torch.testing.assert_close(found[0], wanted[0].square().mean().sqrt().item())
        torch.testing.assert_close(found[1], wanted[1].square().mean().sqrt().item())
        torch.testing.assert_close(2 * found[3], layer.weight.grad.square().mean().sqrt().item())
    assert not model[0]._forward_hooks
