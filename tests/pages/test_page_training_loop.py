"""The training loop as it stands in the notebook: steps, modes, means; by hand and against torch."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from support import definition_of_page
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close
from torchvision.datasets import MNIST

from helpers.paths import DataError

PAGE = "3_loss_optimizer/13_training_loop"
MODULES = {"torch": torch, "F": F, "nn": nn, "load_digits": load_digits, "MNIST": MNIST, "DataError": DataError}
one_epoch, measure, nodes, read_digits, softmax_regression, perceptron, accumulate, look = (
    definition_of_page(PAGE, name, **MODULES)
    for name in (
        "one_epoch", "measure", "nodes", "read_digits", "softmax_regression", "perceptron",
        "accumulate_solution", "look_solution",
    )
)  # fmt: skip
QUICK = settings(deadline=None, max_examples=20)
CPU = torch.device("cpu")
sizes = st.lists(st.integers(1, 6), min_size=1, max_size=5)  # of the batches
seeds = st.integers(0, 2**31)


def batches_of(counts: list[int], seed: int) -> tuple[torch.Tensor, torch.Tensor, list]:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(sum(counts), 4, generator=g, dtype=torch.float64)
    y = torch.randint(0, 3, (sum(counts),), generator=g)
    return x, y, list(zip(x.split(counts), y.split(counts), strict=True))


@given(sizes, seeds)
@QUICK
def test_an_epoch_is_gradient_descent_batch_by_batch(counts, seed):
    x, _, batches = batches_of(counts, seed)
    model = nn.Linear(4, 3, dtype=torch.float64).eval()
    W, b = (p.detach().numpy().copy() for p in model.parameters())
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    model(x).sum().backward()  # an old gradient
    found = one_epoch(model, batches, nn.CrossEntropyLoss(), optimizer, CPU)
    loss, right = 0.0, 0
    for images, labels in batches:
        z, q = images.numpy() @ W.T + b, np.eye(3)[labels]
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        loss -= np.log((p * q).sum(axis=1)).sum()
        right += (p.argmax(axis=1) == labels.numpy()).sum()
        W -= 0.5 * (p - q).T @ images.numpy() / len(z)
        b -= 0.5 * (p - q).mean(axis=0)
    np.testing.assert_allclose(model.weight.detach().numpy(), W, rtol=1e-9)
    np.testing.assert_allclose(model.bias.detach().numpy(), b, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found, [loss / len(x), right / len(x)], rtol=1e-9)
    assert model.training


@given(sizes, seeds)
@QUICK
def test_measuring_counts_every_image_once_and_in_evaluation_mode(counts, seed):
    x, y, batches = batches_of(counts, seed)
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3)).double()
    before = copy.deepcopy(model.state_dict())
    logits = copy.deepcopy(model).eval()(x)
    wanted = [F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()]
    assert_close(measure(model, batches, nn.CrossEntropyLoss(), CPU), wanted)
    assert look(model.train(), batches, nn.CrossEntropyLoss()) == pytest.approx(wanted[0])
    assert model.training
    assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=0)


@given(sizes, seeds)
@QUICK
def test_accumulated_gradients_are_those_of_one_large_batch(counts, seed):
    x, y, batches = batches_of(counts, seed)
    model = nn.Linear(4, 3, dtype=torch.float64)
    whole = copy.deepcopy(model)
    F.cross_entropy(whole(x), y).backward()
    accumulate(model, batches, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 1.0))
    assert_close([p.grad for p in model.parameters()], [p.grad for p in whole.parameters()])
    assert_close(model.weight, whole.weight - whole.weight.grad)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), seeds)
@QUICK
def test_the_functions_of_tensors_are_those_of_modules_with_their_gradients(N, D, H, seed):
    g = torch.Generator().manual_seed(seed)
    x, W1, b1, W2, b2 = (
        torch.randn(*shape, generator=g, dtype=torch.float64, requires_grad=True)
        for shape in ((N, D), (H, D), (H,), (3, H), (3,))
    )
    assert_close(softmax_regression(x, W1, b1), F.linear(x, W1, b1))
    assert_close(perceptron(x, W1, b1, W2, b2), F.linear(F.relu(F.linear(x, W1, b1)), W2, b2))
    assert torch.autograd.gradcheck(perceptron, (x, W1, b1, W2, b2))


def test_descent_is_that_of_the_optimizer():
    x, y, _ = batches_of([12], 3)
    descend = definition_of_page(PAGE, "descend", **MODULES, x=x, y=y, lr=0.2)
    model = nn.Linear(4, 3, dtype=torch.float64)
    parameters = [p.detach().clone().requires_grad_() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), 0.2)
    for _ in range(7):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    assert descend(softmax_regression, parameters, steps=7) == pytest.approx(loss.item())
    assert_close(parameters, [p.detach() for p in model.parameters()])


@pytest.mark.parametrize("bias", [0, -3])
def test_the_steps_that_are_counted_are_those_of_gradient_descent(bias):
    x, _, _ = batches_of([40], 5)
    odd = (x[:, 0] > 0.2).double()
    count = definition_of_page(PAGE, "steps_needed", **MODULES, x=x, odd=odd, lr=0.3, D=4)
    w, b, wanted = np.zeros(4), float(bias), 0
    while ((z := x.numpy() @ w + b) > 0).__eq__(odd.numpy() > 0).mean() < 0.9:
        miss = 1 / (1 + np.exp(-z)) - odd.numpy()
        w, b, wanted = w - 0.3 * miss @ x.numpy() / 40, b - 0.3 * miss.mean(), wanted + 1
    assert 0 < count(lambda z: F.binary_cross_entropy_with_logits(z, odd), bias, goal=0.9) == wanted < 3000
    assert count(lambda z: 0 * z.sum(), bias, goal=0.9, most=5) == 5


def test_a_kept_loss_keeps_a_graph_for_each_batch():
    model = nn.Linear(2, 1)
    losses = [model(torch.ones(1, 2)).sum() for _ in range(3)]
    one, two, three = (nodes(sum(losses[:n]).grad_fn) for n in (1, 2, 3))
    assert two - one == three - two >= 4  # sum, product, weight, bias


def idx(array: np.ndarray) -> bytes:
    """The file format of MNIST: type and axes, sizes, bytes."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def test_digits_come_from_scikit_learn_or_from_mnist_in_the_folder(tmp_path):
    images, labels = read_digits("sklearn", tmp_path)
    assert images.shape == (1797, 64) and images.dtype == torch.float64 and (images.min(), images.max()) == (0, 1)
    assert labels.dtype == torch.int64 and labels.unique().tolist() == list(range(10))

    rng, raw = np.random.default_rng(0), tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = {part: rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for part, n in (("train", 5), ("t10k", 2))}
    for part, values in pixels.items():
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(values))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(len(values), dtype=np.uint8)))
    images, labels = read_digits("mnist", tmp_path)
    assert_close(images, torch.tensor(pixels["train"].reshape(5, 784) / 255))
    assert labels.tolist() == list(range(5))


def test_without_mnist_one_message_names_the_folder_and_a_remedy(tmp_path):
    with pytest.raises(DataError, match="there is no MNIST.*digits='sklearn'") as caught:
        read_digits("mnist", tmp_path / "nothing")
    assert str(tmp_path / "nothing") in str(caught.value)
    with pytest.raises(ValueError, match="use sklearn or mnist"):
        read_digits("letters", tmp_path)
