"""What the pages about transforms say, on random images: each formula in NumPy, both versions of torchvision.

A random choice is repeated with the same seed; where v1 and v2 compute the same, they must return the same.
"""

import ast
import colorsys
import inspect
import math
import pickle
import re
import warnings

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F

from helpers.paths import project_root

PART = project_root() / "chapters" / "1_data"
PAGES = [PART / f"{name}.ipynb" for name in ("12_transforms_crops", "13_transforms_geometry", "14_transforms_colours",
                                             "15_transforms_conversions", "18_learned_invariance")]  # fmt: skip
GREY = np.array([0.2989, 0.587, 0.114])  # weights of red, green and blue
EXAMPLES = settings(max_examples=25)
seeds = st.integers(0, 2**31 - 1)
sides = st.integers(2, 14)
to_float = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


@st.composite
def images(draw, channels=3, smallest=2):
    """Random bytes, H W C."""
    size = st.integers(smallest, 14)
    rng = np.random.default_rng(draw(seeds))
    return rng.integers(0, 256, (draw(size), draw(size), channels), dtype=np.uint8)


def chw(image: np.ndarray, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    """H W C bytes as C H W: bytes, or floats from 0 to 1."""
    return F.to_dtype(torch.from_numpy(image).permute(2, 0, 1).contiguous(), dtype, scale=True)


def seeded(transform, image, seed):
    torch.manual_seed(seed)
    return transform(image)


def as_array(image) -> np.ndarray:
    return np.asarray(image).astype(np.float64)


def close(found, expected, atol=1e-5):
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=atol)


# -- all of them -------------------------------------------------------------------------------------------

CHANGES = {  # name: arguments, both versions, and how far v1 and v2 may differ on bytes
    "ColorJitter": ({"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}, 6),
    "GaussianBlur": ({"kernel_size": 3}, 0),
    "Grayscale": ({"num_output_channels": 3}, 0),
    "Pad": ({"padding": (1, 0, 1, 1), "padding_mode": "reflect"}, 0),
    "RandomAffine": ({"degrees": 40, "translate": (0.2, 0.1), "scale": (0.7, 1.3), "shear": (-9, 9, -9, 9)}, 0),
    "RandomGrayscale": ({"p": 0.5}, 0),
    "Resize": ({"size": (5, 7)}, 1),
}


@pytest.mark.parametrize("name", CHANGES)
@EXAMPLES
@given(image=images(smallest=3), seed=seeds)
def test_v1_and_v2_agree_on_pil_images_bytes_and_floats(name, image, seed):
    arguments, levels = CHANGES[name]
    old, new = getattr(v1, name)(**arguments), getattr(v2, name)(**arguments)
    for given_image, tolerance in (
        (Image.fromarray(image), 0),
        (chw(image), levels),
        (chw(image, torch.float32), 1e-4),
    ):
        one, two = seeded(old, given_image, seed), seeded(new, given_image, seed)
        assert type(one) is type(two)
        close(as_array(two), as_array(one), tolerance)


@pytest.mark.parametrize("name", [*CHANGES, "GaussianNoise"])
@EXAMPLES
@given(image=images(smallest=3), seed=seeds)
def test_a_seed_decides_the_result_and_dtype_range_and_input_are_kept(name, image, seed):
    transform = getattr(v2, name)(**CHANGES[name][0] if name in CHANGES else {})
    for dtype, top in ((torch.uint8, 255), (torch.float32, 1.0)):
        before = chw(image, dtype)
        kept = before.clone()
        after = seeded(transform, before, seed)
        assert torch.equal(after, seeded(transform, before, seed))
        assert after.dtype == dtype and after.shape[0] == 3
        assert after.min() >= 0 and after.max() <= top + 1e-5
        assert torch.equal(before, kept)
        if name not in ("Pad", "Resize"):
            assert after.shape == before.shape


def prose_of_the_pages() -> str:
    cells = [cell for page in PAGES for cell in nbformat.read(page, as_version=4).cells]
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def signatures_of_the_pages() -> dict[str, dict]:
    """Class -> parameter -> default (`inspect.Parameter.empty` for none), from the code blocks of the pages."""
    found = {}
    for block in re.findall(r"```python\n(.*?)```", prose_of_the_pages(), flags=re.S):
        for statement in ast.parse(block).body:
            call = statement.value
            names = [arg.value.id if isinstance(arg, ast.Starred) else arg.id for arg in call.args]
            parameters = dict.fromkeys(names, inspect.Parameter.empty)
            assert call.func.id not in found, "explained twice"
            found[call.func.id] = parameters | {k.arg: eval(ast.unparse(k.value)) for k in call.keywords}
    return found


def test_the_signatures_on_the_pages_are_those_of_the_library():
    written = signatures_of_the_pages()
    assert len(written) == 22
    for name, parameters in written.items():
        actual = {
            p.name: p.default.value if isinstance(p.default, InterpolationMode) else p.default
            for p in inspect.signature(getattr(v2, name)).parameters.values()
        }
        assert parameters == actual, name


def test_every_transform_of_the_pages_has_its_anchor():
    lines = prose_of_the_pages().splitlines()
    for name in signatures_of_the_pages():
        kebab = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
        assert lines.count(f"(transform-{kebab})=") == 1, kebab


# -- numbers and bytes -------------------------------------------------------------------------------------


@given(images())
def test_to_tensor_divides_bytes_by_255_in_both_versions(image):
    expected = image.transpose(2, 0, 1) / 255
    for transform in (v1.ToTensor(), to_float):
        for given_image in (image, Image.fromarray(image)):
            changed = transform(given_image)
            assert changed.dtype == torch.float32
            close(changed, expected, 1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32, np.int64])
def test_to_tensor_leaves_everything_else_as_it_is(dtype):
    image = np.full((2, 3, 3), 200, dtype)
    assert (v1.ToTensor()(image) == 200).all()
    new = to_float(image)
    scale = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    np.testing.assert_allclose(new, np.full((3, 2, 3), 200 / scale), rtol=1e-6)


def test_v2_to_tensor_is_deprecated_and_v1_is_not():
    with pytest.warns(UserWarning, match="deprecated"):
        v2.ToTensor()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        v1.ToTensor()


@given(images(), st.lists(st.floats(0.05, 1), min_size=6, max_size=6))
def test_normalize_subtracts_and_divides_channel_by_channel(image, numbers):
    mean, std = numbers[:3], numbers[3:]
    x = chw(image, torch.float64)
    expected = (x.numpy() - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    for version in (v1, v2):
        close(version.Normalize(mean, std)(x), expected, 1e-12)
    target = x.clone()
    assert v2.Normalize(mean, std, inplace=True)(target).data_ptr() == target.data_ptr()
    back = v2.Normalize([-m / s for m, s in zip(mean, std, strict=True)], [1 / s for s in std])
    close(back(target), x.numpy(), 1e-12)


def test_normalize_refuses_bytes_and_pil_images():
    for image in (torch.zeros(3, 2, 2, dtype=torch.uint8), Image.new("RGB", (2, 2))):
        with pytest.raises(TypeError):
            v2.Normalize([0.5] * 3, [0.5] * 3)(image)


@given(images(), seeds)
def test_to_pil_image_keeps_bytes_and_cuts_floats_off(image, seed):
    for version in (v1, v2):
        back = version.ToPILImage()
        assert np.array_equal(back(chw(image)), image) and np.array_equal(back(image), image)
        assert np.array_equal(back(chw(image, torch.float32)), image)  # there and back
        x = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(seed))
        assert np.array_equal(back(x), np.floor(x.numpy() * np.float32(255)).transpose(1, 2, 0))
    bytes_of_x = F.to_dtype(x, torch.uint8, scale=True)
    assert np.array_equal(bytes_of_x, np.floor(x.numpy() * np.float32(255.999)))


@pytest.mark.parametrize("channels, mode", [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_the_channels_decide_the_mode(channels, mode):
    image = torch.zeros(channels, 3, 2, dtype=torch.uint8)
    assert {version.ToPILImage()(image).mode for version in (v1, v2)} == {mode}


# -- size and place ----------------------------------------------------------------------------------------


def tent(n: int, m: int, antialias: bool) -> np.ndarray:
    centre = (np.arange(m)[:, None] + 0.5) * n / m - 0.5
    reach = max(n / m, 1) if antialias else 1
    weights = np.maximum(0, 1 - abs(np.arange(n) - centre) / reach)
    return weights / weights.sum(1, keepdims=True)


@given(images(), sides, sides, st.booleans())
def test_resize_is_two_matrix_products(image, height, width, antialias):
    x = chw(image, torch.float64)
    rows, columns = tent(x.shape[1], height, antialias), tent(x.shape[2], width, antialias)
    expected = rows @ x.numpy() @ columns.T
    for version in (v1, v2):
        close(version.Resize((height, width), antialias=antialias)(x), expected, 1e-9)
    as_bytes = v2.Resize((height, width), antialias=antialias)(chw(image))
    close(as_bytes, 255 * expected, 1.5)  # fixed point, and rounded twice


@given(images(), sides, sides)
def test_pil_images_are_antialiased_whatever_is_asked_for(image, height, width):
    assume((height, width) != image.shape[:2])
    one = v2.Resize((height, width))(Image.fromarray(image))
    with pytest.warns(UserWarning, match="ignored"):
        two = v2.Resize((height, width), antialias=False)(Image.fromarray(image))
    assert np.array_equal(one, two)
    x = chw(image, torch.float64).numpy()
    expected = tent(x.shape[1], height, True) @ x @ tent(x.shape[2], width, True).T
    close(one, 255 * expected.transpose(1, 2, 0), 1.5)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), seeds)
def test_box_is_the_mean_of_blocks(height, width, down, across, seed):
    assume((height, width) != (height * down, width * across))
    x = np.random.default_rng(seed).random((height * down, width * across), dtype=np.float32)
    small = v2.Resize((height, width), InterpolationMode.BOX)(Image.fromarray(x))
    close(small, x.reshape(height, down, width, across).mean(axis=(1, 3)), 1e-5)


@given(images(channels=1), sides, sides)
def test_nearest_makes_no_new_value(image, height, width):
    for mode in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        changed = v2.Resize((height, width), mode)(chw(image))
        assert set(changed.unique().tolist()) <= set(np.unique(image).tolist())


@given(st.integers(20, 90), st.integers(20, 90), st.integers(1, 40), st.integers(41, 60))
def test_one_number_is_the_shorter_side_and_max_size_limits_the_longer(height, width, size, limit):
    image = torch.zeros(1, height, width)
    shape = v2.Resize(size)(image).shape[1:]
    assert min(shape) == size and max(shape) == int(size * max(height, width) / min(height, width))
    limited = v2.Resize(size, max_size=limit)(image).shape[1:]
    assert max(limited) == min(max(shape), limit) and min(limited) <= size
    assert max(v2.Resize(None, max_size=limit)(image).shape[1:]) == limit


def old_position(i: np.ndarray, n: int, mode: str) -> np.ndarray:
    if mode == "edge":
        return i.clip(0, n - 1)
    if mode == "reflect":
        return n - 1 - abs(n - 1 - i % (2 * n - 2))
    return np.minimum(i % (2 * n), 2 * n - 1 - i % (2 * n))


@given(images(), st.data(), st.sampled_from(("constant", "edge", "reflect", "symmetric")))
def test_pad_repeats_positions_in_both_versions_and_as_numpy_does(image, data, mode):
    x, (height, width, _) = chw(image), image.shape
    across, down = st.integers(0, width - 1), st.integers(0, height - 1)
    left, top, right, bottom = (data.draw(side) for side in (across, down, across, down))
    if mode == "constant":
        expected = np.full((3, top + height + bottom, left + width + right), 7)
        expected[:, top : top + height, left : left + width] = x
    else:
        i = old_position(np.arange(-top, height + bottom), height, mode)
        j = old_position(np.arange(-left, width + right), width, mode)
        expected = x.numpy()[:, i][:, :, j]
        assert np.array_equal(expected, np.pad(x, ((0, 0), (top, bottom), (left, right)), mode))
    for version in (v1, v2):
        pad = version.Pad((left, top, right, bottom), fill=7, padding_mode=mode)
        assert np.array_equal(pad(x), expected)
        assert np.array_equal(pad(Image.fromarray(image)), expected.transpose(1, 2, 0))


def test_pad_orders_its_numbers_and_refuses_what_does_not_fit():
    x = torch.zeros(3, 5, 5)
    assert v2.Pad((1, 2))(x).shape == (3, 9, 7)
    v2.Pad(4, padding_mode="reflect")(x)
    v2.Pad(5, padding_mode="symmetric")(x)
    with pytest.raises(RuntimeError):
        v2.Pad(5, padding_mode="reflect")(x)
    with pytest.raises(IndexError):
        v2.Pad(6, padding_mode="symmetric")(x)
    assert v2.Pad(1, fill=(1, 2, 3))(x)[:, 0, 0].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="not scalar"):
        v2.Pad(1, fill=(1, 2, 3), padding_mode="edge")(x)


def affine_by_hand(image, angle, translate, scale, shear):
    """Nearest neighbour; from every new pixel back to the old one. C H W."""
    _, height, width = image.shape
    a, sx, sy = np.deg2rad([angle, *shear])
    A = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    A = scale * A @ [[1, 0], [-np.tan(sy), 1]] @ [[1, -np.tan(sx)], [0, 1]]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    new = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    old = (new - centre - translate) @ np.linalg.inv(A).T + centre
    on_the_line = (abs(old - np.floor(old) - 0.5) < 1e-6).any(axis=-1)  # as near to one pixel as to another
    x, y = np.rint(old).astype(int).transpose(2, 0, 1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.where(inside, image[:, y.clip(0, height - 1), x.clip(0, width - 1)], 0), on_the_line


@given(images(), seeds)
def test_random_affine_is_the_formula_with_the_drawn_parameters(image, seed):
    x = chw(image, torch.float64)
    transform = v2.RandomAffine(180, (0.3, 0.2), (0.5, 1.6), (-20, 20, -20, 20))
    changed = seeded(transform, x, seed)
    torch.manual_seed(seed)
    drawn = transform.make_params([x])
    assert abs(drawn["angle"]) <= 180 and 0.5 <= drawn["scale"] <= 1.6
    assert all(isinstance(shift, int) for shift in drawn["translate"])
    expected, on_the_line = affine_by_hand(x.numpy(), **drawn)
    assert ((changed.numpy() == expected).all(axis=0) | on_the_line).all()


@given(images(), st.floats(-170, 170))
def test_random_affine_turns_the_other_way_than_a_rotation(image, angle):
    assume(abs(angle) > 1)
    x = chw(image, torch.float64)
    assert torch.equal(F.rotate(x, angle), F.affine(x, -angle, [0, 0], 1, [0, 0]))
    assert torch.equal(v2.RandomAffine(0)(x), x)


def test_a_quarter_turn_is_clockwise():
    x = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)
    assert v2.RandomAffine((90, 90))(x).tolist() == [[[3, 1], [4, 2]]]


# -- colours -----------------------------------------------------------------------------------------------

factors = st.floats(0, 2.5)


@given(images(), factors)
def test_brightness_contrast_and_saturation_are_mixtures(image, f):
    x = chw(image, torch.float64).numpy()
    grey = np.einsum("c,chw->hw", GREY, x)
    for name, duller in {"brightness": 0, "contrast": grey.mean(), "saturation": grey}.items():
        expected = (f * x + (1 - f) * duller).clip(0, 1)
        for version in (v1, v2):
            fixed = version.ColorJitter(**{name: (f, f)})
            close(fixed(chw(image, torch.float32)), expected, 2e-5)
            close(fixed(chw(image)), 255 * expected, 1.001 + abs(1 - f))  # bytes: cut off, the grey image too
            close(fixed(Image.fromarray(image)), 255 * expected.transpose(1, 2, 0), 1.001 + abs(1 - f))


@given(images(), st.floats(-0.5, 0.5))
def test_hue_turns_the_circle_of_colorsys(image, shift):
    x = chw(image, torch.float32)
    expected = np.empty(x.shape)
    for i, j in np.ndindex(*x.shape[1:]):
        h, s, v = colorsys.rgb_to_hsv(*x[:, i, j].tolist())
        expected[:, i, j] = colorsys.hsv_to_rgb((h + shift) % 1, s, v)
    for version in (v1, v2):
        changed = version.ColorJitter(hue=(shift, shift))(x)
        if shift:
            close(changed, expected, 1e-4)
        else:
            assert torch.equal(changed, x)


@given(seeds)
def test_color_jitter_draws_from_the_documented_ranges_in_a_random_order(seed):
    jitter = v2.ColorJitter(0.4, (0.5, 0.7), 3.0, 0.1)
    torch.manual_seed(seed)
    drawn = jitter.make_params([])
    assert 0.6 <= drawn["brightness_factor"] <= 1.4 and 0.5 <= drawn["contrast_factor"] <= 0.7
    assert 0 <= drawn["saturation_factor"] <= 4 and abs(drawn["hue_factor"]) <= 0.1
    assert sorted(drawn["fn_idx"].tolist()) == [0, 1, 2, 3]
    assert v2.ColorJitter().make_params([])["brightness_factor"] is None


@given(images())
def test_grayscale_is_the_weighted_sum_and_bytes_are_cut_off(image):
    expected = np.einsum("c,hwc->hw", GREY, image.astype(np.float64))
    for version in (v1, v2):
        for channels in (1, 3):
            transform = version.Grayscale(channels)
            close(transform(chw(image, torch.float32)), np.broadcast_to(expected / 255, (channels, *expected.shape)))
            as_bytes = transform(chw(image)).numpy()
            assert as_bytes.shape[0] == channels and (as_bytes == as_bytes[0]).all()
            far = abs(expected - np.rint(expected)) > 1e-3  # float32 may fall on the other side of a whole number
            assert (as_bytes[0] == np.floor(expected))[far].all()
            assert np.array_equal(transform(Image.fromarray(image)).convert("L"), exact_grey(image))


def exact_grey(image: np.ndarray) -> np.ndarray:
    """Pillow's grey image in whole numbers. H W C -> H W."""
    return (image.astype(np.int64) @ [19595, 38470, 7471] + 2**15) >> 16


@pytest.mark.parametrize("version", [v1, v2])
def test_every_grey_byte_but_black_loses_a_level_as_a_tensor_only(version):
    levels = torch.arange(256, dtype=torch.uint8).expand(3, 1, 256)
    as_tensor = version.Grayscale()(levels).flatten().int()
    assert as_tensor.tolist() == [0, *range(255)]
    assert np.array_equal(version.Grayscale()(v2.ToPILImage()(levels)), [range(256)])


@given(images(), st.floats(0, 1), seeds)
def test_random_grayscale_returns_the_image_or_its_grey(image, p, seed):
    x = chw(image)
    changed = seeded(v2.RandomGrayscale(p), x, seed)
    torch.manual_seed(seed)
    is_grey = torch.rand(1).item() < p
    assert torch.equal(changed, v2.Grayscale(3)(x) if is_grey else x)
    assert torch.equal(v2.RandomGrayscale(0)(x), x)
    assert torch.equal(v2.RandomGrayscale(1)(x), v2.Grayscale(3)(x))


# -- blur and noise ----------------------------------------------------------------------------------------


@given(images(smallest=5), st.sampled_from((1, 3, 5, 7, 9)), st.floats(0.1, 4))
def test_gaussian_blur_is_a_weighted_mean_of_neighbours(image, size, sigma):
    half = size // 2
    x = chw(image, torch.float64)
    k = np.arange(-half, half + 1)
    weights = np.exp(-(k**2) / (2 * sigma**2))
    weights /= weights.sum()
    expected = np.pad(x, ((0, 0), (half, half), (half, half)), "reflect")
    for axis in (1, 2):
        expected = np.lib.stride_tricks.sliding_window_view(expected, size, axis) @ weights
    for version in (v1, v2):
        blur = version.GaussianBlur(size, (sigma, sigma))
        close(blur(x), expected, 1e-6)  # v1 computes the weights in float32
        close(blur(chw(image)), 255 * expected, 0.51)


@given(seeds, st.floats(0.1, 1), st.floats(1, 3))
def test_gaussian_blur_draws_sigma_from_its_range(seed, low, high):
    torch.manual_seed(seed)
    one, two = v2.GaussianBlur(3, (low, high)).make_params([])["sigma"]
    assert one == two and low - 1e-6 <= one <= high + 1e-6


@given(images(), st.floats(-0.3, 0.3), st.floats(0, 0.5), seeds)
def test_gaussian_noise_adds_normal_numbers_and_clips(image, mean, sigma, seed):
    x = chw(image, torch.float32)
    torch.manual_seed(seed)
    noisy = x.numpy() + mean + sigma * torch.randn(x.shape).numpy()
    close(seeded(v2.GaussianNoise(mean, sigma), x, seed), noisy.clip(0, 1))
    close(seeded(v2.GaussianNoise(mean, sigma, clip=False), x, seed), noisy)
    torch.manual_seed(seed)
    levels = np.trunc(255 * mean + 255 * sigma * torch.randn(x.shape).numpy())
    as_bytes = seeded(v2.GaussianNoise(mean, sigma), chw(image), seed)
    close(as_bytes, (chw(image).numpy() + levels).clip(0, 255), 1)
    assert as_bytes.dtype == torch.uint8


def test_clipped_noise_makes_black_brighter_by_the_formula():
    torch.manual_seed(0)
    black = v2.GaussianNoise(sigma=0.1)(torch.zeros(3, 400, 400))
    assert black.mean().item() == pytest.approx(0.1 / math.sqrt(2 * math.pi), abs=5e-4)


def test_gaussian_noise_refuses_pil_images():
    with pytest.raises(ValueError, match="PIL"):
        v2.GaussianNoise()(Image.new("RGB", (2, 2)))


# -- a matrix, a function ----------------------------------------------------------------------------------


@given(sides, sides, seeds)
def test_linear_transformation_multiplies_from_the_right(height, width, seed):
    rng = np.random.default_rng(seed)
    D = 3 * height * width
    M, mu, x = rng.normal(size=(D, D)), rng.normal(size=D), rng.random((3, height, width))
    for version in (v1, v2):
        linear = version.LinearTransformation(torch.from_numpy(M), torch.from_numpy(mu))
        close(linear(torch.from_numpy(x)), ((x.reshape(-1) - mu) @ M).reshape(x.shape), 1e-9)


@EXAMPLES
@given(seeds, st.integers(2, 4))
def test_zca_makes_the_covariance_the_identity_and_changes_least(seed, side):
    rng = np.random.default_rng(seed)
    D = 3 * side**2
    rows = rng.normal(size=(6 * D, D)) @ rng.normal(size=(D, D)) + rng.normal(size=D)
    mu = rows.mean(0)
    e, U = np.linalg.eigh((rows - mu).T @ (rows - mu) / len(rows))
    assume(e[0] > 1e-6 * e[-1])
    changed = {}
    for name, M in {"zca": U / np.sqrt(e) @ U.T, "pca": U / np.sqrt(e), "svd alone": U}.items():
        linear = v2.LinearTransformation(torch.from_numpy(M), torch.from_numpy(mu))
        changed[name] = linear(torch.from_numpy(rows).view(-1, 3, side, side)).flatten(1).numpy()
    covariances = {name: values.T @ values / len(values) for name, values in changed.items()}
    close(covariances["zca"], np.eye(D), 1e-6)
    close(covariances["pca"], np.eye(D), 1e-6)
    close(covariances["svd alone"] / e.max(), np.diag(e) / e.max(), 1e-9)  # uncorrelated, variances unequal
    moved = {name: ((values - (rows - mu)) ** 2).sum() for name, values in changed.items()}
    assert moved["zca"] < moved["pca"]


def test_linear_transformation_needs_a_mean_and_a_tensor():
    for version in (v1, v2):
        with pytest.raises(TypeError, match="mean_vector"):
            version.LinearTransformation(torch.eye(12))
    with pytest.raises(TypeError, match="PIL"):
        v2.LinearTransformation(torch.eye(12), torch.zeros(12))(Image.new("RGB", (2, 2)))


def double(x):
    return x * 2


@given(images(), st.integers(0, 9))
def test_lambda_calls_the_function_and_v2_does_so_for_the_label_too(image, label):
    x = chw(image, torch.float32)
    assert torch.equal(v1.Lambda(double)(x), 2 * x) and torch.equal(v2.Lambda(double)(x), 2 * x)
    assert v2.Lambda(double)(x, label)[1] == v2.Lambda(double)((x, label))[1] == 2 * label
    picture = tv_tensors.Image(x)
    changed, kept = v2.Lambda(double, tv_tensors.Image)((picture, label))
    assert torch.equal(changed, 2 * x) and kept == label
    assert v1.Lambda(double)((x, label)) == (x, label, x, label)  # the whole pair, once


def test_a_function_in_lambda_can_be_sent_and_a_lambda_cannot():
    for version in (v1, v2):
        assert pickle.loads(pickle.dumps(version.Lambda(double)))(3) == 6
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(version.Lambda(lambda x: x))
