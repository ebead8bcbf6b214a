"""What the pages on crops, flips and rotations say, against computations by hand in NumPy; the table of all 22."""

import ast
import inspect
import math
import re

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from helpers.paths import project_root

PART = project_root() / "chapters" / "1_data"
PAGE = PART / "12_transforms_crops.ipynb"  # which holds the table
PAGES = [PAGE, PART / "13_transforms_geometry.ipynb", PART / "18_learned_invariance.ipynb"]
MODES = ("constant", "edge", "reflect", "symmetric")
FLIPS = {"RandomHorizontalFlip": -1, "RandomVerticalFlip": -2}
RANDOM = {  # arguments that leave something to chance for an image of 20 × 17 pixels
    "RandomCrop": (9,),
    "RandomResizedCrop": (9,),
    "RandomHorizontalFlip": (),
    "RandomVerticalFlip": (),
    "RandomRotation": (90,),
}
FIXED = {"CenterCrop": (9,), "FiveCrop": (9,), "TenCrop": (9,)}

lengths, seeds = st.integers(3, 24), st.integers(0, 2**31)


def draw_pixels(H: int, W: int, seed: int = 0) -> torch.Tensor:
    """Noise, uint8 [3, H, W]."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (3, H, W), dtype=np.uint8))


def seeded(seed: int, transform, image):
    torch.manual_seed(seed)
    return transform(image)


def as_array(image) -> np.ndarray:
    """A tensor C H W or a PIL image, as an array C H W."""
    return image.numpy() if isinstance(image, torch.Tensor) else np.asarray(image).transpose(2, 0, 1)


def images_of(result) -> tuple:
    return result if isinstance(result, tuple) else (result,)


# -- what all eight have in common -----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arguments"), (RANDOM | FIXED).items())
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_shape_dtype_and_range_are_kept_and_the_input_is_untouched(name, arguments, dtype):
    image = F.to_dtype(draw_pixels(20, 17), dtype, scale=True)
    before = image.clone()
    for seed in range(20):
        for result in images_of(seeded(seed, getattr(v2, name)(*arguments), image)):
            assert result.shape == (3, *((9, 9) if arguments == (9,) else (20, 17)))
            assert result.dtype == dtype
            assert result.min() >= 0 and result.max() <= (255 if dtype == torch.uint8 else 1 + 1e-6)
    assert torch.equal(image, before)


@pytest.mark.parametrize(("name", "arguments"), RANDOM.items())
def test_a_seed_repeats_the_draw_and_other_seeds_give_others(name, arguments):
    image, transform = draw_pixels(20, 17), getattr(v2, name)(*arguments)
    results = [seeded(seed, transform, image) for seed in range(12)]
    assert all(torch.equal(seeded(seed, transform, image), result) for seed, result in enumerate(results))
    assert not all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize(("name", "arguments"), (RANDOM | FIXED).items())
@given(seed=seeds)
def test_v1_v2_and_pil_agree(name, arguments, seed):
    image = draw_pixels(20, 17, seed)
    pil = F.to_pil_image(image)
    old, new = getattr(v1, name)(*arguments), getattr(v2, name)(*arguments)
    on_tensors = images_of(seeded(seed, old, image)), images_of(seeded(seed, new, image))
    on_pil = images_of(seeded(seed, old, pil)), images_of(seeded(seed, new, pil))
    for a, b in zip(*on_pil, strict=True):
        assert np.array_equal(as_array(a), as_array(b))
    for a, b in zip(*on_tensors, strict=True):  # v2 resizes bytes as bytes, v1 by way of floats
        assert (a.int() - b.int()).abs().max() <= (name == "RandomResizedCrop")
    if name != "RandomRotation":  # there, points between two pixels may round either way
        for a, b in zip(on_tensors[1], on_pil[1], strict=True):
            # resizing rounds to bytes twice, along the rows and along the columns, each time a level up or down
            assert np.abs(as_array(a).astype(int) - as_array(b)).max() <= (2 if name == "RandomResizedCrop" else 0)


@pytest.mark.parametrize("name", ["RandomCrop", "RandomResizedCrop", *FLIPS, "RandomRotation"])
def test_a_batch_gets_one_draw(name):
    image, transform = draw_pixels(20, 17), getattr(v2, name)(*RANDOM[name])
    for seed in range(5):
        batch = seeded(seed, transform, torch.stack([image] * 4))
        torch.testing.assert_close(batch, torch.stack([batch[0]] * 4), rtol=0, atol=0)


# -- crops -----------------------------------------------------------------------------------------------------


def shown_at(mode: str, j: int, length: int) -> int:
    """The position whose pixel a position outside shows; -1: the fill."""
    if mode == "constant":
        return j if 0 <= j < length else -1
    if mode == "edge":
        return min(max(j, 0), length - 1)
    if mode == "reflect":
        return min(j % (2 * length - 2), -j % (2 * length - 2))
    return min(j % (2 * length), (-1 - j) % (2 * length))


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        ("constant", [9, 9, 9, 1, 2, 3, 4, 9, 9, 9]),
        ("edge", [1, 1, 1, 1, 2, 3, 4, 4, 4, 4]),
        ("reflect", [4, 3, 2, 1, 2, 3, 4, 3, 2, 1]),
        ("symmetric", [3, 2, 1, 1, 2, 3, 4, 4, 3, 2]),
    ],
)
def test_padding_of_a_row(mode, row):
    transform = v2.RandomCrop((1, 10), padding=(3, 0), fill=9, padding_mode=mode)
    assert transform(torch.tensor([[[1, 2, 3, 4]]])).flatten().tolist() == row
    assert [[1, 2, 3, 4, 9][shown_at(mode, j, 4)] for j in range(-3, 7)] == row


@given(lengths, lengths, st.data(), st.sampled_from(MODES), st.integers(0, 255), seeds)
def test_random_crop_by_hand(H, W, data, mode, fill, seed):
    p = data.draw(st.integers(1, min(H, W) - 1))
    size = data.draw(st.integers(1, H + 2 * p)), data.draw(st.integers(1, W + 2 * p))
    image = draw_pixels(H, W, seed)
    transform = v2.RandomCrop(size, p, fill=fill, padding_mode=mode)
    torch.manual_seed(seed)
    drawn = transform.make_params([image])
    rows = [shown_at(mode, drawn["top"] - p + i, H) for i in range(size[0])]
    columns = [shown_at(mode, drawn["left"] - p + j, W) for j in range(size[1])]
    bordered = np.pad(image.numpy(), ((0, 0), (0, 1), (0, 1)), constant_values=fill)
    assert np.array_equal(seeded(seed, transform, image).numpy(), bordered[:, rows][:, :, columns])
    assert 0 <= drawn["top"] <= H + 2 * p - size[0] and 0 <= drawn["left"] <= W + 2 * p - size[1]


def test_random_crop_draws_each_position_equally_often():
    transform, image, n = v2.RandomCrop(32, padding=1), draw_pixels(32, 32), 1800
    torch.manual_seed(0)
    drawn = [transform.make_params([image]) for _ in range(n)]
    counts = np.zeros((3, 3))
    np.add.at(counts, ([d["top"] for d in drawn], [d["left"] for d in drawn]), 1)
    assert np.abs(counts - n / 9).max() < 5 * math.sqrt(n / 9 * 8 / 9)


def test_a_mirror_has_an_end_on_tensors_and_none_on_pil_images():
    image = draw_pixels(4, 4)
    for mode, most in (("reflect", 3), ("symmetric", 4)):
        whole = v2.RandomCrop(4 + 2 * most, most, padding_mode=mode)
        assert whole(image).shape == (3, 4 + 2 * most, 4 + 2 * most)
        further = v2.RandomCrop(4 + 2 * most + 2, most + 1, padding_mode=mode)
        with pytest.raises((RuntimeError, IndexError)):
            further(image)
        rows = [shown_at(mode, j, 4) for j in range(-most - 1, 4 + most + 1)]
        assert np.array_equal(as_array(further(F.to_pil_image(image))), image.numpy()[:, rows][:, :, rows])


def test_an_image_that_is_too_small_raises_or_is_padded():
    image = draw_pixels(5, 9)
    with pytest.raises(ValueError, match="larger than"):
        v2.RandomCrop(7)(image)
    assert v2.RandomCrop(7, pad_if_needed=True)(image).shape == (3, 7, 7)
    for transform in (v2.FiveCrop(7), v2.TenCrop(7)):
        with pytest.raises(ValueError, match="bigger than"):
            transform(image)


def test_an_image_and_its_mask_get_one_draw_and_five_crop_refuses_masks():
    image = tv_tensors.Image(draw_pixels(20, 17))
    mask = tv_tensors.Mask(image[0].clone())
    for name, arguments in RANDOM.items():
        if name == "RandomResizedCrop":  # which mixes pixels of the image, but not labels of a mask
            continue
        for seed in range(5):
            torch.manual_seed(seed)
            moved, moved_mask = getattr(v2, name)(*arguments)(image, mask)
            assert torch.equal(moved[0].as_subclass(torch.Tensor), moved_mask.as_subclass(torch.Tensor)), name
    for transform in (v2.FiveCrop(9), v2.TenCrop(9)):
        with pytest.raises(TypeError, match="not supported"):
            transform(image, mask)


def test_where_one_axis_has_no_room_v1_draws_for_it_and_v2_does_not():
    image = draw_pixels(20, 17)
    for transforms, draws in ((v1, 2), (v2, 1)):
        seeded(0, transforms.RandomCrop((20, 9)), image)
        after = torch.rand(1)
        torch.manual_seed(0)
        for _ in range(draws):
            torch.randint(0, 9, ())
        assert torch.equal(after, torch.rand(1))


def center_by_hand(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    short = [max(wanted - length, 0) for wanted, length in zip(size, image.shape[1:], strict=True)]
    image = np.pad(image, [(0, 0)] + [(missing // 2, missing - missing // 2) for missing in short])
    top, left = (round((length - wanted) / 2) for wanted, length in zip(size, image.shape[1:], strict=True))
    return image[:, top : top + size[0], left : left + size[1]]


@given(lengths, lengths, lengths, lengths)
def test_center_crop_by_hand(H, W, h, w):
    image = draw_pixels(H, W)
    result = v2.CenterCrop((h, w))(image)
    assert np.array_equal(result.numpy(), center_by_hand(image.numpy(), (h, w)))
    assert torch.equal(result, v1.CenterCrop((h, w))(image))


def test_half_a_pixel_is_rounded_to_the_even_number():
    starts = [v2.CenterCrop(5)(torch.arange(n).expand(1, n, n))[0, 0, 0].item() for n in (6, 8, 10, 12)]
    assert starts == [0, 2, 2, 4]  # of 0.5, 1.5, 2.5, 3.5


def five_by_hand(image: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    (_, H, W), (h, w) = image.shape, size
    corners = [image[:, i : i + h, j : j + w] for i in (0, H - h) for j in (0, W - w)]
    return [*corners, center_by_hand(image, size)]


@given(lengths, lengths, st.data(), st.booleans())
def test_five_crop_and_ten_crop_by_hand(H, W, data, vertical):
    size = data.draw(st.integers(1, H)), data.draw(st.integers(1, W))
    image = draw_pixels(H, W)
    five, ten = v2.FiveCrop(size)(image), v2.TenCrop(size, vertical)(image)
    mirrored = image.numpy()[:, ::-1] if vertical else image.numpy()[:, :, ::-1]
    expected = five_by_hand(image.numpy(), size) + five_by_hand(mirrored, size)
    assert isinstance(five, tuple) and isinstance(ten, tuple)
    assert np.array_equal(torch.stack(five), np.stack(expected[:5]))
    assert np.array_equal(torch.stack(ten), np.stack(expected))


def test_crops_are_stacked_by_a_function_in_a_compose_and_not_by_lambda():
    image = draw_pixels(20, 17)
    assert v2.Compose([v2.FiveCrop(9), torch.stack])(image).shape == (5, 3, 9, 9)
    by_lambda = v2.Compose([v2.TenCrop(9), v2.Lambda(lambda crops: torch.stack(list(crops)))])(image)
    assert isinstance(by_lambda, tuple) and len(by_lambda) == 10


# -- RandomResizedCrop -----------------------------------------------------------------------------------------


def resize_weights(n: int, size: int) -> np.ndarray:
    """Bilinear with antialiasing: the weight of each of n pixels in each of `size`; [size, n]."""
    scale = n / size
    centres = (np.arange(size) + 0.5) * scale
    distance = np.abs(np.arange(n) + 0.5 - centres[:, None])
    weights = np.maximum(1 - distance / max(scale, 1), 0)
    return weights / weights.sum(axis=1, keepdims=True)


@given(lengths, lengths, lengths, lengths, seeds)
def test_random_resized_crop_by_hand(H, W, h, w, seed):
    image = F.to_dtype(draw_pixels(H, W, seed), torch.float32, scale=True)
    transform = v2.RandomResizedCrop((h, w))
    torch.manual_seed(seed)
    drawn = transform.make_params([image])
    top, left = drawn["top"], drawn["left"]
    window = image.numpy()[:, top : top + drawn["height"], left : left + drawn["width"]]
    assert window.shape[1:] == (drawn["height"], drawn["width"])  # the window lies inside
    expected = resize_weights(drawn["height"], h) @ window @ resize_weights(drawn["width"], w).T
    np.testing.assert_allclose(seeded(seed, transform, image), expected, atol=1e-4)


@given(seeds, st.floats(0.05, 0.5), st.floats(0.5, 1.0), st.floats(0.4, 1.0), st.floats(1.0, 2.5))
def test_windows_have_area_and_aspect_ratio_in_their_ranges(seed, low, high, narrow, broad):
    transform = v2.RandomResizedCrop(8, (low, high), (narrow, broad))
    torch.manual_seed(seed)
    drawn = transform.make_params([torch.empty(3, 600, 600)])
    h, w = drawn["height"], drawn["width"]
    rounding = 0.5 / min(h, w)  # a side is off by half a pixel at most
    if (h, w) != (600, 600):  # the fallback
        assert low * (1 - 3 * rounding) <= h * w / 600**2 <= high * (1 + 3 * rounding)
        assert narrow * (1 - 3 * rounding) <= w / h <= broad * (1 + 3 * rounding)


def test_the_logarithm_of_the_aspect_ratio_is_drawn_evenly():
    transform, n = v2.RandomResizedCrop(8, (0.1, 0.1), (1 / 4, 4)), 2000
    torch.manual_seed(0)
    drawn = [transform.make_params([torch.empty(3, 900, 900)]) for _ in range(n)]
    shares = np.histogram([math.log(d["width"] / d["height"], 4) for d in drawn], 4, (-1.01, 1.01))[0] / n
    assert np.abs(shares - 0.25).max() < 5 * math.sqrt(0.25 * 0.75 / n)


def test_a_window_that_never_fits_becomes_the_middle():
    drawn = v2.RandomResizedCrop(8, (1, 1), (1, 1)).make_params([torch.empty(3, 10, 30)])
    assert drawn == {"top": 0, "left": 10, "height": 10, "width": 10}


def test_without_antialiasing_pixels_are_skipped():
    image = torch.zeros(1, 64, 64)
    image[..., 1::8] = 1  # thin lines
    whole = {"scale": (1, 1), "ratio": (1, 1)}
    smooth, rough = (v2.RandomResizedCrop(8, antialias=how, **whole)(image) for how in (True, False))
    assert smooth.mean() == pytest.approx(1 / 8, abs=0.03) and rough.mean() == 0


# -- flips -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "axis"), FLIPS.items())
@given(lengths, lengths, seeds)
def test_flips_by_hand(name, axis, H, W, seed):
    image, flip = draw_pixels(H, W, seed), getattr(v2, name)
    mirrored = flip(p=1)(image)
    assert np.array_equal(mirrored, np.flip(image.numpy(), axis))
    assert torch.equal(flip(p=1)(mirrored), image) and torch.equal(flip(p=0)(image), image)


@pytest.mark.parametrize("name", FLIPS)
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_flips_come_with_their_probability(name, p):
    image, flip, n = torch.arange(4).reshape(1, 2, 2), getattr(v2, name)(p), 2000
    torch.manual_seed(0)
    count = sum(not torch.equal(flip(image), image) for _ in range(n))
    assert abs(count - n * p) < 5 * math.sqrt(n * p * (1 - p))


# -- rotation --------------------------------------------------------------------------------------------------


def source_of(H: int, W: int, degrees: float, center: tuple[float, float] | None):
    """Where each output pixel looks, y and x [H, W]; the centre of pixel (i, j) lies at (i + ½, j + ½)."""
    a, (cx, cy) = math.radians(degrees), center or (W / 2, H / 2)
    i, j = np.mgrid[:H, :W] + 0.5
    x = cx + math.cos(a) * (j - cx) - math.sin(a) * (i - cy)
    y = cy + math.sin(a) * (j - cx) + math.cos(a) * (i - cy)
    return y, x


def look_up(image: np.ndarray, row: np.ndarray, column: np.ndarray, fill: float) -> np.ndarray:
    _, H, W = image.shape
    inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)
    return np.where(inside, image[:, row.clip(0, H - 1), column.clip(0, W - 1)], fill)


centers = st.none() | st.tuples(st.floats(-5, 25), st.floats(-5, 25))


@given(lengths, lengths, st.floats(-360, 360), centers, st.integers(0, 255))
def test_rotation_with_nearest_by_hand(H, W, degrees, center, fill):
    image = draw_pixels(H, W)
    transform = v2.RandomRotation((degrees, degrees), center=center, fill=fill)
    y, x = source_of(H, W, degrees, center)
    expected = look_up(image.numpy(), np.floor(y).astype(int), np.floor(x).astype(int), fill)
    between = (np.abs(y - np.round(y)) < 1e-3) | (np.abs(x - np.round(x)) < 1e-3)  # may round either way
    for result in (transform(image), transform(F.to_pil_image(image))):
        assert ((as_array(result) == expected) | between).all()


@given(lengths, lengths, st.floats(-360, 360), centers, st.floats(0, 1))
def test_rotation_with_bilinear_by_hand(H, W, degrees, center, fill):
    """The library mixes zeros in beyond the border, and then the fill: at the cut the outside counts twice."""
    image = F.to_dtype(draw_pixels(H, W), torch.float32, scale=True)
    with_mask = np.concatenate([image, np.ones((1, H, W))])
    y, x = (v - 0.5 for v in source_of(H, W, degrees, center))
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    mixed = np.zeros((4, H, W))
    for di in (0, 1):
        for dj in (0, 1):
            weight = (1 - np.abs(y - i - di)) * (1 - np.abs(x - j - dj))
            mixed += weight * look_up(with_mask, i + di, j + dj, 0)
    mixed, inside = mixed[:3], mixed[3]  # inside: from 0 to 1
    result = v2.RandomRotation((degrees, degrees), "bilinear", center=center, fill=fill)(image)
    np.testing.assert_allclose(result, inside * mixed + (1 - inside) * fill, atol=1e-3)


@given(lengths, st.integers(-4, 4))
def test_quarter_turns_are_exact_and_counter_clockwise(length, quarters):
    image = draw_pixels(length, length)
    result = v2.RandomRotation((90 * quarters, 90 * quarters))(image)
    assert np.array_equal(result, np.rot90(image.numpy(), quarters, axes=(1, 2)))


@given(lengths, lengths, st.floats(-360, 360))
def test_expand_holds_the_turned_corners(H, W, degrees):
    c, s = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    extent = np.array([H * c + W * s, W * c + H * s])
    for name, image in (("tensor", draw_pixels(H, W)), ("PIL", F.to_pil_image(draw_pixels(H, W)))):
        result = as_array(v2.RandomRotation((degrees, degrees), expand=True)(image))
        assert (np.ceil(extent - 0.01) <= result.shape[1:]).all(), name
        assert (result.shape[1:] <= np.floor(extent + 0.01) + 2).all(), name


@given(st.integers(0, 8), st.integers(0, 8), st.floats(-180, 180))
def test_the_center_is_x_then_y_and_stays(i, j, degrees):
    dot = torch.zeros(1, 9, 9)
    dot[0, i, j] = 1
    assert F.rotate(dot, degrees, center=[j + 0.5, i + 0.5])[0, i, j] == 1
    assume(abs(i - j) > 1 and abs(degrees) > 60)
    assert F.rotate(dot, degrees, center=[i + 0.5, j + 0.5])[0, i, j] == 0


@given(seeds, st.floats(-90, 0), st.floats(0, 90))
def test_the_angle_is_drawn_from_its_range(seed, low, high):
    torch.manual_seed(seed)
    assert low - 1e-3 <= v2.RandomRotation((low, high)).make_params([])["angle"] <= high + 1e-3
    assert abs(v2.RandomRotation(high).make_params([])["angle"]) <= high + 1e-3


# -- the page --------------------------------------------------------------------------------------------------


def prose_of(page) -> str:
    return "\n".join(cell.source for cell in nbformat.read(page, as_version=4).cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def prose() -> str:
    """The text of the pages on crops, flips and rotations."""
    return "\n".join(map(prose_of, PAGES))


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


@pytest.mark.parametrize("name", RANDOM | FIXED)
def test_the_page_shows_the_signature_of_today_under_the_label(name, prose):
    shown = re.search(rf"\(transform-{kebab(name)}\)=\n### {name}\n\n```python\n(.+?)\n```\n", prose, flags=re.S)
    call = ast.parse(shown[1], mode="eval").body
    assert call.func.id == name
    parameters = inspect.signature(getattr(v2, name)).parameters.values()
    required = [p.name for p in parameters if p.default is p.empty]
    assert [argument.id for argument in call.args] == required
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    assert {k.arg: eval(ast.unparse(k.value)) for k in call.keywords} == defaults
    assert [k.arg for k in call.keywords] == list(defaults)


def test_the_table_numbers_all_22_transforms_and_links_to_them():
    rows = re.findall(r"^\| (\d+) \| \{ref\}`(\w+) <(transform-[a-z-]+)>` \|", prose_of(PAGE), flags=re.M)
    assert [int(number) for number, *_ in rows] == list(range(1, 23))
    book = "\n".join(prose_of(page) for page in sorted(PART.glob("*.ipynb")))
    for _, name, label in rows:
        assert hasattr(v2, name) and label == f"transform-{kebab(name)}"
        assert len(re.findall(rf"^\({label}\)=$", book, flags=re.M)) == 1, label


def test_the_first_eight_of_the_table_stand_on_these_pages(prose):
    rows = re.findall(r"^\| [1-8] \| \{ref\}`(\w+) <", prose_of(PAGE), flags=re.M)
    found = re.findall(r"\n\(transform-.*\)=\n### (\w+)\n", prose)
    assert len(rows) == 8 and set(found) == {*rows, "Pad", "RandomAffine"} and len(found) == 10
