"""`helpers.model.net`: shapes, parameter counts, initialization, and equality with torchvision's ResNet."""

import hashlib
import json
import shutil

import pytest
import torch
import torchvision
from torch import nn

from helpers.model import weights
from helpers.model.architectures import build
from helpers.model.fast import FastNet
from helpers.model.initialization import INIT_METHODS, initialize_weights
from helpers.model.net import Net, with_batch_norm
from helpers.model.resnet import CifarResNet, ResNet34
from helpers.model.weights import load_pretrained
from helpers.paths import DataError, project_root


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def test_net_has_62006_parameters_and_returns_logits():
    model = Net()
    assert count(model) == 62_006
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert Net(num_classes=3)(torch.randn(2, 3, 32, 32)).shape == (2, 3)


def test_net_equals_its_layers_written_out():
    model, images = Net(), torch.randn(4, 3, 32, 32)
    layers = nn.Sequential(
        model.conv1, nn.ReLU(), nn.MaxPool2d(2), model.conv2, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        model.fc1, nn.ReLU(), model.fc2, nn.ReLU(), model.fc3,
    )  # fmt: skip
    torch.testing.assert_close(model(images), layers(images))


def test_batch_norm_stands_behind_each_layer_but_the_last():
    plain = Net()
    images, model = torch.randn(16, 3, 32, 32), Net()
    model.load_state_dict(plain.state_dict())
    assert with_batch_norm(model) is model
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [6, 16, 120, 84]

    def normalized(x: torch.Tensor) -> torch.Tensor:
        axes = (0, 2, 3) if x.ndim == 4 else (0,)
        variance = x.var(axes, correction=0, keepdim=True)
        return (x - x.mean(axes, keepdim=True)) / (variance + 1e-5).sqrt()

    x = nn.functional.max_pool2d(normalized(plain.conv1(images)).relu(), 2)
    x = nn.functional.max_pool2d(normalized(plain.conv2(x)).relu(), 2).flatten(1)
    x = normalized(plain.fc1(x)).relu()
    x = plain.fc3(normalized(plain.fc2(x)).relu())
    torch.testing.assert_close(model(images), x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("network", [Net, FastNet])
def test_a_network_takes_channels_last_images(network):
    model, images = network().eval(), torch.randn(4, 3, 32, 32)
    expected = model(images)
    model = model.to(memory_format=torch.channels_last)
    torch.testing.assert_close(model(images.to(memory_format=torch.channels_last)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("network", [Net, FastNet])
@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (2, 3, 28, 28), (2, 32, 32, 3), (3, 32, 32)])
def test_a_network_refuses_another_shape(network, shape):
    with pytest.raises(ValueError, match=f"{network.__name__} takes images"):
        network()(torch.randn(shape))


@pytest.mark.parametrize("training", [False, True])
def test_resnet34_equals_torchvisions_layer_for_layer(training):
    ours, theirs = ResNet34(), torchvision.models.resnet34(weights=None)
    assert count(ours) == count(theirs) == 21_797_672
    for statistic in theirs.buffers():  # running means of 0 would hide an exchanged layer
        if statistic.is_floating_point():
            statistic.copy_(torch.rand_like(statistic) + 0.5)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, 96, 96)
    torch.testing.assert_close(ours.train(training)(images), theirs.train(training)(images))
    for (name, one), (_, other) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        torch.testing.assert_close(one, other, msg=name)


def test_cifar_resnet_keeps_32_pixels_until_the_second_stage():
    model = CifarResNet(blocks=(1, 1, 1), width=8)
    seen = []
    for stage in model.stages:
        stage.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert seen == [(2, 8, 32, 32), (2, 16, 16, 16), (2, 32, 8, 8)]


def test_kaiming_has_variance_two_over_fan_in():
    model = Net()
    model.initialize_weights("kaiming")
    for layer in (model.fc1, model.conv2):
        fan_in = layer.weight[0].numel()
        assert layer.weight.var().item() == pytest.approx(2 / fan_in, rel=0.1)
        assert not layer.bias.any()


def test_xavier_is_bounded_by_its_formula():
    model = Net()
    model.initialize_weights("xavier")
    bound = (6 / (400 + 120)) ** 0.5
    assert 0.95 * bound < model.fc1.weight.abs().max().item() <= bound


def test_orthogonal_rows_are_orthonormal():
    model = Net()
    model.initialize_weights("orthogonal")
    torch.testing.assert_close(model.fc1.weight @ model.fc1.weight.T, torch.eye(120), atol=1e-5, rtol=0)


def test_the_tutorials_initialization_has_a_hundredth_on_linear_layers():
    model = Net()
    model.initialize_weights("tutorial")
    assert model.fc1.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert model.conv2.weight.std().item() == pytest.approx((2 / (6 * 25 + 16 * 25)) ** 0.5, rel=0.1)


@pytest.mark.parametrize("method", INIT_METHODS)
def test_the_same_seed_draws_the_same_weights_and_another_other_ones(method):
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        model = Net()
        initialize_weights(model, method)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    without_chance = method in ("constant", "zero", "identity")
    assert torch.equal(weights(1), weights(1)) and torch.equal(weights(1), weights(2)) == without_chance


def test_an_unknown_initialization_is_refused():
    with pytest.raises(ValueError, match="unknown initialization 'he': use one of torch, kaiming"):
        Net().initialize_weights("he")


def test_net_overfits_one_batch():
    model = Net()
    model.initialize_weights("kaiming")
    images, labels = torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01


# -- the weights of the book -----------------------------------------------------------------------------------

WEIGHTS = project_root() / "data" / "weights"


def known_weights() -> dict[str, dict]:
    return json.loads((WEIGHTS / "weights.json").read_text())


@pytest.mark.parametrize("source", ["cifar10", "sample"])
def test_pretrained_weights_are_those_that_are_described(source):
    model = load_pretrained(source)
    assert not model.training and sum(p.numel() for p in model.parameters()) == 62_006
    assert all(p.isfinite().all() for p in model.parameters())
    known = known_weights()[source]
    assert hashlib.sha256((WEIGHTS / known["file"]).read_bytes()).hexdigest() == known["sha256"]
    readme = (project_root() / "data" / "README.md").read_text()
    assert known["sha256"] in readme and known["file"] in readme and known["command"] in readme
    result = json.loads((project_root() / "book" / "results" / known["result"]).read_text())
    assert known["test_accuracy"] == result["accuracy"]["test"] and known["command"] == result["command"]


def test_the_pretrained_net_reaches_the_recorded_accuracy_on_the_sample(drawn):
    """The 1,000 drawn test images, which the training did not see."""
    images, labels = (values[5_000:] for values in drawn)
    known = known_weights()["sample"]
    mean, std = (torch.tensor(known[name])[:, None, None] for name in ("mean", "std"))
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        predictions = load_pretrained("sample")((pixels - mean) / std).argmax(1)
    accuracy = (predictions == torch.from_numpy(labels)).float().mean().item()
    assert accuracy == pytest.approx(known["test_accuracy"], abs=0.003)  # a tie may fall otherwise on another CPU


def test_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    copy = tmp_path / "data" / "weights"
    shutil.copytree(WEIGHTS, copy)
    monkeypatch.setattr(weights, "project_root", lambda: tmp_path)
    assert load_pretrained("sample")
    path = copy / known_weights()["sample"]["file"]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=r"not the file that weights\.json describes. Restore it"):
        load_pretrained("sample")
    path.unlink()
    with pytest.raises(DataError, match=f"{path.name}: missing"):
        load_pretrained("sample")
    with pytest.raises(ValueError, match="no weights for 'imagenet': use one of cifar10, sample"):
        load_pretrained("imagenet")


def test_networks_are_built_by_name():
    assert type(build("net")).__name__ == "Net" and type(build("resnet", 7)).__name__ == "CifarResNet"
    assert build("resnet", 7)(torch.zeros(1, 3, 32, 32)).shape == (1, 7)
    with pytest.raises(ValueError, match="unknown model 'vgg': use one of net, resnet"):
        build("vgg")
