"""`helpers.prepare` from end to end, as a command: what it writes, what it says and what it leaves alone."""

import hashlib
import json
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from archives import CLASSES, draw_pixels, encode, good_members, tar_bytes, write_gzip
from archives import contents as archive_contents
from PIL import Image
from support import file_hashes, half_written, prepare_command, run_on_a_small_disk

from helpers import prepare as prepare_module
from helpers.data import cifar10, sample
from helpers.data.archive import read_archive
from helpers.data.dataset import MyDataset
from helpers.data.index import read_index
from helpers.data.sample import PIXELS_SHA256, pixel_digest
from helpers.data.statistics import channel_statistics
from helpers.paths import DataError
from helpers.prepare import PARTS, Prepared, main, prepare

SPLIT = ("train", "valid", "test")


@pytest.fixture
def run_json(run_prepare):
    """Run the command with `--json`; return its summary and the lines before it."""

    def run(*arguments: object, **environment: str) -> tuple[dict, list[str]]:
        done = run_prepare(*arguments, "--json", **environment)
        assert (done.returncode, done.stderr) == (0, "")
        *lines, last = done.stdout.splitlines()
        return json.loads(last), lines

    return run


def sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_the_command_makes_the_whole_way_from_archive_to_index_files(small, run_json, tmp_path):
    root = tmp_path / "a folder"
    found, lines = run_json("--archive", small.path, "--root", root)
    assert set(found) == {field.name for field in fields(Prepared)}
    assert found["source"] == "cifar10"
    assert (found["official"], found["label"]) == (False, "CIFAR-10 (unofficial copy)")
    assert (found["num_images"], found["seed"], found["done_before"]) == (500, 0, False)
    assert (found["archive"], found["root"], found["raw"]) == (str(small.path), str(root), str(root / "raw"))
    assert found["classes"] == CLASSES
    assert found["counts"] == {
        "raw": [50] * 10, "train": [40] * 10, "valid": [5] * 10, "test": [5] * 10, "official_test": [10] * 10
    }  # fmt: skip
    assert found["index_sha256"] == {part: sha256(found["index"][part]) for part in PARTS}
    assert set(found["seconds"]) == {"obtain", "read", "export", "split", "statistics"}
    assert half_written(root) == []
    assert lines[0] == f"CIFAR-10 (unofficial copy): 500 training images in {root / 'raw'}."
    assert [line.split()[:3] for line in lines[1:]] == [
        ["train", "400", "images"], ["valid", "50", "images"], ["test", "50", "images"],
        ["official_test", "100", "images"],
    ]  # fmt: skip


def test_every_pixel_of_every_part_is_the_archives(small, tmp_path):
    found = prepare(archive=small.path, root=tmp_path / "r")
    seen = []
    for part in PARTS:
        data = MyDataset(found.index[part])
        assert data.classes == CLASSES
        for (image, label), (path, _) in zip(data, data.samples, strict=True):
            number = int(Path(path).stem.split("_")[1]) + (500 if part == "official_test" else 0)
            assert label == small.labels[number]
            assert np.array_equal(np.asarray(image), small.images[number])
            seen.append(number)
    assert sorted(seen) == list(range(600))


def test_mean_and_std_are_those_of_the_training_part(small, tmp_path):
    found = prepare(archive=small.path, root=tmp_path / "r")
    paths = [path for path, _ in read_index(found.index["train"])]
    assert (found.mean, found.std) == channel_statistics(paths)
    pixels = np.concatenate([np.asarray(image) for image, _ in MyDataset(found.index["train"])]).reshape(-1, 3) / 255
    assert np.abs(pixels.mean(axis=0) - found.mean).max() < 1e-12
    assert np.abs(pixels.std(axis=0) - found.std).max() < 1e-12


def test_a_second_call_finds_all_done_and_changes_no_file(small, run_json, tmp_path):
    root = tmp_path / "r"
    first, _ = run_json("--archive", small.path, "--root", root)
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    second, lines = run_json("--archive", small.path, "--root", root)
    assert lines[0] == f"Nothing to do: CIFAR-10 (unofficial copy), 500 images, is in {root}."
    assert second == first | {"done_before": True}
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == times


def test_another_seed_gets_index_files_of_its_own_and_leaves_the_first(small, tmp_path):
    root = tmp_path / "r"
    first = prepare(archive=small.path, root=root)
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and path.name != ".lock"}
    times.pop(root / "archive.json")
    second = prepare(archive=small.path, root=root, seed=1)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert set(first.index.values()).isdisjoint(second.index.values())
    assert all(first.index_sha256[part] != second.index_sha256[part] for part in SPLIT)
    assert first.index_sha256["official_test"] == second.index_sha256["official_test"]
    assert prepare(archive=small.path, root=root).done_before
    assert prepare(archive=small.path, root=root, seed=1).done_before


def test_index_files_are_the_same_in_every_folder_and_with_any_number_of_processes(small, tmp_path):
    made = [
        prepare(archive=small.path, root=tmp_path / "one", jobs=1),
        prepare(archive=small.path, root=tmp_path / "deeper" / "two", jobs=2),
        prepare(archive=small.paths["python 2"], root=tmp_path / "three"),
    ]
    assert len({json.dumps(found.index_sha256) for found in made}) == 1
    assert len({json.dumps([found.mean, found.std]) for found in made}) == 1
    pngs = [file_hashes(Path(found.raw)) for found in made]
    assert pngs[0] == pngs[1] == pngs[2]


def test_the_index_files_list_the_names_in_the_order_of_the_archive(small, tmp_path):
    found = prepare(archive=small.path, root=tmp_path / "r")
    lines = Path(found.index["train"]).read_text().splitlines()
    numbers = [int(line.split("_")[1][:5]) for line in lines]
    assert numbers == sorted(numbers)
    label = small.labels[numbers[0]]
    assert lines[0] == f"../raw/{label}/{label}_{numbers[0]:05d}.png {label}"


@pytest.mark.parametrize("count", [50, 100, 257, 500])
def test_any_number_of_images_is_balanced_over_the_classes(small, tmp_path, count):
    found = prepare(archive=small.path, root=tmp_path / "r", num_images=count)
    assert found.num_images == sum(found.counts["raw"]) == len(list(Path(found.raw).rglob("*.png"))) == count
    assert max(found.counts["raw"]) - min(found.counts["raw"]) <= 1
    assert [sum(counts) for counts in zip(*(found.counts[part] for part in SPLIT), strict=True)] == found.counts["raw"]
    assert all(min(found.counts[part]) >= 1 for part in SPLIT)


def test_the_first_images_of_each_class_are_taken(small, tmp_path):
    found = prepare(archive=small.path, root=tmp_path / "r", num_images=100)
    for label in range(10):
        expected = np.flatnonzero(small.labels[:500] == label)[:10]
        assert [int(p.stem.split("_")[1]) for p in sorted(Path(found.raw, str(label)).iterdir())] == expected.tolist()


def test_an_unbalanced_archive_keeps_its_proportions(tmp_path):
    images, labels = draw_pixels()
    labels[(labels == 9) & (np.arange(600) % 2 == 0)] = 0
    tar = tar_bytes(good_members(archive_contents(images, labels)))
    found = prepare(archive=write_gzip(tmp_path / "a.tar.gz", tar), root=tmp_path / "r", num_images="all")
    raw = np.bincount(labels[:500])
    assert found.counts["raw"] == raw.tolist()
    assert found.counts["test"] == found.counts["valid"] == [int(0.1 * n + 0.5) for n in raw]


def test_more_images_are_added_to_those_that_are_there(small, tmp_path):
    root = tmp_path / "r"
    few = prepare(archive=small.path, root=root, num_images=100)
    times = {path: path.stat().st_mtime_ns for path in Path(few.raw).rglob("*.png")}
    many = prepare(archive=small.path, root=root, num_images="all")
    assert (few.num_images, many.num_images) == (100, 500)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert prepare(archive=small.path, root=root, num_images=100).done_before


def test_the_official_archive_is_called_by_its_name(small, tmp_path, monkeypatch):
    """The archive with the official MD5 cannot be in the repository, so the small one is declared official."""
    md5 = hashlib.md5(small.path.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar10, "OFFICIAL_MD5", md5)
    found = prepare(archive=small.path, root=tmp_path / "r")
    assert (found.official, found.label) == (True, "CIFAR-10")


def test_the_default_folder_is_named_after_source_and_archive(small, data, monkeypatch):
    monkeypatch.setenv("CIFAR10_ARCHIVE", str(small.path))
    found = prepare("auto")
    md5 = hashlib.md5(small.path.read_bytes()).hexdigest()
    assert found.root == str(data / f"cifar10-{md5[:8]}")


def test_auto_downloads_prepares_and_calls_it_official(server, monkeypatch, data):
    monkeypatch.setattr(cifar10, "URL", server.url)
    monkeypatch.setattr(cifar10, "OFFICIAL_MD5", hashlib.md5(server.payload).hexdigest())
    found = prepare("auto")
    assert (found.source, found.official, found.archive) == ("cifar10", True, str(data / "cifar-10-python.tar.gz"))
    assert prepare("auto").done_before
    assert len(server.ranges_asked) == 1


# -- what is mended --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["image", "index", "changed index", "summary", "bad summary", "classes and summary"])
def test_what_was_deleted_or_changed_is_made_again(small, tmp_path, harm):
    root = tmp_path / "r"
    first = prepare(archive=small.path, root=root)
    folder, before = Path(first.index["train"]).parent, file_hashes(root)
    if harm == "image":
        Path(read_index(first.index["valid"])[7][0]).unlink()
    elif harm == "index":
        (folder / "test.txt").unlink()
    elif harm == "changed index":
        lines = (folder / "test.txt").read_text().splitlines(keepends=True)
        (folder / "test.txt").write_text("".join(lines[1:]))
    elif harm == "bad summary":
        (folder / "prepared.json").write_text('{"source": ')
    else:
        (folder / "prepared.json").unlink()
        if harm != "summary":
            (folder / "classes.txt").unlink()
    again = prepare(archive=small.path, root=root)
    assert not again.done_before
    assert again.index_sha256 == first.index_sha256
    after = file_hashes(root)
    summary = str((folder / "prepared.json").relative_to(root))
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} <= {summary}  # it holds the seconds


def harm_image(path: Path, harm: str) -> None:
    before, times = path.read_bytes(), path.stat()
    if harm == "another image":
        Image.new("RGB", (32, 32), "red").save(path)
    elif harm == "one pixel, same size and time":
        path.write_bytes(before[:500] + bytes([before[500] ^ 1]) + before[501:])
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif harm == "a link":
        path.rename(path.with_suffix(".bak"))
        path.symlink_to(path.with_suffix(".bak"))
        path.with_suffix(".bak").write_bytes(before[:-1])
    elif harm == "a pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        path.write_bytes({"emptied": b"", "cut": before[:1000], "longer": before + b"x"}[harm])


@pytest.mark.parametrize(
    "harm", ["another image", "one pixel, same size and time", "emptied", "cut", "longer", "a link", "a pipe"]
)
@pytest.mark.parametrize("part", ["valid", "official_test"])
def test_an_image_that_changed_is_found_named_and_written_again(small, tmp_path, capsys, part, harm):
    root = tmp_path / "r"
    first = prepare(archive=small.path, root=root)
    before = file_hashes(root)
    path = Path(read_index(first.index[part])[7][0]).resolve()
    harm_image(path, harm)
    again = prepare(archive=small.path, root=root)
    assert not again.done_before
    said = capsys.readouterr().out
    if harm != "a pipe":  # no image at all is like one that was deleted
        name = path.relative_to(path.parent.parent)
        assert said == (
            f"{path.parent.parent}: 1 of its files were not the archive's images and were written again: {name}.\n"
        )
    path.with_suffix(".bak").unlink(missing_ok=True)
    after = file_hashes(root)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} <= {"split-500-seed0/prepared.json"}
    assert not path.is_symlink()
    assert prepare(archive=small.path, root=root).done_before
    assert capsys.readouterr().out == ""


def test_of_many_changed_images_five_are_named(small, tmp_path, capsys):
    first = prepare(archive=small.path, root=tmp_path / "r")
    for path in sorted(Path(first.raw).rglob("*.png"))[::50]:
        path.write_bytes(b"")
    prepare(archive=small.path, root=tmp_path / "r")
    said = capsys.readouterr().out
    assert said.count(".png") == 5
    assert said.endswith(" and 5 more.\n")


def test_another_seed_does_not_write_over_images_that_are_right_nor_trust_wrong_ones(small, tmp_path, monkeypatch):
    first = prepare(archive=small.path, root=tmp_path / "r")
    before = file_hashes(Path(first.raw))
    with monkeypatch.context() as patch:
        patch.setattr(cifar10, "export_pngs", None)  # not called: the images of seed 0 are compared instead
        prepare(archive=small.path, root=tmp_path / "r", seed=1)
    Path(read_index(first.index["train"])[0][0]).write_bytes(b"")
    prepare(archive=small.path, root=tmp_path / "r", seed=2)
    assert file_hashes(Path(first.raw)) == before


def changed_summary(**fields: object):
    return lambda text: json.dumps(json.loads(text) | fields).encode()


DAMAGED_SUMMARIES = {
    "empty": lambda text: b"",
    "a list": lambda text: b"[]",
    "an object": lambda text: b"{}",
    "cut": lambda text: text[: len(text) // 2],
    "no UTF-8": lambda text: text.replace(b"cifar10", b"cifar\xff"),
    "brackets without end": lambda text: b"[" * 100_000,
    "another mean": changed_summary(mean=[0.0, 0.0, 0.0]),
    "counts that are none": changed_summary(counts=None),
    "another field": changed_summary(more=1),
}


@pytest.mark.parametrize("damage", DAMAGED_SUMMARIES)
def test_a_damaged_summary_is_made_again(small, tmp_path, capsys, damage):
    root = tmp_path / "r"
    first = prepare(archive=small.path, root=root)
    note = root / "split-500-seed0" / "prepared.json"
    note.write_bytes(DAMAGED_SUMMARIES[damage](note.read_bytes()))
    assert main(["--archive", str(small.path), "--root", str(root)]) == 0
    assert not capsys.readouterr().out.startswith("Nothing to do")
    again = prepare(archive=small.path, root=root)
    assert again == replace(first, done_before=True, seconds=again.seconds)


def test_changed_class_names_are_written_again(small, tmp_path):
    first = prepare(archive=small.path, root=tmp_path / "r")
    names = Path(first.index["train"]).with_name("classes.txt")
    names.write_text(names.read_text().replace("cat", "dog"))
    assert not prepare(archive=small.path, root=tmp_path / "r").done_before
    assert names.read_text().split() == CLASSES


# -- what is not half-written ----------------------------------------------------------------------------------


@pytest.mark.parametrize("damaged", [False, True])
def test_a_split_that_fails_half_way_leaves_no_trace(small, tmp_path, monkeypatch, damaged):
    root = tmp_path / "r"
    prepare(archive=small.path, root=root)
    if damaged:  # a folder of that name is there, but does not hold
        prepare(archive=small.path, root=root, seed=3)
        (root / "split-500-seed3" / "train.txt").write_text("")
    before = file_hashes(root)

    def fail(paths):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(prepare_module, "channel_statistics", fail)
        with pytest.raises(OSError, match="No space"):
            prepare(archive=small.path, root=root, seed=3)
    assert file_hashes(root) == before
    assert half_written(root) == []
    assert (root / "split-500-seed3").exists() == damaged
    prepare(archive=small.path, root=root, seed=3)
    assert prepare(archive=small.path, root=root, seed=3).done_before


def test_a_file_that_someone_put_beside_the_index_files_stays(small, tmp_path):
    first = prepare(archive=small.path, root=tmp_path / "r")
    folder = Path(first.index["train"]).parent
    (folder / "notes.txt").write_text("mine")
    (folder / "prepared.json").unlink()
    prepare(archive=small.path, root=tmp_path / "r")
    assert (folder / "notes.txt").read_text() == "mine"


def test_the_folder_of_a_killed_split_is_removed(small, tmp_path):
    killed = tmp_path / "r" / ".split-500-seed0.partial-1-0123abcd"
    killed.mkdir(parents=True)
    (killed / "train.txt").write_text("half")
    prepare(archive=small.path, root=tmp_path / "r")
    assert half_written(tmp_path / "r") == []


# -- where things may live -------------------------------------------------------------------------------------


def test_names_with_spaces_and_foreign_letters_serve_as_well(small, run_json, tmp_path):
    folder = tmp_path / "Daten für 图像 \U0001f600"
    folder.mkdir()
    shutil.copy(small.path, folder / "mein archiv é.tar.gz")
    arguments = ["--archive", folder / "mein archiv é.tar.gz", "--num-images", 50]
    inside, _ = run_json(*arguments, BOOK_DATA=str(folder / "data é"))
    assert Path(inside["root"]).parent == folder / "data é"
    named, _ = run_json(*arguments, "--root", folder / "root ü")
    assert named["root"] == str(folder / "root ü")
    assert named["index_sha256"] == inside["index_sha256"]
    assert len(MyDataset(named["index"]["train"])) == 30


def test_a_data_folder_behind_a_link_is_the_folder_itself(small, tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("BOOK_DATA", str(tmp_path / "link"))
    first = prepare("cifar10", archive=small.path, num_images=50)
    assert Path(first.root).parent == tmp_path / "real"
    monkeypatch.setenv("BOOK_DATA", str(tmp_path / "real"))
    assert prepare("cifar10", archive=small.path, num_images=50).done_before


READ_ONLY = """
"${@:3}" && mount -o remount,ro "$1" && rm -f "$2" && "${@:3}" && "${@:3}" --seed 3
"""


def test_a_folder_that_cannot_be_written_serves_while_nothing_is_to_do(small, tmp_path):
    disk, listing = tmp_path / "disk", tmp_path / "listing"
    disk.mkdir()
    command = prepare_command("--archive", small.path, "--num-images", 50)
    shell = ["bash", "-c", READ_ONLY, "bash", disk, tmp_path / "none"]
    done = run_on_a_small_disk([*shell, *command], "8m", disk, listing, BOOK_DATA=str(disk / "data"))
    assert [line for line in done.stdout.splitlines() if line.startswith("Nothing to do: ")]
    assert done.returncode == 1
    assert done.stderr.startswith(f"prepare: {disk / 'data'}")
    assert done.stderr.endswith(
        "cannot be read or written: Read-only file system. Free space, or choose another --root or --archive.\n"
    )
    assert len(done.stderr.splitlines()) == 1
    assert "partial" not in listing.read_text()
    assert "seed3" not in listing.read_text()


def test_temporary_files_of_a_killed_process_are_removed(small, tmp_path):
    root = tmp_path / "r"
    folder = root / "split-500-seed0"
    folder.mkdir(parents=True)
    for place in (root, folder):
        (place / ".train.txt.partial-1-0123abcd").write_text("half")
    prepare(archive=small.path, root=root)
    assert half_written(root) == []


def test_a_copy_of_a_folder_is_a_folder_of_its_own(small, tmp_path):
    first = prepare(archive=small.path, root=tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    second = prepare(archive=small.path, root=tmp_path / "two")
    assert second.root == str(tmp_path / "two")
    assert all(path.startswith(second.root) for path in second.index.values())
    assert second.index_sha256 == first.index_sha256


def test_the_images_of_two_archives_are_not_mixed(small, tmp_path):
    prepare(archive=small.path, root=tmp_path / "r")
    before = file_hashes(tmp_path / "r")
    with pytest.raises(DataError, match="holds the images of another archive. Delete it, or choose another --root"):
        prepare(archive=small.paths[5], root=tmp_path / "r")
    assert file_hashes(tmp_path / "r") == before


# -- the sample ------------------------------------------------------------------------------------------------


def test_the_sample_is_drawn_split_and_read_like_cifar_10(run_json, data, drawn, monkeypatch, capsys):
    monkeypatch.setattr(sample, "draw_sample", lambda jobs, progress: drawn)  # for all tests together it is drawn once
    assert main(["--source", "sample", "--json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)
    assert (found["source"], found["official"], found["label"]) == ("sample", False, "drawn sample")
    assert found["root"] == str(data / f"sample-{PIXELS_SHA256[:8]}")
    assert lines[0].startswith("drawn sample: 5000 training images")
    assert found["counts"] == {
        "raw": [500] * 10, "train": [400] * 10, "valid": [50] * 10, "test": [50] * 10, "official_test": [100] * 10
    }  # fmt: skip
    assert half_written(data) == []
    archive = read_archive(found["archive"])
    images = np.concatenate([archive.train_images, archive.test_images])
    labels = np.concatenate([archive.train_labels, archive.test_labels]).astype(np.uint8)
    assert pixel_digest(images, labels) == PIXELS_SHA256
    path, label = read_index(found["index"]["test"])[123]
    number = int(Path(path).stem.split("_")[1])
    assert labels[number] == label
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), images[number])
    again, lines = run_json("--source", "auto", BOOK_SOURCE="sample")
    assert again == found | {"done_before": True}
    assert lines[0].startswith("Nothing to do: drawn sample, 5000 images")


def test_the_small_archives_differ_in_bytes_and_agree_in_content(small):
    """The tests above compare folders made from different files; were the files equal, that would say little."""
    assert len({path.read_bytes() for path in small.paths.values()}) == len(small.paths)
    assert len({encode(small.contents["test_batch"], e) for e in small.paths}) == len(small.paths)
