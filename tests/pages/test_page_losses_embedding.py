"""The page on distances: its losses against torch, values and gradients; its search score and its triplets."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import definition_of_page
from torch import nn
from torch.nn import functional as F

PAGE = "3_loss_optimizer/07_losses_ranking_embedding"
margin_ranking, hinge_embedding, cosine_embedding, distance, retrieval, triplets, hardest, contrastive = (
    definition_of_page(PAGE, name, torch=torch)
    for name in ("margin_ranking", "hinge_embedding", "cosine_embedding", "distance", "retrieval", "triplets",
                 "hardest", "contrastive_solution")
)  # fmt: skip
triplet = definition_of_page(PAGE, "triplet", torch=torch, distance=distance)
sizes = st.tuples(st.integers(1, 6), st.integers(2, 5), st.integers(0, 2**31))  # B, D, seed
margins = st.floats(0.05, 3)
examples = settings(max_examples=15, deadline=None)


def drawn(B, D, seed):
    g = torch.Generator().manual_seed(seed)
    vectors = torch.randn(3, B, D, generator=g, dtype=torch.float64).unbind()
    y = 2 * torch.randint(0, 2, (B,), generator=g).double() - 1
    return vectors, y


def agree(by_hand, library, *inputs):
    """Losses and the gradients of their sum."""
    losses, slopes = by_hand(*inputs)
    leaves = [x.clone().requires_grad_() for x in inputs]
    expected = library(*leaves)
    expected.sum().backward()
    torch.testing.assert_close(losses, expected.detach())
    for slope, leaf in zip(slopes, leaves, strict=True):
        torch.testing.assert_close(slope, leaf.grad)


@given(sizes, margins)
@examples
def test_losses_of_pairs(size, margin):
    (x1, x2, _), y = drawn(*size)
    none = {"margin": margin, "reduction": "none"}
    agree(
        lambda a, b: margin_ranking(a, b, y, margin),
        lambda a, b: F.margin_ranking_loss(a, b, y, **none),
        x1[:, 0], x2[:, 0],
    )  # fmt: skip
    agree(
        lambda d: hinge_embedding(d, y, margin),
        lambda d: F.hinge_embedding_loss(d, y, **none),
        F.pairwise_distance(x1, x2),
    )
    none["margin"] = margin / 3 - 0.5
    agree(
        lambda a, b: cosine_embedding(a, b, y, none["margin"]),
        lambda a, b: F.cosine_embedding_loss(a, b, y, **none),
        x1, x2,
    )  # fmt: skip


@given(sizes, margins, st.sampled_from([1.0, 2.0, 3.0]), st.booleans(), st.sampled_from([1e-6, 0.1]))
@examples
def test_triplet_with_every_option(size, margin, p, swap, eps):
    vectors, _ = drawn(*size)
    chosen = {"margin": margin, "p": p, "swap": swap, "eps": eps}
    library = nn.TripletMarginLoss(**chosen, reduction="none")
    agree(lambda a, b, c: triplet(a, b, c, **chosen), library, *vectors)


@given(st.integers(5, 30), st.integers(0, 2**31))
@examples
def test_the_search_score_against_a_slow_one(count, seed):
    g = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(count, 3, generator=g, dtype=torch.float64)
    labels = torch.arange(count) % 2
    average, at_10 = retrieval(embeddings, labels)
    for n in range(count):
        others = [m for m in range(count) if m != n]
        others.sort(key=lambda m: (embeddings[n] - embeddings[m]).norm().item())  # noqa: B023
        right = [(labels[m] == labels[n]).item() for m in others]
        hits = [sum(right[: k + 1]) / (k + 1) for k, is_right in enumerate(right) if is_right]
        assert abs(average[n].item() - sum(hits) / len(hits)) < 1e-9
        assert abs(at_10[n].item() - sum(right[:10]) / len(right[:10])) < 1e-9


@given(st.lists(st.integers(0, 3), min_size=4, max_size=12).filter(lambda v: len(set(v)) > 1), st.integers(0, 2**31))
@examples
def test_triplets_are_all_pairs_and_the_hardest_are_the_hardest(labels, seed):
    labels, g = torch.tensor(labels), torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    a, pos, neg = triplets(None, labels)
    pairs = {(i, j) for i in range(len(labels)) for j in range(len(labels)) if i != j and labels[i] == labels[j]}
    assert set(zip(a.tolist(), pos.tolist(), strict=True)) == pairs and len(a) == len(pairs)
    assert (labels[a] != labels[neg]).all()
    e = torch.randn(len(labels), 2, generator=g, dtype=torch.float64)
    d = torch.cdist(e, e)
    a, pos, neg = hardest(e, labels)
    assert a.tolist() == list(range(len(labels)))
    for i in a.tolist():
        same = labels == labels[i]
        assert d[i, pos[i]] == d[i][same].max() and same[pos[i]]
        assert d[i, neg[i]] == d[i][~same].min() and not same[neg[i]]


def test_negatives_are_drawn_from_all_others():
    torch.manual_seed(0)
    _, _, neg = triplets(None, torch.tensor([0] * 20 + [1, 2, 3]))
    assert neg[:380].bincount(minlength=23)[20:].min() > 80  # 380 draws of three


@given(sizes, margins)
@settings(max_examples=10, deadline=None)
def test_the_contrastive_solution_has_the_gradient_of_its_value(size, margin):
    (x1, x2, _), y = drawn(*size)
    assert torch.autograd.gradcheck(lambda x: contrastive(x, x2, (y + 1) / 2, margin + 0.01), x1.requires_grad_())
