"""`helpers.data.archive`: the right pixels from every writer, and nothing but a message from a hostile file."""

import io
import pickle
import resource
import struct
import subprocess
import sys
import tarfile
import time

import archives
import numpy as np
import pytest
from archives import FOLDER, global_call, good_members, member, tar_bytes, write_gzip, zeros
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image
from support import PROJECT

from helpers.data.archive import BatchUnpickler, read_archive
from helpers.paths import DataError

GIB = 2**30

# -- what it reads ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", archives.ENCODINGS)
def test_pixels_and_labels_are_those_written(small, encoding):
    found = read_archive(small.paths[encoding])
    assert found.train_images.dtype == found.test_images.dtype == np.uint8
    assert found.train_labels.dtype == found.test_labels.dtype == np.int64
    assert np.array_equal(found.train_images, small.images[:500])
    assert np.array_equal(found.test_images, small.images[500:])
    assert np.array_equal(found.train_labels, small.labels[:500])
    assert np.array_equal(found.test_labels, small.labels[500:])
    assert found.class_names == tuple(archives.CLASSES)


def test_the_python_2_pickle_is_the_one_that_pickle_itself_understands(small):
    """The builder is checked too: Python's own unpickler reads what it wrote."""
    batch = small.contents["test_batch"]
    found = pickle.loads(archives.python2_pickle(batch), encoding="bytes")
    assert found.keys() == {b"batch_label", b"labels", b"data", b"filenames"}
    assert found[b"labels"] == batch["labels"]
    assert found[b"filenames"][3] == batch["filenames"][3].encode()
    assert np.array_equal(found[b"data"], batch["data"])


leaves = st.one_of(
    st.integers(-(2**70), 2**70), st.text(max_size=300), st.binary(max_size=300), st.floats(allow_nan=False)
)
plain = st.one_of(leaves, st.lists(leaves, max_size=5), st.dictionaries(st.text(max_size=5), leaves, max_size=3))


@given(st.dictionaries(st.text(max_size=20), plain, max_size=6), st.integers(2, 5))
def test_a_dict_of_plain_values_comes_back_as_it_was(batch, protocol):
    assert BatchUnpickler(io.BytesIO(pickle.dumps(batch, protocol))).load() == batch


number_types = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.unsigned_integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)


@given(number_types.flatmap(lambda t: npst.arrays(t, npst.array_shapes(min_dims=0, max_side=7))),
       st.sampled_from("CF"), st.booleans(), st.integers(2, 5))  # fmt: skip
def test_an_array_of_numbers_comes_back_bit_for_bit(array, order, contiguous, protocol):
    array = np.array(array, order=order)
    if not contiguous and array.ndim and len(array) > 2:
        array = array[::2]
    found = BatchUnpickler(io.BytesIO(pickle.dumps({"data": array}, protocol))).load()["data"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize("value", [[], 3, "text", (1,), None])
def test_a_pickle_that_is_no_dict_is_refused(value):
    with pytest.raises(pickle.UnpicklingError, match="expected a dict"):
        BatchUnpickler(io.BytesIO(pickle.dumps(value))).load()


# -- what it refuses -------------------------------------------------------------------------------------------


def assert_refused(path, reason: str) -> None:
    """The one error, which names the file, the reason and what to do; quickly, and with one line of text."""
    start = time.perf_counter()
    with pytest.raises(DataError) as caught:
        read_archive(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert message.endswith("Fetch it again, or pass another one with --archive PATH.")
    assert len(message) < 1000
    assert time.perf_counter() - start < 20


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Write a tar as an archive and read it; nothing in the working folder or around the archive may change."""
    monkeypatch.chdir(tmp_path)

    def check(tar: bytes, reason: str) -> None:
        path = write_gzip(tmp_path / "bad.tar.gz", tar)
        before = sorted(tmp_path.rglob("*"))
        assert_refused(path, reason)
        assert sorted(tmp_path.rglob("*")) == before

    return check


def with_payload(small, name: str, payload: bytes) -> bytes:
    """A good archive but for one pickle."""
    members = good_members(small.contents)
    return tar_bytes(member(i.name, payload) if i.name == f"{FOLDER}/{name}" else (i, d) for i, d in members)


@pytest.mark.parametrize("name", ["batches.meta", "data_batch_1", "test_batch"])
@pytest.mark.parametrize("opcode", ["GLOBAL", "INST", "STACK_GLOBAL"])
@pytest.mark.parametrize("attack", ["os.system", "builtins.eval", "import"])
def test_a_pickle_that_runs_code_runs_nothing(small, tmp_path, monkeypatch, refused, attack, opcode, name):
    canary = tmp_path / "canary"
    if attack == "os.system":
        payload = global_call("os.system", f"touch '{canary}'", opcode)
    elif attack == "builtins.eval":
        payload = global_call("builtins.eval", f"open({str(canary)!r}, 'w').close()", opcode)
    else:
        module = tmp_path / "canary_module.py"
        module.write_text(f"open({str(canary)!r}, 'w').close()\nbool_of = bool\n")
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "canary_module", raising=False)
        payload = global_call("canary_module.bool_of", "x", opcode)
    refused(with_payload(small, name, payload), "which no image batch needs")
    assert not canary.exists()
    assert "canary_module" not in sys.modules
    pickle.loads(payload)  # the same bytes do bite whoever trusts them, so the test above could have failed
    assert canary.exists()
    sys.modules.pop("canary_module", None)


HEADERS_ONLY = {
    "traversal": (member("../data_batch_1", b"x"), "unexpected member"),
    "traversal below the folder": (member(f"{FOLDER}/../../data_batch_1", b"x"), "unexpected member"),
    "absolute path": (member("/data_batch_1", b"x"), "unexpected member"),
    "extra file": (member(f"{FOLDER}/setup.py", b"x"), "unexpected member"),
    "extra folder": (member(f"{FOLDER}/more", kind=tarfile.DIRTYPE), "unexpected member"),
    "symbolic link": (
        member(f"{FOLDER}/data_batch_1", kind=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "unexpected member",
    ),
    "hard link": (
        member(f"{FOLDER}/data_batch_1", kind=tarfile.LNKTYPE, linkname=f"{FOLDER}/data_batch_2"),
        "unexpected member",
    ),
    "character device": (
        member(f"{FOLDER}/data_batch_1", kind=tarfile.CHRTYPE, devmajor=1, devminor=5),
        "unexpected member",
    ),
    "block device": (member(f"{FOLDER}/data_batch_1", kind=tarfile.BLKTYPE, devmajor=8), "unexpected member"),
    "fifo": (member(f"{FOLDER}/data_batch_1", kind=tarfile.FIFOTYPE), "unexpected member"),
    "folder": (member(f"{FOLDER}/data_batch_1", kind=tarfile.DIRTYPE), "unexpected member"),
    "claims 49 MiB": (member(f"{FOLDER}/data_batch_1", size=49 * 2**20), "claims 51380224 bytes"),
    "claims 8 EiB": (member(f"{FOLDER}/data_batch_1", size=2**62), "claims"),
    "negative size": (member(f"{FOLDER}/data_batch_1", size=-512), ""),
}


@pytest.mark.parametrize("case", HEADERS_ONLY)
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_member_that_the_layout_lacks_is_refused(small, refused, case, place):
    bad, reason = HEADERS_ONLY[case]
    good = good_members(small.contents)
    if place == "after":
        good = [m for m in good if m[0].name != bad[0].name]
    refused(tar_bytes([bad, *good] if place == "before" else [*good, bad]), reason)


@pytest.mark.parametrize("name", ["batches.meta", "data_batch_2", "test_batch"])
def test_a_member_that_is_there_twice_is_refused(small, refused, name):
    good = good_members(small.contents)
    twice = next(m for m in good if m[0].name.endswith(name))
    refused(tar_bytes([*good, twice]), "is there twice")


@pytest.mark.parametrize("name", ["batches.meta", *archives.BATCHES])
def test_a_missing_member_is_named(small, refused, name):
    kept = [m for m in good_members(small.contents) if not m[0].name.endswith(name)]
    refused(tar_bytes(kept), f"missing member '{FOLDER}/{name}'")


def test_the_readme_may_be_missing(small, tmp_path):
    kept = [m for m in good_members(small.contents) if not m[0].name.endswith("readme.html")]
    assert len(read_archive(write_gzip(tmp_path / "a.tar.gz", tar_bytes(kept))).train_labels) == 500


# -- files that unpack to more than the memory -----------------------------------------------------------------

READ_AND_REPORT = """
import sys, time
from pathlib import Path
from helpers.data.archive import read_archive
from helpers.paths import DataError
start = time.perf_counter()
try:
    read_archive(sys.argv[1])
except DataError as error:
    status = Path("/proc/self/status").read_text()  # VmHWM: the most memory this process ever had, in KiB
    print(time.perf_counter() - start, status.partition("VmHWM:")[2].split()[0], error)
"""


def refused_in_a_process(path) -> tuple[float, int, str]:
    """Read an archive in a process whose memory is limited; return seconds, peak memory in bytes and message."""
    limit = 6 * GIB  # address space: keeps a failing test from taking the whole machine down
    done = subprocess.run(
        [sys.executable, "-c", READ_AND_REPORT, path],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=PROJECT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 0, done.stderr
    seconds, kib, message = done.stdout.split(maxsplit=2)
    return float(seconds), int(kib) * 1024, message


BOMBS = {
    "a batch of 10 GB": [member(f"{FOLDER}/data_batch_1", size=10 * GIB)],
    "a readme of 10 GB": [member(f"{FOLDER}/readme.html", size=10 * GIB)],
    "a long name of 10 GB": [member("././@LongLink", kind=tarfile.GNUTYPE_LONGNAME, size=10 * GIB)],
    "a long link of 10 GB": [member("././@LongLink", kind=tarfile.GNUTYPE_LONGLINK, size=10 * GIB)],
    "a pax header of 10 GB": [member("PaxHeader", kind=tarfile.XHDTYPE, size=10 * GIB)],
    "a global pax header of 10 GB": [member("PaxHeader", kind=tarfile.XGLTYPE, size=10 * GIB)],
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_soon_and_in_little_memory(tmp_path, bomb):
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(write_gzip(path, tar_bytes(BOMBS[bomb], end=False)).read_bytes() + zeros(10 * GIB))
    assert path.stat().st_size < 20 * 2**20
    seconds, peak, message = refused_in_a_process(path)
    assert message.startswith(f"{path}: not a CIFAR-10 archive: ")
    assert "claims 10737418240 bytes" in message or "it unpacks to more than 256 MiB" in message
    assert seconds < 15
    assert peak < GIB


def test_many_members_of_allowed_size_are_a_bomb_too(tmp_path):
    size = 40 * 2**20
    readme = archives.gzip.compress(tar_bytes([member(f"{FOLDER}/readme.html", bytes(size))], end=False), 6)
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(readme * 250)  # 10 GB
    seconds, peak, message = refused_in_a_process(path)
    assert "it unpacks to more than 256 MiB" in message
    assert seconds < 15
    assert peak < GIB


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_is_really_that_long_is_refused_before_it_is_read(small, tmp_path, kind):
    record = b"1048576 comment=" + b"a" * (2**20 - 17) + b"\n"
    members = [member("PaxHeader", record * 80, kind), *good_members(small.contents)]
    seconds, peak, message = refused_in_a_process(write_gzip(tmp_path / "bomb.tar.gz", tar_bytes(members)))
    assert f"claims {80 * 2**20} bytes" in message
    assert seconds < 5
    assert peak < GIB / 4


def test_more_members_than_the_layout_has_are_refused(small, refused):
    readme = member(f"{FOLDER}/readme.html", b"x")
    refused(tar_bytes([readme] * 64 + good_members(small.contents)), "more than 64 members")


@pytest.mark.parametrize("key", ["path", "size", "GNU.sparse.map"])
def test_a_pax_header_may_not_change_what_follows_it(small, refused, key):
    header = pax(**{key.replace(".", "_"): "1"})
    refused(tar_bytes([header, *good_members(small.contents)]), "changes the path or the size")


def test_a_pax_header_of_times_and_owners_is_skipped(small, tmp_path):
    """Python's own `tarfile` writes one for every file whose time has a fraction."""
    pairs = [m for good in good_members(small.contents) for m in (pax(mtime="1234567890.25", uname="a"), good)]
    assert len(read_archive(write_gzip(tmp_path / "a.tar.gz", tar_bytes(pairs))).train_labels) == 500


def test_one_long_text_as_many_class_names_is_compared_not_copied(small, tmp_path):
    tar = with_payload(small, "batches.meta", archives.many_class_names())
    seconds, peak, message = refused_in_a_process(write_gzip(tmp_path / "bomb.tar.gz", tar))
    assert "class names are" in message
    assert seconds < 5
    assert peak < GIB / 2


@pytest.mark.parametrize("place", ["member", "global", "class name", "tar header"])
def test_what_an_archive_calls_things_reaches_the_terminal_escaped(small, tmp_path, place):
    evil = "\x1b[2J\u202ebad"
    good = good_members(small.contents)
    if place == "member":
        tar = tar_bytes([member(f"{FOLDER}/{evil}"), *good])
    elif place == "tar header":
        tar = tar_bytes([member(f"{FOLDER}/{evil}", size=2**30), *good])
    elif place == "global":
        tar = with_payload(small, "data_batch_1", global_call(f"os{evil}.system", "x", "STACK_GLOBAL"))
    else:
        tar = change(small, "batches.meta", label_names=[evil] * 10)
    with pytest.raises(DataError) as caught:
        read_archive(write_gzip(tmp_path / "bad.tar.gz", tar))
    assert "bad" in str(caught.value)
    assert str(caught.value).isprintable()
    assert "x1b[2J" in str(caught.value)


def pickle_of_claims(claim: str) -> bytes:
    huge = 2**40
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    rebuild = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    shape = b"(\x8a\x06" + huge.to_bytes(6, "little") + b"\x8a\x06" + huge.to_bytes(6, "little") + b"t"
    match claim:
        case "shape":
            return b"\x80\x02}U\x04data" + rebuild + b"(K\x01" + shape + dtype + b"\x89U\x03abctbs."
        case "shape of nothing":
            return b"\x80\x02}U\x04data" + rebuild + b"(K\x01" + shape + dtype + b"\x89U\x00tbs."
        case "reconstruct":
            return (
                b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + shape + b"U\x01b\x87Rs."
            )
        case "bytes":
            return b"\x80\x04}\x8c\x04data\x8e" + struct.pack("<Q", huge) + b"abcs."
        case "byte array":
            return b"\x80\x05}\x8c\x04data\x96" + struct.pack("<Q", 4 * GIB) + b"abcs."
        case "frame":
            return b"\x80\x04\x95" + struct.pack("<Q", huge) + b"}."
        case "memo":  # the C unpickler makes a table up to the highest index
            return b"\x80\x02}r" + struct.pack("<I", 100_000_000) + b"."
        case "memo in text":
            return b"\x80\x02}p100000000\n."
    raise ValueError(claim)


CLAIMS = ("shape", "shape of nothing", "reconstruct", "bytes", "byte array", "frame", "memo", "memo in text")


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_size_that_a_pickle_claims_is_not_allocated(small, tmp_path, claim):
    path = write_gzip(tmp_path / "bad.tar.gz", with_payload(small, "data_batch_1", pickle_of_claims(claim)))
    seconds, peak, message = refused_in_a_process(path)
    assert "data_batch_1" in message
    assert seconds < 5
    assert peak < GIB / 2


def nested(depth: int) -> list:
    """A list whose text has 2**depth brackets, and whose pickle a few hundred bytes."""
    found: list = []
    for _ in range(depth):
        found = [found, found]
    return found


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("data_batch_1", {"labels": [nested(40)] * archives.ROWS}),
        ("batches.meta", {"num_cases_per_batch": nested(40)}),
        ("batches.meta", {"label_names": nested(40)}),
    ],
)
def test_a_value_that_would_print_without_end_is_refused_soon(small, tmp_path, name, change):
    payload = pickle.dumps(small.contents[name] | change, 2)
    path = write_gzip(tmp_path / "bad.tar.gz", with_payload(small, name, payload))
    seconds, peak, message = refused_in_a_process(path)
    assert name in message
    assert len(message) < 1000
    assert seconds < 5
    assert peak < GIB / 2


# -- damaged files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["python 2", 5])
@pytest.mark.parametrize("share", [0, 0.00001, 0.001, 0.1, 0.5, 0.9, 0.999, 1])
def test_a_truncated_archive_is_refused_wherever_it_is_cut(small, tmp_path, encoding, share):
    whole = small.paths[encoding].read_bytes()
    path = tmp_path / "cut.tar.gz"
    path.write_bytes(whole[: min(int(len(whole) * share), len(whole) - 1)])
    assert_refused(path, "truncated or not a .tar.gz")


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
def test_a_flipped_bit_is_noticed(small, tmp_path, share):
    whole = bytearray(small.path.read_bytes())
    whole[int(len(whole) * share)] ^= 16
    path = tmp_path / "flipped.tar.gz"
    path.write_bytes(whole)
    assert_refused(path, "")


@pytest.mark.parametrize("kind", ["text", "png", "empty", "gzip of text", "tar without gzip", "empty tar", "zeros"])
def test_a_file_that_is_no_archive_is_refused(small, tmp_path, kind):
    path = tmp_path / "no.tar.gz"
    if kind == "png":
        Image.fromarray(small.images[0]).save(path, format="png")
    elif kind == "tar without gzip":
        path.write_bytes(tar_bytes(good_members(small.contents)))
    elif kind in ("gzip of text", "empty tar"):
        write_gzip(path, b"Hello, this is text.\n" * 1000 if kind == "gzip of text" else tar_bytes([]))
    else:
        path.write_bytes({"text": b"Hello\n" * 1000, "empty": b"", "zeros": bytes(5000)}[kind])
    assert_refused(path, "missing member" if kind == "empty tar" else "truncated or not a .tar.gz")


TINY = tar_bytes(good_members(archives.contents(*archives.draw_pixels(rows=1))))


@given(st.data())
def test_a_damaged_tar_header_never_raises_anything_but_the_one_error(tmp_path_factory, data):
    """The first 3 KiB hold the headers of the folder and the meta file, its pickle, and a batch's header."""
    tar = bytearray(TINY)
    for _ in range(data.draw(st.integers(1, 4))):
        tar[data.draw(st.integers(0, 3000))] = data.draw(st.integers(0, 255))
    path = write_gzip(tmp_path_factory.mktemp("fuzz") / "bad.tar.gz", bytes(tar))
    try:
        read_archive(path)
    except DataError as error:
        assert str(error).startswith(f"{path}: ")


def pax(**headers: str) -> tuple[tarfile.TarInfo, bytes]:
    lines = b""
    for key, value in headers.items():
        line = f" {key.replace('_', '.')}={value}\n".encode()
        lines += str(len(line) + 2 if len(line) < 98 else len(line) + 3).encode() + line
    return member("PaxHeader", lines, tarfile.XHDTYPE)


@pytest.mark.parametrize(
    "members",
    [
        [pax(GNU_sparse_map="a,b")],
        [pax(GNU_sparse_size="a", GNU_sparse_major="1", GNU_sparse_minor="0")],
        [pax(size="-1")],
        [pax(size="99999999999999999999")],
        [member("././@LongLink", b"name\0", tarfile.GNUTYPE_LONGNAME)] * 3000,
        [member(f"{FOLDER}/data_batch_1", kind=tarfile.GNUTYPE_SPARSE)],
    ],
    ids=["sparse map", "sparse size", "negative size", "huge size", "a chain of long names", "sparse file"],
)
def test_a_twisted_tar_is_refused_with_the_one_error(small, refused, members):
    refused(tar_bytes([*members, *good_members(small.contents)[1:]]), "")


# -- batches that are not of images ----------------------------------------------------------------------------


def change(small, name: str, **fields: object) -> bytes:
    return with_payload(small, name, pickle.dumps(small.contents[name] | fields, 2))


def objects() -> np.ndarray:
    return np.full((archives.ROWS, 3072), None, dtype=object)


WRONG_BATCHES = {
    "a column short": (lambda b: {"data": b["data"][:, :-1]}, "data is uint8 [100, 3071], expected uint8 [100, 3072]"),
    "a row short": (lambda b: {"data": b["data"][:-1]}, "data is uint8 [99, 3072]"),
    "four axes": (lambda b: {"data": b["data"].reshape(-1, 3, 32, 32)}, "data is uint8 [100, 3, 32, 32]"),
    "int16": (lambda b: {"data": b["data"].astype(np.int16)}, "data is int16 [100, 3072]"),
    "float": (lambda b: {"data": b["data"] / 255}, "data is float64 [100, 3072]"),
    "signed": (lambda b: {"data": b["data"].view(np.int8)}, "data is int8 [100, 3072]"),
    "objects": (lambda b: {"data": objects()}, "not of numbers"),
    "strings": (lambda b: {"data": np.full((100, 3072), "a")}, "not of numbers"),
    "complex": (lambda b: {"data": b["data"].astype(complex)}, "not of numbers"),
    "records": (lambda b: {"data": np.zeros(100, dtype=[("a", "u1")])}, "not of numbers"),
    "data is a list": (lambda b: {"data": b["data"].tolist()}, "data is list"),
    "data is missing": (lambda b: {"data": None}, "data is NoneType"),
    "label 10": (lambda b: {"labels": [*b["labels"][:-1], 10]}, "label 10, expected 0 to 9"),
    "label -1": (lambda b: {"labels": [-1, *b["labels"][1:]]}, "label -1, expected 0 to 9"),
    "label 3.0": (lambda b: {"labels": [3.0, *b["labels"][1:]]}, "label 3.0, expected 0 to 9"),
    "label True": (lambda b: {"labels": [True, *b["labels"][1:]]}, "label True, expected 0 to 9"),
    "label as text": (lambda b: {"labels": ["3", *b["labels"][1:]]}, "label '3', expected 0 to 9"),
    "a label short": (lambda b: {"labels": b["labels"][:-1]}, "labels is not a list of 100 numbers"),
    "a label more": (lambda b: {"labels": [*b["labels"], 0]}, "labels is not a list of 100 numbers"),
    "labels as array": (lambda b: {"labels": np.array(b["labels"])}, "labels is not a list of 100 numbers"),
    "labels are missing": (lambda b: {"labels": None}, "labels is not a list of 100 numbers"),
}


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
@pytest.mark.parametrize("case", WRONG_BATCHES)
def test_a_batch_that_is_not_one_of_images_is_refused(small, refused, case, name):
    twist, reason = WRONG_BATCHES[case]
    refused(change(small, name, **twist(small.contents[name])), reason)
    assert name in reason or "label" in reason or "data" in reason or "numbers" in reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"label_names": archives.CLASSES[::-1]}, "class names are"),
        ({"label_names": archives.CLASSES[:-1]}, "class names are"),
        ({"label_names": [*archives.CLASSES, "tree"]}, "class names are"),
        ({"label_names": []}, "class names are"),
        ({"label_names": None}, "class names are"),
        ({"label_names": 10}, "class names are"),
        ({"label_names": np.arange(10)}, "class names are"),
        ({"num_cases_per_batch": 101}, "expected uint8 [101, 3072]"),
        ({"num_cases_per_batch": 0}, "num_cases_per_batch is 0"),
        ({"num_cases_per_batch": -100}, "num_cases_per_batch is -100"),
        ({"num_cases_per_batch": "100"}, "num_cases_per_batch is '100'"),
        ({"num_cases_per_batch": 2**80}, "expected uint8 [1208925819614629174706176, 3072]"),
        ({"num_cases_per_batch": None}, "num_cases_per_batch is None"),
    ],
    ids=repr,
)
def test_a_meta_file_that_is_not_cifar_10s_is_refused(small, refused, fields, reason):
    refused(change(small, "batches.meta", **fields), reason)


def test_reading_leaves_the_unpickler_as_it_was(small, refused):
    """BUILD, the opcode that sets attributes, must not reach the functions that build arrays."""
    payload = b"\x80\x02c_codecs\nencode\n(N}X\x0c\0\0\0__defaults__U\x05other\x85stb."
    before = BatchUnpickler.ALLOWED["_codecs", "encode"].__defaults__
    refused(with_payload(small, "data_batch_1", payload), "data_batch_1")
    assert BatchUnpickler.ALLOWED["_codecs", "encode"].__defaults__ == before


def test_a_file_that_is_not_there_is_an_error_of_the_file_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "none.tar.gz")
