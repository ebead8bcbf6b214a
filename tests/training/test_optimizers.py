"""`helpers.training.optimizers`: one optimizer that is two, as the parts by themselves."""

import copy

import numpy as np
import pytest
import torch
from runs import config
from torch import nn
from torch.optim import SGD, AdamW, Muon
from torch.optim.lr_scheduler import OneCycleLR

from helpers.model import architectures, net
from helpers.training.optimizers import KernelMuon, Lookahead, MuonWithAdamW, MuonWithSGD
from helpers.training.run import make_optimizer


def new_net() -> net.Net:
    torch.manual_seed(0)
    return architectures.build("net")


def backward(model: net.Net, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    model.zero_grad()
    model(torch.randn(8, 3, 32, 32, generator=generator)).square().mean().backward()


def test_it_equals_muon_for_matrices_and_adamw_for_the_rest_under_one_schedule():
    model, twin = new_net(), new_net()
    both = MuonWithAdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    schedule = OneCycleLR(both, 0.01, total_steps=6, cycle_momentum=False)
    matrices = [twin.fc1.weight, twin.fc2.weight, twin.fc3.weight]
    rest = [p for p in twin.parameters() if p.ndim != 2]
    parts = [Muon(matrices, 0.01, 0.1, adjust_lr_fn="match_rms_adamw"), AdamW(rest, 0.01, weight_decay=0.0)]
    schedules = [OneCycleLR(part, 0.01, total_steps=6, cycle_momentum=False) for part in parts]
    for step in range(5):
        backward(model, step)
        both.step()
        schedule.step()
        backward(twin, step)
        for part, its_schedule in zip(parts, schedules, strict=True):
            part.step()
            its_schedule.step()
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p, q)
    assert len({group["lr"] for group in both.param_groups}) == 1


def test_its_steps_have_the_size_of_adamw_and_all_directions_alike():
    """The first step on a matrix [K, C] is 0.2 sqrt(max(K, C)) lr times a nearly orthogonal matrix."""
    model = new_net()
    before = model.fc1.weight.detach().clone()
    optimizer = MuonWithAdamW(model.parameters(), lr=0.01)
    left, right = torch.linalg.qr(torch.randn(120, 120))[0], torch.linalg.qr(torch.randn(400, 120))[0]
    sizes = torch.logspace(0, -1.5, 120)  # a gradient with strong and weak directions
    model.fc1.weight.grad = (left * sizes) @ right.T
    optimizer.step()
    singular = torch.linalg.svdvals(before - model.fc1.weight.detach()) / (0.01 * 0.2 * 400**0.5)
    assert singular.min() > 0.4 and singular.max() < 1.4  # Newton-Schulz is approximate


def test_its_state_is_saved_and_restored():
    model = new_net()
    optimizer = MuonWithAdamW(model.parameters(), lr=0.01)
    backward(model, 0)
    optimizer.step()
    twin = new_net()
    twin.load_state_dict(model.state_dict())
    other = MuonWithAdamW(twin.parameters(), lr=0.5)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert [group["lr"] for group in other.param_groups] == [0.01, 0.01]
    for one, its_model in ((optimizer, model), (other, twin)):
        backward(its_model, 1)
        one.step()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), twin.parameters(), strict=True))


def test_a_closure_computes_the_loss():
    model = new_net()
    optimizer = MuonWithAdamW(model.parameters(), lr=0.01)

    def closure() -> torch.Tensor:
        loss = model(torch.ones(1, 3, 32, 32)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        return loss

    assert optimizer.step(closure) > optimizer.step(closure)


# -- Muon for kernels ------------------------------------------------------------------------------------------


def kernels_and_gradients(memory_format: torch.memory_format) -> tuple[list[nn.Parameter], list[list[torch.Tensor]]]:
    torch.manual_seed(0)
    shapes = ((16, 3, 3, 3), (8, 16, 3, 3))
    kernels = [nn.Parameter(torch.randn(shape).to(memory_format=memory_format)) for shape in shapes]
    return kernels, [[torch.randn(shape).to(memory_format=memory_format) for shape in shapes] for _ in range(5)]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_kernel_takes_the_steps_that_muon_takes_with_its_matrix_of_a_fixed_norm(memory_format):
    kernels, gradients = kernels_and_gradients(memory_format)
    twins = [nn.Parameter(kernel.detach().flatten(1).clone()) for kernel in kernels]
    optimizer = KernelMuon(kernels, lr=0.2, momentum=0.6)
    plain = Muon(twins, lr=0.2, weight_decay=0.0, momentum=0.6, ns_steps=3)
    both = [OneCycleLR(each, 0.2, total_steps=6, cycle_momentum=False) for each in (optimizer, plain)]
    for step in gradients:
        for kernel, twin, gradient in zip(kernels, twins, step, strict=True):
            kernel.grad, twin.grad = gradient, gradient.flatten(1)
            twin.data.mul_(len(twin) ** 0.5 / twin.data.norm())
        for each, schedule in zip((optimizer, plain), both, strict=True):
            each.step()
            schedule.step()
    for kernel, twin in zip(kernels, twins, strict=True):
        assert kernel.is_contiguous(memory_format=memory_format)
        torch.testing.assert_close(kernel.flatten(1), twin, atol=0.02, rtol=0)  # bfloat16, columns in another order
        assert kernel.norm().item() == pytest.approx(len(kernel) ** 0.5, rel=0.1)
    optimizer.zero_grad()
    assert all(kernel.grad is None for kernel in kernels)


def test_a_kernel_in_another_order_of_memory_is_refused():
    with pytest.raises(ValueError, match="a kernel is not contiguous"):
        KernelMuon([nn.Parameter(torch.randn(3, 8, 3, 3).transpose(0, 1))], lr=0.1, momentum=0.6)


def fast_net() -> nn.Module:
    torch.manual_seed(0)
    model = architectures.build("fast", init="partial_identity").to(memory_format=torch.channels_last)
    model.whiten(torch.randn(20, 3, 32, 32))
    return model


RECIPE = {"model": "fast", "lr": 0.2, "bias_lr": 8.0, "lookahead": 3, "schedule": "triangle"}


@pytest.mark.parametrize("optimizer", ["sgd", "muon_sgd", "muon"])
def test_the_state_of_a_recipe_is_saved_and_restored_bit_for_bit(optimizer):
    settings = config(optimizer=optimizer, **RECIPE)
    model, twin = fast_net(), fast_net()
    (one, its_schedule), (other, other_schedule) = (make_optimizer(each, settings, 8) for each in (model, twin))
    for step in range(4):
        backward(model, step)
        one.step()
        its_schedule.step()
    twin.load_state_dict(model.state_dict())
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    other_schedule.load_state_dict(copy.deepcopy(its_schedule.state_dict()))
    for each, its_optimizer, schedule in ((model, one, its_schedule), (twin, other, other_schedule)):
        for step in range(4, 8):
            backward(each, step)
            its_optimizer.step()
            schedule.step()
    assert all(torch.equal(p, q) for p, q in zip(model.state_dict().values(), twin.state_dict().values(), strict=True))


def test_muon_takes_the_kernels_and_sgd_the_rest_each_with_its_rate():
    model = fast_net()
    settings = config(model="fast", optimizer="muon_sgd", lr=0.2, bias_lr=8.0, weight_decay=0.01, momentum=0.8)
    optimizer, schedule = make_optimizer(model, settings, 10)
    assert isinstance(optimizer, MuonWithSGD)
    muon, head, biases = optimizer.param_groups
    assert [p.ndim for p in muon["params"]] == [4] * 6 and head["params"] == [model.fc.weight]
    assert [p.ndim for p in biases["params"]] == [1] * 6
    assert (head["weight_decay"], biases["weight_decay"]) == (0.01, 0.0)
    assert {group["momentum"] for group in (head, biases)} == {0.8} and head["nesterov"]
    assert [group["max_lr"] for group in optimizer.param_groups] == pytest.approx([0.2, 1.2, 9.6])
    assert schedule.get_last_lr() == pytest.approx([0.2 / 25, 1.2 / 25, 9.6 / 25])


# -- biases, schedule, averages --------------------------------------------------------------------------------


def test_biases_have_a_rate_of_their_own_and_do_not_decay():
    model = fast_net()
    optimizer, _ = make_optimizer(model, config(model="fast", bias_lr=64.0, lr=0.5, weight_decay=0.01), 10)
    weights, biases = optimizer.param_groups
    assert [(group["max_lr"], group["weight_decay"]) for group in (weights, biases)] == [(0.5, 0.01), (32.0, 0.0)]
    assert {p.ndim for p in weights["params"]} == {2, 4} and {p.ndim for p in biases["params"]} == {1}
    assert len(weights["params"]) == 7 and len(biases["params"]) == 6  # what is fixed is not there


@pytest.mark.parametrize(("num_steps", "warmup"), [(100, 0.23), (20, 0.5), (40, 0.9)])
def test_the_triangle_is_straight_up_and_straight_down(num_steps, warmup):
    settings = config(schedule="triangle", lr=2.0, warmup=warmup, bias_lr=3.0)
    optimizer, schedule = make_optimizer(new_net(), settings, num_steps)
    found = []
    for _ in range(num_steps):
        found.append(schedule.get_last_lr())
        optimizer.step()
        schedule.step()
    corners = [0, warmup * num_steps - 1, num_steps - 1]
    expected = np.interp(range(num_steps), corners, [0.4, 2.0, 0.14])
    np.testing.assert_allclose(np.array(found), expected[:, None] * [1, 3], rtol=1e-6)


def test_lookahead_goes_back_to_an_average_every_few_steps_and_after_the_last():
    weights, twin = (nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64)) for _ in range(2))
    running, count = torch.tensor([5.0], dtype=torch.float64), torch.tensor(0)
    looking, plain = Lookahead(SGD([weights], 0.1, 0.9), [running, count], 3, 8), SGD([twin], 0.1, 0.9)
    slow, slow_running, expected_running = twin.detach().clone(), 5.0, 5.0
    for step in range(1, 9):
        gradient = torch.tensor([step, 1 / step], dtype=torch.float64)
        weights.grad, twin.grad = gradient.clone(), gradient.clone()
        running += step
        expected_running += step
        looking.step()
        plain.step()
        if step in (3, 6, 8):
            share = 0.95**3 * (step / 8) ** 3
            slow = share * slow + (1 - share) * twin.detach()
            slow_running = share * slow_running + (1 - share) * expected_running
            twin.data, expected_running = slow.clone(), slow_running
        torch.testing.assert_close(weights, twin)
        assert running.item() == pytest.approx(expected_running) and count == 0
    looking.zero_grad()
    assert weights.grad is None


def test_lookahead_passes_a_closure_on():
    weight = nn.Parameter(torch.ones(1))
    optimizer = Lookahead(SGD([weight], 0.1), [], 5, 10)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure) > optimizer.step(closure)
