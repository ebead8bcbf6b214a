"""The recipe of the fast network as a run: its parts act, it is resumed bit for bit, and processes share it."""

import json
import os
import subprocess

import pytest
import torch
from runs import config, same_weights, without_figures, without_times
from support import PROJECT, train_command

from helpers import train
from helpers.model.views import MirroredAndShifted
from helpers.train import evaluate, fit
from helpers.training import checkpoint
from helpers.training.config import TrainConfig

CPU = torch.device("cpu")
PIECES = {"bias_lr": 4.0, "schedule": "triangle", "flip": "alternating", "lookahead": 3, "label_smoothing": 0.2}
RECIPE = PIECES | {
    "model": "fast", "init": "partial_identity", "whiten": True, "num_epochs": 3, "batch_size": 100, "amp": True,
    "lr": 0.1, "padding": 2, "tta": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    without_figures(monkeypatch)


@pytest.fixture(scope="module", params=["sgd", "muon_sgd"])
def whole(request, prepared) -> tuple:
    """The settings of a run that nobody stops, its model and its result."""
    settings = RECIPE | {"optimizer": request.param}
    return settings, *fit(config(**settings), data=prepared)


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_that_was_stopped_ends_as_the_one_that_was_not(whole, prepared, tmp_path, monkeypatch, epoch):
    settings, model, result = whole
    original, calls = train.train_one_epoch, []

    def stopping(*arguments, **named):
        calls.append(1)
        if len(calls) == epoch + 1:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    monkeypatch.setattr(train, "train_one_epoch", stopping)
    stopped = config(**settings, run_dir=str(tmp_path / "run"))
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, data=prepared)
    monkeypatch.setattr(train, "train_one_epoch", original)
    resumed, found = fit(stopped, resume=True, data=prepared)
    assert same_weights(resumed, model) and without_times(found) == without_times(result)
    assert fit(stopped, resume=True, data=prepared)[1]["accuracy"] == result["accuracy"]  # finished, and only read


def test_the_first_layer_is_that_of_the_training_images_to_the_end(whole, prepared):
    _, model, _ = whole
    loader, _ = train.make_loaders(config(**RECIPE), prepared, CPU)
    twin = train.architectures.build("fast")
    twin.whiten(loader.dataset.without_augmentation().__getitems__(range(400))[0])
    assert torch.equal(model.conv1.weight, twin.conv1.weight) and not model.conv1.bias.any()


def test_the_test_part_is_also_measured_with_six_views(whole, prepared):
    settings, model, result = whole
    assert list(result["accuracy"]) == ["train", "valid", "test", "test_tta"]
    assert "--tta" in result["command"] and "--whiten" in result["command"]
    test = train.make_loaders(config(**settings), prepared, CPU)[1]["test"]
    for part, measured in (("test", model), ("test_tta", MirroredAndShifted(model))):
        loss, matrix = evaluate(measured, test, CPU, 10, amp=True)
        assert (loss, matrix.tolist()) == (result["loss"][part], result["confusion"][part])
    assert result["loss"]["test"] != result["loss"]["test_tta"]


@pytest.mark.parametrize("piece", [*PIECES, "whiten", "init"])
def test_each_piece_changes_the_training(prepared, piece):
    short = RECIPE | {"num_epochs": 2, "tta": False}
    losses = [
        [record["train_mode_loss"] for record in fit(config(**options), data=prepared)[1]["history"]]
        for options in (short, {name: value for name, value in short.items() if name != piece})
    ]
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"whiten": True}, "whiten sets the first layer of fast, fast_wide: leave it out with net"),
        ({"flip": "alternating", "padding": 0}, "padding 0 means neither crop nor flip: leave flip out"),
        ({"lookahead": -1}, "lookahead is -1: use 0 or more"),
        ({"lookahead": 2.5}, "lookahead is 2.5: use a whole number"),
        ({"bias_lr": -1.0}, "bias_lr is -1.0: use 0 or more"),
        ({"bias_lr": float("nan")}, "bias_lr is nan"),
        ({"schedule": "step"}, "schedule is 'step': use one of cosine, triangle"),
        ({"optimizer": "lion"}, "optimizer is 'lion': use one of sgd, muon, muon_sgd"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        TrainConfig(**changes)


def test_the_state_of_a_run_with_another_average_is_refused(prepared, tmp_path, monkeypatch):
    settings = config(run_dir=str(tmp_path / "run"), lookahead=2, num_epochs=1)
    fit(settings, data=prepared)
    (tmp_path / "run" / "result.json").unlink()
    state = checkpoint.read(tmp_path / "run" / "last.pt")
    state["optimizer"]["slow"].pop()
    checkpoint.save(tmp_path / "run" / "last.pt", state)
    with pytest.raises(train.DataError, match=r"last\.pt: the state of the optimizer does not fit"):
        fit(settings, resume=True, data=prepared)


# -- several processes -----------------------------------------------------------------------------------------


def run_in_two(small, tmp_path, settings: dict) -> tuple[dict, dict]:
    """The last checkpoint and the result of two processes that train as these settings say."""
    words = ["--source", "cifar10", "--archive", small.path, "--num-images", "all", "--device", "cpu", "--threads", 1,
             "--run-dir", tmp_path / "run"]  # fmt: skip
    for name, value in settings.items():
        words += ["--" + name.replace("_", "-")] + ([] if value is True else [value])
    environment = {"BOOK_DATA": str(tmp_path / "data"), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        train_command(*words, nproc=2), capture_output=True, text=True, cwd=PROJECT, timeout=240,
        env=os.environ | environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return checkpoint.read(tmp_path / "run" / "last.pt"), json.loads((tmp_path / "run" / "result.json").read_text())


def test_two_processes_train_what_one_trains_where_nothing_depends_on_the_share(small, prepared, tmp_path):
    """With a network without batch normalization, which takes the statistics of its own share of the batch."""
    settings = PIECES | {"dtype": "float64", "batch_size": 50, "num_epochs": 2, "tta": True}
    model, result = fit(config(**settings), data=prepared)
    state, shared = run_in_two(small, tmp_path, settings)
    assert shared["hardware"]["processes"] == 2
    for name, values in model.state_dict().items():
        torch.testing.assert_close(state["best"]["weights"][name], values, atol=1e-9, rtol=0)
    assert shared["confusion"] == result["confusion"] and list(shared["accuracy"])[-1] == "test_tta"
    assert shared["loss"]["test_tta"] == pytest.approx(result["loss"]["test_tta"], abs=1e-8)


def test_two_processes_train_the_fast_network(small, prepared, tmp_path):
    settings = RECIPE | {"num_epochs": 2, "optimizer": "muon_sgd"}
    model, result = fit(config(**settings), data=prepared)
    state, shared = run_in_two(small, tmp_path, settings)
    assert torch.equal(state["model"]["conv1.weight"], model.conv1.weight)
    for part, rows in result["confusion"].items():  # every image was counted once
        assert sum(map(sum, shared["confusion"][part])) == sum(map(sum, rows))
    first, other = result["history"][0], shared["history"][0]
    assert other["train_mode_loss"] == pytest.approx(first["train_mode_loss"], rel=0.05)
    assert other["train_mode_loss"] != first["train_mode_loss"]  # each normalizes with its own share
