"""`helpers.paths`: where things live, and files that are there whole or not at all."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import PROJECT, half_written

from helpers.paths import data_root, project_root, remove_leftovers, replacing, results_root, runs_root, temporary_name


def test_the_project_is_the_folder_of_helpers_and_chapters():
    assert project_root() == PROJECT
    assert (project_root() / "helpers" / "paths.py").is_file()
    assert results_root() == PROJECT / "book" / "results"


def test_book_data_moves_data_and_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_DATA", str(tmp_path / "elsewhere"))
    assert data_root() == tmp_path / "elsewhere"
    assert runs_root() == tmp_path / "elsewhere" / "runs"
    assert not data_root().exists()  # asking makes nothing


@pytest.mark.parametrize("value", [None, ""])
def test_without_book_data_the_folder_is_data_of_the_project(monkeypatch, value):
    monkeypatch.delenv("BOOK_DATA") if value is None else monkeypatch.setenv("BOOK_DATA", value)
    assert data_root() == PROJECT / "data"


def test_book_data_may_be_relative_or_start_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOK_DATA", "here")
    assert data_root() == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BOOK_DATA", "~/there")
    assert data_root() == tmp_path / "there"


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("written", [True, False])
def test_a_failed_write_leaves_what_was_there(tmp_path, error, old, written):
    path = tmp_path / "a.txt"
    if old:
        path.write_text(old)
    with pytest.raises(error), replacing(path) as temporary:
        if written:
            temporary.write_text("half")
        raise error
    assert half_written(tmp_path) == []
    assert (path.read_text() if path.exists() else None) == old


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_text() == "old"


def test_temporary_names_are_hidden_neighbours_and_never_the_same(tmp_path):
    names = {temporary_name(tmp_path / "a.txt") for _ in range(1000)}
    assert len(names) == 1000
    assert {name.parent for name in names} == {tmp_path}
    assert all(name.name.startswith(".a.txt.partial-") for name in names)


def test_only_leftovers_are_removed(tmp_path):
    kept = [tmp_path / name for name in ("a.txt", ".hidden", "a.partial-1", ".git")]
    for path in kept[:3]:
        path.write_text("kept")
    kept[3].mkdir()
    for name in ("a.txt", "b c.png"):
        temporary_name(tmp_path / name).write_text("half")
    assert remove_leftovers(tmp_path) == 2
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    assert remove_leftovers(tmp_path) == 0


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path):
    assert remove_leftovers(tmp_path / "none") == 0


PARENT = """
import sys, time
from concurrent.futures import ProcessPoolExecutor
from helpers.paths import end_with_parent
with ProcessPoolExecutor(3, initializer=end_with_parent if sys.argv[1] == "watch" else None) as pool:
    for _ in range(3):
        pool.submit(time.sleep, 0.3)
    print("working", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("watch", ["watch", "do not"])
def test_workers_that_watch_their_parent_end_with_it(watch):
    """Without the watch they stay, which is why there is one."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, watch], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    ) as parent:
        assert parent.stdout.readline() == "working\n"
        workers = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
        parent.wait()
        _, alive = psutil.wait_procs(workers, timeout=5 if watch == "watch" else 1)
        for process in alive:
            process.kill()
    assert len(workers) == 3
    assert len(alive) == (0 if watch == "watch" else 3)


def test_a_relative_path_may_be_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing("a.txt") as temporary:
        temporary.write_text("whole")
    assert os.listdir(tmp_path) == ["a.txt"]
    assert Path("a.txt").read_text() == "whole"


def test_a_scratch_folder_goes_when_its_process_is_killed():
    """SIGKILL is how notebook kernels end; nothing in the process can clean up after it."""
    code = "from helpers.paths import scratch_folder as f; import time; print(f(), flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("x")
        process.kill()
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not folder.exists()
