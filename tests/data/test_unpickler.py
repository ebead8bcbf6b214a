"""`helpers.data.unpickler`: bounded in time and memory, whatever the pickle says."""

import io
import pickle
import subprocess
import sys

import archives
import numpy as np
import pytest
from support import PROJECT

from helpers.data.unpickler import INSTRUCTIONS, BatchUnpickler

MIB = 2**20


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [str, bytes])
def test_every_protocol_of_python_3_is_read(small, protocol, kind):
    batch = small.contents["test_batch"]
    names = batch["filenames"] if kind is str else [name.encode() for name in batch["filenames"]]
    found = BatchUnpickler(io.BytesIO(pickle.dumps(batch | {"filenames": names}, protocol))).load()
    assert np.array_equal(found["data"], batch["data"])
    assert (found["labels"], found["filenames"]) == (batch["labels"], names)


@pytest.mark.parametrize("protocol", ["python 2", *range(6)])
def test_an_official_batch_needs_half_of_the_instructions_at_most(protocol):
    rows = 10_000
    batch = {"batch_label": b"training batch 1 of 5", "labels": [7] * rows, "data": np.zeros((rows, 3072), np.uint8)}
    batch["filenames"] = [f"leptodactylus_pentadactylus_s_{n:06d}.png".encode() for n in range(rows)]
    payload = archives.encode(batch, protocol)
    unpickler = BatchUnpickler(io.BytesIO(payload))
    count = sum(1 for _ in unpickler._instructions())
    assert rows < count < INSTRUCTIONS / 2
    assert BatchUnpickler(io.BytesIO(payload)).load()["filenames"] == batch["filenames"]


RUN_EACH = """
import os, resource, sys
sys.path.insert(0, "tests")
import archives
from helpers.data.archive import _load_batch
from helpers.paths import DataError

resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30,) * 2)
for name, data in archives.pickle_bombs().items():
    with open("/proc/self/status") as status:
        now = int(status.read().partition("VmRSS:")[2].split()[0])
    if (child := os.fork()) == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
        code = 1
        try:
            _load_batch("bomb", data)
        except DataError:
            code = 0
        finally:
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    print(name, status, used.ru_utime + used.ru_stime, used.ru_maxrss - now, sep="|", flush=True)
"""


def in_a_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_bomb_is_refused_within_a_second_and_200_mib():
    """One process for each, so that one that crashes or fills the memory does so alone; seconds of the processor."""
    rows = [line.split("|") for line in in_a_process(RUN_EACH).splitlines()]
    assert [name for name, *_ in rows] == list(archives.pickle_bombs())
    assert {name: int(status) for name, status, *_ in rows if int(status)} == {}
    assert {name: float(seconds) for name, _, seconds, _ in rows if float(seconds) > 1} == {}
    assert {name: int(kib) / 1024 for name, *_, kib in rows if int(kib) > 200 * 1024} == {}


RANDOM_PROGRAMS = """
import pickletools, random, resource, struct, sys, time
sys.path.insert(0, "tests")
import archives
from helpers.data.archive import _check_batch, _load_batch
from helpers.paths import DataError

with open("/proc/self/status") as status:
    now = 1024 * int(status.read().partition("VmSize:")[2].split()[0])
resource.setrlimit(resource.RLIMIT_AS, (now + 2**29,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
dice = random.Random(2018)
batch = archives.contents(*archives.draw_pixels(rows=1))["test_batch"]
good = [archives.encode(batch, protocol) for protocol in ("python 2", 0, 1, 2, 3, 4, 5)]
pieces = [
    b"2\\x86", b"Ns", b"q\\0h\\0\\x86", b"(U\\1aNu", b"h\\0h\\1\\x85R", b"cnumpy\\ndtype\\n", b"c_codecs\\nencode\\n",
]


def argument(opcode):
    if opcode.arg is None:
        return b""
    size = opcode.arg.n
    text = bytes(dice.choice((b"a", b"7", b"\\xff")) * dice.randrange(6))
    if size >= 0:
        return bytes(dice.choice((0, 1, 2, 255)) for _ in range(size))
    if size == pickletools.UP_TO_NEWLINE:
        return text + b"\\n" + (text + b"\\n" if "pair" in opcode.arg.name else b"")
    count = {pickletools.TAKEN_FROM_ARGUMENT1: "<B", pickletools.TAKEN_FROM_ARGUMENT4: "<i",
             pickletools.TAKEN_FROM_ARGUMENT4U: "<I", pickletools.TAKEN_FROM_ARGUMENT8U: "<Q"}[size]
    return struct.pack(count, dice.choice((len(text), len(text), 100))) + text


def instruction():
    if dice.random() < 0.3:
        return dice.choice(pieces)
    opcode = dice.choice(pickletools.opcodes)
    return opcode.code.encode("latin1") + argument(opcode)


def program():
    kind = dice.choice(("random", "random", "mutated", "spliced"))
    if kind == "random":
        parts = (instruction() * dice.choice((1, 1, 1, 2, 50)) for _ in range(dice.randrange(1, 30)))
        return dice.choice((b"\\x80\\4", b"}", b"}N", b"}K\\1", b"]q\\0")) + b"".join(parts) + b"."
    found = bytearray(dice.choice(good))
    if kind == "mutated":
        for _ in range(dice.randrange(1, 6)):
            place = dice.randrange(len(found) if dice.random() < 0.2 else min(250, len(found)))
            found[place:place + dice.randrange(2)] = dice.choice((bytes([dice.randrange(256)]), instruction()))
        return bytes(found)
    other = dice.choice(good)
    return bytes(found[:dice.randrange(400)]) + other[dice.randrange(400):]


slowest, accepted, refused = 0, 0, 0
for _ in range(10_000):
    data = program()
    start = time.process_time()
    try:
        _check_batch("batch", _load_batch("batch", data), 1)
        accepted += 1
    except DataError:
        refused += 1
    slowest = max(slowest, time.process_time() - start)
print(accepted, refused, slowest)
"""


def test_random_programs_end_soon_with_a_batch_or_the_one_error():
    accepted, refused, slowest = in_a_process(RANDOM_PROGRAMS).split()
    assert int(accepted) > 10  # or nothing but the first instruction would have been tried
    assert int(refused) > 1000
    assert float(slowest) < 0.5
