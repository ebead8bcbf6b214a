"""`helpers.data.cifar10`: a download that ends well or leaves a message, and PNG files that are whole or absent."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error

import numpy as np
import psutil
import pytest
from PIL import Image
from support import PROJECT, file_hashes, half_written

from helpers.data import cifar10
from helpers.data.cifar10 import choose_source, download, export_pngs, find_archive, png_name
from helpers.paths import DataError


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "folder" / "a.tar.gz"


def part_of(target):
    return target.with_name(target.name + ".part")


# -- download --------------------------------------------------------------------------------------------------


def test_a_download_writes_what_the_server_sent(server, target):
    assert download(target, server.url, md5(server.payload)) == target
    assert target.read_bytes() == server.payload
    assert server.ranges_asked == [None]
    assert list(target.parent.iterdir()) == [target]


def test_a_complete_file_is_not_downloaded_again(server, target):
    for _ in range(2):
        download(target, server.url, md5(server.payload))
    assert len(server.ranges_asked) == 1


def test_a_file_with_another_checksum_is_replaced(server, target):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"an older archive")
    download(target, server.url, md5(server.payload))
    assert target.read_bytes() == server.payload


def cut_half_way(server, target) -> int:
    half = len(server.payload) // 2
    server.cut_at = half
    with pytest.raises(DataError, match="ended early. Run the command again to resume"):
        download(target, server.url, md5(server.payload))
    assert not target.exists()
    assert part_of(target).stat().st_size == half
    server.cut_at = None
    return half


def test_a_download_that_was_cut_resumes_where_it_stopped(server, target):
    half = cut_half_way(server, target)
    download(target, server.url, md5(server.payload))
    assert server.ranges_asked == [None, f"bytes={half}-"]
    assert target.read_bytes() == server.payload
    assert not part_of(target).exists()


def test_a_server_that_cannot_resume_starts_again(server, target):
    server.ranges = False
    half = cut_half_way(server, target)
    download(target, server.url, md5(server.payload))
    assert server.ranges_asked == [None, f"bytes={half}-"]
    assert target.read_bytes() == server.payload


def test_a_complete_part_needs_no_more_bytes(server, target):
    target.parent.mkdir(parents=True)
    part_of(target).write_bytes(server.payload)
    download(target, server.url, md5(server.payload))
    assert server.ranges_asked == [f"bytes={len(server.payload)}-"]
    assert target.read_bytes() == server.payload


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_a_part_of_another_file_is_deleted_and_the_next_call_succeeds(server, target, extra):
    target.parent.mkdir(parents=True)
    part_of(target).write_bytes(bytes(len(server.payload)) + extra)
    with pytest.raises(DataError, match="MD5"):
        download(target, server.url, md5(server.payload))
    assert list(target.parent.iterdir()) == []
    download(target, server.url, md5(server.payload))
    assert target.read_bytes() == server.payload


def test_a_wrong_checksum_leaves_nothing(server, target):
    wrong = "0" * 32
    with pytest.raises(DataError) as caught:
        download(target, server.url, wrong)
    message = str(caught.value)
    assert server.url in message
    assert f"MD5 is {md5(server.payload)}, expected {wrong}" in message
    assert "--archive PATH" in message
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_server_that_refuses_is_named_with_its_answer(server, target, status):
    server.status = status
    with pytest.raises(DataError, match=rf"the server answered {status} .*--archive PATH") as caught:
        download(target, server.url)
    assert server.url in str(caught.value)
    assert list(target.parent.iterdir()) == []


def test_a_server_that_does_not_speak_http_is_no_connection(server, target):
    server.garbage = b"220 mail.example ESMTP\r\n"
    with pytest.raises(DataError, match="no connection"):
        download(target, server.url)


def test_a_server_that_never_answers_is_given_up_within_five_seconds(server, target):
    server.stall.set()
    start = time.perf_counter()
    with pytest.raises(DataError, match="no answer within 4 s.*--archive PATH"):
        download(target, server.url)
    assert time.perf_counter() - start < 5


def test_a_chunked_download_without_a_length_is_whole(server, target):
    server.chunked = True
    download(target, server.url, md5(server.payload))
    assert target.read_bytes() == server.payload


def test_a_chunked_download_that_is_cut_asks_to_run_again(server, target):
    server.chunked, server.cut_at = True, len(server.payload) // 2
    with pytest.raises(DataError, match="Run the command again to resume"):
        download(target, server.url, md5(server.payload))
    assert not target.exists()
    server.chunked, server.cut_at = False, None
    download(target, server.url, md5(server.payload))
    assert target.read_bytes() == server.payload


# -- which source ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["silent", "refused", "unknown name", "404"])
def test_auto_takes_the_sample_within_five_seconds_when_there_is_no_network(server, monkeypatch, capsys, data, kind):
    if kind == "silent":
        server.stall.set()
    elif kind == "404":
        server.status = 404
    url = {"refused": "http://127.0.0.1:1/a.tar.gz", "unknown name": "http://book.invalid/a.tar.gz"}.get(
        kind, server.url
    )
    monkeypatch.setattr(cifar10, "URL", url)
    start = time.perf_counter()
    assert choose_source("auto") == "sample"
    assert time.perf_counter() - start < 5
    said = capsys.readouterr()
    assert said.err == ""
    assert len(said.out.splitlines()) == 1
    assert said.out.startswith("Using the drawn sample, not CIFAR-10. ")
    assert url in said.out
    assert half_written(data) == []


def test_auto_downloads_the_archive_where_it_can(server, monkeypatch, capsys, data):
    monkeypatch.setattr(cifar10, "URL", server.url)
    monkeypatch.setattr(cifar10, "OFFICIAL_MD5", md5(server.payload))
    assert choose_source("auto") == "cifar10"
    assert find_archive("cifar10") == (data / "cifar-10-python.tar.gz", md5(server.payload))
    assert (data / "cifar-10-python.tar.gz").read_bytes() == server.payload
    assert len(server.ranges_asked) == 1
    assert capsys.readouterr().out == ""


def test_find_archive_downloads_what_is_not_there(server, monkeypatch, data):
    monkeypatch.setattr(cifar10, "URL", server.url)
    monkeypatch.setattr(cifar10, "OFFICIAL_MD5", md5(server.payload))
    assert find_archive("cifar10") == (data / "cifar-10-python.tar.gz", md5(server.payload))
    assert (data / "cifar-10-python.tar.gz").read_bytes() == server.payload


@pytest.mark.parametrize("source", ["sample", "cifar10"])
def test_book_source_decides_for_auto_without_asking_the_network(server, monkeypatch, source):
    monkeypatch.setattr(cifar10, "URL", server.url)
    monkeypatch.setenv("BOOK_SOURCE", source)
    assert choose_source("auto") == source
    assert server.ranges_asked == []


def test_book_source_does_not_overrule_a_named_source(monkeypatch):
    monkeypatch.setenv("BOOK_SOURCE", "sample")
    assert choose_source("cifar10") == "cifar10"


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_auto_uses_an_archive_that_is_given(server, monkeypatch, small, by):
    monkeypatch.setattr(cifar10, "URL", server.url)
    given = small.path if by == "argument" else None
    if by == "environment":
        monkeypatch.setenv("CIFAR10_ARCHIVE", str(small.path))
    assert choose_source("auto", given) == "cifar10"
    assert find_archive("cifar10", given) == (small.path, md5(small.path.read_bytes()))
    assert server.ranges_asked == []


def test_the_archive_argument_goes_before_the_environment(monkeypatch, small):
    monkeypatch.setenv("CIFAR10_ARCHIVE", str(small.paths[5]))
    assert find_archive("cifar10", small.path)[0] == small.path


@pytest.mark.parametrize("source", ["mnist", "", "Sample"])
def test_an_unknown_source_is_refused_with_the_known_ones(source):
    with pytest.raises(DataError, match="use one of auto, cifar10, sample"):
        choose_source(source)


def test_an_unknown_book_source_is_refused(monkeypatch):
    monkeypatch.setenv("BOOK_SOURCE", "mnist")
    with pytest.raises(DataError, match="unknown source 'mnist'"):
        choose_source("auto")


def test_an_archive_in_the_data_folder_must_be_the_official(data, small):
    data.mkdir()
    (data / "cifar-10-python.tar.gz").write_bytes(small.path.read_bytes())
    with pytest.raises(DataError, match="not the official archive. Delete it, or pass it with --archive"):
        find_archive("cifar10")


@pytest.mark.parametrize("name", ["none.tar.gz", "."])
def test_a_given_archive_that_is_no_file_is_named(tmp_path, name):
    with pytest.raises(DataError, match="no such archive. Check --archive or CIFAR10_ARCHIVE"):
        find_archive("cifar10", tmp_path / name)


def test_the_fingerprint_of_an_archive_follows_its_bytes(tmp_path):
    path = tmp_path / "a.tar.gz"
    for content in (b"one", b"two", b"three"):
        path.write_bytes(content)
        os.utime(path, ns=(1, time.time_ns()))
        for _ in range(2):  # read, then remembered
            assert find_archive("cifar10", path) == (path, md5(content))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"{}", b"null", b"\xff\xfe", b"[" * 100_000, "a number", "no checksum"]
)
def test_a_damaged_memory_of_fingerprints_is_made_anew(data, small, content):
    expected = find_archive("cifar10", small.path)
    notes = data / "fingerprints.json"
    good = json.loads(notes.read_bytes())
    if isinstance(content, str):
        content = json.dumps(dict.fromkeys(good, {"a number": 3, "no checksum": "x" * 32}[content])).encode()
    notes.write_bytes(content)
    assert find_archive("cifar10", small.path) == expected
    assert json.loads(notes.read_bytes()) == good


def test_an_unknown_home_folder_is_a_name_like_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="~nobody-of-that-name/a.tar.gz: no such archive"):
        find_archive("cifar10", "~nobody-of-that-name/a.tar.gz")


def test_what_a_server_says_reaches_the_terminal_escaped(monkeypatch, target):
    def refuse(request, seconds):
        raise urllib.error.HTTPError(request.full_url, 404, "\x1b[2Jgone", None, None)

    monkeypatch.setattr("helpers.data.download._connect", refuse)
    with pytest.raises(DataError, match=r"answered 404 \\x1b\[2Jgone") as caught:
        download(target, "http://book.invalid/a.tar.gz")
    assert str(caught.value).isprintable()


# -- PNG files -------------------------------------------------------------------------------------------------


def test_every_pixel_is_the_one_of_the_array(small, tmp_path):
    numbers = np.arange(600) + 40_000
    assert export_pngs(small.images, small.labels, numbers, tmp_path / "raw", jobs=1) == 600
    for image, label, number in zip(small.images, small.labels, numbers, strict=True):
        with Image.open(tmp_path / "raw" / f"{label}" / f"{label}_{number}.png") as found:
            assert found.format == "PNG"
            assert found.mode == "RGB"
            assert np.array_equal(np.asarray(found), image)
    assert len(file_hashes(tmp_path)) == 600


def test_names_sort_in_the_order_of_the_archive():
    assert png_name(3, 7) == "3/3_00007.png"
    assert png_name(3, 49_999) == "3/3_49999.png"
    assert png_name(3, 9) < png_name(3, 10) < png_name(3, 100)


def test_the_number_of_processes_does_not_change_a_byte(tmp_path, many):
    images, labels = many
    for jobs in (1, 2, None):
        export_pngs(images, labels, np.arange(len(labels)), tmp_path / str(jobs), jobs)
    one = file_hashes(tmp_path / "1")
    assert len(one) == len(labels)
    assert one == file_hashes(tmp_path / "2") == file_hashes(tmp_path / "None")


def test_only_missing_images_are_written_again(small, tmp_path):
    arguments = small.images, small.labels, np.arange(600), tmp_path
    export_pngs(*arguments)
    before, times = file_hashes(tmp_path), {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.png")}
    assert export_pngs(*arguments) == 0
    assert {p: p.stat().st_mtime_ns for p in times} == times
    deleted = set(sorted(times)[::50])
    for path in deleted:
        path.unlink()
    assert export_pngs(*arguments) == len(deleted) == 12
    assert file_hashes(tmp_path) == before
    assert {p for p in times if p.stat().st_mtime_ns != times[p]} == deleted


def test_files_that_are_not_the_images_are_written_again_and_named(many, tmp_path, capsys):
    images, labels = many
    arguments = images, labels, np.arange(len(labels)), tmp_path, 2
    export_pngs(*arguments)
    before = file_hashes(tmp_path)
    files = sorted(tmp_path.rglob("*.png"))
    files[5].write_bytes(files[6].read_bytes())
    files[2000].write_bytes(b"")
    assert export_pngs(*arguments) == 2
    said = capsys.readouterr().out
    assert all(str(files[k].relative_to(tmp_path)) in said for k in (5, 2000))
    assert file_hashes(tmp_path) == before


def test_what_a_killed_process_left_half_written_is_removed(small, tmp_path):
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / ".3_00001.png.partial-1-0123abcd").write_bytes(b"half")
    export_pngs(small.images, small.labels, np.arange(600), tmp_path)
    assert half_written(tmp_path) == []
    assert len(file_hashes(tmp_path)) == 600


@pytest.fixture(scope="module")
def many(small):
    """3,000 images: the small archive five times."""
    return np.tile(small.images, (5, 1, 1, 1)), np.tile(small.labels, 5)


EXPORT = """
import sys
import numpy as np
from pathlib import Path
from helpers.data.cifar10 import export_pngs
images, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
export_pngs(images, labels, np.arange(len(labels)), Path(sys.argv[3]), jobs=2)
"""


@pytest.fixture
def killed_export(many, tmp_path):
    """A folder in which an export was killed, by SIGKILL, after the first few hundred images; its workers."""
    np.save(tmp_path / "images.npy", many[0])
    np.save(tmp_path / "labels.npy", many[1])
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", EXPORT, tmp_path / "images.npy", tmp_path / "labels.npy", folder], cwd=PROJECT
    )
    try:
        while sum(1 for _ in folder.rglob("*.png")) < 300:
            assert process.poll() is None, "the export ended before it could be killed"
            time.sleep(0.002)
        workers = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return folder, workers


def test_an_export_that_was_killed_ends_with_the_same_files(many, tmp_path, killed_export):
    images, labels = many
    folder, _ = killed_export
    before = file_hashes(folder)
    assert 0 < len(before) < len(labels)
    written = export_pngs(images, labels, np.arange(len(labels)), folder, jobs=2)
    assert written > 0
    export_pngs(images, labels, np.arange(len(labels)), tmp_path / "whole", jobs=2)
    assert file_hashes(folder) == file_hashes(tmp_path / "whole")
    assert half_written(folder) == []


def test_the_workers_of_a_killed_export_end_too(killed_export):
    _, workers = killed_export
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=5)
    for process in alive:
        process.kill()
    assert alive == []


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        export_pngs(small.images, small.labels, np.arange(600), tmp_path / "file" / "raw")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_numbers_that_do_not_pair_up_with_labels_are_refused(small, tmp_path):
    with pytest.raises(ValueError):
        export_pngs(small.images, small.labels, np.arange(599), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_passed_wins_over_the_setting_of_the_source(small, monkeypatch):
    monkeypatch.setenv("BOOK_SOURCE", "sample")
    assert choose_source("auto") == "sample"
    assert choose_source("auto", small.path) == "cifar10"


def test_the_sample_takes_no_archive(small):
    with pytest.raises(DataError, match="takes no archive. Drop --archive"):
        choose_source("sample", small.path)


def test_two_downloads_at_once_end_with_one_whole_file(server, small, tmp_path):
    command = (
        "import sys; from pathlib import Path; from helpers.data.cifar10 import download;"
        "download(Path(sys.argv[1]), sys.argv[2], sys.argv[3])"
    )
    target = tmp_path / "a.tar.gz"
    arguments = [sys.executable, "-c", command, str(target), server.url, md5(small.path.read_bytes())]
    both = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[1] for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    assert target.read_bytes() == small.path.read_bytes()
    assert list(tmp_path.glob("*.part")) == []
