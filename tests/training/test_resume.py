"""A run that is killed, by SIGKILL at any moment, and resumed ends as the run that was not: bit for bit."""

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import torch
from runs import read_events, same_weights, scalars, without_figures, without_times
from support import PROJECT, run_on_a_small_disk, train_command

from helpers import train
from helpers.paths import DataError
from helpers.train import fit
from helpers.training import checkpoint
from helpers.training.config import TrainConfig


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Processes that a test starts draw theirs."""
    without_figures(monkeypatch)


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOK_DATA", str(folder / "data"))
        without_figures(patch)
        assert train.main([str(word) for word in options(small, folder / "run")]) == 0
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


@pytest.fixture(scope="module")
def stopped_once(prepared, tmp_path_factory) -> Path:
    """A run of three epochs that was stopped in the middle of the third."""
    folder = tmp_path_factory.mktemp("stopped")
    original, calls = train.train_one_epoch, []

    def stopping(*arguments, **named):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "train_one_epoch", stopping)
        fit(config(folder / "run"), data=prepared)
    return folder / "run"


@pytest.fixture
def stopped(stopped_once, tmp_path) -> Path:
    """A copy of the stopped run, to go on with."""
    return Path(shutil.copytree(stopped_once, tmp_path / "run"))


@pytest.fixture(scope="module")
def twin(prepared) -> tuple:
    """What the stopped run returns when nobody stops it: the model and the result."""
    return fit(dataclasses.replace(config(Path()), run_dir=None), data=prepared)


DAMAGES = {
    "none": lambda content: content,
    "cut": lambda content: content[: len(content) // 3],
    "one bit": lambda content: content[:300_001] + bytes([content[300_001] ^ 4]) + content[300_002:],
    "a page of zeros": lambda content: content[:200_704] + bytes(4096) + content[204_800:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_resumed_from_the_last_or_the_one_before_it_ends_the_same(prepared, stopped, twin, capsys, damage):
    content = (stopped / "last.pt").read_bytes()
    (stopped / "last.pt").write_bytes(DAMAGES[damage](content))
    model, result = fit(config(stopped), resume=True, data=prepared)
    assert same_weights(model, twin[0]) and without_times(result) == without_times(twin[1])
    assert ("Going on from" in capsys.readouterr().err) is (damage != "none")


def test_a_finished_run_is_not_run_again(prepared, tmp_path):
    model, result = fit(config(tmp_path / "run", num_epochs=1), data=prepared)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    again, told = fit(config(tmp_path / "run", num_epochs=1), resume=True, data=prepared)
    assert same_weights(model, again) and told == json.loads(json.dumps(result))
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before


@pytest.fixture
def finished(whole, tmp_path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(whole, tmp_path / "finished"))


def resume(run_dir: Path, small, whole: Path, monkeypatch, *more: object) -> int:
    """`helpers.train --resume` in this process."""
    monkeypatch.setenv("BOOK_DATA", str(whole.parent / "data"))
    return train.main([str(word) for word in options(small, run_dir, "--resume", *more)])


def test_a_finished_run_needs_only_its_best_checkpoint(small, whole, finished, monkeypatch, capsys):
    for name in ("last.pt", "previous.pt"):
        (finished / name).unlink()
    assert resume(finished, small, whole, monkeypatch) == 0
    assert "Nothing to do" in capsys.readouterr().out
    checkpoint.save(finished / "last.pt", checkpoint.read(whole / "last.pt"))  # or the last one alone
    (finished / "best.pt").unlink()
    assert resume(finished, small, whole, monkeypatch) == 0
    (finished / "last.pt").unlink()
    before = sorted(path.name for path in finished.iterdir())
    assert resume(finished, small, whole, monkeypatch) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"train: {finished}: the run is finished, but no readable checkpoint")
    assert sorted(path.name for path in finished.iterdir()) == before


@pytest.mark.parametrize("name", ["config.json", "result.json"])
@pytest.mark.parametrize("content", ["", "[1]", "null", "{", '{"a": 1}', "\xff", "[" * 100_000])
def test_a_damaged_note_is_answered_with_one_message(small, whole, finished, monkeypatch, capsys, name, content):
    (finished / name).write_bytes(content.encode("latin-1"))
    assert resume(finished, small, whole, monkeypatch) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"train: {finished / name}: ")
    assert ("Choose another --run-dir" if name == "config.json" else "Delete it, then --resume") in told


def test_a_deleted_result_is_measured_again(small, whole, finished, monkeypatch):
    """What the message about a damaged one advises."""
    (finished / "result.json").unlink()
    assert resume(finished, small, whole, monkeypatch) == 0
    assert_same(finished, whole)


def test_a_run_of_another_version_is_refused(small, whole, finished, monkeypatch, capsys):
    settings = json.loads((finished / "config.json").read_text())
    del settings["cutout"], settings["num_images"]  # as before they existed
    (finished / "config.json").write_text(json.dumps(settings | {"\x1b[31m": 1}))
    assert resume(finished, small, whole, monkeypatch) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert f"{finished / 'config.json'}: of another version of this program" in told
    assert r"'\x1b[31m', 'cutout', 'num_images'. Choose another --run-dir" in told


def test_a_folder_whose_config_is_gone_is_refused(small, whole, finished, monkeypatch, capsys):
    (finished / "config.json").unlink()
    (finished / "result.json").unlink()
    before = (finished / "last.pt").read_bytes()
    for more in ([], ["--resume"]):
        monkeypatch.setenv("BOOK_DATA", str(whole.parent / "data"))
        assert train.main([str(word) for word in options(small, finished, *more)]) == 1
        assert "holds last.pt, previous.pt, best.pt, but no config.json" in capsys.readouterr().err
    assert (finished / "last.pt").read_bytes() == before


def test_a_last_checkpoint_that_lacks_a_part_is_answered_with_one_message(small, whole, finished, monkeypatch, capsys):
    (finished / "result.json").unlink()
    state = checkpoint.read(whole / "last.pt")
    for name in ("model", "optimizer", "scheduler", "random", "history", "best"):
        for changed in ({key: value for key, value in state.items() if key != name}, state | {name: [0]}):
            checkpoint.save(finished / "last.pt", changed)
            assert resume(finished, small, whole, monkeypatch) == 1
            (told,) = capsys.readouterr().err.splitlines()
            assert told.startswith(f"train: {finished / 'last.pt'}: ")
    other = state["best"] | {"weights": state["best"]["weights"] | {"fc3.bias": torch.zeros(3)}}
    checkpoint.save(finished / "last.pt", state | {"best": other})  # found now, not after the last epoch
    assert resume(finished, small, whole, monkeypatch) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"train: {finished / 'last.pt'}: ") and "mismatched: fc3.bias [3], not [10]" in told


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
    checkpoint.save(stopped / "last.pt", state)
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


READ_ONLY = """
mount -t tmpfs none "$1" && cp -r "$2" "$1/run" && rm "$1/run/result.json" && mount -o remount,ro "$1" || exit 99
"${@:3}"
"""


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_cannot_be_written_is_answered_with_one_message(small, whole, tmp_path, there):
    """On a file system that is mounted read-only: permissions do not bind the superuser."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run_dir = disk / "run" if there else disk / "new"
    command = train_command(*options(small, run_dir, *["--resume"] * there))
    try:
        done = run(
            ["unshare", "--map-root-user", "--mount", "bash", "-c", READ_ONLY, "bash", disk, whole, *command],
            env=os.environ | {"BOOK_DATA": str(whole.parent / "data")},
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here to mount a file system with")
    if done.returncode == 99 or done.stderr.startswith("unshare: "):
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()
    assert told.startswith(f"train: {run_dir}") and "Read-only file system" in told
    assert "choose another --run-dir" in told


def test_names_with_spaces_letters_and_links_are_names_like_others(small, whole, tmp_path):
    """Also one that is no UTF-8, which cannot be printed as it is."""
    (tmp_path / "linked data").symlink_to(whole.parent / "data")
    run_dir = tmp_path / "L\u00e4ufe \u8bad\u7ec3" / "run \udcff"
    environment = os.environ | {"BOOK_DATA": str(tmp_path / "linked data"), "PYTHONIOENCODING": "utf-8:strict"}
    done = run(train_command(*options(small, run_dir)), env=environment)
    assert done.returncode == 0, done.stderr
    assert_same(run_dir, whole)
    done = run(train_command(*options(small, run_dir, "--resume")), env=environment)
    assert done.returncode == 0 and "Nothing to do" in done.stdout, done.stderr


def test_a_run_dir_that_is_a_file_is_refused(small, whole, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("mine")
    for run_dir, reason in ((tmp_path / "file", "a file, not a folder"), (tmp_path / "file" / "below", "Not a direct")):
        assert resume(run_dir, small, whole, monkeypatch) == 1
        (told,) = capsys.readouterr().err.splitlines()
        assert told.startswith(f"train: {run_dir}: ") and reason in told and "hoose another --run-dir" in told
    assert (tmp_path / "file").read_text() == "mine"


def test_a_setting_that_does_not_fit_the_data_leaves_no_run_behind(small, whole, tmp_path, monkeypatch, capsys):
    """Else the corrected command would be refused: the folder holds a run with another batch size."""
    assert resume(tmp_path / "run", small, whole, monkeypatch, "--batch-size", 401) == 1
    assert "batch_size is 401" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def kill_at(names: list[str], command: list[object]) -> None:
    """Run a training again and again; the n-th is killed when it gives its files their n-th name; then one ends.

    Each is a process of its own, forked from one that has imported all there is to import.
    """
    text = """
import os, signal, sys
from helpers import train
from helpers.visualization.writers import RunWriter
names, command = sys.argv[1].split(), sys.argv[2:]
original = os.replace
RunWriter.confusion = lambda *_: None  # drawn a second time for TensorBoard, which is slow, and not of interest here
for name in [*names, None]:
    if not (child := os.fork()):
        def replace(source, target):
            if os.path.basename(target) == name:
                os.kill(os.getpid(), signal.SIGKILL)
            original(source, target)
        os.replace = replace
        code = train.main(command if name == names[0] else [*command, "--resume"])
        os._exit(code)
    _, status = os.waitpid(child, 0)
    expected = 0 if name is None else -signal.SIGKILL
    if os.waitstatus_to_exitcode(status) != expected:
        sys.exit(f"{name}: {status}")
"""
    done = run([sys.executable, "-c", text, " ".join(names), *map(str, command)])
    assert done.returncode == 0, done.stderr


def test_killed_while_any_of_its_files_is_written_it_ends_the_same(small, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_DATA", str(whole.parent / "data"))
    names = ["config.json", "best.pt", "last.pt", "previous.pt", "curves.png", "confusion_test.png", "result.json"]
    kill_at(names, options(small, tmp_path / "run"))
    assert_same(tmp_path / "run", whole)
    assert not [path for path in (tmp_path / "run").iterdir() if "partial" in path.name]


def test_a_second_process_is_refused_while_the_first_trains(small, whole, tmp_path, monkeypatch, capsys):
    """The first is halted, so that it can neither end nor write; once it is killed, the second goes on."""
    run_dir, environment = tmp_path / "run", os.environ | {"BOOK_DATA": str(whole.parent / "data")}
    with subprocess.Popen(
        train_command(*options(small, run_dir, "--num-workers", 1)), cwd=PROJECT, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as first:  # fmt: skip
        try:
            deadline = time.monotonic() + 200
            while not (run_dir / "last.pt").exists() and first.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            os.killpg(first.pid, signal.SIGSTOP)
            assert not (run_dir / "result.json").exists()
            before = {path.name: path.stat().st_mtime_ns for path in run_dir.iterdir()}
            second = run(train_command(*options(small, run_dir, "--num-workers", 1, "--resume")), env=environment)
            assert second.returncode == 1
            assert second.stderr == (
                f"train: {run_dir}: another process trains there. Wait for its end, or choose another --run-dir.\n"
            )
            assert train.main([str(word) for word in options(small, run_dir)]) == 1  # and so is a new start
            assert "another process trains there" in capsys.readouterr().err
            assert {path.name: path.stat().st_mtime_ns for path in run_dir.iterdir()} == before
            first.kill()  # only itself: a loader process must not hold the lock
            first.wait()
            with suppress(ProcessLookupError):  # halted while it was forked, it can let go only when it runs
                os.killpg(first.pid, signal.SIGCONT)
            assert resume(run_dir, small, whole, monkeypatch, "--num-workers", 1) == 0
            assert_same(run_dir, whole)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(first.pid, signal.SIGKILL)


WRONG = [
    (["--learning-rate", "0.1"], "unrecognized arguments: --learning-rate"),
    (["--device", "tpu"], "train: unknown device 'tpu'"),
]


@pytest.mark.parametrize(("wrong", "told"), WRONG)
def test_a_wrong_option_ends_the_process_with_one_message(small, whole, wrong, told):
    command = train_command("--source", "cifar10", "--archive", small.path, "--num-epochs", 1, *wrong)
    done = run(command, env=os.environ | {"BOOK_DATA": str(whole.parent / "data")})
    assert done.returncode in (1, 2)
    assert told in done.stderr and "Traceback" not in done.stderr


NUM_GPUS = torch.cuda.device_count()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        *WRONG,
        (["--lr", "0"], "train: lr is 0.0: use a number above 0"),
        (["--model", "vgg"], "invalid choice: 'vgg'"),
        (["--resume"], "resume needs the run_dir"),
        (["--run-dir", ""], "train: run_dir is empty: name a folder"),
        (["--archive", ""], "train: archive is empty: name a file"),
        (["--seed", "4294967296"], "train: seed is 4294967296: use 0 or more, up to 4294967295"),
        (["--device", f"cuda:{NUM_GPUS}"], f"train: device 'cuda:{NUM_GPUS}' is not here: torch sees {NUM_GPUS} GPUs."),
        (["--device", "cpu:99999999999999999999"], "train: unknown device 'cpu:99999999999999999999'"),
        pytest.param(
            ["--device", "mps"],
            "train: device 'mps' is not here. Use device='cpu'.",
            marks=pytest.mark.skipif(torch.backends.mps.is_available(), reason="it is here"),
        ),
        (["--protocol", "official", "--num-images", "100"], "leave num_images out"),
        (["--batch-size", "401"], "batch_size is 401, but there are 400 training images"),
        (["--archive", "missing.tar.gz"], "missing.tar.gz"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(small, whole, monkeypatch, capsys, wrong, told):
    monkeypatch.setenv("BOOK_DATA", str(whole.parent / "data"))
    monkeypatch.chdir(whole.parent)
    command = ["--source", "cifar10", "--archive", str(small.path), "--device", "cpu", "--num-epochs", "1", *wrong]
    try:
        assert train.main(command) == 1
        (line,) = capsys.readouterr().err.splitlines()
    except SystemExit as ended:  # by argparse, after the line on how to use it
        assert ended.code == 2
        line = capsys.readouterr().err.splitlines()[-1]
    assert told in line
    assert not Path("config.json").exists()


def test_json_is_the_last_line(small, whole):
    environment = os.environ | {"BOOK_DATA": str(whole.parent / "data")}
    done = run(train_command(*options(small, whole, "--resume", "--json")), env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == final(whole)[1]
    assert "Nothing to do" in done.stdout
