"""Cross-entropy and KL divergence as their page writes them, against torch: values and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch.nn import functional as F
from torch.testing import assert_close

PAGE = "3_loss_optimizer/05_cross_entropy"
entropy, cross, kl, log_softmax, kl_elements = (
    definition_of_page(PAGE, name, torch=torch) for name in ("entropy", "cross", "kl", "log_softmax", "kl_elements")
)
cross_entropy = definition_of_page(PAGE, "cross_entropy", torch=torch, F=F, log_softmax=log_softmax)
distillation = definition_of_page(PAGE, "distillation_solution", F=F)
loss_of_all = definition_of_page(PAGE, "loss_of_all_solution", F=F)

shapes = st.tuples(st.integers(1, 5), st.integers(2, 5), st.lists(st.integers(1, 3), max_size=2))  # B, K, the rest
seeds = st.integers(0, 2**31)
many = settings(deadline=None, max_examples=25)


@given(seeds, st.integers(1, 6), st.integers(1, 6))
@many
def test_cross_entropy_is_entropy_plus_kl_divergence_also_with_zeros(seed, B, K):
    generator = torch.Generator().manual_seed(seed)
    q, p = torch.randn(2, B, K, generator=generator).double().softmax(dim=-1)
    q = F.normalize(q * (q > 0.2), p=1, dim=-1) + 0.0 * q
    q[q.sum(dim=-1) == 0] = 1 / K
    assert_close(cross(q, p), entropy(q) + kl(q, p))
    assert_close(kl(q, p), F.kl_div(p.log(), q, reduction="none").sum(dim=-1))
    assert_close(entropy(q), torch.special.entr(q).sum(dim=-1))
    assert (kl(q, p) > -1e-12).all()


@given(seeds, shapes, st.sampled_from([1.0, 1e3, 1e30]))
@many
def test_log_softmax_is_that_of_torch_however_large_the_logits(seed, shape, size):
    B, K, rest = shape
    z = size * torch.randn(B, K, *rest, generator=torch.Generator().manual_seed(seed))
    assert_close(log_softmax(z), F.log_softmax(z, dim=1))


@given(seeds, shapes, st.booleans(), st.sampled_from([0.0, 0.1, 0.7]), st.sampled_from(["labels", "ignored", "soft"]))
@many
def test_every_option_is_that_of_torch(seed, shape, weighted, smoothing, kind):
    B, K, rest = shape
    generator = torch.Generator().manual_seed(seed)
    z = 5 * torch.randn(B, K, *rest, generator=generator, dtype=torch.float64)
    target = torch.randint(0, K, (B, *rest), generator=generator)
    options = {"label_smoothing": smoothing}
    if weighted:
        options["weight"] = torch.rand(K, generator=generator).double() + 0.1
    if kind == "ignored":
        target = target.where(torch.rand(target.shape, generator=generator) < 0.5, 77)
        target.view(-1)[0], options["ignore_index"] = 0, 77
    elif kind == "soft":
        target = torch.randn(z.shape, generator=generator).double().softmax(dim=1)
    losses, slopes, divisor = cross_entropy(z, target, **options)
    for reduction, value, slope in (
        ("none", losses, slopes),
        ("sum", losses.sum(), slopes),
        ("mean", losses.sum() / divisor, slopes / divisor),
    ):
        leaf = z.clone().requires_grad_()
        got = F.cross_entropy(leaf, target, reduction=reduction, **options)
        assert_close(got, value)
        assert_close(torch.autograd.grad(got.sum(), leaf)[0], slope)


@given(seeds, st.integers(1, 4), st.integers(1, 4), st.booleans())
@many
def test_the_kl_divergence_element_by_element_is_that_of_torch(seed, B, K, log_target):
    x, target = torch.randn(2, B, K, generator=torch.Generator().manual_seed(seed)).double()
    x = x.log_softmax(dim=1).requires_grad_()
    target = target.log_softmax(dim=1) if log_target else (target * (target > 0))
    loss, slope = kl_elements(x.detach(), target, log_target)
    got = F.kl_div(x, target, reduction="none", log_target=log_target)
    assert_close(got.detach(), loss)
    assert_close(torch.autograd.grad(got.sum(), x)[0], slope)


@pytest.mark.parametrize("T", [1.0, 3.0])
def test_the_gradient_of_the_distillation_is_right(T):
    student, teacher = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)).double()
    assert torch.autograd.gradcheck(lambda z: distillation(z, teacher, T), student.requires_grad_())
    p, q = (student / T).softmax(dim=1), (teacher / T).softmax(dim=1)
    assert_close(distillation(student, teacher, T), T**2 * kl(q, p).mean())


@given(seeds, st.lists(st.integers(1, 4), min_size=1, max_size=4))
@many
def test_the_loss_of_all_batches_is_that_of_their_union(seed, sizes):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(sum(sizes), 3, generator=generator).double()
    y = torch.randint(0, 4, (sum(sizes),), generator=generator)  # 3 is ignored
    y[0] = 1
    weight = torch.tensor([0.2, 1.0, 3.0]).double()
    batches = list(zip(z.split(sizes), y.split(sizes), strict=True))
    assert_close(loss_of_all(batches, weight, 3), F.cross_entropy(z, y, weight, ignore_index=3))
