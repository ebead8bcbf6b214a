"""`helpers.data.loaders`: the fast way gives what the slow way gives, in an order set by seed and epoch alone."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as TF

from helpers.data.dataset import MyDataset
from helpers.data.index import write_index
from helpers.data.loaders import EpochLoader, TensorImages, all_crops, as_is, crop_and_flip, cut_out, decode
from helpers.paths import DataError

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.3)


@pytest.fixture
def index(tmp_path):
    """An index of 50 noise images in ten classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
    samples = []
    for n, image in enumerate(pixels):
        path = tmp_path / f"{n:02d}.png"
        Image.fromarray(image).save(path)
        samples.append((path, n % 10))
    write_index(tmp_path / "train.txt", samples)
    return tmp_path / "train.txt"


def batches(loader, epoch: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    loader.set_epoch(epoch)
    images, labels = zip(*loader, strict=True)
    return torch.cat(images), torch.cat(labels)


def test_without_augmentation_it_equals_the_plain_data_set(index):
    steps = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    plain, fast = MyDataset(index, v2.Compose(steps)), TensorImages(index, mean=MEAN, std=STD)
    assert len(fast) == len(plain) and fast.targets.tolist() == plain.targets
    images, labels = fast.__getitems__(range(len(fast)))
    torch.testing.assert_close(images, torch.stack([image for image, _ in plain]), atol=1e-6, rtol=1e-5)
    assert labels.tolist() == plain.targets
    image, label = fast[7]
    assert torch.equal(image, images[7]) and label == plain.targets[7]


def test_crop_and_flip_equals_the_library_image_by_image():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (40, 3, 10, 12), dtype=torch.uint8, generator=generator)
    shifts = torch.randint(0, 9, (40, 2), generator=generator)
    flips = torch.rand(40, generator=generator) < 0.5
    assert {0, 8} <= set(shifts.flatten().tolist()) and 0 < flips.sum() < 40
    moved = crop_and_flip(all_crops(images, 4), torch.arange(40), shifts, flips)
    for k, image in enumerate(images):
        expected = TF.crop(TF.pad(image, [4]), *shifts[k].tolist(), 10, 12)
        assert torch.equal(moved[k], TF.horizontal_flip(expected) if flips[k] else expected)


@pytest.mark.parametrize("side", [1, 4, 5, 30])
def test_cut_out_erases_the_square_around_each_centre_and_nothing_else(side):
    generator = torch.Generator().manual_seed(side)
    images = torch.rand(30, 3, 10, 12, generator=generator) + 1  # nowhere 0
    centres = torch.stack([torch.randint(0, size, (30,), generator=generator) for size in (10, 12)], dim=1)
    expected = images.clone()
    for image, (row, column) in zip(expected, centres.tolist(), strict=True):
        top, left = row - side // 2, column - side // 2
        image[:, max(top, 0) : top + side, max(left, 0) : left + side] = 0
    assert torch.equal(cut_out(images, centres, side), expected)


def test_squares_are_drawn_for_each_image_and_leave_crops_and_flips_as_they_are(index):
    whole = TensorImages(index, mean=MEAN, std=STD, padding=4, seed=1)
    cut = TensorImages(index, mean=MEAN, std=STD, padding=4, cutout=8, seed=1)
    (before, _), (after, _) = (data.__getitems__(range(50)) for data in (whole, cut))
    kept = after != 0
    assert torch.equal(after[kept], before[kept])
    erased = (after == 0).all(dim=1).sum(dim=(1, 2))  # pixels of an image
    assert erased.min() >= 16 and erased.max() == 64 and len(cut.centres.unique(dim=0)) > 40
    assert not (cut.without_augmentation().__getitems__(range(50))[0] == 0).all(dim=1).any()


def test_offsets_and_flips_are_drawn_from_their_whole_range_for_each_image(index):
    data = TensorImages(index, mean=MEAN, std=STD, padding=4)
    drawn = []
    for epoch in range(40):
        data.set_epoch(epoch)
        drawn.append(data.shifts)
    assert set(torch.stack(drawn).flatten().tolist()) == set(range(9))
    assert len({tuple(shift) for shift in drawn[0].tolist()}) > 20  # independent, not one for the batch
    assert len({str(shifts.tolist()) for shifts in drawn}) == 40  # anew in each epoch


def test_half_of_the_images_are_mirrored_and_every_offset_is_as_likely_as_another(index):
    data, flips, shifts = TensorImages(index, mean=MEAN, std=STD, padding=4), [], []
    for epoch in range(80):  # 4,000 draws
        data.set_epoch(epoch)
        flips.append(data.flips)
        shifts.append(data.shifts)
    flips, shifts = torch.cat(flips), torch.cat(shifts)
    n = len(flips)
    assert abs(flips.sum() - n / 2) < 4 * (n / 4) ** 0.5  # four standard deviations
    for axis in (0, 1):
        counts = shifts[:, axis].bincount(minlength=9)
        assert (counts - n / 9).abs().max() < 4 * (n * 8 / 81) ** 0.5


def test_alternating_flips_show_both_sides_in_two_epochs_and_leave_the_rest_as_it_is(index):
    plain = TensorImages(index, mean=MEAN, std=STD, padding=4, cutout=5, seed=3)
    turned = TensorImages(index, mean=MEAN, std=STD, padding=4, cutout=5, seed=3, alternate=True)
    flips = []
    for epoch in range(4):
        for data in (plain, turned):
            data.set_epoch(epoch)
        assert torch.equal(plain.shifts, turned.shifts) and torch.equal(plain.centres, turned.centres)
        flips.append(turned.flips)
    assert torch.equal(flips[1], ~flips[0]) and torch.equal(flips[2], flips[0]) and torch.equal(flips[3], flips[1])
    assert 10 < flips[0].sum() < 40  # of 50
    other = TensorImages(index, mean=MEAN, std=STD, padding=4, seed=4, alternate=True)
    assert not torch.equal(other.flips, flips[0])


def test_an_epoch_is_the_same_with_any_batch_size_and_any_number_of_workers(index):
    data = TensorImages(index, mean=MEAN, std=STD, padding=4, seed=3)
    once = batches(EpochLoader(data, 10), epoch=5)
    for batch_size, workers in ((25, 0), (10, 2)):
        again = batches(EpochLoader(data, batch_size, workers), epoch=5)
        assert torch.equal(once[0], again[0]) and torch.equal(once[1], again[1])


def test_another_epoch_or_seed_is_another_order_and_other_crops(index):
    data = TensorImages(index, mean=MEAN, std=STD, padding=4, seed=3)
    other = TensorImages(index, mean=MEAN, std=STD, padding=4, seed=4)
    orders, crops = [], []
    for images, epoch in ((data, 0), (data, 1), (other, 0)):
        loader = EpochLoader(images, 10)
        loader.set_epoch(epoch)
        orders.append([loader.positions(step) for step in range(5)])
        crops.append(images.__getitems__(range(50))[0])  # in the order of the index
    for k in (1, 2):
        assert orders[0] != orders[k]
        assert not torch.equal(crops[0], crops[k])


def test_the_processes_share_each_batch_of_a_single_process(index):
    data = TensorImages(index, mean=MEAN, std=STD, padding=4)
    single = EpochLoader(data, 10)
    shared = [EpochLoader(data, 10, rank=rank, world_size=2) for rank in range(2)]
    for loader in (single, *shared):
        loader.set_epoch(2)
    assert len(single) == len(shared[0]) == len(shared[1]) == 5
    for step in range(5):
        parts = [position for loader in shared for position in loader.positions(step)]
        assert sorted(parts) == sorted(single.positions(step))


def test_positions_name_the_images_of_a_step(index):
    data = TensorImages(index, mean=MEAN, std=STD)
    loader = EpochLoader(data, 8)
    loader.set_epoch(1)
    for step, (_, labels) in enumerate(loader):
        assert data.targets[loader.positions(step)].tolist() == labels.tolist()
    assert len(loader.positions(6)) == 2  # the last batch holds the rest


def test_training_images_are_measured_unmoved(index):
    data = TensorImages(index, mean=MEAN, std=STD, padding=4)
    plain = TensorImages(index, mean=MEAN, std=STD)
    ((images, _),) = DataLoader(data.without_augmentation(), 50, collate_fn=as_is)
    assert torch.equal(images, plain.__getitems__(range(50))[0])
    assert data.padding == 4


def test_several_index_files_are_one_data_set(index):
    assert len(TensorImages(index, index, mean=MEAN, std=STD)) == 100


@pytest.mark.parametrize(("batch_size", "world_size", "told"), [(51, 1, "51, but there are 50"), (9, 2, "divide")])
def test_a_batch_size_that_does_not_fit_is_refused(index, batch_size, world_size, told):
    with pytest.raises(ValueError, match=told):
        EpochLoader(TensorImages(index, mean=MEAN, std=STD), batch_size, world_size=world_size)


def test_an_image_of_another_size_is_named(tmp_path):
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    Image.new("RGB", (4, 4)).save(paths[0])
    Image.new("RGB", (4, 5)).save(paths[1])
    with pytest.raises(DataError, match=r"b\.png: \(5, 4\) pixels, but .*a\.png has \(4, 4\). Resize it"):
        decode(paths)
