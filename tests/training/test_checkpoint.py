"""`training.checkpoint` and `weights.load_state`: written whole, read without running code, or refused."""

import copy
import hashlib
import io
import os
import pickle
import random
import sys
import zipfile
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
    state, origin = checkpoint.read_last(tmp_path)
    assert state["k"] == 0 and origin == tmp_path / "previous.pt"
    told = capsys.readouterr().err
    assert "last.pt: not a readable checkpoint" in told and f"Going on from {tmp_path / 'previous.pt'}" in told
    damage(tmp_path / "previous.pt", how)
    with pytest.raises(DataError, match=r"previous\.pt: not a readable checkpoint"):
        checkpoint.read_last(tmp_path)


def test_a_missing_last_checkpoint_leaves_the_one_before(tmp_path):
    """A kill between the two renamings of `save` leaves only previous.pt."""
    assert checkpoint.read_last(tmp_path) == (None, None)
    checkpoint.save(tmp_path / "previous.pt", {"k": 0})
    assert checkpoint.read_last(tmp_path) == ({"k": 0}, tmp_path / "previous.pt")


def test_every_flipped_bit_and_every_zeroed_page_is_refused(tmp_path):
    """Where the archive itself checks nothing, such as in the values of the weights, the digest does."""
    path = tmp_path / "last.pt"
    things = training()
    some_steps(things, 2)
    checkpoint.save(path, checkpoint.capture(things) | {"history": [{"epoch": 0}], "best": {"epoch": 0}})
    good = path.read_bytes()
    numbers = random.Random(0)
    for k in range(230):
        changed = bytearray(good)
        if k < 200:
            changed[numbers.randrange(len(good))] ^= 1 << numbers.randrange(8)
        else:
            start = numbers.randrange(len(good) - 4096)
            changed[start : start + 4096] = bytes(4096)
        assert changed != good
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"last\.pt: not a readable checkpoint \(its bytes do not have the SHA-256"):
            checkpoint.read(path)
    path.write_bytes(good)
    assert checkpoint.read(path)["history"] == [{"epoch": 0}]


@pytest.mark.parametrize("mmap", [False, True])
def test_torch_reads_a_checkpoint_like_any_other(tmp_path, mmap):
    path = tmp_path / "best.pt"
    checkpoint.save(path, {"weights": torch.arange(1000.0), "epoch": 3})
    found = torch.load(path, weights_only=True, mmap=mmap)
    assert found["epoch"] == 3 and torch.equal(found["weights"], torch.arange(1000.0))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None and archive.comment.startswith(b"sha256:")


def seal(content: bytes, path: Path) -> None:
    """Write a file of somebody else with a digest that fits."""
    head = content + b"sha256:"
    path.write_bytes(head + hashlib.sha256(head).hexdigest().encode())


class Touch:
    """Unpickled, it would create the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_no_code_of_a_checkpoint_runs(tmp_path):
    """Also with a digest that fits: anybody can compute one."""
    checkpoint.save(tmp_path / "last.pt", {"model": Touch(tmp_path / "ran")})
    with pytest.raises(DataError, match=r"last\.pt: not a readable checkpoint \(it holds more than tensors"):
        checkpoint.read(tmp_path / "last.pt")
    seal(pickle.dumps(Touch(tmp_path / "ran"), protocol=2), tmp_path / "plain.pt")
    with pytest.raises(DataError, match=r"plain\.pt: not a readable checkpoint"):
        checkpoint.read(tmp_path / "plain.pt")
    assert not (tmp_path / "ran").exists()


def test_the_message_about_foreign_code_is_our_own(tmp_path):
    """torch's message names what it found, also escapes for the terminal, and advises to load it unprotected."""
    path = tmp_path / "last.pt"
    seal(b"\x80\x02cos\x1b[31m\nsystem\n.", path)
    torch_says = io.BytesIO(path.read_bytes())
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        torch.load(torch_says, weights_only=True)
    with pytest.raises(DataError) as refused:
        checkpoint.read(path)
    told = str(refused.value)
    assert "weights_only" not in told and told.isprintable() and told.isascii()


def test_something_else_than_a_checkpoint_is_refused(tmp_path):
    checkpoint.save(tmp_path / "last.pt", [1, 2])
    with pytest.raises(DataError, match=r"last\.pt: not a readable checkpoint \(it holds a list, not a dictionary\)"):
        checkpoint.read(tmp_path / "last.pt")
    with pytest.raises(DataError, match=r"gone\.pt: not a readable checkpoint \(No such file"):
        checkpoint.read(tmp_path / "gone.pt")


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


@pytest.mark.parametrize("name", ["model", "optimizer", "scheduler", "random"])
@pytest.mark.parametrize("wrong", [None, [1], "text", {}, {"state": 1}])
def test_a_part_of_another_type_is_refused_with_its_name(name, wrong):
    things = training()
    state = checkpoint.capture(things) | {name: wrong}
    with pytest.raises(DataError, match=rf"^x\.pt: the (weights|state of the {name})"):
        checkpoint.restore(things, state, "x.pt")
    with pytest.raises(DataError, match=r"^x\.pt: "):
        checkpoint.restore(things, {key: value for key, value in state.items() if key != name}, "x.pt")


RECORD = {"epoch": 0, "lr": 0.1, "train_mode_loss": 2.0, "train_mode_accuracy": 0.1, "images_per_second": 9.0,
          "seconds": 1.0}  # fmt: skip
BEST = {"epoch": 0, "score": 0.1, "weights": {}}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"history": None}, "history is missing"),
        ({"history": {}, "best": 3}, "history and best is missing"),
        ({"history": [RECORD, RECORD]}, "history"),
        ({"history": [{"epoch": 0}]}, "history"),
        ({"history": [1]}, "history"),
        ({"best": None}, "best"),
        ({"best": {"epoch": 0}}, "best"),
        ({"best": BEST | {"weights": [1]}}, "best"),
        ({"best": BEST | {"score": "high"}}, "best"),
    ],
)
def test_a_checkpoint_without_the_epochs_so_far_is_refused(changes, told):
    checkpoint.check_history({"history": [RECORD], "best": BEST}, "x.pt")
    with pytest.raises(DataError, match=rf"^x\.pt: its {told}.*Start a new run"):
        checkpoint.check_history({"history": [RECORD], "best": BEST} | changes, "x.pt")


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
