"""`helpers.training.optimizers`: one optimizer that is two, as the parts by themselves."""

import copy

import torch
from torch.optim import AdamW, Muon
from torch.optim.lr_scheduler import OneCycleLR

from helpers.model import architectures, net
from helpers.training.optimizers import MuonWithAdamW


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
