"""The functions of the page about landmark networks, as they stand in the notebook; and the record that it reads."""

import json

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from support import PROJECT, definition_of_page
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.model import landmarks
from helpers.model.resnet import BasicBlock

PAGE = "2_model/09_classic_cnns"
MODULES = {"torch": torch, "nn": nn, "landmarks": landmarks, "FlopCounterMode": FlopCounterMode, "np": np}
for name in ("cost", "shapes", "classifier", "alexnet", "vgg", "stem", "head", "residual_network", "dense_network"):
    MODULES[name] = definition_of_page(PAGE, name, **MODULES)
vgg_parameters = definition_of_page(PAGE, "vgg_parameters_solution")
dense = definition_of_page(PAGE, "dense_solution", torch=torch)
paired = definition_of_page(PAGE, "paired", np=np)


@pytest.fixture(scope="module")
def record() -> dict:
    return json.loads((PROJECT / "book" / "results" / "architectures.json").read_text())


def on_meta(name: str, *arguments: object) -> nn.Module:
    with torch.device("meta"):
        return MODULES[name](*arguments)


def test_the_networks_of_the_page_have_the_cost_that_torchvision_states():
    """Another source than the shapes: the numbers that torchvision publishes with its weights."""
    built = {
        "alexnet": on_meta("alexnet", (64, 192, 384, 256, 256)),
        "resnet34": on_meta("residual_network", BasicBlock, (3, 4, 6, 3), 1),
        "resnet50": on_meta("residual_network", landmarks.Bottleneck, (3, 4, 6, 3), 4),
        "densenet121": on_meta("dense_network", (6, 12, 24, 16)),
    }
    for name, model in built.items():
        stated = torchvision.models.get_model_weights(name).IMAGENET1K_V1.meta
        parameters, work = MODULES["cost"](model, 3, 224, 224)
        assert parameters == stated["num_params"], name
        assert work / 1e9 == pytest.approx(stated["_ops"], abs=1e-3), name


def test_the_first_alexnet_has_the_parameters_of_its_paper_and_a_group_sees_its_half_only():
    model = on_meta("alexnet", (96, 256, 384, 384, 256), 2)
    assert MODULES["cost"](model, 3, 224, 224)[0] == 60_965_224
    assert [m.groups for m in model.modules() if isinstance(m, nn.Conv2d)] == [1, 2, 1, 2, 2]


words = st.one_of(st.integers(1, 6).map(str), st.integers(1, 6).map("{}/1".format), st.sampled_from(("M", "LRN")))


@given(st.lists(words, min_size=1, max_size=6), st.integers(16, 40), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_the_parameters_of_a_column_are_those_of_its_layers(column, side, classes):
    column = [word for word in column if word != "M"][:4] + [word for word in column if word == "M"][:4]
    with torch.device("meta"):
        features = landmarks.vgg_features(" ".join(column))
        linear = nn.Linear(features(torch.zeros(1, 3, side, side)).numel(), classes)
    count = sum(p.numel() for part in (features, linear) for p in part.parameters())
    assert vgg_parameters(" ".join(column), side, classes) == count


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 4))
@settings(deadline=None, max_examples=20)
def test_the_dense_solution_is_a_dense_block(channels, growth, layers):
    block = landmarks.dense_block(channels, growth, layers).double().eval()
    given_x = torch.randn(2, channels, 3, 3, dtype=torch.float64)
    functions = [lambda x, layer=layer: layer(x)[:, x.shape[1] :] for layer in block]
    mine, theirs = given_x.clone().requires_grad_(), given_x.clone().requires_grad_()
    one, other = dense(functions, mine), block(theirs)
    torch.testing.assert_close(one, other)
    for x, result in ((mine, one), (theirs, other)):
        result.square().sum().backward()
        assert x.grad is not None
    torch.testing.assert_close(mine.grad, theirs.grad)


def test_differences_are_taken_seed_by_seed_with_their_standard_error():
    mean, error = paired([0.5, 0.6, 0.7], [0.4, 0.4, 0.4])
    assert mean == pytest.approx(20) and error == pytest.approx(10 / 3**0.5)


def test_the_record_holds_every_network_with_equally_many_seeds(record):
    assert list(record["networks"]) == list(landmarks.LANDMARKS)
    networks = record["networks"].values()
    assert {len(entry[key]) for entry in networks for key in ("train", "held_out", "cpu_seconds")} == {3}
    for entry in networks:
        for accuracy in entry["held_out"]:  # a whole number of images
            assert 0 < accuracy < 1 and accuracy * 2000 == pytest.approx(round(accuracy * 2000), abs=1e-2)


def test_every_learning_rate_was_chosen_from_the_same_list_by_other_images(record):
    for name, entry in record["networks"].items():
        assert sorted(map(float, entry["tuning"])) == sorted(record["config"]["lr"]), name
        assert entry["tuning"][str(entry["lr"])] == max(entry["tuning"].values()), name
    assert sum(record["images"]["tuning"]) == record["images"]["train"] == 8000
    assert record["images"]["held_out"] == 2000 and record["config"]["tuning_seed"] not in range(3)


def test_the_record_says_what_it_was_measured_on(record):
    assert "CIFAR-10" in record["data"]
    assert ("unofficial" in record["data"]) == ("unofficial" in record["note"])
    assert {"torch", "torchvision", "python"} <= set(record["versions"]) and record["hardware"]["threads"] == 1
    assert "/" not in record["command"].replace("tests/benchmarks/architectures.py", "")
