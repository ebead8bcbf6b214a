"""Several processes, started by a real `torchrun`: they train what one process trains, and end together."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import torch
from runs import config, read_events, scalars, without_times
from support import PROJECT, train_command

from helpers.train import fit
from helpers.training import checkpoint, distributed

LIMIT = 240  # seconds; a hang, not a slow machine


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"BOOK_DATA": str(folder / "data"), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}


def options(small, run_dir: Path, *more: object) -> list:
    return ["--source", "cifar10", "--archive", small.path, "--device", "cpu", "--threads", 1, "--num-images", "all",
            "--batch-size", 50, "--num-epochs", 2, "--run-dir", run_dir, *more]  # fmt: skip


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, capture_output=True, text=True, cwd=PROJECT, timeout=LIMIT, env=environment(folder), check=False
    )


def final(run_dir: Path) -> tuple[dict[str, torch.Tensor], dict]:
    state = checkpoint.read(run_dir / "last.pt")
    return state["model"], json.loads((run_dir / "result.json").read_text())


def assert_close(one: Path, other: Path, tolerance: float) -> None:
    (weights, result), (weights_other, result_other) = final(one), final(other)
    for name, values in weights.items():
        torch.testing.assert_close(weights_other[name], values, atol=tolerance, rtol=0)
    for record, record_other in zip(result["history"], result_other["history"], strict=True):
        for name in ("train_mode_loss", "valid_loss"):
            assert record_other[name] == pytest.approx(record[name], abs=10 * tolerance)
    for part, rows in result["confusion"].items():  # every image was counted once
        assert sum(map(sum, result_other["confusion"][part])) == sum(map(sum, rows))


@pytest.fixture(scope="module")
def singles(prepared, tmp_path_factory) -> dict[str, Path]:
    """The same training in one process, which is this one, for each type of number."""
    folder = tmp_path_factory.mktemp("single")
    for dtype in ("float64", "float32"):
        fit(config(dtype=dtype, run_dir=str(folder / dtype)), data=prepared)
    return {dtype: folder / dtype for dtype in ("float64", "float32")}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-5)])
def test_two_processes_with_half_the_batch_train_what_one_trains(small, singles, tmp_path, dtype, tolerance):
    run_dir = tmp_path / "run"
    done = run(train_command(*options(small, run_dir, "--dtype", dtype, "--json"), nproc=2), tmp_path)
    assert done.returncode == 0, done.stderr
    assert_close(singles[dtype], run_dir, tolerance)
    assert final(run_dir)[1]["hardware"]["processes"] == 2
    assert done.stdout.count("epoch   1/2") == 1  # one process prints
    assert done.stdout.count("test   accuracy") == 1 and done.stdout.count('"hardware"') == 1  # to the end
    assert len(list(run_dir.glob("events*"))) == 1  # and one writes
    assert [step for step, _ in scalars(read_events(run_dir), "accuracy/valid")] == [8, 16]


def workers(torchrun: psutil.Process) -> list[psutil.Process]:
    """The training processes that `torchrun` started, by rank."""
    found = {}
    for child in torchrun.children(recursive=True):
        try:
            if "helpers.train" in child.cmdline():
                found[int(child.environ()["RANK"])] = child
        except (psutil.Error, KeyError):  # it is just starting or ending
            continue
    return [found[rank] for rank in sorted(found)]


def test_a_killed_worker_ends_the_job_with_an_error_and_resume_goes_on(small, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    more = ["--num-epochs", 8]
    assert run(train_command(*options(small, whole, *more), nproc=2), tmp_path).returncode == 0

    command = train_command(*options(small, killed, *more), nproc=2)
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as job:
        started = time.monotonic()
        while not (killed / "last.pt").exists() and time.monotonic() - started < LIMIT:
            assert job.poll() is None, job.stderr.read()
            time.sleep(0.002)
        workers(psutil.Process(job.pid))[1].send_signal(signal.SIGKILL)
        _, told = job.communicate(timeout=LIMIT)  # TimeoutExpired, if it hangs
    assert job.returncode != 0 and "SIGKILL" in told
    assert not (killed / "result.json").exists()

    done = run([*command, "--resume"], tmp_path)
    assert done.returncode == 0, done.stderr
    (weights, result), (expected, result_whole) = final(killed), final(whole)
    assert all(torch.equal(weights[name], values) for name, values in expected.items())
    assert without_times(result) == without_times(result_whole)


def test_the_workers_end_when_torchrun_is_killed(small, tmp_path):
    """A killed launcher cannot stop them; without it nobody would, and they would train and write to the end."""
    run_dir = tmp_path / "run"
    command = train_command(*options(small, run_dir, "--num-epochs", 100_000), nproc=2)
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as job:
        started = time.monotonic()
        while not (run_dir / "last.pt").exists() and time.monotonic() - started < LIMIT and job.poll() is None:
            time.sleep(0.01)
        training = workers(psutil.Process(job.pid))
        job.kill()
    _, left = psutil.wait_procs(training, timeout=10)
    for process in left:
        process.kill()
    assert len(training) == 2 and not left
    assert not (run_dir / "result.json").exists()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_two_agents_stand_for_two_machines(small, singles, tmp_path):
    port, run_dir = free_port(), tmp_path / "run"
    meeting = ("--nnodes", "2", "--master-addr", "127.0.0.1", "--master-port", str(port))
    agents = [
        subprocess.Popen(
            train_command(
                *options(small, run_dir, "--dtype", "float64"), nproc=1, torchrun=(*meeting, "--node-rank", str(node))
            ),
            cwd=PROJECT,
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node in range(2)
    ]
    try:
        told = [agent.communicate(timeout=LIMIT)[1] for agent in agents]
    finally:
        for agent in agents:
            agent.kill()
    assert [agent.returncode for agent in agents] == [0, 0], told
    assert_close(singles["float64"], run_dir, 1e-9)


def test_a_batch_that_cannot_be_shared_is_refused_by_all(small, tmp_path):
    done = run(train_command(*options(small, tmp_path / "run", "--batch-size", 51), nproc=2), tmp_path)
    assert done.returncode != 0
    assert "batch_size 51 does not divide among 2 processes" in done.stderr


def test_what_the_main_process_refuses_all_refuse_with_the_same_message(small, singles, tmp_path):
    """Here a folder that holds another run; the others would else wait, or report a broken connection."""
    done = run(train_command(*options(small, singles["float64"]), nproc=2), tmp_path)
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("train: ")]
    assert 1 <= len(told) <= 2  # torchrun ends the second one, as soon as the first has ended
    assert all("holds a run with another dtype" in line for line in told)
    assert "broken" not in done.stderr and "Connection" not in done.stderr


def test_in_a_single_process_nothing_is_shared():
    value = torch.ones(3)
    assert distributed.sum_over_all(value) is value and distributed.from_main(lambda: value) is value
    assert (distributed.rank(), distributed.world_size(), distributed.is_main()) == (0, 1, True)
    with distributed.joined(torch.device("cpu")) as device:
        assert device.type == "cpu"
