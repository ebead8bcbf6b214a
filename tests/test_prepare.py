"""`helpers.prepare` from end to end, as a command: what it writes, what it says and what it leaves alone."""

import hashlib
import json
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from archives import CLASSES, draw_pixels, encode, good_members, tar_bytes, write_gzip
from archives import contents as archive_contents
from PIL import Image
from support import file_hashes, half_written

from helpers.data import cifar10
from helpers.data.archive import read_archive
from helpers.data.dataset import MyDataset
from helpers.data.index import read_index
from helpers.data.sample import PIXELS_SHA256, pixel_digest
from helpers.data.statistics import channel_statistics
from helpers.paths import DataError
from helpers.prepare import PARTS, Prepared, prepare

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


def test_the_sample_is_drawn_split_and_read_like_cifar_10(run_json, data):
    found, lines = run_json("--source", "sample")
    assert (found["source"], found["official"], found["label"]) == ("sample", False, "drawn sample")
    assert found["root"] == str(data / f"sample-{PIXELS_SHA256[:8]}")
    assert lines[0].startswith("drawn sample: 5000 training images")
    assert found["counts"] == {
        "raw": [500] * 10, "train": [400] * 10, "valid": [50] * 10, "test": [50] * 10, "official_test": [100] * 10
    }  # fmt: skip
    assert half_written(data) == []
    drawn = read_archive(found["archive"])
    images = np.concatenate([drawn.train_images, drawn.test_images])
    labels = np.concatenate([drawn.train_labels, drawn.test_labels]).astype(np.uint8)
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
