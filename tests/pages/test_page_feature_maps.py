"""The functions on the page about feature maps, as they stand in the notebook: steps, memory, shifts, pixels."""

import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close
from torchvision.transforms.v2 import functional as v2

from helpers.model.net import Net
from helpers.visualization.hooks import activations

PAGE = "4_visualization/04_feature_maps"
normalized, pixels_of, by_hand, never_on, shift_error = (
    definition_of_page(PAGE, name, torch=torch, F=F)
    for name in ("normalized", "pixels_of", "by_hand", "never_on", "shift_error")
)
silent_channels = definition_of_page(PAGE, "silent_channels", never_on=never_on)


@pytest.fixture(scope="module")
def net() -> Net:
    torch.manual_seed(0)
    return Net().double()


@given(st.integers(1, 4), st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_normalizing_is_that_of_torchvision_and_goes_back_for_every_channel(count, seed):
    torch.manual_seed(seed)
    pixels, mean, std = torch.rand(count, 3, 5, 4).double(), [0.5, 0.4, 0.3], [0.25, 0.2, 0.1]
    x = normalized(pixels, mean, std)
    kept = x.clone()
    assert_close(x, v2.normalize(pixels, mean, std))
    assert_close(pixels_of(x, mean, std), pixels)
    assert torch.equal(x, kept)
    assert_close(pixels_of(x + 100, mean, std).max().item(), 1.0)  # cut off


def test_the_steps_by_hand_are_those_of_the_network_with_their_gradients(net):
    x = torch.randn(3, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    with activations(net) as found:
        logits = net(x)
    maps = by_hand(net, x)
    for name in ("conv1", "conv2", "fc1", "fc2", "fc3"):
        assert torch.equal(maps[name], found[name])
    for n in (1, 2):
        assert torch.equal(maps[f"relu{n}"], F.relu(found[f"conv{n}"]))
        assert torch.equal(maps[f"pool{n}"], F.max_pool2d(maps[f"relu{n}"], 2))
    mine, theirs = (torch.autograd.grad(out.square().sum(), x)[0] for out in (maps["fc3"], logits))
    assert_close(mine, theirs)


def test_the_border_of_zeros_keeps_the_size(net):
    maps = by_hand(net, torch.randn(1, 3, 32, 32, dtype=torch.float64), padding=2)
    assert [*maps] == ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2"]
    assert [maps[k].shape[-1] for k in maps] == [32, 32, 16, 16, 16, 8]
    same = nn.Conv2d(3, 6, 5, padding="same").double()
    same.load_state_dict(net.conv1.state_dict())
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    assert_close(by_hand(net, x, 2)["conv1"], same(x))


def test_a_channel_that_is_above_zero_once_is_not_silent():
    maps = -torch.rand(3, 4, 2, 2)
    maps[2, 1, 0, 1] = 0.01
    maps[:, 3] = 0
    assert never_on(maps).tolist() == [True, False, True, True]
    assert never_on(torch.tensor([[-1.0, 2], [0, -3]])).tolist() == [True, False]
    outputs = {"conv1": maps, "conv2": maps[:, :2], "fc1": maps[:, :, 0, 0], "fc2": maps[:, 1:2]}
    assert silent_channels(outputs, 3) == [3, 1, 4, 0]
    assert silent_channels(outputs, 2) == [4, 2, 4, 1]  # the third image is not looked at


@given(st.integers(0, 4), st.sampled_from([1, 2, 4]))
def test_a_map_that_moved_by_whole_steps_has_no_error(steps, stride):
    wide = torch.randn(2, 3, 6, 16, dtype=torch.float64)
    before, after = wide[..., 4:16], wide[..., 4 - steps : 16 - steps]
    assert shift_error(after, before, steps * stride, stride) == 0
    if stride > 1 and steps:  # half a step more or less: the better neighbour
        assert shift_error(after, before, steps * stride - 1, stride) == 0
        assert shift_error(after, before, (steps - 1) * stride + 1, stride) == 0


def test_an_error_is_a_part_of_the_norm():
    before = torch.ones(1, 1, 2, 4, dtype=torch.float64)
    assert_close(shift_error(1.25 * before, before, 0, 1), 25.0)


def test_a_kept_output_keeps_the_graph_and_a_detached_one_does_not(net):
    globals_ = {"torch": torch, "weakref": weakref, "load_pretrained": lambda _source: Net()}
    globals_ |= {"images": torch.randn(100, 3, 32, 32, dtype=torch.float64), "data": type("D", (), {"source": ""})}
    globals_["Saved"] = definition_of_page(PAGE, "Saved")
    kept_alive = definition_of_page(PAGE, "kept_alive", **globals_)
    assert kept_alive(torch.detach) == (8000, 0)
    kept, graph = kept_alive(lambda output: output)
    least = 8 * 100 * (3072 + 4704 + 6 * 14 * 14 + 1600 + 120 + 84)  # input of each layer, ReLUs before pooling
    assert kept == 8000 and least < graph < 2 * least
    fewer = definition_of_page(PAGE, "kept_alive", **globals_ | {"images": globals_["images"][:50]})
    assert 2 * fewer(lambda output: output)[1] == graph  # of the images alone: the weights are there anyway


def test_an_image_that_looks_alike_comes_near_in_the_first_layer():
    torch.manual_seed(1)
    eyes = Net().requires_grad_(False)
    look_alike = definition_of_page(PAGE, "look_alike", torch=torch, by_hand=by_hand, eyes=eyes)
    x = torch.rand(2, 3, 32, 32).cumsum(3) / 16 - 1
    x = F.avg_pool2d(x, 3, 1, 1)
    wanted = by_hand(eyes, x)["conv1"]
    found, off = look_alike("conv1", wanted, steps=60, smooth=0.0)
    rough, _ = look_alike("conv1", wanted, steps=60, smooth=10.0)
    there = by_hand(eyes, found)["conv1"]
    by_image = ((there - wanted) ** 2).flatten(1).sum(1) / (wanted**2).flatten(1).sum(1)
    assert off < 0.05 and abs(off - by_image.mean().item()) < 0.02 and not found.requires_grad
    for axis in (2, 3):
        assert rough.diff(dim=axis).abs().mean() < 0.8 * found.diff(dim=axis).abs().mean()
