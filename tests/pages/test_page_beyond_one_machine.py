"""The functions of the page about many runs: no run is lost, made twice or half-written, and no process stays."""

import functools
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent import futures

import cloudpickle
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import PROJECT, definition_of_page
from tqdm import tqdm

from helpers.paths import replacing

PAGE = "4_visualization/11_beyond_one_machine"
of_page = functools.partial(definition_of_page, PAGE)
ByValue = of_page("ByValue", pickle=pickle, cloudpickle=cloudpickle)
# threads share their memory, so that a test can count calls: nothing has to be pickled
run_all = of_page("run_all", ByValue=lambda function: function, futures=futures, tqdm=tqdm)
once = of_page("once", os=os, time=time, json=json, replacing=replacing)


def failing(times: dict[int, int]):
    """A call that raises as often as `times` says for its argument; and how often it was made."""
    calls, lock = dict.fromkeys(times, 0), threading.Lock()

    def call(k):
        with lock:
            calls[k] += 1
        if calls[k] <= times[k]:
            raise ValueError(f"{k}: {calls[k]}")
        return 10 * k

    return call, calls


@given(st.lists(st.integers(0, 4), max_size=8), st.integers(0, 3))
def test_each_call_is_made_until_it_works_or_its_retries_are_used_up(fails, retries):
    times = dict(enumerate(fails))
    call, calls = failing(times)
    with futures.ThreadPoolExecutor(2) as executor:
        results, failed = run_all(call, list(times), executor, retries)
    assert list(calls.values()) == [min(n, retries) + 1 for n in fails]
    assert results == [10 * k for k, n in times.items() if n <= retries]
    assert [(k, str(e)) for k, e in failed] == [(k, f"{k}: {retries + 1}") for k, n in times.items() if n > retries]


class Breaking(futures.Executor):
    """Takes some calls and then no more, as a pool that has lost a process."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity

    def submit(self, function, *arguments):
        if self.capacity == 0:
            raise futures.BrokenExecutor("a process was killed")
        self.capacity -= 1
        future = futures.Future()
        future.set_result(function(*arguments))
        return future


@pytest.mark.parametrize("capacity", [0, 3, 5])
def test_a_broken_executor_costs_only_the_calls_that_it_did_not_take(capacity):
    results, failed = run_all(lambda k: 10 * k, list(range(5)), Breaking(capacity), retries=2)
    assert results == [10 * k for k in range(capacity)]
    assert [k for k, _ in failed] == list(range(capacity, 5))
    assert all(isinstance(error, futures.BrokenExecutor) for _, error in failed)


def test_an_interrupt_cancels_what_has_not_begun():
    calls = []

    def call(k):
        calls.append(k)
        time.sleep(0.05)
        if k == 0:
            raise KeyboardInterrupt

    with futures.ThreadPoolExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        run_all(call, list(range(20)), executor)
    assert len(calls) < 10


def test_a_run_is_made_once_and_a_failed_one_again(tmp_path):
    calls = []

    def run(folder, lr, seed):
        calls.append((lr, seed))
        assert folder.is_dir()
        if len(calls) == 1:
            raise ValueError
        return {"accuracy": lr + seed}

    with pytest.raises(ValueError):
        once(run, tmp_path, {"lr": 0.5, "seed": 1})
    first = once(run, tmp_path, {"lr": 0.5, "seed": 1})
    assert once(run, tmp_path, {"lr": 0.5, "seed": 1}) == first
    assert (first["lr"], first["seed"], first["accuracy"]) == (0.5, 1, 1.5) and first["worker"] == os.getpid()
    assert once(run, tmp_path, {"lr": 0.5, "seed": 2})["accuracy"] == 2.5  # another seed is another run
    assert calls == [(0.5, 1), (0.5, 1), (0.5, 2)]
    attempts = of_page("attempts")
    assert [attempts(folder) for folder in sorted(tmp_path.iterdir())] == [2, 1]


def test_a_result_that_cannot_be_written_whole_is_not_there(tmp_path):
    def full_disk(path):
        raise OSError("no space left")

    on_a_full_disk = of_page("once", os=os, time=time, json=json, replacing=full_disk)
    with pytest.raises(OSError, match="no space"):
        on_a_full_disk(lambda folder, lr: {}, tmp_path, {"lr": 1})
    assert not list(tmp_path.rglob("result.json"))


def test_a_function_of_a_notebook_reaches_a_process_that_cannot_import_it():
    factor = 3
    sent = pickle.dumps(ByValue(lambda x: factor * x))
    code = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())(14))"
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True)
    assert done.stdout.split() == [b"42"], done.stderr


AT_WORK = """
import functools, json, multiprocessing, os, pickle, sys, time
from concurrent import futures
from contextlib import contextmanager
sys.path.insert(0, sys.argv[1])
import cloudpickle, dask, nbformat, papermill
from dask.distributed import Client, LocalCluster
from support import definition_of_page
from helpers.paths import end_with_parent, scratch_folder

scratch = scratch_folder()
os.environ["TMPDIR"] = str(scratch)
of_page = functools.partial(definition_of_page, sys.argv[2])
process_pool = of_page(
    "process_pool", multiprocessing=multiprocessing, futures=futures, end_with_parent=end_with_parent
)
local_cluster = of_page(
    "local_cluster",
    contextmanager=contextmanager, dask=dask, LocalCluster=LocalCluster, Client=Client, scratch=scratch,
)
ByValue = of_page("ByValue", pickle=pickle, cloudpickle=cloudpickle)
cells = [nbformat.v4.new_code_cell("lr = None\\nseed = None\\nfixed = None", metadata={"tags": ["parameters"]})]
cells += [nbformat.v4.new_code_cell("open(fixed, 'w').close(); import time; time.sleep(60)")]
written = nbformat.v4.new_notebook(cells=cells)
written.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
notebook, begun = scratch / "wait.ipynb", scratch / "begun"
nbformat.write(written, notebook)
by_notebook = of_page("by_notebook", papermill=papermill, json=json, notebook=notebook, fixed=str(begun))
with process_pool() as pool, local_cluster() as client:
    executor = client.get_executor(pure=False)
    pool.submit(ByValue(lambda folder: by_notebook(folder, 0.1, 0)), scratch)
    for each in (pool, executor, executor):
        each.submit(time.sleep, 60)
    while not begun.exists():
        time.sleep(0.05)
    print("working", flush=True)
    time.sleep(60)
"""


def test_nothing_stays_when_the_process_is_killed(tmp_path):
    """SIGKILL is how notebook kernels end. The pool runs a notebook, whose kernel is a process, too."""
    command = [sys.executable, "-c", AT_WORK, str(PROJECT / "tests"), PAGE]
    settings = os.environ | {"TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=settings) as process:
        assert process.stdout.readline() == "working\n"
        parent = psutil.Process(process.pid)
        children = parent.children(recursive=True)
        family = [parent, *children]
        listening = {c.laddr.ip for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
        process.kill()
    _, alive = psutil.wait_procs(children, timeout=15)
    for left in alive:
        left.kill()
    deadline = time.monotonic() + 5
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(children) >= 6  # two of the pool, two of Dask, a kernel, and who removes the folder
    assert not alive
    assert not list(tmp_path.iterdir())
    assert listening == {"127.0.0.1"}
