"""`training.checkpoint` and `weights.load_state`: written whole, read without running code, or refused."""

import copy
import os
import pickle
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support import run_on_a_small_disk

from helpers.model import architectures, weights
from helpers.paths import DataError
from helpers.training import checkpoint


def draw() -> tuple:
    return random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(3).tolist()


def test_every_generator_goes_on_where_it_was(tmp_path):
    draw()  # an odd number of normal draws: both keep the second value of a pair
    checkpoint.save(tmp_path / "state.pt", checkpoint.random_state())
    expected = [draw() for _ in range(3)]
    checkpoint.set_random_state(checkpoint.read(tmp_path / "state.pt"))
    assert [draw() for _ in range(3)] == expected


def training(seed: int = 0) -> dict:
    torch.manual_seed(seed)
    model = architectures.build("net")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20)
    return {"model": model, "optimizer": optimizer, "scheduler": scheduler}


def some_steps(things: dict, count: int) -> None:
    for _ in range(count):
        loss = things["model"](torch.randn(4, 3, 32, 32)).square().mean()
        things["optimizer"].zero_grad()
        loss.backward()
        things["optimizer"].step()
        things["scheduler"].step()


def test_a_restored_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    things = training()
    some_steps(things, 5)
    checkpoint.save(tmp_path / "last.pt", checkpoint.capture(things))
    some_steps(things, 5)

    later = training(seed=1)
    checkpoint.restore(later, checkpoint.read(tmp_path / "last.pt"), tmp_path / "last.pt")
    some_steps(later, 5)
    for a, b in zip(things["model"].parameters(), later["model"].parameters(), strict=True):
        assert torch.equal(a, b)
    assert later["scheduler"].get_last_lr() == things["scheduler"].get_last_lr()


def test_the_file_before_is_kept(tmp_path):
    for k in range(3):
        checkpoint.save(tmp_path / "last.pt", {"k": k}, keep="previous.pt")
    assert checkpoint.read(tmp_path / "last.pt") == {"k": 2}
    assert checkpoint.read(tmp_path / "previous.pt") == {"k": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.pt", "previous.pt"]


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    changed = {
        "empty": b"",
        "cut": content[: len(content) // 2],
        "other": b"not a checkpoint at all",
        "flipped": content[:100] + bytes([content[100] ^ 255]) + content[101:],
    }[how]
    path.write_bytes(changed)


@pytest.mark.parametrize("how", ["empty", "cut", "other"])
def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(tmp_path, capsys, how):
    for k in range(2):
        checkpoint.save(tmp_path / "last.pt", {"k": k, "weights": torch.arange(1000.0)}, keep="previous.pt")
    damage(tmp_path / "last.pt", how)
    assert checkpoint.read_last(tmp_path)["k"] == 0
    told = capsys.readouterr().err
    assert "last.pt: not a readable checkpoint" in told and f"Going on from {tmp_path / 'previous.pt'}" in told
    damage(tmp_path / "previous.pt", how)
    with pytest.raises(DataError, match=r"previous\.pt: not a readable checkpoint"):
        checkpoint.read_last(tmp_path)


def test_a_missing_last_checkpoint_leaves_the_one_before(tmp_path):
    """A kill between the two renamings of `save` leaves only previous.pt."""
    assert checkpoint.read_last(tmp_path) is None
    checkpoint.save(tmp_path / "previous.pt", {"k": 0})
    assert checkpoint.read_last(tmp_path) == {"k": 0}


class Touch:
    """Unpickled, it would create the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_no_code_of_a_checkpoint_runs(tmp_path):
    torch.save({"model": Touch(tmp_path / "ran")}, tmp_path / "last.pt")
    with pytest.raises(DataError, match=r"last\.pt: not a readable checkpoint"):
        checkpoint.read(tmp_path / "last.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Touch(tmp_path / "ran"), protocol=2))
    with pytest.raises(DataError):
        checkpoint.read(tmp_path / "plain.pt")
    assert not (tmp_path / "ran").exists()


def test_the_weights_of_another_architecture_are_refused_with_all_keys():
    model = architectures.build("net")
    state = copy.deepcopy(model.state_dict())
    state["extra.weight"] = torch.zeros(1)
    state["fc3.bias"] = torch.zeros(7)
    del state["conv1.bias"]
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(DataError) as refused:
        weights.load_state(model, state, "old/best.pt")
    told = str(refused.value)
    assert told.startswith("old/best.pt: the weights of another architecture than Net.")
    assert "missing: conv1.bias; unexpected: extra.weight; mismatched: fc3.bias [7], not [10]" in told
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_checkpoint_that_lacks_a_part_is_refused(tmp_path):
    things = training()
    state = checkpoint.capture(things)
    with pytest.raises(DataError, match=r"x\.pt: holds no scheduler"):
        checkpoint.restore(things, {k: v for k, v in state.items() if k != "scheduler"}, "x.pt")
    with pytest.raises(DataError, match=r"x\.pt: the state of the optimizer does not fit"):
        checkpoint.restore(things, state | {"optimizer": {"state": {}, "param_groups": []}}, "x.pt")


FILL = """
import sys, torch
from pathlib import Path
from helpers.training import checkpoint
from helpers.paths import DataError
folder = Path(sys.argv[1])
checkpoint.save(folder / "last.pt", {"k": 0}, keep="previous.pt")
try:
    checkpoint.save(folder / "last.pt", {"k": 1, "weights": torch.zeros(1_000_000)}, keep="previous.pt")
except DataError as error:
    print(error)
print(checkpoint.read(folder / "last.pt"), sorted(p.name for p in folder.iterdir()))
"""


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    """On a real file system of 1 MiB; the second checkpoint has 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = run_on_a_small_disk([sys.executable, "-c", FILL, str(disk)], "1m", disk, tmp_path / "listing")
    assert done.returncode == 0, done.stderr
    told, left = done.stdout.splitlines()
    assert "last.pt: the checkpoint cannot be written" in told and "Free space" in told
    assert left == "{'k': 0} ['last.pt']"
