"""`helpers.visualization.hooks` against the layers executed by hand; what it must leave as it was."""

import copy

import captum.attr
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from helpers.model.net import Net
from helpers.model.resnet import CifarResNet
from helpers.visualization.hooks import activations, grad_cam, layer_names, output_gradients


@pytest.fixture
def model() -> Net:
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


class Last(nn.Module):
    """What an LSTM puts out last, as logits [B, K]."""

    def forward(self, found: tuple) -> torch.Tensor:
        return found[0][-1]


def num_hooks(model: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._backward_hooks) for layer in model.modules())


def test_activations_are_the_outputs_of_the_layers_executed_by_hand(model, images):
    with activations(model) as found:
        logits = model(images)
    x1 = model.conv1(images)
    x2 = model.conv2(F.max_pool2d(x1.relu(), 2))
    x3 = model.fc1(F.max_pool2d(x2.relu(), 2).flatten(1))
    assert list(found) == layer_names(model) == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    for name, expected in (("conv1", x1), ("conv2", x2), ("fc1", x3), ("fc3", logits)):
        torch.testing.assert_close(found[name], expected.detach(), rtol=0, atol=0)
    assert not any(values.requires_grad for values in found.values()) and num_hooks(model) == 0


def test_what_follows_in_place_does_not_change_what_was_kept():
    model = nn.Sequential(nn.Linear(3, 50), nn.ReLU(inplace=True))
    with activations(model, "0") as found:
        model(torch.ones(2, 3))
    assert (found["0"] < 0).any()


def test_output_gradients_are_those_of_autograd(model, images):
    labels = torch.tensor([1, 2, 3, 4])
    with output_gradients(model, "conv2", "fc3") as found:
        F.cross_entropy(model(images), labels).backward()
    probabilities = model(images).softmax(1)
    torch.testing.assert_close(found["fc3"], ((probabilities - F.one_hot(labels, 10)) / 4).detach())
    maps = model.conv2(F.max_pool2d(model.conv1(images).relu(), 2))
    logits = model.fc3(model.fc2(model.fc1(F.max_pool2d(maps.relu(), 2).flatten(1)).relu()).relu())
    torch.testing.assert_close(found["conv2"], torch.autograd.grad(F.cross_entropy(logits, labels), maps)[0])
    assert num_hooks(model) == 0


def test_a_layer_that_the_gradient_does_not_reach_is_not_there(model, images):
    with output_gradients(model, "conv1", "fc1") as found:
        model(images).sum().backward()
        assert set(found) == {"conv1", "fc1"}
        model.conv1.requires_grad_(False)
        model(images).sum().backward()
        assert set(found) == {"fc1"}


def test_grad_cam_is_the_formula(model, images):
    maps = model.conv2(F.max_pool2d(model.conv1(images).relu(), 2))
    logits = model.fc3(model.fc2(model.fc1(F.max_pool2d(maps.relu(), 2).flatten(1)).relu()).relu())
    for classes in (torch.tensor([0, 9, 3, 3]), 0, None):
        chosen = logits.argmax(1) if classes is None else torch.as_tensor(classes).expand(4)
        expected = []
        for image, k in enumerate(chosen.tolist()):
            (gradient,) = torch.autograd.grad(logits[image, k], maps, retain_graph=True)
            weights = gradient[image].mean(dim=(1, 2))
            expected.append(sum(w * m for w, m in zip(weights, maps[image], strict=True)).relu())
        found = grad_cam(model, "conv2", images, classes)
        torch.testing.assert_close(found, torch.stack(expected).detach(), rtol=1e-4, atol=1e-6)
        assert found.shape == (4, 10, 10) and found.max() > 0


def test_grad_cam_works_on_a_residual_network_and_with_frozen_weights(images):
    torch.manual_seed(0)
    model = CifarResNet(width=8).eval()
    expected = grad_cam(model, "stages.2", images, 5)
    assert expected.shape == (4, 8, 8) and expected.max() > 0
    model.requires_grad_(False)
    with torch.no_grad():
        torch.testing.assert_close(grad_cam(model, "stages.2", images, 5), expected)


@pytest.mark.parametrize("build", [Net, CifarResNet, torchvision.models.resnet18])
def test_grad_cam_is_that_of_captum(build, images):
    torch.manual_seed(0)
    model = build(num_classes=10).double().eval()
    layer = {"Net": "conv2", "CifarResNet": "stages.1", "ResNet": "layer2"}[type(model).__name__]
    library = captum.attr.LayerGradCam(model, model.get_submodule(layer))
    for classes in (0, 7, torch.tensor([0, 9, 3, 3])):
        wanted = library.attribute(images.double(), classes, relu_attributions=True)[:, 0]  # B H W
        assert wanted.max() > 0
        torch.testing.assert_close(grad_cam(model, layer, images.double(), classes), wanted.detach())


def test_what_follows_in_place_does_not_change_grad_cam(images):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3600, 3)).eval()
    expected = grad_cam(model, "0", images, 1)
    model[1].inplace = True
    torch.testing.assert_close(grad_cam(model, "0", images, 1), expected)


def test_a_map_that_is_negative_everywhere_is_zero(images):
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)).eval()
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.fill_(1.0)  # the maps are 1
        model[3].weight.fill_(-1.0)  # and every score falls with them
    found = grad_cam(model, "0", images, 0)
    assert found.shape == (4, 32, 32) and not found.any()


def test_nothing_else_changes(images):
    torch.manual_seed(0)
    model = CifarResNet(width=8).eval()
    F.cross_entropy(model(images), torch.zeros(4, dtype=torch.long)).backward()
    before = copy.deepcopy(model.state_dict())
    gradients = [p.grad.clone() for p in model.parameters()]
    state = torch.get_rng_state()
    grad_cam(model, "stages.2", images)
    with activations(model), output_gradients(model):
        model(images)
    assert torch.equal(torch.get_rng_state(), state) and not model.training and num_hooks(model) == 0
    assert all(torch.equal(one, other) for one, other in zip(before.values(), model.state_dict().values(), strict=True))
    assert all(torch.equal(p.grad, old) for p, old in zip(model.parameters(), gradients, strict=True))


@pytest.mark.parametrize("look", [activations, output_gradients])
def test_hooks_are_removed_when_the_model_raises(look, model):
    with pytest.raises(ValueError, match=r"\[B, 3, 32, 32\]"), look(model):
        assert num_hooks(model) == 5
        model(torch.zeros(1, 3, 8, 8))
    assert num_hooks(model) == 0


def test_bad_input_is_named(model, images):
    with (
        pytest.raises(ValueError, match="no layer 'conv9' in Net: use one of conv1, conv2"),
        activations(model, "conv9"),
    ):
        pass
    assert num_hooks(model) == 0
    with pytest.raises(ValueError, match="fc1 puts out no maps"):
        grad_cam(model, "fc1", images)
    for classes in (10, -1, torch.tensor([0, 1, 2, 10])):
        with pytest.raises(ValueError, match="expected 0 to 9"):
            grad_cam(model, "conv2", images, classes)
    with pytest.raises(ValueError, match="training mode"):
        grad_cam(model.train(), "conv2", images)
    with pytest.raises(ValueError, match=r"\[B, 3, 32, 32\]"):
        grad_cam(model.eval(), "conv2", images[:, :, :8])
    assert num_hooks(model) == 0

    lstm = nn.Sequential(nn.LSTM(3, 4)).eval()
    with pytest.raises(ValueError, match="0 puts out no maps"):
        grad_cam(nn.Sequential(lstm, Last()).eval(), "0.0", torch.zeros(2, 1, 3))
    with pytest.raises(TypeError, match="0 returns a tuple"), activations(lstm, "0"):
        lstm(torch.zeros(2, 1, 3))
