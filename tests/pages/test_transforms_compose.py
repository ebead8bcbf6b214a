"""What the pages on policies and on labels that follow their images say, on random images.

Every draw is repeated by hand with the same seed: an index, a number, a permutation, a beta variable, a rectangle.
"""

import ast
import inspect
import itertools
import math
import random
import re

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import definition_of_page
from test_transforms_geometry import draw_pixels, kebab, lengths, seeded, seeds
from torch.nn.functional import cross_entropy, one_hot
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from helpers.paths import project_root

PART = project_root() / "chapters" / "1_data"
PAGES = [PART / "16_policies.ipynb", PART / "17_boxes_and_own_transforms.ipynb"]
STEPS = {  # without chance; each changes nearly every image, and none commutes with the inversion but the flip
    "flip": v2.RandomHorizontalFlip(1.0),
    "invert": v2.RandomInvert(1.0),
    "bright": v2.ColorJitter(brightness=(1.7, 1.7)),
    "grey": v2.Grayscale(3),
}
V1_STEPS = [
    v1.RandomHorizontalFlip(1.0), v1.RandomInvert(1.0), v1.ColorJitter(brightness=(1.7, 1.7)), v1.Grayscale(3),
]  # fmt: skip
steps = list(STEPS.values())
CONTAINERS = {
    "RandomChoice": v2.RandomChoice(steps),
    "RandomApply": v2.RandomApply(steps[:2]),
    "RandomOrder": v2.RandomOrder(steps),
}
weights = st.lists(st.floats(0.01, 5), min_size=len(steps), max_size=len(steps))


def near(count: int, n: int, p: float) -> bool:
    """Whether a count of n draws fits a probability: within five standard deviations."""
    return abs(count - n * p) <= 5 * math.sqrt(n * p * (1 - p))


# -- the three containers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@given(H=lengths, W=lengths, seed=seeds)
def test_shape_dtype_range_and_input_are_kept_and_a_seed_repeats_the_draw(name, dtype, H, W, seed):
    image = F.to_dtype(draw_pixels(H, W, seed), dtype, scale=True)
    before = image.clone()
    result = seeded(seed, CONTAINERS[name], image)
    assert result.shape == image.shape and result.dtype == dtype
    assert result.min() >= 0 and result.max() <= (255 if dtype == torch.uint8 else 1)
    assert torch.equal(result, seeded(seed, CONTAINERS[name], image))
    assert torch.equal(image, before)


@pytest.mark.parametrize("name", CONTAINERS)
def test_seeds_differ_and_an_image_and_its_mask_get_one_draw(name):
    image = draw_pixels(20, 17)
    results = [seeded(seed, CONTAINERS[name], image) for seed in range(12)]
    assert not all(torch.equal(result, results[0]) for result in results)
    mask = tv_tensors.Mask(torch.arange(20 * 17).reshape(20, 17))
    moves = [v2.RandomHorizontalFlip(1.0), v2.RandomVerticalFlip(1.0)]
    transform = getattr(v2, name)(moves)
    for seed in range(12):
        torch.manual_seed(seed)
        moved, moved_mask = transform(tv_tensors.Image(mask[None]), mask)
        assert torch.equal(moved[0].as_subclass(torch.Tensor), moved_mask.as_subclass(torch.Tensor))


@given(lengths, lengths, weights, seeds)
def test_random_choice_draws_one_index_with_normalized_weights(H, W, p, seed):
    image = draw_pixels(H, W, seed)
    torch.manual_seed(seed)
    k = int(torch.multinomial(torch.tensor([w / sum(p) for w in p]), 1))
    assert torch.equal(seeded(seed, v2.RandomChoice(steps, p), image), steps[k](image))


def counting(version, name: str, *arguments):
    """The transform over steps that write their number behind a decimal; what it does to 0 tells the steps."""
    marks = [version.Lambda(lambda x, k=k: 10 * x + k) for k in (1, 2, 3)]
    return getattr(version, name)(marks, *arguments)


@pytest.mark.parametrize("p", [None, [1, 2, 5], [0, 3, 1]])
@pytest.mark.parametrize("version", [v1, v2])
def test_random_choice_comes_with_its_probabilities(version, p):
    transform, n = counting(version, "RandomChoice", p), 2000
    torch.manual_seed(0)
    random.seed(0)
    drawn = [int(transform(torch.tensor(0))) for _ in range(n)]
    for k, weight in zip((1, 2, 3), p or [1, 1, 1], strict=True):
        assert near(drawn.count(k), n, weight / sum(p or [1, 1, 1]))


def test_random_choice_refuses_weights_of_another_number():
    with pytest.raises(ValueError, match="doesn't match"):
        v2.RandomChoice(steps, [0.5, 0.5])


@given(lengths, lengths, st.floats(0, 1), seeds)
def test_random_apply_applies_all_or_nothing_and_v1_agrees(H, W, p, seed):
    image = draw_pixels(H, W, seed)
    torch.manual_seed(seed)
    applied = torch.rand(1).item() < p
    expected = image
    for step in steps if applied else []:
        expected = step(expected)
    result = seeded(seed, v2.RandomApply(steps, p), image)
    assert torch.equal(result, expected)
    as_before = seeded(seed, v1.RandomApply(V1_STEPS, p), image)
    assert (result.int() - as_before.int()).abs().max() <= 2 * applied  # v1 rounds colours differently


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 1.0])
def test_random_apply_comes_with_its_probability_and_probabilities_multiply(p):
    outer, n = counting(v2, "RandomApply", p), 2000
    torch.manual_seed(0)
    drawn = [int(outer(torch.tensor(0))) for _ in range(n)]
    assert set(drawn) <= {0, 123} and near(drawn.count(123), n, p)
    nested = v2.RandomApply([v2.RandomHorizontalFlip(0.5)], p)
    row = torch.arange(4).reshape(1, 1, 4)
    assert near(sum(not torch.equal(nested(row), row) for _ in range(n)), n, p / 2)


@given(lengths, lengths, seeds)
def test_random_order_is_a_drawn_permutation(H, W, seed):
    image = draw_pixels(H, W, seed)
    torch.manual_seed(seed)
    expected = image
    for k in torch.randperm(len(steps)).tolist():
        expected = steps[k](expected)
    assert torch.equal(seeded(seed, v2.RandomOrder(steps), image), expected)


@pytest.mark.parametrize("version", [v1, v2])
def test_random_order_draws_all_orders_equally_often(version):
    transform, n = counting(version, "RandomOrder"), 3000
    torch.manual_seed(0)
    random.seed(0)
    drawn = [int(transform(torch.tensor(0))) for _ in range(n)]
    orders = {100 * i + 10 * j + k for i, j, k in itertools.permutations((1, 2, 3))}
    assert set(drawn) == orders
    assert all(near(drawn.count(order), n, 1 / 6) for order in orders)


@given(lengths, lengths, seeds)
def test_a_flip_commutes_with_colours_and_an_inversion_does_not_with_brightness(H, W, seed):
    image = draw_pixels(H, W, seed)
    for name in ("invert", "bright", "grey"):
        assert torch.equal(STEPS["flip"](STEPS[name](image)), STEPS[name](STEPS["flip"](image)))
    middle = torch.full_like(image, 100)
    orders = [STEPS[a](STEPS[b](middle)) for a, b in (("invert", "bright"), ("bright", "invert"))]
    assert orders[0].unique().tolist() == [85] and orders[1].unique().tolist() == [255]


@pytest.mark.parametrize(("name", "repeats"), [("RandomChoice", False), ("RandomApply", True), ("RandomOrder", False)])
def test_torch_manual_seed_repeats_all_of_v2_and_of_v1_only_random_apply(name, repeats):
    for version, expected in ((v2, True), (v1, repeats)):
        random.seed(0)
        transform = counting(version, name)
        runs = []
        for _ in range(2):
            torch.manual_seed(0)
            runs.append([int(transform(torch.tensor(0))) for _ in range(40)])
        assert (runs[0] == runs[1]) is expected, version


@pytest.mark.parametrize("name", [*CONTAINERS, "Compose"])
def test_an_empty_list_is_refused(name):
    with pytest.raises(ValueError, match="at least one"):
        getattr(v2, name)([])


# -- orders --------------------------------------------------------------------------------------------------------


@given(seeds, st.floats(0.2, 0.8), st.floats(0.1, 0.5))
def test_only_the_right_order_gives_back_whole_bytes(seed, mean, std):
    image = draw_pixels(16, 16, seed)
    normalize, to_float = v2.Normalize([mean] * 3, [std] * 3), v2.ToDtype(torch.float32, scale=True)
    pad = v2.Pad(2)
    right, wrong = v2.Compose([pad, to_float, normalize])(image), v2.Compose([to_float, normalize, pad])(image)
    levels = 255 * (right * std + mean)
    torch.testing.assert_close(levels, pad(image).float(), atol=1e-2, rtol=0)
    border = 255 * (wrong * std + mean)[:, 0]
    torch.testing.assert_close(border, torch.full_like(border, 255 * mean))  # the mean colour, not black


# -- MixUp and CutMix ----------------------------------------------------------------------------------------------

batches = st.integers(2, 6)


def draw_batch(B: int, H: int, W: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.random((B, 3, H, W), dtype=np.float32))
    return images, torch.from_numpy(rng.integers(0, 10, B))


def mixed_labels(labels: torch.Tensor, lam: float) -> torch.Tensor:
    q = one_hot(labels, 10).float()
    return torch.stack([lam * q[b] + (1 - lam) * q[b - 1] for b in range(len(q))])


@given(batches, lengths, lengths, st.floats(0.1, 4), seeds)
def test_mix_up_by_hand(B, H, W, alpha, seed):
    images, labels = draw_batch(B, H, W, seed)
    torch.manual_seed(seed)
    lam = torch.distributions.Beta(torch.tensor([alpha]), torch.tensor([alpha])).sample().item()
    torch.manual_seed(seed)
    mixed, soft = v2.MixUp(alpha=alpha, num_classes=10)(images, labels)
    expected = torch.stack([lam * images[b] + (1 - lam) * images[b - 1] for b in range(B)])
    torch.testing.assert_close(mixed, expected)
    torch.testing.assert_close(soft, mixed_labels(labels, lam))
    logits = torch.randn(B, 10)
    apart = lam * cross_entropy(logits, labels) + (1 - lam) * cross_entropy(logits, labels.roll(1))
    torch.testing.assert_close(cross_entropy(logits, soft), apart)


@given(batches, lengths, lengths, st.floats(0.1, 4), seeds)
def test_cut_mix_by_hand(B, H, W, alpha, seed):
    images, labels = draw_batch(B, H, W, seed)
    torch.manual_seed(seed)
    lam = torch.distributions.Beta(torch.tensor([alpha]), torch.tensor([alpha])).sample().item()
    x, y = int(torch.randint(W, (1,))), int(torch.randint(H, (1,)))
    half = 0.5 * math.sqrt(1 - lam)
    left, right = max(x - int(half * W), 0), min(x + int(half * W), W)
    top, bottom = max(y - int(half * H), 0), min(y + int(half * H), H)
    expected = images.clone()
    expected[:, :, top:bottom, left:right] = images.roll(1, 0)[:, :, top:bottom, left:right]
    torch.manual_seed(seed)
    mixed, soft = v2.CutMix(alpha=alpha, num_classes=10)(images, labels)
    assert torch.equal(mixed, expected)
    torch.testing.assert_close(soft, mixed_labels(labels, 1 - (bottom - top) * (right - left) / (H * W)))


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
def test_mixing_needs_a_batch_and_the_number_of_classes(name):
    images, labels = draw_batch(4, 8, 8, 0)
    with pytest.raises(ValueError, match="num_classes"):
        getattr(v2, name)()(images, labels)
    with pytest.raises(ValueError, match="batched"):
        getattr(v2, name)(num_classes=10)(images[0], labels[:1])


# -- boxes ---------------------------------------------------------------------------------------------------------


@given(seeds, st.integers(1, 30), st.integers(1, 24))
def test_boxes_follow_flip_and_crop_and_empty_ones_are_removed_with_their_labels(seed, h, w):
    H, W = 30, 24
    rng = np.random.default_rng(seed)
    x, y = (np.sort(rng.integers(0, n + 1, (5, 2)), axis=1) for n in (W, H))
    corners = torch.from_numpy(np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1))
    boxes = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(H, W))
    sample = {"image": tv_tensors.Image(draw_pixels(H, W, seed)), "boxes": boxes, "labels": torch.arange(5)}
    flipped = v2.RandomHorizontalFlip(1.0)(sample)["boxes"]
    assert flipped.tolist() == [[W - x2, y1, W - x1, y2] for x1, y1, x2, y2 in corners.tolist()]
    crop = v2.RandomCrop((h, w))
    torch.manual_seed(seed)
    drawn = crop.make_params([sample["image"]])
    cropped = seeded(seed, crop, sample)
    expected = (corners - torch.tensor([drawn["left"], drawn["top"]] * 2)).clip(min=0)
    expected = expected.minimum(torch.tensor([w, h] * 2))
    assert cropped["boxes"].tolist() == expected.tolist() and cropped["labels"].tolist() == list(range(5))
    clean = v2.SanitizeBoundingBoxes()(cropped)
    kept = [k for k, (x1, y1, x2, y2) in enumerate(expected.tolist()) if x2 - x1 >= 1 and y2 - y1 >= 1]
    assert clean["labels"].tolist() == kept and clean["boxes"].tolist() == expected[kept].tolist()


# -- the pages -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prose() -> str:
    pages = (nbformat.read(page, as_version=4) for page in PAGES)
    return "\n".join(cell.source for page in pages for cell in page.cells if cell.cell_type == "markdown")


def defaults_of(name: str) -> dict:
    """Parameter -> default as a page writes it: an enumeration by its value."""
    parameters = inspect.signature(getattr(v2, name)).parameters.values()
    return {p.name: getattr(p.default, "value", p.default) for p in parameters}


def written(block: str) -> dict[str, dict]:
    """Class -> parameter -> default, `inspect.Parameter.empty` for none."""
    found = {}
    for statement in ast.parse(block.replace("(*, ", "(")).body:
        call = statement.value
        found[call.func.id] = dict.fromkeys([a.id for a in call.args], inspect.Parameter.empty)
        found[call.func.id] |= {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    return found


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_page_shows_the_signature_of_today_under_the_label(name, prose):
    shown = re.search(rf"\(transform-{kebab(name)}\)=\n### {name}\n\n```python\n(.+?)\n```\n", prose, flags=re.S)
    assert written(shown[1]) == {name: defaults_of(name)}


def test_the_other_signatures_of_the_page_are_those_of_the_library(prose):
    blocks = re.findall(r"```python\n(.+?)\n```\n", prose, flags=re.S)
    shown = {name: p for block in blocks for name, p in written(block).items()}
    assert set(shown) == {*CONTAINERS, "AutoAugment", "RandAugment", "TrivialAugmentWide", "MixUp", "CutMix"}
    for name, parameters in shown.items():
        assert parameters == defaults_of(name), name


SaltAndPepper = definition_of_page(
    "1_data/17_boxes_and_own_transforms", "SaltAndPepper", torch=torch, v2=v2, tv_tensors=tv_tensors, Image=Image
)


@given(seeds, st.floats(0, 1), lengths, lengths)
def test_salt_and_pepper_of_the_page(seed, p, H, W):
    noisy = SaltAndPepper(p)
    image = tv_tensors.Image(draw_pixels(H, W, seed))
    mask = tv_tensors.Mask(image[0].clone())
    torch.manual_seed(seed)
    one, two, kept = noisy(image, tv_tensors.Image(255 - image), mask)
    torch.manual_seed(seed)
    u = torch.rand(H, W).numpy()
    expected = np.where(u < p / 2, 0, np.where(u >= 1 - p / 2, 255, image.numpy()))
    assert np.array_equal(one, expected) and torch.equal(kept, mask)
    assert np.array_equal(two, np.where(u < p / 2, 0, np.where(u >= 1 - p / 2, 255, 255 - image.numpy())))
    assert type(one) is tv_tensors.Image and one.dtype == torch.uint8
    as_float = seeded(seed, noisy, F.to_dtype(image, torch.float32, scale=True))
    np.testing.assert_allclose(as_float, expected / 255, atol=1e-6)
    with pytest.raises(TypeError, match="ToImage"):
        noisy(F.to_pil_image(image))
