"""`helpers.train`: the loops against hand computations, and the properties of a run."""

import argparse
import dataclasses
import json
import math

import pytest
import torch
from runs import config, same_weights, without_times
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import StepLR

from helpers import train
from helpers.data import loaders
from helpers.data.index import read_index, write_index
from helpers.model import architectures, net
from helpers.paths import DataError
from helpers.train import NonFiniteLoss, evaluate, fit, train_one_epoch
from helpers.training.config import TrainConfig

CPU = torch.device("cpu")


def batches(sizes=(8, 8, 3), seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(size, 3, 32, 32, generator=generator), torch.randint(0, 10, (size,), generator=generator))
        for size in sizes
    ]


def new_net(seed: int = 0, **kinds) -> net.Net:
    torch.manual_seed(seed)
    return architectures.build("net", **kinds)


# -- the loops -------------------------------------------------------------------------------------------------


def test_an_epoch_equals_the_textbook_loop():
    """SGD with momentum, written out: v = mu v + g, w = w - lr v, and a schedule that halves the rate each step."""
    model, twin = new_net(), new_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.5)
    means = train_one_epoch(model, batches(), nn.CrossEntropyLoss(), optimizer, CPU, scheduler=scheduler)

    velocity = [torch.zeros_like(p) for p in twin.parameters()]
    lr, loss_sum, right = 0.1, 0.0, 0
    for images, labels in batches():
        logits = twin(images)
        loss = F.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for p, v, g in zip(twin.parameters(), velocity, gradients, strict=True):
                v.mul_(0.9).add_(g)
                p.sub_(lr * v)
        lr /= 2
        loss_sum += loss.item() * len(labels)
        right += (logits.argmax(1) == labels).sum().item()
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q)
    assert means == {
        "train_mode_loss": pytest.approx(loss_sum / 19, rel=1e-6),
        "train_mode_accuracy": pytest.approx(right / 19),
    }
    assert scheduler.get_last_lr() == [pytest.approx(0.1 / 8)]


def test_clipping_bounds_the_norm_of_the_gradient():
    model = new_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    (batch,) = batches((8,))
    train_one_epoch(model, [(batch[0] * 100, batch[1])], nn.CrossEntropyLoss(), optimizer, CPU, clip_norm=0.5)
    norm = torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert norm.item() == pytest.approx(0.5, rel=1e-4)


def test_evaluation_weights_by_batch_size_and_equals_the_mean_over_all_images():
    model = new_net()
    loss, matrix = evaluate(model, batches((8, 8, 3)), CPU, 10)
    images, labels = (torch.cat(parts) for parts in zip(*batches((8, 8, 3)), strict=True))
    logits = model(images)
    assert loss == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-6)
    assert matrix.sum() == 19 and matrix.sum(1).tolist() == torch.bincount(labels, minlength=10).tolist()
    assert matrix.diagonal().sum() == (logits.argmax(1) == labels).sum()


class Recorder(nn.Module):
    """Notes in which mode it was called."""

    def __init__(self, fail: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 32 * 32, 10)
        self.fail, self.modes = fail, set()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.modes.add((self.training, torch.is_inference_mode_enabled(), torch.is_grad_enabled()))
        if self.fail:
            raise KeyboardInterrupt
        return self.fc(images.flatten(1))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fail", [True, False])
def test_evaluation_runs_in_eval_mode_and_puts_the_mode_back(training, fail):
    model = Recorder(fail).train(training)
    if fail:
        with pytest.raises(KeyboardInterrupt):
            evaluate(model, batches((4,)), CPU, 10)
    else:
        evaluate(model, batches((4,)), CPU, 10)
    assert model.modes == {(False, True, False)}
    assert model.training is training


def test_training_runs_in_train_mode_also_after_an_evaluation():
    model = Recorder().eval()
    train_one_epoch(model, batches((4,)), nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1), CPU)
    assert model.modes == {(True, False, True)}


def test_net_overfits_one_batch_in_at_most_200_steps():
    """The first check of any training: a batch of 32 that cannot be learned points to a fault."""
    (batch,) = batches((32,))
    model = new_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    train_one_epoch(model, [batch] * 200, nn.CrossEntropyLoss(), optimizer, CPU)
    assert evaluate(model, [batch], CPU, 10)[0] < 0.01


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_at_that_step_and_leaves_the_weights(bad):
    model, twin = new_net(), new_net()
    good = batches((8, 8))
    poisoned = [good[0], (good[1][0] * bad, good[1][1]), good[0]]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.125)
    with pytest.raises(NonFiniteLoss, match=r"step 8: the loss is nan, lr 0.125, images of batch 1 of the epoch"):
        train_one_epoch(model, poisoned, nn.CrossEntropyLoss(), optimizer, CPU, steps_before=6)
    train_one_epoch(twin, good[:1], nn.CrossEntropyLoss(), torch.optim.SGD(twin.parameters(), lr=0.125), CPU)
    assert same_weights(model, twin)


# -- a run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_seed_gives_the_same_weights_and_history(prepared, workers):
    model, result = fit(config(), data=prepared)
    again, result_again = fit(config(num_workers=workers), data=prepared)
    assert same_weights(model, again)
    assert without_times(result) == without_times(result_again)
    other, _ = fit(config(seed=1), data=prepared)
    assert not same_weights(model, other)


def test_a_run_leaves_its_files_and_result(prepared, tmp_path):
    settings = config(run_dir=str(tmp_path / "run"), model="net", num_epochs=3)
    model, result = fit(settings, data=prepared)
    names = {path.name.split(".")[0] for path in (tmp_path / "run").iterdir()}
    assert names == {
        "config",
        "last",
        "previous",
        "best",
        "curves",
        "confusion_train",
        "confusion_valid",
        "confusion_test",
        "result",
        "events",
        "",
    }  # fmt: skip; the last: .lock
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == json.loads(json.dumps(result))
    assert set(result["accuracy"]) == {"train", "valid", "test"}
    assert [record["epoch"] for record in result["history"]] == [0, 1, 2]
    assert result["parameters"] == 62_006 and result["data"]["label"] == "CIFAR-10 (unofficial copy)"
    assert torch.__version__.startswith(result["versions"]["torch"]) and result["hardware"]["threads"] == 1
    assert result["command"] == "python -m helpers.train --num-epochs 3 --batch-size 50 --device cpu --threads 1"
    # the weights that were measured are those returned
    parts = train.make_loaders(settings, prepared, CPU)[1]
    for part, count in (("train", 400), ("valid", 50), ("test", 50)):
        loss, matrix = evaluate(model, parts[part], CPU, 10)
        assert loss == result["loss"][part] and matrix.tolist() == result["confusion"][part]
        assert matrix.sum() == count


def test_the_epoch_with_the_best_validation_accuracy_is_measured(prepared):
    _, result = fit(config(num_epochs=4), data=prepared)
    scores = [record["valid_accuracy"] for record in result["history"]]
    best = scores.index(max(scores))
    assert result["epochs_of_measured_weights"] == best + 1
    assert result["accuracy"]["valid"] == max(scores)
    assert result["loss"]["valid"] == result["history"][best]["valid_loss"]


def test_the_official_protocol_trains_on_all_images_and_tests_on_the_test_batch(prepared):
    model, result = fit(config(protocol="official", num_epochs=1), data=prepared)
    assert {part: sum(map(sum, rows)) for part, rows in result["confusion"].items()} == {"train": 500, "test": 100}
    assert result["epochs_of_measured_weights"] == 1 and "valid_loss" not in result["history"][0]


def test_the_test_part_is_read_once_after_the_training(prepared, monkeypatch):
    """Every evaluation is noted with what it measures and how many steps were made before."""
    calls, steps = [], []

    def noting(model, loader, *arguments, **named):
        calls.append((loader.dataset.dataset.targets.shape[0], len(steps)))
        return evaluate(model, loader, *arguments, **named)

    def counting(*arguments, **named):
        steps.append(1)
        return train_one_epoch(*arguments, **named)

    data = dataclasses.replace(prepared, index=prepared.index | {"test": prepared.index["official_test"]})
    monkeypatch.setattr(train, "evaluate", noting)
    monkeypatch.setattr(train, "train_one_epoch", counting)
    fit(config(num_epochs=3), data=data)
    assert [call for call in calls if call[0] == 100] == [(100, 3)]
    assert [call for call in calls if call[0] == 50] == [(50, 1), (50, 2), (50, 3), (50, 3)]


def test_training_images_are_cropped_and_flipped_but_measured_unmoved(prepared):
    loader, measured = train.make_loaders(config(), prepared, CPU)
    plain = loaders.TensorImages(prepared.index["train"], mean=prepared.mean, std=prepared.std)
    images = torch.cat([images for images, _ in measured["train"]])
    assert torch.equal(images, plain.__getitems__(range(400))[0])
    loader.set_epoch(0)
    first = next(iter(loader))[0]
    assert not torch.equal(first, plain.__getitems__(loader.positions(0))[0])


def test_momentum_and_weight_decay_act_as_configured():
    model = new_net()
    optimizer, scheduler = train.make_optimizer(model, config(weight_decay=0.5, lr=0.1, warmup=0.5), 10)
    kinds = {group["weight_decay"]: {p.ndim for p in group["params"]} for group in optimizer.param_groups}
    assert kinds == {0.5: {2, 4}, 0.0: {1}}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 10
    rates = []
    for _ in range(10):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert max(rates) == pytest.approx(0.1) and rates.index(max(rates)) == 4 and rates[0] == pytest.approx(0.1 / 25)
    assert {group["momentum"] for group in optimizer.param_groups} == {0.9}


def rates(num_steps: int, warmup: float) -> list[float]:
    model = nn.Linear(2, 2)
    optimizer, scheduler = train.make_optimizer(model, config(warmup=warmup, lr=1.0), num_steps)
    found = []
    for _ in range(num_steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()  # also after the last step
    return found


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.2, 1 / 3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("num_steps", [1, 2, 3, 5, 10])
def test_a_schedule_of_few_steps_rises_and_falls(num_steps, warmup):
    found = rates(num_steps, warmup)
    assert all(0 < rate <= 1 for rate in found)
    top = found.index(max(found))
    assert found[:top] == sorted(found[:top]) and found[top:] == sorted(found[top:], reverse=True)
    if num_steps == 1:
        assert found == [pytest.approx(1.0)]  # not the rate at the end of a schedule, with which nothing is learned
    if warmup == 1:
        assert found[-1] == pytest.approx(1.0)
    if warmup * num_steps == 1:
        assert found[0] == pytest.approx(1.0)


def test_a_schedule_whose_two_parts_have_steps_is_that_of_torch():
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], 1.0)
    expected = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=7, pct_start=0.3, cycle_momentum=False)
    found = rates(7, 0.3)
    for rate in found:
        assert rate == expected.get_last_lr()[0]
        optimizer.step()
        expected.step()


@pytest.mark.parametrize("changes", [{"batch_size": 80}, {"warmup": 1.0}, {"batch_size": 200, "warmup": 0.5}])
def test_a_run_of_few_steps_trains(prepared, changes):
    _, result = fit(config(num_epochs=1, **changes), data=prepared)
    assert math.isfinite(result["loss"]["test"])


def test_the_largest_seed_trains(prepared):
    _, result = fit(config(num_epochs=1, seed=2**32 - 1), data=prepared)
    assert math.isfinite(result["loss"]["test"])


def test_a_nan_in_training_names_the_images_and_keeps_the_checkpoint(prepared, tmp_path):
    """The first step with this lr makes the loss of the second no number."""
    settings = config(run_dir=str(tmp_path / "run"), lr=1e30, warmup=0.0)
    with pytest.raises(NonFiniteLoss, match=r"step 2: the loss is nan, lr 9\.6\d+e\+29, images \[\d+(, \d+){49}\]"):
        fit(settings, data=prepared)
    assert not (tmp_path / "run" / "last.pt").exists() and not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"amp": True},
        {"dtype": "float64"},
        {"clip_norm": 0.1},
        {"optimizer": "muon"},
        {"label_smoothing": 0.1},
        {"cutout": 8},
    ],
)
def test_variants_train(prepared, options):
    _, result = fit(config(num_epochs=1, **options), data=prepared)
    assert math.isfinite(result["loss"]["test"])
    plain = fit(config(num_epochs=1), data=prepared)[1]
    assert result["history"][0]["train_mode_loss"] != plain["history"][0]["train_mode_loss"]


def test_the_small_resnet_trains(prepared):
    _, result = fit(config(num_epochs=1, model="resnet", amp=True, batch_size=100), data=prepared)
    assert result["parameters"] == 2_703_690 and math.isfinite(result["loss"]["valid"])


# -- settings that do not fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lr": 0.0}, "lr is 0.0: use a number above 0"),
        ({"lr": -0.1}, "lr is -0.1"),
        ({"lr": math.nan}, "lr is nan"),
        ({"num_epochs": 0}, "num_epochs is 0: use 1 or more"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"momentum": 1.5}, "momentum is 1.5: use 0 or more, below 1"),
        ({"momentum": 1.0}, "momentum is 1.0: use 0 or more, below 1"),
        ({"momentum": math.nan}, "momentum is nan"),
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0: use 0 or more, below 1"),
        ({"label_smoothing": math.nan}, "label_smoothing is nan"),
        ({"warmup": math.nan}, "warmup is nan: use 0 or more, up to 1"),
        ({"warmup": 1.1}, "warmup is 1.1"),
        ({"lr": math.inf}, "lr is inf: use a number above 0, up to 1e"),
        ({"lr": 1e38}, r"lr is 1e\+38: use a number above 0, up to 1e"),
        ({"weight_decay": math.inf}, "weight_decay is inf: use 0 or more, up to 1e"),
        ({"clip_norm": math.inf}, "clip_norm is inf"),
        ({"clip_norm": math.nan}, "clip_norm is nan"),
        ({"threads": 10**9}, "threads is 1000000000: use 0 or more, up to 1024"),
        ({"num_workers": 1000}, "num_workers is 1000: use 0 or more, up to 64"),
        ({"num_epochs": 10**400}, "num_epochs is 1000"),
        ({"seed": 2**32}, "seed is 4294967296: use 0 or more, up to 4294967295"),
        ({"run_dir": ""}, "run_dir is empty: name a folder, or leave it out"),
        ({"archive": ""}, "archive is empty: name a file, or leave it out"),
        ({"num_epochs": 1.5}, "num_epochs is 1.5: use a whole number"),
        ({"lr": "0.1"}, "lr is '0.1': use a number"),
        ({"seed": True}, "seed is True: use a whole number"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"weight_decay": math.nan}, "weight_decay is nan"),
        ({"cutout": 33}, "cutout is 33: use 0 or more, up to 32"),
        ({"seed": -1}, "seed is -1"),
        ({"model": "vgg"}, "model is 'vgg': use one of net, resnet"),
        ({"init": "zeros"}, "init is 'zeros': use one of torch"),
        ({"amp": True, "dtype": "float64"}, "amp computes in 16 bits"),
        ({"protocol": "official", "num_images": 100}, "leave num_images out"),
    ],
)
def test_a_setting_out_of_range_or_a_contradiction_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        TrainConfig(**changes)


def test_every_setting_is_an_option_with_a_meaning():
    parser = argparse.ArgumentParser()
    TrainConfig.add_options(parser)
    text = parser.format_help()
    for field in dataclasses.fields(TrainConfig):
        assert "--" + field.name.replace("_", "-") in text and len(field.metadata["help"]) >= 8
    assert TrainConfig(**vars(parser.parse_args([]))) == TrainConfig()


def test_a_batch_larger_than_the_data_set_is_refused(prepared):
    with pytest.raises(ValueError, match="batch_size is 401, but there are 400 training images"):
        fit(config(batch_size=401), data=prepared)


def test_a_missing_index_is_named(prepared):
    with pytest.raises(DataError, match=r"gone\.txt"):
        fit(config(), data=dataclasses.replace(prepared, index=prepared.index | {"train": "gone.txt"}))


def test_a_label_without_a_class_is_named(prepared, tmp_path):
    samples = [(path, 10) for path, _ in read_index(prepared.index["train"])]
    write_index(tmp_path / "train.txt", samples)
    data = dataclasses.replace(prepared, index=prepared.index | {"train": str(tmp_path / "train.txt")})
    with pytest.raises(DataError, match=r"train\.txt: labels 10 to 10, but there are 10 classes"):
        fit(config(), data=data)


@pytest.mark.parametrize(("device", "kind"), [("tpu", ValueError), ("cuda", RuntimeError)])
def test_a_device_that_is_not_there_is_refused(prepared, device, kind):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(kind, match=device):
        fit(config(device=device), data=prepared)


def test_resume_without_a_run_dir_is_refused(prepared):
    with pytest.raises(ValueError, match="run_dir"):
        fit(config(), resume=True, data=prepared)
