"""The functions on the page about kernels, as they stand in the notebook: scales, measures, cosines, best patches."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close
from torchvision.utils import make_grid

to_pictures, grey_share, smoothness, norms, cosines, best_patch, strongest = (
    definition_of_page("4_visualization/03_kernels", name, torch=torch)
    for name in ("to_pictures", "grey_share", "smoothness", "norms", "cosines", "best_patch", "strongest")
)
closest = definition_of_page("4_visualization/03_kernels", "closest", cosines=cosines)
spread = definition_of_page("4_visualization/03_kernels", "spread", torch=torch, norms=norms)
seeds = st.integers(0, 2**31)


def kernels(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(seeds, st.integers(1, 6), st.integers(2, 5))
@settings(deadline=None, max_examples=25)
def test_the_scales_are_those_of_make_grid_and_zero_is_middle_grey(seed, count, k):
    weight = kernels(seed, count, 3, k, k) * torch.arange(1.0, count + 1)[:, None, None, None]
    for per, each in (("kernel", True), ("layer", False)):
        grid = make_grid(weight, nrow=count, padding=0, normalize=True, scale_each=each)
        assert_close(torch.cat([*to_pictures(weight, per)], dim=2), grid)
    around = to_pictures(weight, "zero")
    assert_close(around - 0.5, weight / weight.abs().max() / 2)
    assert max(around.max(), 1 - around.min()) == 1 and around.min() >= 0
    assert to_pictures(torch.zeros_like(weight), "kernel").isfinite().all()


@given(seeds, st.integers(1, 4))
@settings(deadline=None, max_examples=25)
def test_grey_kernels_have_a_share_of_one_and_pure_colours_of_none(seed, count):
    grey = kernels(seed, count, 1, 5, 5).expand(-1, 3, -1, -1)
    colour = kernels(seed, count, 3, 5, 5)
    colour = colour - colour.mean(1, keepdim=True)
    assert_close(grey_share(grey), torch.ones(count, dtype=torch.float64))
    assert_close(grey_share(colour), torch.zeros(count, dtype=torch.float64), atol=1e-12, rtol=0)
    a, b = (grey**2).sum((1, 2, 3)), (colour**2).sum((1, 2, 3))
    assert_close(grey_share(grey + colour), a / (a + b))  # the parts are orthogonal


def test_smoothness_is_one_for_even_areas_and_minus_one_for_a_chessboard():
    chess = torch.tensor([[1.0, -1, 1], [-1, 1, -1], [1, -1, 1]]).expand(2, 3, -1, -1)
    assert smoothness(torch.ones(2, 3, 3, 3)) == 1 and smoothness(chess) == -1
    assert smoothness(chess.abs() * torch.tensor([1.0, -1, 1])) == 0  # across -1, down 1
    assert_close(smoothness(7 * kernels(0, 6, 3, 5, 5)), smoothness(kernels(0, 6, 3, 5, 5)))


@given(seeds, st.integers(1, 5), st.integers(1, 5))
@settings(deadline=None, max_examples=25)
def test_cosines_are_those_of_torch_whatever_the_sizes(seed, n, m):
    one, other = 3 * kernels(seed, n, 3, 2, 2), 0.1 * kernels(seed + 1, m, 3, 2, 2)
    expected = F.cosine_similarity(one.flatten(1)[:, None], other.flatten(1)[None], dim=2)
    assert_close(cosines(one, other), expected)


def test_the_closest_pair_may_be_opposite_and_is_no_kernel_with_itself():
    weight = torch.eye(4, dtype=torch.float64).view(4, 1, 2, 2)
    assert closest(weight) == 0
    weight[3] = -weight[0] + 0.1 * weight[1]
    assert_close(closest(weight).item(), 1 / 1.01**0.5)


def test_the_spread_is_relative_to_the_median():
    weight = torch.tensor([1.0, 2, 8])[:, None, None, None].expand(3, 1, 2, 2)
    assert spread(weight) == (0.5, 4) and norms(weight).tolist() == [2, 4, 16]


@given(seeds)
@settings(deadline=None, max_examples=25)
def test_no_patch_of_pixels_excites_more_than_the_best(seed):
    kernel = kernels(seed, 3, 2, 2)
    bits = (torch.arange(4096)[:, None] >> torch.arange(12) & 1).double().view(-1, 3, 2, 2)
    best = best_patch(kernel)
    assert_close((best * kernel).sum(), (bits * kernel).sum((1, 2, 3)).max())
    assert best.dtype == kernel.dtype


@given(seeds, st.integers(1, 4), st.integers(5, 9), st.integers(5, 9))
@settings(deadline=None, max_examples=25)
def test_the_strongest_answer_stands_where_it_is_said_to_stand(seed, batch, height, width):
    torch.manual_seed(seed)
    conv, images = nn.Conv2d(3, 4, 3).double(), torch.randn(batch, 3, height, width, dtype=torch.float64)
    with torch.no_grad():
        answer, n, row, column = strongest(conv, images)
        assert_close(answer, conv(images).amax((0, 2, 3)))
        for k in range(4):
            patch = images[n[k], :, row[k] : row[k] + 3, column[k] : column[k] + 3]
            assert_close((patch * conv.weight[k]).sum() + conv.bias[k], answer[k])
