"""The functions on the page about the loader, as they stand in the notebook: plain loader, padding, balance."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch.utils.data import DataLoader, TensorDataset, default_collate

plain_loader, pad_collate, balanced_batches = (
    definition_of_page("1_data/07_data_loader", name, torch=torch, default_collate=default_collate)
    for name in ("plain_loader", "pad_collate", "balanced_solution")
)
sides = st.tuples(st.integers(1, 9), st.integers(1, 9))  # H, W


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**31))
@settings(deadline=None)
def test_the_loader_of_the_page_gives_the_batches_of_torch(count, batch_size, seed):
    dataset = TensorDataset(torch.randn(count, 2), torch.arange(count))
    one, other = (torch.Generator().manual_seed(seed) for _ in range(2))
    loader = DataLoader(dataset, batch_size, shuffle=True, generator=other)
    torch.testing.assert_close(list(plain_loader(dataset, batch_size, one)), list(loader))


@given(st.lists(sides, min_size=1, max_size=5))
def test_padding_keeps_every_pixel_and_the_mask_counts_them(sizes):
    items = [
        (torch.randint(1, 256, (3, *size), dtype=torch.uint8), k) for k, size in enumerate(sizes)
    ]  # no black pixel
    batch, mask, labels = pad_collate(items)
    H, W = (max(sides) for sides in zip(*sizes, strict=True))
    assert batch.shape == (len(items), 3, H, W) and mask.shape == (len(items), H, W) and batch.dtype == torch.uint8
    assert labels.tolist() == list(range(len(items)))
    assert torch.equal(batch.bool(), mask[:, None].expand_as(batch))  # zero exactly where padded
    for (image, _), padded, where in zip(items, batch, mask, strict=True):
        assert torch.equal(padded[:, where], image.flatten(1))


@given(st.lists(st.integers(1, 12), min_size=2, max_size=5), st.integers(1, 3), st.randoms(use_true_random=False))
def test_balanced_batches_hold_every_class_alike_and_no_image_twice(counts, per_class, random):
    labels = [k for k, count in enumerate(counts) for _ in range(count)]
    random.shuffle(labels)
    batches = list(balanced_batches(labels, per_class, torch.Generator().manual_seed(0)))
    assert len(batches) == min(counts) // per_class
    for positions in batches:
        assert [[labels[n] for n in positions].count(k) for k in range(len(counts))] == [per_class] * len(counts)
    used = sum(batches, [])
    assert len(set(used)) == len(used)
