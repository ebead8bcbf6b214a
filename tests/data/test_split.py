"""`helpers.data.split`: every sample in one part, every class in proportion; and the parts as folders."""

import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import draw_png, file_hashes
from torchvision.datasets import ImageFolder

from helpers.data.dataset import MyDataset
from helpers.data.index import write_index
from helpers.data.split import materialize, stratified_split
from helpers.paths import DataError

labelled = st.lists(st.tuples(st.text(max_size=8), st.integers(0, 4)), max_size=120, unique_by=lambda pair: pair[0])
some_shares = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(lambda ws: [w / sum(ws) for w in ws])


@given(labelled, some_shares, st.integers(0, 9))
def test_every_sample_is_in_exactly_one_part(pairs, shares, seed):
    parts = stratified_split([n for n, _ in pairs], [label for _, label in pairs], shares, seed)
    assert len(parts) == len(shares)
    assert sorted(position for part in parts for position in part) == list(range(len(pairs)))
    assert all(part == sorted(part) for part in parts)


@given(labelled, some_shares, st.integers(0, 9))
def test_every_class_has_its_share_of_every_part_within_rounding(pairs, shares, seed):
    labels = [label for _, label in pairs]
    parts = stratified_split([n for n, _ in pairs], labels, shares, seed)
    for label in set(labels):
        size = labels.count(label)
        counts = [sum(labels[position] == label for position in part) for part in parts]
        for count, share in list(zip(counts, shares, strict=True))[1:]:
            # the last part gets less when the parts before it were rounded up; a share is never exceeded by more
            assert count <= share * size + 0.5 + 1e-9
        assert counts[0] >= math.floor(shares[0] * size) - (len(shares) - 1)
        if sum(math.floor(s * size + 0.5) for s in shares[1:]) <= size:
            for count, share in list(zip(counts, shares, strict=True))[1:]:
                assert abs(count - share * size) <= 0.5 + 1e-9


@given(st.integers(5, 60), st.integers(0, 99))
def test_ten_classes_are_divided_8_to_1_to_1(tens, seed):
    labels = [k % 10 for k in range(tens * 100)]
    parts = stratified_split([f"{k}.png" for k in range(len(labels))], labels, seed=seed)
    for part, expected in zip(parts, (8 * tens, tens, tens), strict=True):
        assert np.bincount([labels[p] for p in part]).tolist() == [expected] * 10


@given(labelled, some_shares, st.integers(0, 9), st.randoms())
def test_the_parts_do_not_depend_on_the_order_of_the_samples(pairs, shares, seed, random):
    def names_of_parts(given_pairs):
        names = [n for n, _ in given_pairs]
        parts = stratified_split(names, [label for _, label in given_pairs], shares, seed)
        return [{names[position] for position in part} for part in parts]

    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert names_of_parts(shuffled) == names_of_parts(pairs)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=5, unique=True))
def test_every_seed_splits_differently(seeds):
    names, labels = [f"{k}.png" for k in range(300)], [k % 3 for k in range(300)]
    found = {str(stratified_split(names, labels, seed=seed)) for seed in seeds}
    assert len(found) == len(seeds)


def test_a_sample_goes_to_each_part_as_often_as_its_share_says():
    """Over 1,000 seeds one sample of 100 is in the test part about 100 times; five standard deviations are 47."""
    names = [f"{k}.png" for k in range(100)]
    hits = sum(0 in stratified_split(names, [0] * 100, seed=seed)[2] for seed in range(1000))
    assert abs(hits - 100) < 47


@pytest.mark.parametrize(
    ("names", "labels", "shares"),
    [
        (["a", "b"], [0], (0.5, 0.5)),
        (["a", "a"], [0, 0], (0.5, 0.5)),
        (["a", "b"], [0, 0], (0.5, 0.6)),
        (["a", "b"], [0, 0], (0.5, 0.4)),
        (["a", "b"], [0, 0], (1.0, 0.0)),
        (["a", "b"], [0, 0], (1.5, -0.5)),
    ],
)
def test_names_labels_or_shares_that_do_not_fit_are_refused(names, labels, shares):
    with pytest.raises(ValueError):
        stratified_split(names, labels, shares)




@pytest.fixture
def eleven_classes(tmp_path):
    """Index files of a train and a valid part with twelve classes, so that "10" would sort before "2"."""
    indexes = {}
    for part, each in (("train", 3), ("valid", 1)):
        samples = [
            (draw_png(tmp_path / "raw" / str(label) / f"{part} {label}_{n}.png", (label, n, 0)), label)
            for label in range(12)
            for n in range(each)
        ]
        indexes[part] = tmp_path / f"{part}.txt"
        write_index(indexes[part], samples)
    return indexes


def test_image_folder_reads_the_same_images_with_the_same_labels(eleven_classes, tmp_path):
    folder = materialize(eleven_classes, tmp_path / "folders")
    for part, index in eleven_classes.items():
        ours, theirs = MyDataset(index), ImageFolder(str(folder / part))
        pixels = {(label, image.tobytes()) for image, label in ours}
        assert len(ours) == len(theirs) == len(pixels)
        assert {(label, image.tobytes()) for image, label in theirs} == pixels
        assert sorted(theirs.targets) == sorted(ours.targets)
    assert ImageFolder(str(folder / "train")).classes == [f"{label:02d}" for label in range(12)]


def test_files_are_linked_not_copied(eleven_classes, tmp_path):
    folder = materialize(eleven_classes, tmp_path / "folders")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 48
    assert {path.stat().st_nlink for path in files} == {2}


def test_files_are_copied_where_links_cannot_be(eleven_classes, tmp_path):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    folder = other / f"materialize-{os.getpid()}"
    try:
        materialize(eleven_classes, folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.stat().st_nlink for path in files} == {1}
        raw = file_hashes(tmp_path / "raw")
        assert sorted(file_hashes(folder).values()) == sorted(raw.values())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_two_images_of_one_name_in_one_class_are_refused_and_nothing_is_left(eleven_classes, tmp_path):
    first, second = draw_png(tmp_path / "x" / "a.png"), draw_png(tmp_path / "y" / "a.png")
    write_index(tmp_path / "clash.txt", [(first, 0), (second, 0)])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=r"y/a\.png: test has two images of that name in class 0. Rename one"):
        materialize(eleven_classes | {"test": tmp_path / "clash.txt"}, tmp_path / "folders")
    assert sorted(tmp_path.rglob("*")) == before


def test_one_name_in_two_classes_or_two_parts_is_no_clash(tmp_path):
    first, second = draw_png(tmp_path / "x" / "a.png"), draw_png(tmp_path / "y" / "a.png")
    write_index(tmp_path / "train.txt", [(first, 0), (second, 1)])
    write_index(tmp_path / "valid.txt", [(second, 0)])
    folder = materialize({p: tmp_path / f"{p}.txt" for p in ("train", "valid")}, tmp_path / "folders")
    assert set(file_hashes(folder)) == {"train/0/a.png", "train/1/a.png", "valid/0/a.png"}


def test_a_bad_index_leaves_no_folder(eleven_classes, tmp_path):
    (tmp_path / "test.txt").write_text("none.png 0\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="line 1: image .* is missing"):
        materialize(eleven_classes | {"test": tmp_path / "test.txt"}, tmp_path / "folders")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_is_there_is_left_alone(eleven_classes, tmp_path):
    folder = materialize(eleven_classes, tmp_path / "folders")
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert materialize(eleven_classes, folder) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times



def test_what_a_killed_materialize_left_is_removed_by_the_next(tmp_path):
    image = draw_png(tmp_path / "raw" / "a.png", format="png")
    write_index(tmp_path / "train.txt", [(image, 0)])
    leftover = tmp_path / ".tree.partial-1-abc"
    leftover.mkdir()
    materialize({"train": tmp_path / "train.txt"}, tmp_path / "tree")
    assert not leftover.exists() and (tmp_path / "tree" / "train" / "0" / "a.png").exists()
