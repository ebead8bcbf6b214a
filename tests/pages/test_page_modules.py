"""The modules and functions on the pages about modules and checkpoints, as they stand in the notebooks."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

MODULES, FILES = "2_model/01_define_a_module", "2_model/02_save_load_move"
MyLinear, MyFlatten, Normalized, Subsample, Deep, unseen = (
    definition_of_page(MODULES, name, torch=torch, nn=nn, F=F)
    for name in ("MyLinear", "MyFlatten", "Normalized", "SubsampleSolution", "Deep", "unseen_solution")
)
lost, renamed, snapshot = (
    definition_of_page(FILES, name, torch=torch, nn=nn) for name in ("lost", "renamed", "snapshot_solution")
)
sizes = st.integers(1, 6)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@given(sizes, sizes, sizes, st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_the_linear_layer_of_the_page_is_that_of_torch(batch, inputs, outputs, seed):
    mine, torchs = MyLinear(inputs, outputs).double(), nn.Linear(inputs, outputs).double()
    torchs.load_state_dict(mine.state_dict())  # the same names and shapes
    x, G = random(batch, inputs, seed=seed).requires_grad_(), random(batch, outputs, seed=seed + 1)
    assert_close(mine(x), torchs(x))
    for layer, other in ((mine, torchs), (torchs, mine)):
        found = torch.autograd.grad(layer(x), [x, layer.weight, layer.bias], G)
        assert_close(found, torch.autograd.grad(other(x), [x, other.weight, other.bias], G))


def test_a_new_linear_layer_of_the_page_is_drawn_like_that_of_torch():
    torch.manual_seed(0)
    mine, torchs = MyLinear(400, 500), nn.Linear(400, 500)
    for name, values in mine.named_parameters():
        other = torchs.get_parameter(name)
        assert_close(values.std(), other.std(), atol=0, rtol=0.1)
        assert values.abs().max() <= 400**-0.5


def test_the_gradients_of_the_layers_of_the_page_are_those_of_differences():
    flatten, linear = MyFlatten(), MyLinear(6, 2).double()
    inputs = random(3, 2, 3).requires_grad_(), linear.weight, linear.bias
    assert torch.autograd.gradcheck(lambda x, *_: linear(flatten(x)), inputs)


@given(st.lists(sizes, min_size=2, max_size=4), st.booleans())
@settings(deadline=None, max_examples=50)
def test_flattening_keeps_the_batch_and_the_order_of_the_numbers(shape, channels_last):
    x = random(*shape)
    if channels_last and len(shape) == 4:
        x = x.to(memory_format=torch.channels_last)
    assert torch.equal(MyFlatten()(x.requires_grad_()), nn.Flatten()(x))
    G = random(shape[0], math.prod(shape[1:]), seed=1)
    (found,) = torch.autograd.grad(MyFlatten()(x), x, G)
    assert torch.equal(found, G.view(shape))


@given(sizes, sizes, sizes, sizes, st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_subsampling_is_a_grouped_convolution(batch, channels, height, width, seed):
    """The mean of 2×2 blocks, times a weight of the channel: a convolution whose kernels hold weight / 4."""
    layer = Subsample(channels).double()
    weight, bias = random(2, channels, seed=seed)
    layer.load_state_dict({"weight": weight, "bias": bias})
    x = random(batch, channels, 2 * height, 2 * width, seed=seed + 1).requires_grad_()
    kernels = (layer.weight / 4)[:, None, None, None].expand(-1, 1, 2, 2)
    by_convolution = F.conv2d(x, kernels, layer.bias, stride=2, groups=channels)
    assert_close(layer(x), by_convolution)
    inputs, G = [x, layer.weight, layer.bias], random(*by_convolution.shape, seed=seed + 2)
    assert_close(torch.autograd.grad(layer(x), inputs, G), torch.autograd.grad(by_convolution, inputs, G))


def test_normalized_holds_mean_and_std_as_buffers_and_uses_them():
    mean, std = [0.5, 0.4, 0.3], [0.25, 0.2, 0.1]
    model = Normalized(nn.Identity(), mean, std).double()
    images = random(2, 3, 4, 5)
    wanted = torch.stack([(images[:, c] - mean[c]) / std[c] for c in range(3)], dim=1)
    assert_close(model(images), wanted, atol=1e-6, rtol=1e-6)
    assert set(model.state_dict()) == {"mean", "std"} and not list(model.parameters())


def test_a_module_list_registers_what_a_list_hides():
    seen, hidden = Deep(nn.ModuleList), Deep(list)
    hidden.hidden[:] = seen.hidden
    hidden.output.load_state_dict(seen.output.state_dict())
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(seen(x), hidden(x))
    assert len(list(seen.parameters())) == 8 and len(list(hidden.parameters())) == 2
    assert unseen(seen) == [] and unseen(hidden) == ["hidden"]


@pytest.mark.parametrize("replaced", [[], ["0"], ["0", "2"]])
def test_the_check_of_two_lines_names_what_the_optimizer_does_not_hold(replaced):
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.1}]
    optimizer = torch.optim.SGD(groups, lr=0.01)
    for name in replaced:
        setattr(model, name, copy.deepcopy(getattr(model, name)))
    assert lost(model, optimizer) == [f"{name}.{kind}" for name in replaced for kind in ("weight", "bias")]


def test_renaming_keeps_the_order_and_refuses_another_number_of_tensors():
    model, other = (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(4, 5)) for _ in range(2))
    state = {f"x{k}": tensor for k, tensor in enumerate(other.state_dict().values())}
    model.load_state_dict(renamed(state, model))
    for new, old in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(new, old)
    state.popitem()
    with pytest.raises(ValueError, match="shorter"):
        renamed(state, model)


def test_a_snapshot_brings_a_trained_model_back_bit_by_bit():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    x = torch.rand(8, 3)
    before = copy.deepcopy(model).eval()(x)
    kept = snapshot(model)
    model(x).square().sum().backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    assert not torch.equal(model.eval()(x), before)
    model.load_state_dict(kept)
    assert torch.equal(model(x), before)
