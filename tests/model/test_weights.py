"""`helpers.model.weights`: loaded whole or not at all; what `transplant` moves, what it says, and what it refuses."""

import pytest
import torch
from torch import nn

from helpers.model.net import Net
from helpers.model.resnet import CifarResNet
from helpers.model.weights import load_state, transplant
from helpers.paths import DataError


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def values_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: values.clone() for key, values in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_state_is_loaded_whole_or_not_at_all():
    old, new = Net(10), Net(10)
    load_state(new, old.state_dict(), "weights.pt")
    assert same(new.state_dict(), old.state_dict())

    other, state = Net(5), old.state_dict()
    before = values_of(other)
    state["extra"] = state.pop("conv1.bias")
    with pytest.raises(DataError) as told:
        load_state(other, state, "weights.pt")
    assert same(other.state_dict(), before)  # conv2, which fits, too
    for part in ("weights.pt", "missing: conv1.bias", "unexpected: extra", "fc3.weight [10, 84], not [5, 84]"):
        assert part in str(told.value)


def test_everything_moves_between_equal_networks_buffers_included():
    old, new = (CifarResNet(5, blocks=(1, 1), width=4) for _ in range(2))
    old(torch.randn(8, 3, 32, 32))  # fills the running statistics
    report = transplant(new, old.state_dict())
    assert same(new.state_dict(), old.state_dict())
    assert report.moved == tuple(old.state_dict()) and report.tensors == len(old.state_dict())
    assert report.moved_parameters == report.parameters == sum(p.numel() for p in old.parameters())
    assert "bn1.running_mean" in report.moved and "bn1.num_batches_tracked" in report.moved
    assert str(report) == f"moved {report.tensors} of {report.tensors} tensors, 100.0% of the parameters"


def test_a_head_of_another_size_stays_and_the_body_moves():
    old, new = Net(10), Net(5)
    before = values_of(new)
    report = transplant(new, old.state_dict())
    after = new.state_dict()
    assert report.mismatched == ("fc3.weight [10, 84], not [5, 84]", "fc3.bias [10], not [5]")
    for key, values in old.state_dict().items():
        assert torch.equal(after[key], before[key] if key.startswith("fc3") else values), key
    assert len(report.moved) == 8 and (report.moved_parameters, report.parameters) == (61_156, 61_581)
    assert str(report).splitlines() == [
        "moved 8 of 10 tensors, 99.3% of the parameters",
        "mismatched: fc3.weight [10, 84], not [5, 84], fc3.bias [10], not [5]",
    ]


def test_missing_and_unexpected_keys_are_named_and_harm_nothing():
    old, new = Net(), Net()
    before = values_of(new)
    state = old.state_dict()
    state["extra.weight"] = state.pop("conv1.bias")
    report = transplant(new, state)
    assert (report.missing, report.unexpected, report.mismatched) == (("conv1.bias",), ("extra.weight",), ())
    assert torch.equal(new.conv1.bias, before["conv1.bias"]) and torch.equal(new.conv2.bias, old.conv2.bias)
    assert str(report).splitlines()[1:] == ["missing: conv1.bias", "unexpected: extra.weight"]


def test_keys_with_a_prefix_move_nothing():
    old, new = Net(), Net()
    before = values_of(new)
    report = transplant(new, {f"module.{key}": values for key, values in old.state_dict().items()})
    assert same(new.state_dict(), before) and report.moved == () and report.moved_parameters == 0
    assert str(report).splitlines() == [
        "moved 0 of 10 tensors, 0.0% of the parameters",
        "missing: conv1.weight, conv1.bias, and 8 more",
        "unexpected: module.conv1.weight, module.conv1.bias, and 8 more",
    ]


def test_the_shape_must_be_equal_not_only_one_that_can_be_broadcast():
    new, values = nn.Linear(3, 2), torch.ones(1, 3)
    before = values_of(new)
    report = transplant(new, {"weight": values, "bias": torch.ones(1)})
    assert same(new.state_dict(), before) and len(report.mismatched) == 2


def test_nothing_is_shared_afterwards():
    old, new = Net(), Net()
    transplant(new, old.state_dict())
    with torch.no_grad():
        old.conv1.weight.zero_()
    assert new.conv1.weight.abs().sum() > 0
    assert not {p.data_ptr() for p in new.parameters()} & {p.data_ptr() for p in old.parameters()}
    assert all(p.requires_grad and p.is_leaf and p.grad is None for p in new.parameters())


def test_a_state_of_the_model_itself_may_be_permuted():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    before = values_of(model)
    state = model.state_dict()
    transplant(model, {f"{1 - int(key[0])}{key[1:]}": values for key, values in state.items()})
    assert torch.equal(model[0].weight, before["1.weight"]) and torch.equal(model[1].weight, before["0.weight"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_another_precision_is_converted_and_the_model_keeps_its_own(dtype):
    old, new = Net().to(dtype), Net()
    assert len(transplant(new, old.state_dict()).moved) == 10
    assert new.conv1.weight.dtype == torch.float32
    assert torch.equal(new.conv1.weight, old.conv1.weight.float())


def test_a_model_that_is_frozen_or_channels_last_stays_so():
    old, new = Net(), Net().requires_grad_(False).to(memory_format=torch.channels_last)
    transplant(new, old.state_dict())
    assert torch.equal(new.conv2.weight, old.conv2.weight) and not any(p.requires_grad for p in new.parameters())
    assert new.conv2.weight.is_contiguous(memory_format=torch.channels_last)


def spoiled(key: str, values: object) -> dict[str, object]:
    return Net().state_dict() | {key: values}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (Net(), "the weights are a Net, no state_dict."),
        (list(Net().parameters()), "the weights are a list, no state_dict."),
        ({"model": Net().state_dict(), "epoch": 3}, "the weights are no state_dict, it holds 'model' OrderedDict, 'ep"),
        (spoiled("fc3.bias", [0.0] * 10), "the weights are no state_dict, it holds 'fc3.bias' list."),
        (spoiled("fc3.bias", torch.zeros(10, dtype=torch.int64)), "fc3.bias: torch.int64, not torch.float32."),
        (spoiled("fc3.bias", torch.zeros(10, dtype=torch.complex64)), "fc3.bias: torch.complex64, not torch.float32."),
        (
            spoiled("fc3.bias", torch.empty(10, device="meta")),
            "fc3.bias: the state holds no numbers yet",
        ),
    ],
    ids=["model", "list", "checkpoint", "list inside", "whole numbers", "complex", "meta"],
)
def test_a_bad_state_ends_in_one_message_and_changes_nothing(state, told):
    model = Net()
    before = values_of(model)
    with pytest.raises(DataError) as caught:
        transplant(model, state)
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)
    assert same(model.state_dict(), before)


def test_fractions_are_no_counters():
    model = nn.BatchNorm1d(2)
    with pytest.raises(DataError, match=r"num_batches_tracked: torch\.float32, not torch\.int64"):
        transplant(model, {"weight": torch.zeros(2), "num_batches_tracked": torch.tensor(1.5)})
    assert torch.equal(model.weight, torch.ones(2))


def test_a_model_without_numbers_is_refused():
    with torch.device("meta"):
        model = Net()
    with pytest.raises(DataError, match=r"conv1\.weight: the model holds no numbers yet"):
        transplant(model, Net().state_dict())
