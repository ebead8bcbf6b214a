"""The recorded measurement of pretraining, and what the page that reads it uses for its verdicts."""

import json
import math

import numpy as np
import pytest
import torch
from support import PROJECT, definition_of_page
from torch import nn
from torch.optim import SGD

PAGE = "2_model/14_finetune"
WAYS = {"from scratch", "frozen body", "finetuned", "two stages"}


@pytest.fixture(scope="module")
def effect() -> dict:
    return json.loads((PROJECT / "book" / "results" / "finetune_effect.json").read_text())


def test_the_record_is_complete_every_way_with_every_number_of_labels_and_the_same_seeds(effect):
    config, longer = effect["config"], "from scratch, longer"
    assert set(effect["rows"]) == WAYS | {longer}
    assert list(config["steps"]) == ["25", "100", "400", "1600", "6400"]
    lengths = set()
    for way, found in effect["rows"].items():
        assert list(found) == ([str(config["longer_at"])] if way == longer else list(config["steps"])), way
        lengths |= {len(entry[part]) for entry in found.values() for part in ("train", "test")}
    assert lengths == {5}
    assert {str(seed) for seed in [*range(5), *config["tuning_seeds"]]} == set(effect["pretraining"])
    for found in effect["rows"].values():
        for entry in found.values():
            for accuracy in entry["test"]:  # a whole number of images
                count = accuracy * effect["images"]["measure"]
                assert 0 < accuracy < 1 and count == pytest.approx(round(count), abs=1e-2)


def test_the_rates_are_those_with_the_highest_mean_of_the_tuning(effect):
    config = effect["config"]
    for name, lists in effect["tuning"].items():
        assert [float(rate) for rate in lists] == pytest.approx(config["factors" if name == "factor" else "rates"])
        for found in lists.values():
            assert [int(n) for n in found] == config["tuned_at"]
            assert {len(runs) for runs in found.values()} == {len(config["tuning_seeds"])}
        means = {float(rate): np.mean(list(found.values())) for rate, found in lists.items()}
        assert effect["rates"][name] == max(means, key=means.get)


def test_the_record_says_what_it_was_measured_on(effect):
    assert "CIFAR-10" in effect["data"] and ("unofficial" in effect["data"]) == ("unofficial" in effect["note"])
    assert {"torch", "torchvision", "python"} <= set(effect["versions"]) and effect["hardware"]["threads"] == 1
    assert not set(effect["classes"]["old"]) & set(effect["classes"]["new"]) and len(effect["classes"]["new"]) == 5
    assert not set(effect["config"]["tuning_seeds"]) & set(range(5))
    assert "/" not in effect["command"].replace("tests/benchmarks/", "")


def test_errors_from_zero_is_the_mean_over_its_standard_error():
    errors_from_zero = definition_of_page(PAGE, "errors_from_zero", math=math)
    d = np.array([[1.0, 2.0, 3.0, 6.0], [-1.0, 0.0, 0.0, 1.0]])
    spread = math.sqrt(((d[0] - 3) ** 2).sum() / 3)
    np.testing.assert_allclose(errors_from_zero(d), [3 / (spread / 2), 0])


def test_left_out_names_what_is_trainable_and_in_no_group():
    left_out, body_of = (definition_of_page(PAGE, name) for name in ("left_out", "body_of"))
    model = nn.ModuleDict({"body": nn.Linear(2, 2), "fc": nn.Linear(2, 2), "frozen": nn.Linear(2, 2)})
    model["frozen"].requires_grad_(False)
    groups = [{"params": list(model["fc"].parameters()), "lr": 0.1}, {"params": [model["body"].bias]}]
    assert left_out(model, SGD(groups, lr=0.1)) == ["body.weight"]
    assert left_out(model, SGD(model.parameters(), lr=0.1)) == []
    model.fc = model["fc"]
    found = body_of(model)
    assert {id(p) for p in found} == {id(p) for name in ("body", "frozen") for p in model[name].parameters()}
    assert isinstance(found, list) and torch.is_tensor(found[0])
