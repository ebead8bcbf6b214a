"""A page that fails half-way, or whose kernel is killed, leaves no process, no open port and no temporary folder."""

import json
import socket
import time

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from support import PROJECT

# The first cells of two pages, up to the one with these words: what opens files, starts servers, or both.
BEGINS = {"01_log_numbers": 'writer.add_scalar("loss", 2.5, 10', "08_visdom": "process, port = start_visdom(state)"}
LOOK = """
import json, os, signal, tempfile
import psutil
from pathlib import Path
from tensorboardX import SummaryWriter

open_writer = SummaryWriter(str(scratch / "open"))  # what a training has open
open_writer.add_scalar("loss", 1.0, 1)
running = [psutil.Process(), *psutil.Process().children(recursive=True)]
ports = [c.laddr.port for p in running for c in p.net_connections("tcp") if c.status == "LISTEN"]
folders = os.listdir(tempfile.gettempdir())
Path("seen.json").write_text(json.dumps([[p.pid for p in running], ports, folders]))
"""
ENDS = {"fails": ("1 / 0", CellExecutionError), "killed": ("os.kill(os.getpid(), signal.SIGKILL)", DeadKernelError)}


def halves_of_pages(end: str) -> nbformat.NotebookNode:
    """The first cells of both pages, without the data, which they do not use, and cells that look round and end it."""
    texts = []
    for page, words in BEGINS.items():
        for cell in nbformat.read(PROJECT / "chapters" / "4_visualization" / f"{page}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                texts.append(cell.source.replace("prepare(source, seed=seed)", "None"))
                if words in cell.source:
                    break
        assert words in texts[-1]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in (*texts, LOOK, end)])


@pytest.mark.parametrize("how", ENDS)
def test_nothing_is_left(how, tmp_path, monkeypatch):
    for name in ("TMPDIR", "JUPYTER_RUNTIME_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # PyTorch's own: one for each user, and it stays
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    end, error = ENDS[how]
    client = NotebookClient(halves_of_pages(end), kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    with pytest.raises(error):
        client.execute()
    pids, ports, folders = json.loads((tmp_path / "seen.json").read_text())
    assert len(pids) >= 4  # the kernel, who removes its two folders, and the server
    assert sum(name.startswith("book-") for name in folders) == 2 and ports
    deadline = time.monotonic() + 20
    while left_over(tmp_path, pids, ports) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left_over(tmp_path, pids, ports)


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # ended, but nobody has asked how
    except psutil.NoSuchProcess:
        return False


def left_over(folder, pids: list[int], ports: list[int]) -> list[str]:
    """Processes that still run, ports that still answer, and files that still lie about."""
    running = [f"process {pid}" for pid in pids if runs(pid)]
    files = [str(path) for name in ("TMPDIR", "JUPYTER_RUNTIME_DIR") for path in (folder / name).iterdir()]
    answering = []
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                answering.append(f"port {port}")
    return running + answering + files
