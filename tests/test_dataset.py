"""`helpers.dataset`: the split, the index files, `MyDataset`, `materialize` and the channel statistics."""

import math
import os
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from support import file_hashes, half_written
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

from helpers import dataset
from helpers.dataset import (
    MyDataset,
    channel_statistics,
    load_image,
    materialize,
    read_index,
    stratified_split,
    write_index,
)
from helpers.paths import DataError

# -- split -----------------------------------------------------------------------------------------------------

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


# -- index files -----------------------------------------------------------------------------------------------


def draw(path: Path, colour=(10, 20, 30), size=(4, 3), mode="RGB", **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


file_names = st.text(
    st.characters(exclude_characters="/\0\n\r", exclude_categories=("Cs",)), min_size=1, max_size=20
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)


@given(st.lists(st.tuples(file_names, st.integers(0, 10**6 - 1)), min_size=1, max_size=6, unique_by=lambda p: p[0]))
def test_what_is_written_is_read_whatever_the_names(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("index") / "raw images "
    folder.mkdir()
    samples = [(folder / name, label) for name, label in pairs]
    for path, _ in samples:
        path.touch()
    index = folder.parent / "split" / "train.txt"
    write_index(index, samples)
    assert [(os.path.realpath(path), label) for path, label in read_index(index)] == [
        (str(path), label) for path, label in samples
    ]


@pytest.mark.parametrize(
    "name", ["a b.png", " a.png", "a.png ", "a 7", "ä 日本.png", "a\\b.png", "a\t.png", "\u2028.png"]
)
def test_a_name_with_a_space_or_a_foreign_letter_survives(tmp_path, name):
    image = draw(tmp_path / "raw" / name, format="png")
    write_index(tmp_path / "train.txt", [(image, 3)])
    assert (tmp_path / "train.txt").read_bytes() == f"raw/{name} 3\n".encode()
    assert read_index(tmp_path / "train.txt") == [(str(image), 3)]
    assert MyDataset(tmp_path / "train.txt")[0][1] == 3


def test_paths_in_an_index_are_relative_so_that_the_folder_can_move(tmp_path):
    image = draw(tmp_path / "here" / "raw" / "0" / "0.png")
    write_index(tmp_path / "here" / "split" / "train.txt", [(image, 0)])
    assert (tmp_path / "here" / "split" / "train.txt").read_text() == "../raw/0/0.png 0\n"
    (tmp_path / "here").rename(tmp_path / "there")
    path, _ = read_index(tmp_path / "there" / "split" / "train.txt")[0]
    assert os.path.samefile(path, tmp_path / "there" / "raw" / "0" / "0.png")


def test_a_relative_index_path_is_read_from_the_working_folder(tmp_path, monkeypatch):
    write_index(tmp_path / "train.txt", [(draw(tmp_path / "a.png"), 0)])
    monkeypatch.chdir(tmp_path)
    [(path, label)] = read_index("train.txt")
    assert not os.path.isabs(path)
    assert os.path.samefile(path, tmp_path / "a.png")
    assert label == 0


@pytest.mark.parametrize("text", ["a.png 0\r\nb c.png 1\r\n", "a.png 0\nb c.png 1", "a.png 0\r\nb c.png 1\n"])
def test_line_ends_of_windows_and_a_missing_last_one_are_read(tmp_path, text):
    for name in ("a.png", "b c.png"):
        draw(tmp_path / name)
    (tmp_path / "train.txt").write_bytes(text.encode())
    assert read_index(tmp_path / "train.txt") == [(str(tmp_path / "a.png"), 0), (str(tmp_path / "b c.png"), 1)]


@pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png"])
def test_a_line_break_in_a_name_is_refused_and_the_old_index_kept(tmp_path, name):
    index = tmp_path / "train.txt"
    write_index(index, [(draw(tmp_path / "a.png"), 0)])
    with pytest.raises(DataError, match="line break in a file name.*Rename it"):
        write_index(index, [(tmp_path / "a.png", 0), (tmp_path / name, 0)])
    assert index.read_text() == "a.png 0\n"
    assert half_written(tmp_path) == []


# -- MyDataset -------------------------------------------------------------------------------------------------


@pytest.fixture
def two_classes(tmp_path):
    """An index of four images, two classes, with `classes.txt`."""
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (7, 8, 9)]
    samples = [(draw(tmp_path / "raw" / f"{k % 2}" / f"{k}.png", c), k % 2) for k, c in enumerate(colours)]
    write_index(tmp_path / "train.txt", samples)
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    return tmp_path / "train.txt"


def test_the_dataset_lists_samples_targets_and_classes(two_classes):
    found = MyDataset(two_classes)
    assert len(found) == 4
    assert found.targets == [0, 1, 0, 1]
    assert found.classes == ["cat", "dog"]
    assert [Path(path).name for path, _ in found.samples] == ["0.png", "1.png", "2.png", "3.png"]
    image, label = found[3]
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size, image.getpixel((0, 0)), label) == ("RGB", (4, 3), (7, 8, 9), 1)


def test_both_transforms_are_applied(two_classes):
    found = MyDataset(two_classes, transform=lambda image: image.size, target_transform=lambda label: f"class {label}")
    assert [found[k] for k in range(4)] == [((4, 3), "class 0"), ((4, 3), "class 1")] * 2


def test_a_loader_with_workers_yields_every_image_once(two_classes):
    to_tensor = lambda image: torch.tensor(image.getpixel((0, 0)))  # noqa: E731 - a worker inherits it
    batches = list(DataLoader(MyDataset(two_classes, to_tensor), batch_size=3, num_workers=2))
    assert torch.cat([labels for _, labels in batches]).tolist() == [0, 1, 0, 1]
    assert torch.cat([images for images, _ in batches])[3].tolist() == [7, 8, 9]


@pytest.mark.parametrize("text", ["cat\ndog", "cat\r\ndog\r\n", "cat\ndog\n"])
def test_class_names_written_by_hand_are_read(two_classes, text):
    two_classes.with_name("classes.txt").write_bytes(text.encode())
    assert MyDataset(two_classes).classes == ["cat", "dog"]


def test_without_class_names_the_labels_are_the_names(two_classes):
    two_classes.with_name("classes.txt").unlink()
    assert MyDataset(two_classes).classes == ["0", "1"]


def test_a_label_beyond_the_class_names_is_refused_at_once(two_classes):
    two_classes.with_name("classes.txt").write_text("cat\n")
    with pytest.raises(DataError, match=r"train\.txt, line 2: label 1.*names 1 classes.*helpers\.prepare"):
        MyDataset(two_classes)


# -- materialize -----------------------------------------------------------------------------------------------


@pytest.fixture
def eleven_classes(tmp_path):
    """Index files of a train and a valid part with twelve classes, so that "10" would sort before "2"."""
    indexes = {}
    for part, each in (("train", 3), ("valid", 1)):
        samples = [
            (draw(tmp_path / "raw" / str(label) / f"{part} {label}_{n}.png", (label, n, 0)), label)
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
        dataset.shutil.rmtree(folder, ignore_errors=True)


def test_two_images_of_one_name_in_one_class_are_refused_and_nothing_is_left(eleven_classes, tmp_path):
    first, second = draw(tmp_path / "x" / "a.png"), draw(tmp_path / "y" / "a.png")
    write_index(tmp_path / "clash.txt", [(first, 0), (second, 0)])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=r"y/a\.png: test has two images of that name in class 0. Rename one"):
        materialize(eleven_classes | {"test": tmp_path / "clash.txt"}, tmp_path / "folders")
    assert sorted(tmp_path.rglob("*")) == before


def test_one_name_in_two_classes_or_two_parts_is_no_clash(tmp_path):
    first, second = draw(tmp_path / "x" / "a.png"), draw(tmp_path / "y" / "a.png")
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


# -- statistics ------------------------------------------------------------------------------------------------


def save_all(images, folder: Path) -> list[str]:
    folder.mkdir()
    for k, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{k:05d}.png", compress_level=0)
    return [str(folder / f"{k:05d}.png") for k in range(len(images))]


def numpy_statistics(images) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.concatenate([image.reshape(-1, 3) for image in images]).astype(np.float64) / 255
    return pixels.mean(axis=0), pixels.std(axis=0)


def test_mean_and_std_are_those_of_all_pixels(small, tmp_path):
    mean, std = channel_statistics(save_all(small.images, tmp_path / "raw"))
    expected = numpy_statistics(small.images)
    assert np.abs(np.array(mean) - expected[0]).max() < 1e-12
    assert np.abs(np.array(std) - expected[1]).max() < 1e-12


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.integers(1, 256))
def test_mean_and_std_are_right_for_images_of_any_size_and_range(tmp_path_factory, seed, n, height, width, levels):
    dice = np.random.default_rng(seed)
    low = dice.integers(0, 257 - levels)
    images = [  # two sizes in one set: the average of averages would be wrong
        dice.integers(low, low + levels, (height + k % 2, width, 3), dtype=np.uint8) for k in range(n)
    ]
    mean, std = channel_statistics(save_all(images, tmp_path_factory.mktemp("any") / "raw"))
    expected = numpy_statistics(images)
    assert np.abs(np.array(mean) - expected[0]).max() < 1e-12
    assert np.abs(np.array(std) - expected[1]).max() < 1e-12


@pytest.mark.parametrize("value", [0, 1, 77, 254, 255])
def test_constant_images_have_a_standard_deviation_of_exactly_zero(tmp_path, value):
    paths = save_all([np.full((32, 32, 3), value, dtype=np.uint8)] * 600, tmp_path / "raw")
    assert channel_statistics(paths) == ([value / 255] * 3, [0.0] * 3)


def test_channels_are_not_mixed_up(tmp_path):
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    image[0, :, 1] = 255
    image[..., 2] = 51
    mean, std = channel_statistics(save_all([image], tmp_path / "raw"))
    assert (mean, std) == ([0.0, 0.5, 0.2], [0.0, 0.5, 0.0])


def test_the_order_of_the_images_changes_no_bit(small, tmp_path):
    paths = save_all(small.images, tmp_path / "raw")
    assert channel_statistics(paths) == channel_statistics(paths[::-1])


def test_no_images_have_no_statistics():
    with pytest.raises(DataError, match="no images. Pass the paths"):
        channel_statistics([])


def test_memory_does_not_grow_with_the_number_of_images(small, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # each thread holds images; how many overlap is chance
    paths = save_all(small.images, tmp_path / "raw")
    peaks = []
    for times in (1, 6):
        tracemalloc.start()
        channel_statistics(paths * times)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


# -- images ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 0), (1, 2, 3)),
        ("L", 9, (9, 9, 9)),
        ("LA", (9, 100), (9, 9, 9)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (40, 50, 60)),
    ],
)
def test_every_mode_is_read_as_rgb(tmp_path, mode, colour, expected):
    path = tmp_path / "a.png"
    image = Image.new(mode, (5, 4), colour)
    if mode == "P":
        image.putpalette([40, 50, 60] * 256)
    image.save(path)
    found = load_image(path)
    assert (found.mode, found.size, found.getpixel((2, 2))) == ("RGB", (5, 4), expected)


def test_a_picture_that_claims_more_pixels_than_any_memory_is_refused(tmp_path):
    path = draw(tmp_path / "a.png")
    whole = bytearray(path.read_bytes())
    whole[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height; the header's checksum follows
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"a\.png: not a readable image"):
        load_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow says what it skips in a damaged file
@given(st.data())
def test_a_damaged_image_loads_or_raises_the_one_error(tmp_path_factory, data):
    kind = data.draw(st.sampled_from(["png", "jpeg", "gif", "bmp", "webp", "tiff"]))
    path = tmp_path_factory.mktemp("damaged") / f"a.{kind}"
    Image.new("RGB", (9, 7), (200, 100, 50)).save(path)
    whole = bytearray(path.read_bytes())
    assume(len(whole) > 20)
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(1, len(whole)))])
    try:
        assert load_image(path).mode == "RGB"
    except DataError as error:
        assert str(error).startswith(f"{path}: not a readable image")


def test_what_a_killed_materialize_left_is_removed_by_the_next(tmp_path):
    image = draw(tmp_path / "raw" / "a.png", format="png")
    write_index(tmp_path / "train.txt", [(image, 0)])
    leftover = tmp_path / ".tree.partial-1-abc"
    leftover.mkdir()
    materialize({"train": tmp_path / "train.txt"}, tmp_path / "tree")
    assert not leftover.exists() and (tmp_path / "tree" / "train" / "0" / "a.png").exists()


def test_an_absurd_label_is_refused_before_it_fills_the_memory(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "train.txt").write_text(f"a.png {'9' * 5000}\n")
    with pytest.raises(DataError, match="line 1: label .* is not a whole number"):
        MyDataset(tmp_path / "train.txt")
