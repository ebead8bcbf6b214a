"""`helpers.runtime`: the device, the seeds and the version report."""

import platform
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from helpers.runtime import REPORTED_PACKAGES, DeviceError, pick_device, seed_everything, versions


@pytest.mark.parametrize("asked", ["cpu", "cpu:0"])
def test_a_named_device_is_that_device(asked):
    assert pick_device(asked) == torch.device(asked)


def test_auto_is_the_best_device_of_this_machine():
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert pick_device().type == pick_device("auto").type == best


@pytest.mark.parametrize("value", ["cpu", "auto", ""])
def test_auto_honours_book_device(monkeypatch, value):
    monkeypatch.setenv("BOOK_DEVICE", value)
    if value == "cpu":
        assert pick_device("auto") == torch.device("cpu")
    else:  # neither names a device, so the machine decides
        found = pick_device("auto")
        monkeypatch.delenv("BOOK_DEVICE")
        assert found == pick_device("auto")


def test_a_named_device_goes_before_book_device(monkeypatch):
    monkeypatch.setenv("BOOK_DEVICE", "no such device")
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "gpu",
        "CUDA",
        "cuda:",
        "cuda:x",
        "cuda:-1",
        "cpu:²",
        "auto:1",
        "cuda:0:1",
        " cpu",
        "cpu:99999999999999999999",
    ],
)
def test_a_name_that_is_no_device_is_refused_with_the_names_that_are(asked):
    with pytest.raises(ValueError, match="use one of auto, cpu, cuda, mps"):
        pick_device(asked)


def test_the_message_says_that_the_name_came_from_the_environment(monkeypatch):
    monkeypatch.setenv("BOOK_DEVICE", "gpu")
    with pytest.raises(ValueError, match="BOOK_DEVICE=gpu"):
        pick_device("auto")


def test_a_gpu_beyond_those_that_are_here_is_refused():
    count = torch.cuda.device_count()
    with pytest.raises(DeviceError, match=f"torch sees {count} GPUs. Use device='cpu'"):
        pick_device(f"cuda:{count}")


def draw() -> tuple:
    return random.random(), np.random.rand(3).tolist(), torch.rand(3).tolist(), torch.randn(3).tolist()


def test_the_same_seed_gives_the_same_numbers_of_every_generator():
    seed_everything(3)
    first, second = draw(), draw()
    seed_everything(3)
    assert draw() == first
    seed_everything(4)
    other = draw()
    for one, next_one, of_other_seed in zip(first, second, other, strict=True):
        assert one != next_one
        assert one != of_other_seed


def test_the_seeds_are_those_of_the_libraries_themselves():
    seed_everything(5)
    found = draw()
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    assert draw() == found


def test_the_report_has_the_versions_that_are_running():
    found = versions()
    assert list(found) == ["python", "system", *REPORTED_PACKAGES]
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert all(found.values())


def test_kept_memory_is_not_asked_for_again():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc can be told")
    code = """
import resource, torch
from helpers.runtime import keep_memory

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(2**22)  # 16 MiB, 4,096 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
given_back = pages()
keep_memory()
pages()
print(given_back, pages())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    given_back, kept = map(int, done.stdout.split())
    assert given_back > 2 * 4096  # most of the five are new memory; how many is up to malloc
    assert kept < 100
