"""The page about fewer minutes: its functions as they stand there, against torch, the helpers and plain counting."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as TF

from helpers.model import fast

PAGE = "4_visualization/09c_fewer_minutes"
FEW = settings(max_examples=20, deadline=None)


def of_page(name: str, **more):
    return definition_of_page(PAGE, name, **({"torch": torch, "nn": nn, "F": F, "np": np, "fast": fast} | more))


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_fastest_of_three_products_counts_in_its_own_bits():
    times = iter([0.0, 0.5, 10.0, 10.4, 20.0, 20.9])  # start and end of each product
    seconds = of_page("seconds_of_product", clock=lambda: next(times), place=torch.device("cpu"))
    assert seconds(torch.float32) == pytest.approx(0.4)
    assert next(times, None) is None


@given(st.integers(2, 5), st.integers(3, 7), st.integers(0, 2**31))
@FEW
def test_whitened_patches_have_the_identity_as_second_moments(count, side, seed):
    images = F.avg_pool2d(random(count, 3, side + 3, side + 3, seed=seed), 2, stride=1).float()  # neighbours alike
    kernels, variances = of_page("whitening_kernels")(images, eps=0.0)
    patches = [
        image[:, i : i + 2, j : j + 2].flatten().double()
        for image in images for i, j in itertools.product(range(image.shape[1] - 1), range(image.shape[2] - 1))
    ]  # fmt: skip
    rows = torch.stack(patches)
    outputs = rows @ kernels.flatten(1).T.double()
    torch.testing.assert_close(outputs.T @ outputs / len(rows), torch.eye(12).double(), atol=1e-3, rtol=0)
    scaled = kernels.flatten(1).double() * variances.sqrt()[:, None]  # directions: of length 1, at right angles
    torch.testing.assert_close(scaled @ scaled.T, torch.eye(12).double(), atol=1e-4, rtol=0)


def test_a_small_variance_is_held_back_by_eps():
    kernels, variances = of_page("whitening_kernels")(torch.ones(4, 3, 5, 5), eps=1e-4)
    lengths = kernels.flatten(1).norm(dim=1).double()
    torch.testing.assert_close(lengths, (variances.clamp(min=0) + 1e-4) ** -0.5, atol=1e-2, rtol=1e-4)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 2**31))
@FEW
def test_images_seen_one_way_only_are_counted(epochs, count, seed):
    flips = random(epochs, count, seed=seed) > 0
    assert of_page("one_way")(flips) == sum(len(set(column)) == 1 for column in flips.T.tolist())


@given(st.integers(2, 6), st.integers(1, 4), st.sampled_from([1, 3]), st.floats(0, 0.9))
@FEW
def test_a_kernel_is_put_on_its_norm_and_takes_a_step_of_muon(out, channels, side, momentum):
    """The step written out, in the precision of the library."""
    kernel, gradients = random(out, channels, side, side).float(), random(3, out, channels, side, side, seed=1).float()
    found = of_page("kernel_muon")(kernel, gradients, 0.05, momentum)
    w, v = kernel.flatten(1).clone(), 0
    for gradient in gradients:
        w = w * out**0.5 / w.norm()
        v = momentum * v + (1 - momentum) * gradient.flatten(1)
        m = momentum * v + (1 - momentum) * gradient.flatten(1)
        X = m.bfloat16()
        X = X.T if len(X) > X.shape[1] else X
        X = X / X.norm().clamp(min=1e-7)
        for _ in range(3):
            A = X @ X.T
            X = torch.addmm(X, torch.addmm(A, A, A, beta=-4.775, alpha=2.0315), X, beta=3.4445)
        X = X.T if len(w) > w.shape[1] else X
        w = w - 0.05 * max(1, out / w.shape[1]) ** 0.5 * X.float()
    torch.testing.assert_close(found, w.view_as(kernel), atol=2e-3, rtol=0)


@given(st.integers(1, 12), st.integers(0, 6))
@FEW
def test_lookahead_written_out(num_steps, every):
    steps = random(num_steps + 1, 4)
    found = of_page("lookahead")(steps[0], lambda w, t: 0.9 * w + steps[t], every, num_steps)
    slow = w = steps[0].numpy()
    wanted = [w]
    for t in range(1, num_steps + 1):
        w = 0.9 * w + steps[t].numpy()
        if every and (t % every == 0 or t == num_steps):
            rho = 0.95**every * (t / num_steps) ** 3
            slow = slow + (1 - rho) * (w - slow)
            w = slow
        wanted.append(w)
    np.testing.assert_allclose(found.numpy(), np.stack(wanted), atol=1e-12)


@given(st.integers(3, 6), st.integers(3, 6), st.integers(0, 2**31))
@FEW
def test_six_views_made_by_torchvision_one_by_one(height, width, seed):
    linear = random(10, 2 * height * width, seed=seed)
    images = random(2, 2, height, width, seed=seed + 1)

    def model(images):
        return torch.tanh(images.flatten(1) @ linear.T)

    padded = TF.pad(images, [1, 1, 1, 1], padding_mode="reflect")
    wanted = torch.zeros(2, 10).double()
    for view, weight in (
        (images, 1 / 4),
        (TF.crop(padded, 0, 0, height, width), 1 / 8),
        (TF.crop(padded, 2, 2, height, width), 1 / 8),
    ):
        wanted += weight * (model(view) + model(TF.horizontal_flip(view)))
    six_views = of_page("six_views")
    torch.testing.assert_close(six_views(model, images), wanted)
    assert torch.autograd.gradcheck(lambda x: six_views(model, x), images.requires_grad_())


def test_points_are_compared_within_a_seed():
    rows = {
        "nothing": [{"seed": 0, "accuracy": 0.9}, {"seed": 1, "accuracy": 0.8}],
        "a": [{"seed": 1, "accuracy": 0.79}, {"seed": 0, "accuracy": 0.88}, {"seed": 2, "accuracy": 0.1}],
        "b": [],
    }
    lost = of_page("lost")
    np.testing.assert_allclose(lost(rows, "a"), [1.0, 2.0])
    np.testing.assert_allclose(lost(rows, "nothing"), 0)
    assert len(lost(rows, "b")) == 0


def test_a_change_is_the_mean_square_of_whole_numbers_that_do_not_wrap():
    one, other = torch.tensor([[0, 255]], dtype=torch.uint8), torch.tensor([[3, 0]], dtype=torch.uint8)
    assert of_page("change")(one, other) == pytest.approx((9 + 255**2) / 2)
