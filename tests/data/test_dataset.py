"""`helpers.data.dataset`: `MyDataset` and the images that it opens."""

import zlib
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from support import draw_png
from torch.utils.data import DataLoader

from helpers.data.dataset import MyDataset, load_image
from helpers.data.index import write_index
from helpers.paths import DataError


@pytest.fixture
def two_classes(tmp_path):
    """An index of four images, two classes, with `classes.txt`."""
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (7, 8, 9)]
    samples = [(draw_png(tmp_path / "raw" / f"{k % 2}" / f"{k}.png", c), k % 2) for k, c in enumerate(colours)]
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
    path = draw_png(tmp_path / "a.png")
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
