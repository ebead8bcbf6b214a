"""`helpers.model.initialization`: the draws that recorded runs depend on, and the formula of each method."""

import pytest
import torch
from torch import nn
from torch.nn import init

from helpers.model.architectures import MODELS, build
from helpers.model.initialization import INIT_METHODS, initialize_weights
from helpers.model.net import Net

RECORDED = {  # as results and weights of the book were made: of a kernel, of a matrix
    "kaiming": (lambda w: init.kaiming_normal_(w, mode="fan_in", nonlinearity="relu"),) * 2,
    "xavier": (init.xavier_uniform_,) * 2,
    "orthogonal": (init.orthogonal_,) * 2,
    "tutorial": (init.xavier_normal_, lambda w: init.normal_(w, std=0.01)),
}


def drawn(method: str) -> Net:
    torch.manual_seed(0)
    model = Net()
    model.initialize_weights(method)
    return model


def layers_of(model: nn.Module) -> list[nn.Module]:
    return [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["torch", *RECORDED])
def test_what_recorded_runs_started_from_is_drawn_bit_for_bit(method, name):
    torch.manual_seed(7)
    model = build(name, init=method)
    torch.manual_seed(7)
    expected = build(name, init="zero")  # as many draws by the constructors
    for layer in layers_of(expected):
        if method == "torch":
            layer.reset_parameters()
        else:
            RECORDED[method][isinstance(layer, nn.Linear)](layer.weight)
    for one, other in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("method", "variance", "is_uniform"),
    [
        ("torch", lambda fan_in, fan_out: 1 / (3 * fan_in), True),
        ("kaiming", lambda fan_in, fan_out: 2 / fan_in, False),
        ("kaiming_uniform", lambda fan_in, fan_out: 2 / fan_in, True),
        ("xavier", lambda fan_in, fan_out: 2 / (fan_in + fan_out), True),
        ("xavier_normal", lambda fan_in, fan_out: 2 / (fan_in + fan_out), False),
        ("uniform", lambda fan_in, fan_out: 0.1**2 / 3, True),
        ("normal", lambda fan_in, fan_out: 0.1**2, False),
        ("small_normal", lambda fan_in, fan_out: 0.01**2, False),
    ],
)
def test_a_random_method_has_the_variance_and_the_shape_of_its_formula(method, variance, is_uniform):
    model = drawn(method)
    for layer, area in ((model.conv2, 25), (model.fc1, 1), (model.fc2, 1)):
        fan_in, fan_out = area * layer.weight.shape[1], area * layer.weight.shape[0]
        std = variance(fan_in, fan_out) ** 0.5
        assert layer.weight.std().item() == pytest.approx(std, rel=0.05)
        assert abs(layer.weight.mean().item()) < 0.1 * std
        farthest = layer.weight.abs().max().item() / std  # a uniform draw ends at sqrt(3) of its deviations
        assert farthest <= 3**0.5 * 1.0001 if is_uniform else farthest > 2.5


def test_sparse_has_a_tenth_of_zeros_for_each_input_also_of_kernels():
    model = drawn("sparse")
    for layer, zeros in ((model.conv1, 1), (model.conv2, 2), (model.fc1, 12), (model.fc3, 1)):
        matrix = layer.weight.flatten(1)
        assert ((matrix == 0).sum(dim=0) == zeros).all()
    assert model.fc1.weight[model.fc1.weight != 0].std().item() == pytest.approx(0.01, rel=0.05)


def test_sparse_draws_the_same_in_another_order_of_memory():
    torch.manual_seed(0)
    model = Net().to(memory_format=torch.channels_last)
    model.initialize_weights("sparse")
    assert torch.equal(model.conv2.weight, drawn("sparse").conv2.weight)


@pytest.mark.parametrize(("method", "value"), [("constant", 0.01), ("zero", 0.0)])
def test_constant_and_zero_give_every_weight_one_value(method, value):
    for layer in layers_of(drawn(method)):
        assert torch.equal(layer.weight, torch.full_like(layer.weight, value))


def test_identity_passes_on_the_first_channels_and_numbers():
    model, images, numbers = drawn("identity"), torch.randn(2, 3, 8, 8), torch.randn(2, 400)
    maps, features = model.conv1(images), model.fc1(numbers)
    assert torch.equal(maps[:, :3], images[:, :, 2:-2, 2:-2]) and not maps[:, 3:].any()
    assert torch.equal(features, numbers[:, :120])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", INIT_METHODS)
def test_every_method_fits_every_model_and_sets_biases_and_batch_norm(method, name):
    model = build(name, init="normal")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    initialize_weights(model, method)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all() and (layer.bias == 0).all()
        elif getattr(layer, "bias", None) is not None:
            assert layer.bias.any() == (method == "torch")
