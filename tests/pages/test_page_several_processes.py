"""The functions on the page about several processes, under a real `torchrun` that a stand-in for the kernel starts.

It is started once: two processes run the functions of the page on made-up images, and then wait. The stand-in is
killed, and everything that it has started must end.
"""

import ast
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import PROJECT, definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DistributedSampler

from helpers.model import weights

PAGE = "4_visualization/10_several_processes"
shares = definition_of_page(PAGE, "shares", DistributedSampler=DistributedSampler, seed=4)
positions, weight = (definition_of_page(PAGE, name) for name in ("positions_solution", "weight_solution"))
LIMIT = 60  # seconds; a hang, not a slow machine

KERNEL = """
import inspect, os, subprocess, sys
from contextlib import contextmanager
from pathlib import Path

scratch = Path(sys.argv[1])

{page}

def rehearse():
    import contextlib
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    dist.init_process_group = dist.destroy_process_group = lambda *_: None  # one group for all that follows
    with open(scratch / f"told{{rank}}", "w") as told, contextlib.redirect_stdout(told):
        measure()
    images, labels, _ = torch.load(scratch / "test.pt")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10)).double()
    found = {{"three": three_gradients(net, images, labels), "mean": mean_over_all(torch.tensor([1.0, 10.0 * rank]))}}
    found |= {{"equal": with_seed(7), "own": with_seed(7 + rank)}}
    torch.save(found, scratch / f"{{rank}}.part")
    dist.barrier()
    os.rename(scratch / f"{{rank}}.part", scratch / f"{{rank}}.pt")
    time.sleep(600)

file = program(gradient, mean_over_all, three_gradients, flat, with_seed, measure, rehearse)
print(torchrun("--standalone", "--nproc-per-node", 2, file))
"""


def text_of_page(*names: str) -> str:
    """The statements of the page that define these names."""
    found = {}
    for cell in nbformat.read(PROJECT / "chapters" / f"{PAGE}.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                targets = [node] if isinstance(node, ast.FunctionDef) else getattr(node, "targets", [])
                for target in targets:
                    found[getattr(target, "name", None) or getattr(target, "id", None)] = ast.unparse(node)
    return "\n\n".join(found[name] for name in names)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory) -> tuple:
    """What each process found, what each printed, its images and labels, and what was left after the kill."""
    folder = tmp_path_factory.mktemp("rehearsal")
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(510, 3, 32, 32, dtype=torch.float64, generator=generator)
    labels = torch.randint(10, (510,), generator=generator)
    torch.save((images, labels, "sample"), folder / "test.pt")
    names = ("WATCH", "started", "TORCHRUN", "torchrun", "HEAD", "program", "gradient", "mean_over_all",
             "three_gradients", "flat", "with_seed", "measure")  # fmt: skip
    (folder / "kernel.py").write_text(KERNEL.format(page=text_of_page(*names)))
    kernel = subprocess.Popen([sys.executable, folder / "kernel.py", folder], stdout=subprocess.PIPE, text=True)
    started = []
    try:
        begun = time.monotonic()
        while not all((folder / f"{rank}.pt").exists() for rank in (0, 1)):
            assert kernel.poll() is None, kernel.stdout.read()
            assert time.monotonic() - begun < LIMIT
            time.sleep(0.05)
        started = psutil.Process(kernel.pid).children(recursive=True)
        kernel.kill()
        _, left = psutil.wait_procs(started, timeout=15)
    finally:
        kernel.kill()
        kernel.communicate()
        for process in started:
            if process.is_running():
                process.kill()
    found = [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]
    told = [(folder / f"told{rank}").read_text().splitlines() for rank in (0, 1)]
    return found, told, (images, labels), (started, left)


def test_nothing_outlives_a_kernel_that_is_killed(rehearsed):
    *_, (started, left) = rehearsed
    assert len(started) >= 4  # the watcher, torchrun and two processes
    assert not left


def test_the_mean_of_equal_shares_is_the_gradient_of_the_whole_batch(rehearsed):
    found, _, (images, labels), _ = rehearsed
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)).double()

    def expected(share: slice) -> torch.Tensor:
        loss = F.cross_entropy(net(images[share]), labels[share])
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])

    for rank, one in enumerate(found):
        torch.testing.assert_close(one["three"]["mine"], expected(slice(rank, None, 2)))
        for way in ("by hand", "DDP"):
            torch.testing.assert_close(one["three"][way], expected(slice(None)))
        assert one["mean"].tolist() == [1.0, 5.0]


def test_ddp_begins_with_the_weights_of_rank_0_and_dropout_follows_the_seed(rehearsed):
    (a, b), *_ = rehearsed
    for kind, same in (("equal", True), ("own", False)):
        assert torch.equal(a[kind]["first"], b[kind]["first"]) == same
        assert torch.equal(a[kind]["dropout"], b[kind]["dropout"]) == same
        assert torch.equal(a[kind]["in DDP"], b[kind]["in DDP"])
        assert torch.equal(a[kind]["in DDP"], a[kind]["first"])


def test_right_answers_and_images_are_summed_before_they_are_divided(rehearsed):
    _, told, (images, labels), _ = rehearsed
    with torch.no_grad():
        right = weights.load_pretrained("sample").double()(images).argmax(1) == labels
    long, short = (100 * part.double().mean().item() for part in right.split(500))
    assert told[0][0] == f"machine 0, rank 0: {long:.2f} % of 500"
    assert told[1] == [f"machine 0, rank 1: {short:.2f} % of 10"]
    assert told[0][1].endswith(f" {(long + short) / 2:.2f} %")
    assert told[0][2].endswith(f" {100 * right.double().mean():.2f} %")
    assert told[0][1].split()[-2] != told[0][2].split()[-2]


@given(st.integers(1, 40), st.integers(0, 5), st.booleans())
@settings(deadline=None)
def test_the_shares_of_the_page_are_those_of_one_common_order(count, epoch, drop_last):
    order = torch.randperm(count, generator=torch.Generator().manual_seed(4 + epoch)).tolist()
    total = count // 2 * 2 if drop_last else -(-count // 2) * 2
    expected = (order * 2)[:total]
    assert shares(epoch, count, drop_last=drop_last) == [expected[0::2], expected[1::2]]


@given(st.integers(1, 30), st.integers(1, 8))
@settings(deadline=None)
def test_the_positions_of_the_exercise_are_those_of_torch(count, size):
    order = torch.randperm(count, generator=torch.Generator().manual_seed(2)).tolist()
    for rank in range(size):
        assert positions(order, rank, size) == list(DistributedSampler(range(count), size, rank, seed=2))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_the_weights_of_the_exercise_make_every_image_count_alike(counts):
    of_one_image = [weight(rank, counts) / counts[rank] / len(counts) for rank in range(len(counts))]
    assert of_one_image == pytest.approx([1 / sum(counts)] * len(counts))
