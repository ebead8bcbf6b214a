"""The losses that the page on several labels and margins writes by hand, against torch: values and gradients."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch.nn import functional as F

PAGE = "3_loss_optimizer/06_losses_several_labels_and_margins"
torch_only = {"torch": torch, "F": F}
bce, bce_with_logits, soft_margin, multi_margin, multi_label_margin, operating_point, stable_bce, padded = (
    definition_of_page(PAGE, name, **torch_only)
    for name in ("bce", "bce_with_logits", "soft_margin", "multi_margin", "multi_label_margin", "operating_point",
                 "stable_bce_solution", "padded_solution")
)  # fmt: skip
multi_label_soft_margin = definition_of_page(
    PAGE, "multi_label_soft_margin", **torch_only, bce_with_logits=bce_with_logits
)
sizes = st.tuples(st.integers(1, 6), st.integers(2, 6), st.integers(0, 2**31))  # B, K, seed
examples = settings(max_examples=15, deadline=None)


def drawn(B, K, seed, scale=3.0):
    g = torch.Generator().manual_seed(seed)
    z = scale * torch.randn(B, K, generator=g, dtype=torch.float64)
    return z, torch.rand(B, K, generator=g, dtype=torch.float64), g


def agree(by_hand, library, x):
    """Losses and the gradient of their sum."""
    losses, slope = by_hand(x)
    leaf = x.clone().requires_grad_()
    expected = library(leaf)
    expected.sum().backward()
    torch.testing.assert_close(losses, expected.detach())
    torch.testing.assert_close(slope, leaf.grad)


@given(sizes, st.sampled_from(["element", "image", "label"]), st.booleans())
@examples
def test_binary_cross_entropy_with_every_weight(size, kind, hard):
    z, y, g = drawn(*size)
    y = y.round() if hard else y
    shape = {"element": z.shape, "image": (len(z), 1), "label": z.shape[1:]}[kind]
    weight, pos_weight = torch.rand(2, *shape, generator=g, dtype=torch.float64)
    agree(lambda p: bce(p, y, weight), lambda p: F.binary_cross_entropy(p, y, weight, reduction="none"), z.sigmoid())
    agree(
        lambda z: bce_with_logits(z, y, weight, pos_weight),
        lambda z: F.binary_cross_entropy_with_logits(z, y, weight, reduction="none", pos_weight=pos_weight),
        z,
    )


def test_binary_cross_entropy_at_the_ends():
    p = torch.tensor([0, 1, 1e-30, 1 - 1e-16, 0, 1e-8], dtype=torch.float64)
    y = torch.tensor([1, 0, 1, 0, 0, 1], dtype=torch.float64)
    agree(lambda p: bce(p, y), lambda p: F.binary_cross_entropy(p, y, reduction="none"), p)


@given(sizes)
@examples
def test_soft_margins(size):
    z, y, g = drawn(*size)
    weight = torch.rand(z.shape[1], generator=g, dtype=torch.float64)
    agree(
        lambda z: multi_label_soft_margin(z, y, weight),
        lambda z: F.multilabel_soft_margin_loss(z, y, weight, reduction="none"),
        z,
    )
    signs = torch.where(y > 0.5, 1.0, -1.0)
    agree(lambda z: soft_margin(z, signs), lambda z: F.soft_margin_loss(z, signs, reduction="none"), z)


@given(sizes, st.sampled_from([1, 2]), st.floats(0.1, 4))
@examples
def test_multi_margin(size, p, margin):
    z, _, g = drawn(*size)
    y = torch.randint(0, z.shape[1], (len(z),), generator=g)
    weight = torch.rand(z.shape[1], generator=g, dtype=torch.float64)
    for w in (None, weight):
        agree(
            lambda z, w=w: multi_margin(z, y, p, margin, w),
            lambda z, w=w: F.multi_margin_loss(z, y, p, margin, w, reduction="none"),
            z,
        )


@given(sizes)
@examples
def test_multi_label_margin_with_what_stands_behind_the_first_minus_one(size):
    z, y, g = drawn(*size)
    positions = padded(y > 0.6)
    for row in positions:  # torch reads nothing behind the first -1
        behind = (row == -1).nonzero()[1:, 0]
        row[behind] = torch.randint(-1, z.shape[1], (len(behind),), generator=g)
    agree(
        lambda z: multi_label_margin(z, positions),
        lambda z: F.multilabel_margin_loss(z, positions, reduction="none"),
        z,
    )


def test_precision_and_recall_over_all_runs():
    logits = torch.tensor([[2.0, -1.0, 1.0, -3.0], [-2.0, -1.0, 3.0, 0.5]])  # two runs
    wanted = torch.tensor([1.0, 1.0, 0.0, 0.0])
    precision, recall = operating_point(logits, wanted)
    assert (precision.item(), recall.item()) == (0.25, 0.25)  # 4 called, 1 right; 4 wanted
    precision, recall = operating_point(logits, wanted, threshold=0.2)
    assert (precision.item(), recall.item()) == (0.5, 0.75)
    assert operating_point(logits, wanted, threshold=0.99) == (0, 0)


@given(sizes)
@settings(max_examples=10, deadline=None)
def test_the_solution_has_the_gradient_of_its_value(size):
    z, y, g = drawn(*size)
    pos_weight = torch.rand(z.shape[1], generator=g, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: stable_bce(z, y, pos_weight), z.requires_grad_())
    by_hand = bce_with_logits(z.detach(), y, 1.0, pos_weight)[0]
    torch.testing.assert_close(stable_bce(z, y, pos_weight).detach(), by_hand)
