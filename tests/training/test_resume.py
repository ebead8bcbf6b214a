"""A run that is killed, by SIGKILL at any moment, and resumed ends as the run that was not: bit for bit."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from runs import read_events, same_weights, scalars, without_times
from support import PROJECT, run_on_a_small_disk, train_command

from helpers import train
from helpers.paths import DataError
from helpers.train import fit
from helpers.training import checkpoint
from helpers.training.config import TrainConfig


def options(small, run_dir: Path, *more: object) -> list:
    return ["--source", "cifar10", "--archive", small.path, "--device", "cpu", "--threads", 1, "--num-images", "all",
            "--batch-size", 50, "--num-epochs", 6, "--run-dir", run_dir, *more]  # fmt: skip


def run(command: list[str], **more) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, timeout=300, **more)


def final(run_dir: Path) -> tuple[dict, dict]:
    """The last checkpoint and the result of a finished run."""
    return checkpoint.read(run_dir / "last.pt"), json.loads((run_dir / "result.json").read_text())


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory) -> Path:
    """The folder of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    done = run(train_command(*options(small, folder / "run")), env=os.environ | {"BOOK_DATA": str(folder / "data")})
    assert done.returncode == 0, done.stderr
    return folder / "run"


def assert_same(run_dir: Path, whole: Path) -> None:
    (state, result), (state_whole, result_whole) = final(run_dir), final(whole)
    for part in ("model", "optimizer", "scheduler", "random"):
        assert str(state[part]) == str(state_whole[part])
    assert all(torch.equal(state["model"][key], value) for key, value in state_whole["model"].items())
    assert without_times(result) == without_times(result_whole)


def kill_when(command: list[str], ready, environment: dict[str, str], delay: float = 0.0) -> bool:
    """Start a command, wait until `ready()`, then kill it and what it started. Whether it was still running."""
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 200
        while not ready() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(delay)
        running = process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
    return running


def test_killed_at_several_moments_it_ends_with_the_same_weights_bit_for_bit(small, whole, tmp_path):
    """The kills come after the first checkpoint, then at random moments in the epochs and the writing of files."""
    run_dir, environment = tmp_path / "run", os.environ | {"BOOK_DATA": str(whole.parent / "data")}
    command = train_command(*options(small, run_dir))

    def written() -> int | None:
        """When the last checkpoint was written; None also in the moment between two renamings."""
        return (run_dir / "last.pt").stat().st_mtime_ns if (run_dir / "last.pt").exists() else None

    assert kill_when(command, written, environment)
    assert not (run_dir / "result.json").exists()
    moments = random.Random(0)
    killed = 0
    for _ in range(3):
        before = written()
        later = partial(lambda before: written() not in (None, before), before)
        killed += kill_when([*command, "--resume"], later, environment, delay=moments.random() * 0.1)
        if (run_dir / "result.json").exists():
            break
    assert killed
    done = run([*command, "--resume"], env=environment)
    assert done.returncode == 0, done.stderr
    assert_same(run_dir, whole)
    assert not [path for path in run_dir.iterdir() if "partial" in path.name]
    events, events_whole = read_events(run_dir), read_events(whole)
    for tag in events_whole.Tags()["scalars"]:  # also what TensorBoard shows is that of one run
        assert scalars(events, tag) == scalars(events_whole, tag), tag


def config(run_dir: Path, **changes) -> TrainConfig:
    settings = {"num_epochs": 3, "batch_size": 50, "device": "cpu", "threads": 1, "run_dir": str(run_dir)}
    return TrainConfig(**settings | changes)


@pytest.fixture
def stopped(prepared, tmp_path, monkeypatch) -> Path:
    """A run of three epochs that was stopped in the middle of the third."""
    original, calls = train.train_one_epoch, []

    def stopping(*arguments, **named):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    monkeypatch.setattr(train, "train_one_epoch", stopping)
    with pytest.raises(KeyboardInterrupt):
        fit(config(tmp_path / "run"), data=prepared)
    monkeypatch.setattr(train, "train_one_epoch", original)
    return tmp_path / "run"


@pytest.mark.parametrize("damaged", [False, True])
def test_resumed_from_the_last_or_the_one_before_it_ends_the_same(prepared, stopped, tmp_path, capsys, damaged):
    if damaged:
        content = (stopped / "last.pt").read_bytes()
        (stopped / "last.pt").write_bytes(content[: len(content) // 3])
    model, result = fit(config(stopped), resume=True, data=prepared)
    twin, expected = fit(config(tmp_path / "whole"), data=prepared)
    assert same_weights(model, twin) and without_times(result) == without_times(expected)
    assert ("Going on from" in capsys.readouterr().err) is damaged


def test_a_finished_run_is_not_run_again(prepared, tmp_path):
    model, result = fit(config(tmp_path / "run", num_epochs=1), data=prepared)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    again, told = fit(config(tmp_path / "run", num_epochs=1), resume=True, data=prepared)
    assert same_weights(model, again) and told == json.loads(json.dumps(result))
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before


def test_a_folder_that_holds_a_run_is_refused(prepared, stopped):
    with pytest.raises(DataError, match="holds a run already. Go on with --resume"):
        fit(config(stopped), data=prepared)
    with pytest.raises(DataError, match="holds a run with another lr, seed. Choose another --run-dir"):
        fit(config(stopped, lr=0.01, seed=3), resume=True, data=prepared)
    with pytest.raises(DataError, match="holds a run with another model"):
        fit(config(stopped, model="resnet"), resume=True, data=prepared)


def test_a_run_with_other_images_is_refused(prepared, stopped):
    other = dataclasses.replace(prepared, index_sha256=prepared.index_sha256 | {"train": "0" * 64})
    with pytest.raises(DataError, match="holds a run with another index_sha256"):
        fit(config(stopped), resume=True, data=other)


def test_the_checkpoint_of_another_architecture_is_refused(prepared, stopped):
    state = checkpoint.read(stopped / "last.pt")
    state["model"]["fc3.weight"] = torch.zeros(3, 84)
    torch.save(state, stopped / "last.pt")
    with pytest.raises(DataError, match=r"last\.pt: the weights .*mismatched: fc3\.weight \[3, 84\], not \[10, 84\]"):
        fit(config(stopped), resume=True, data=prepared)


def test_a_disk_that_fills_up_ends_the_run_with_one_message(small, whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = run_on_a_small_disk(
        train_command(*options(small, disk / "run")), "1m", disk, tmp_path / "listing",
        BOOK_DATA=str(whole.parent / "data"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "No space left on device" in done.stderr and str(disk / "run") in done.stderr
    assert "partial" not in (tmp_path / "listing").read_text()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--learning-rate", "0.1"], "unrecognized arguments: --learning-rate"),
        (["--lr", "0"], "train: lr is 0.0: use a number above 0"),
        (["--device", "tpu"], "train: unknown device 'tpu'"),
        (["--model", "vgg"], "invalid choice: 'vgg'"),
        (["--resume"], "resume needs the run_dir"),
        (["--protocol", "official", "--num-images", "100"], "leave num_images out"),
        (["--batch-size", "401"], "batch_size is 401, but there are 400 training images"),
        (["--archive", "missing.tar.gz"], "missing.tar.gz"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(small, whole, wrong, told):
    command = train_command(
        "--source", "cifar10", "--archive", small.path, "--device", "cpu", "--num-epochs", 1, *wrong
    )
    done = run(command, env=os.environ | {"BOOK_DATA": str(whole.parent / "data")})
    assert done.returncode in (1, 2)
    assert told in done.stderr and "Traceback" not in done.stderr


def test_json_is_the_last_line(small, whole):
    environment = os.environ | {"BOOK_DATA": str(whole.parent / "data")}
    done = run(train_command(*options(small, whole, "--resume", "--json")), env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == final(whole)[1]
    assert "Nothing to do" in done.stdout
