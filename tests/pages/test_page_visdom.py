"""The server of the page on Visdom: where it listens, and that it ends with whoever started it, however that came."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import nbformat
import psutil
import pytest
from support import PROJECT, definition_of_page

PAGE = PROJECT / "chapters" / "4_visualization" / "08_visdom.ipynb"
NAMES = ("SERVER =", "def start_visdom(")
HEAD = """
import subprocess, sys, time
from helpers.paths import scratch_folder
"""
TAIL = """
process, port = start_visdom(scratch_folder() / "state", int(sys.argv[1]))
print(port, process.pid, flush=True)
if sys.stdin.readline() == "stop\\n":
    stop_visdom(process)
    print("exit code", process.returncode)
"""
LIMIT = 30  # seconds for what takes less than one


@pytest.fixture(scope="module")
def program() -> str:
    """The cells of the page that start and stop a server, as a program of their own."""
    cells = [cell.source for cell in nbformat.read(PAGE, as_version=4).cells if cell.cell_type == "code"]
    return HEAD + "\n".join(next(s for s in cells if name in s) for name in NAMES) + TAIL


class Child:
    """A process that started a server as the page does, with temporary folders below `folder`."""

    def __init__(self, program: str, folder: Path, port: int = 0) -> None:
        environment = os.environ | {"TMPDIR": str(folder), "HOME": str(folder / "home")}
        self.process = subprocess.Popen([sys.executable, "-c", program, str(port)], env=environment, cwd=PROJECT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)  # fmt: skip
        answer = self.process.stdout.readline().split()
        self.port, pid = map(int, answer) if answer else (0, 0)
        self.server = psutil.Process(pid) if pid else None
        self.started = psutil.Process(self.process.pid).children(recursive=True) if pid else []


@pytest.fixture
def start(program, tmp_path):
    (tmp_path / "home").mkdir()
    children = []

    def start(port: int = 0) -> Child:
        children.append(Child(program, tmp_path, port))
        return children[-1]

    yield start
    for child in children:
        child.process.kill()
        child.process.communicate()
        for process in child.started:  # what should be gone by now
            with suppress(psutil.NoSuchProcess):
                process.kill()


def ask(port: int, endpoint: str, **message: object) -> str:
    """Post a message, or get a page if there is none."""
    request = Request(f"http://127.0.0.1:{port}/{endpoint}", json.dumps(message).encode() if message else None)
    with build_opener(ProxyHandler({})).open(request, timeout=LIMIT) as answer:
        return answer.read().decode()


def gone(child: Child, folder: Path) -> list[str]:
    """Wait until neither a process, nor the port, nor a folder is left of a child; what is left at the end."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        left = [f"process {p.pid}" for p in child.started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        left += [p.name for p in folder.iterdir() if p.name != "home"]
        try:
            ask(child.port, "env_state", all=1)
            left.append(f"port {child.port}")
        except OSError:
            if not left:
                break
        time.sleep(0.02)
    return left


def test_the_server_answers_on_this_machine_only_and_keeps_out_of_the_home_directory(start, tmp_path):
    child = start()
    assert json.loads(ask(child.port, "env_state", all=1)) == ["main"]
    listening = [c.laddr for c in child.server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", child.port)]
    data = [{"type": "text", "content": "hello"}]
    assert ask(child.port, "events", eid="run", win="notes", data=data) == "notes"
    assert json.loads(ask(child.port, "save", data=["run"])) == ["run"]
    saved = list(tmp_path.rglob("run.json"))
    assert [path.parent.name for path in saved] == ["state"]
    assert json.loads(saved[0].read_text())["jsons"]["notes"]["content"] == "hello"
    assert not list((tmp_path / "home").iterdir())


def test_a_browser_gets_its_page_also_with_a_new_tornado(start):
    """Visdom's template names `../user/style.css`; tornado 6.6 refuses to look for a version of that file."""
    page = ask(start().port, "env/main")
    assert "/static/js/main.js" in page and "/static/../user/style.css" in page


def test_nothing_is_left_when_the_process_that_started_it_is_killed(start, tmp_path):
    child = start()
    assert ask(child.port, "env_state", all=1) and len(list(tmp_path.iterdir())) == 2  # home, and the scratch folder
    child.process.send_signal(signal.SIGKILL)
    child.process.wait(LIMIT)
    assert gone(child, tmp_path) == []


def test_an_interrupt_in_the_terminal_does_not_reach_the_server(start):
    child = start()
    assert os.getsid(child.server.pid) == child.server.pid != os.getsid(child.process.pid)


def test_it_stops_when_asked_and_starts_again_on_the_same_port(start, tmp_path):
    first = start()
    out, err = first.process.communicate("stop\n", timeout=LIMIT)
    assert (first.process.returncode, out) == (0, "exit code 0\n"), err
    assert gone(first, tmp_path) == []
    second = start(first.port)
    assert second.port == first.port and ask(second.port, "env_state", all=1)


def test_a_port_that_is_taken_is_an_error_that_says_so(start):
    taken = start().port
    _, err = start(taken).process.communicate(timeout=LIMIT)
    assert "RuntimeError" in err and "Address already in use" in err


def window(*lines: dict) -> str:
    return json.dumps({"content": {"data": list(lines)}})


def test_the_lines_of_a_window_are_told_apart_by_name():
    traces = definition_of_page("4_visualization/08_visdom", "traces", json=json)

    class Client:
        def get_window_data(self, win, env):
            assert (win, env) == ("loss", "other")
            return window({"name": "a", "x": [1, 2], "y": [0.1, 0.2]}, {"name": "b", "x": [1], "y": [7]})

    assert traces(Client(), "loss", env="other") == {"a": [(1, 0.1), (2, 0.2)], "b": [(1, 7)]}
