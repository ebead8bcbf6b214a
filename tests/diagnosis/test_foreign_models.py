"""Models and loops of readers: words, averaged weights, teachers, steps that are left out, parts without a gradient."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset

from helpers.diagnosis.batches import look_at
from helpers.diagnosis.checks.curves import validation_far_behind
from helpers.diagnosis.checks.inputs import input_scale
from helpers.diagnosis.checks.outputs import output_width
from helpers.diagnosis.checks.rates import momentum_too_high
from helpers.diagnosis.doctor import Doctor, diagnose
from helpers.diagnosis.observation import Inputs, Seen, constant_share
from helpers.diagnosis.signals import through


def rows(n: int = 400, k: int = 4, features: int = 8) -> TensorDataset:
    """Rows of numbers around a place of their class."""
    torch.manual_seed(0)
    labels = torch.arange(n) % k
    return TensorDataset(torch.randn(n, features) + 3 * torch.eye(features)[labels], labels)


def network(*last: nn.Module, features: int = 8) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(features, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4), *last)


def observed(doctor: Doctor, loader: DataLoader) -> Iterator[None]:
    """An epoch forward and backward, shown to the doctor; steps and cleared gradients are left to the caller."""
    for x, y in loader:
        outputs = doctor.model(x)
        loss = doctor.loss_fn(outputs, y)
        loss.backward()
        doctor.observe(x, y, outputs, loss)
        yield


def trained(
    model: nn.Module, data: TensorDataset, *, every: int = 1, clear: int = 1, loss_fn=None, epochs: int = 6,
    shown: nn.Module | None = None, loader: DataLoader | None = None, lr: float = 0.01,
) -> dict[str, str]:  # fmt: skip
    """Severities of what is found in a loop. Args: every, batches a step; clear, batches after which the gradient is
    cleared; shown, the model that is evaluated, if any."""
    loader = loader or DataLoader(data, 20, shuffle=True, generator=torch.Generator().manual_seed(0))
    loss_fn = loss_fn or nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr)
    doctor, batch = Doctor(model, optimizer, loss_fn, loader, loader), 0
    for _ in range(epochs):
        for _ in observed(doctor, loader):
            batch += 1
            if batch % every == 0:
                optimizer.step()
            if batch % clear == 0:
                optimizer.zero_grad()
        if shown is not None:
            shown.load_state_dict(model.state_dict() if shown.training else averaged(shown, model))
            with torch.no_grad():
                outputs = shown(data.tensors[0])
                doctor.observe(*data.tensors, outputs, loss_fn(outputs, data.tensors[1]))
    return {finding.name: finding.severity for finding in doctor.report()}


def averaged(slow: nn.Module, fast: nn.Module) -> dict[str, torch.Tensor]:
    ours, theirs = slow.state_dict(), fast.state_dict()
    return {k: 0.5 * v + 0.5 * theirs[k] if v.is_floating_point() else theirs[k] for k, v in ours.items()}


def test_codes_of_words_have_no_scale_and_no_distances():
    torch.manual_seed(0)
    labels = torch.arange(400) % 4
    words = torch.randint(0, 100, (400, 12)) + 100 * labels[:, None]
    model = nn.Sequential(nn.Embedding(400, 16), nn.Flatten(), nn.Linear(192, 4))
    found = trained(model, TensorDataset(words, labels))
    assert "fault" not in found.values() and "constant_images" not in found


def test_a_table_is_not_constant_in_each_number():
    table = torch.randn(50, 8)
    assert Inputs.of(table).constant == constant_share(table) == 0
    assert constant_share(torch.ones(50, 8)) == 1 and constant_share(torch.randn(50, 1)) == 0


def test_a_loss_that_needs_the_loop_is_no_fault_and_one_that_never_ran_is():
    teacher = torch.zeros(20, 4)  # of the batch that the loop has at hand

    def with_teacher(outputs, labels):
        return F.cross_entropy(outputs, labels) + (outputs - teacher).square().mean()

    data, model = rows(), network()
    loader = DataLoader(data, 20, shuffle=True)
    doctor = Doctor(model, torch.optim.SGD(model.parameters(), 0.1), with_teacher, DataLoader(data, 64))
    for _ in observed(doctor, loader):
        model.zero_grad()
    report = doctor.report()
    assert "model_raises" not in {finding.name for finding in report}
    assert "outside of the loop" in {f.name: f for f in report}["not_covered"].evidence[0].value
    wrong = diagnose(model, DataLoader(data, 64), None, with_teacher, torch.optim.SGD(model.parameters(), 0.1))
    assert wrong.top.name == "model_raises"


def test_fifty_steps_of_a_copy_find_no_fault_in_a_healthy_training():
    model, loader = network(), DataLoader(rows(), 20, shuffle=True)
    report = diagnose(model, loader, None, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.05, 0.9))
    assert report.faults == []


def test_a_collate_function_gets_batches_of_the_size_of_the_loader():
    sizes = set()

    def noted(items):
        sizes.add(len(items))
        return torch.stack([x for x, _ in items]), torch.stack([y for _, y in items])

    look_at(DataLoader(rows(100), 25, collate_fn=noted))
    assert max(sizes) == 25


def test_a_sampler_that_draws_few_images_is_told_as_a_note():
    data = rows()
    loader = DataLoader(data, 20, sampler=SubsetRandomSampler(range(100)))
    assert look_at(loader).drawn == 100
    assert trained(network(), data, loader=loader)["few_images_drawn"] == "note"


class Block(nn.Module):
    """x + f(norm(x))"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x):
        return x + self.inside(x)


def test_a_normalization_of_each_image_is_no_linear_map():
    model = nn.Sequential(nn.Linear(8, 16), Block(16), nn.LayerNorm(16), nn.Linear(16, 4))
    data = rows()
    found = through(model, *data[:64], F.cross_entropy, lambda m, x: m(x))
    assert not [layer.linear_from for layer in found.layers if layer.linear_from]
    assert "linear_network" not in trained(model, data)


def test_averaged_weights_in_evaluation_are_no_forgotten_mode():
    data, model = rows(), network()
    slow = copy.deepcopy(model).eval()
    assert "train_mode_evaluation" not in trained(model, data, shown=slow)
    assert trained(network(), data, shown=network())["train_mode_evaluation"] == "fault"


@pytest.mark.parametrize(("every", "clear", "found"), [(20, 1, True), (20, 20, False), (4, 1, False), (1, 1, False)])
def test_batches_without_a_step(every, clear, found):
    """Twenty batches a step, of which all but the last are thrown away; or accumulated, which is meant."""
    names = trained(network(), rows(), every=every, clear=clear)
    assert ("steps_left_out" in names) == found and "no_step" not in names


class Cut(nn.Module):
    def forward(self, x):
        return x.detach()


def test_a_part_without_a_gradient_is_named():
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), Cut(), nn.Linear(32, 4))
    assert trained(model, rows())["no_gradient"] == "warning"
    assert "no_gradient" not in trained(network(), rows())


class Cosine(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.body, self.weight, self.scale = nn.Linear(8, 32), nn.Parameter(torch.randn(4, 32)), scale

    def forward(self, x):
        return self.scale * F.normalize(F.relu(self.body(x))) @ F.normalize(self.weight).T


@pytest.mark.parametrize(("scale", "found"), [(1, "warning"), (10, None)])
def test_cosines_need_a_scale(scale, found):
    torch.manual_seed(0)
    assert trained(Cosine(scale), rows(800), epochs=4).get("squashed_outputs") == found


def test_small_outputs_of_a_linear_layer_have_no_limit():
    model = network()
    with torch.no_grad():
        model[-1].weight.mul_(0.01)
    assert "squashed_outputs" not in trained(model, rows(800), epochs=1, lr=1e-5)


class Forgotten(nn.Module):
    def __init__(self, training: bool | None = None) -> None:
        super().__init__()
        self.layers, self.mode = network(), training

    def forward(self, x):
        return self.layers(F.dropout(x, 0.5, self.training if self.mode is None else self.mode))


def test_dropout_that_eval_does_not_reach():
    assert trained(Forgotten(training=True), rows())["random_evaluation"] == "warning"
    assert "random_evaluation" not in trained(Forgotten(), rows())


class Turned(nn.Module):
    """Takes the features for the batch: what it does to an image depends on the others."""

    def forward(self, x):
        return x.T.reshape(x.shape)


@pytest.mark.parametrize("mixing", [Turned(), nn.Softmax(dim=0)])
def test_a_model_that_mixes_the_images_of_a_batch(mixing):
    assert trained(nn.Sequential(mixing, *network()), rows())["images_mixed"] == "fault"


def test_normalization_that_never_updates_its_statistics():
    model = network()
    model[1].momentum = 0.0
    assert trained(model, rows())["batch_norm_frozen"] == "fault"


def test_one_of_two_optimizers_makes_no_step():
    for steps, found in (((True, True), False), ((True, False), True)):
        model, data = network(), rows()
        optimizers = [torch.optim.Adam(part.parameters(), 0.01) for part in (model[:2], model[2:])]
        loader = DataLoader(data, 20, shuffle=True)
        doctor = Doctor(model, optimizers, F.cross_entropy, loader)
        for _ in observed(doctor, loader):
            for optimizer, made in zip(optimizers, steps, strict=True):
                if made:
                    optimizer.step()
            model.zero_grad()
        named = {finding.name: finding for finding in doctor.report()}
        assert ("no_step" in named) == found
        assert not found or "3.weight" in named["no_step"].evidence[0].value


def test_a_rate_that_is_used_up_leaves_out_no_steps():
    model, data = network(), rows()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)  # for epochs, and called for batches
    loader = DataLoader(data, 4)
    doctor = Doctor(model, optimizer, F.cross_entropy, loader, scheduler=scheduler)
    for _ in observed(doctor, loader):
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
    assert "steps_left_out" not in {finding.name for finding in doctor.report()}


@pytest.mark.parametrize(("valid", "expected"), [(0.12, "fault"), (0.3, "warning"), (0.5, None), (None, None)])
def test_a_validation_far_behind_is_never_healthy(valid, expected):
    epochs = [{"valid_accuracy": valid}] if valid else []
    seen = Seen(rights=torch.full((100,), 0.8).numpy(), label_counts=torch.full((10,), 10).numpy(), epochs=epochs)
    verdict = validation_far_behind(seen)
    assert (verdict and verdict.severity) == expected


def test_the_scale_of_the_inputs_does_not_matter_before_a_normalization():
    loud = Inputs([-40.0], [14.0], 30.0, 0.0, True)
    plain, normed = nn.Conv2d(1, 4, 3), nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3))
    assert input_scale(Seen(model=normed, inputs=[loud])) is None
    assert "255" not in input_scale(Seen(model=plain, inputs=[loud])).remedy
    assert "255" in input_scale(Seen(model=plain, inputs=[Inputs([110.0], [60.0], 255.0, 0.0, True)])).remedy


@pytest.mark.parametrize(
    ("momentum", "rises", "expected"), [(0.9, 2.0, None), (0.99, 1.3, "warning"), (0.999, 1.3, "fault"),
                                        (0.999, 1.0, "warning")],
)  # fmt: skip
def test_momentum_is_a_fault_from_where_the_loss_swings(momentum, rises, expected):
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(2))], 0.01, momentum)
    losses = torch.cat([torch.linspace(2, 1, 100), torch.full((100,), float(rises))]).numpy()
    rights = torch.linspace(0.1, 0.8, 200).numpy()
    verdict = momentum_too_high(Seen(optimizers=[optimizer], losses=losses, rights=rights))
    assert (verdict and verdict.severity) == expected
    assert verdict is None or all(e.value >= e.threshold for e in verdict.evidence)


def test_outputs_that_nobody_asks_for_are_a_fault_only_where_nothing_is_learned():
    counts = torch.full((10,), 100).numpy()
    for rights, expected in ((0.7, "warning"), (0.1, "fault")):
        steps = {"rights": torch.full((200,), rights).numpy(), "losses": torch.ones(200).numpy(), "sizes": [50] * 200}
        assert output_width(Seen(num_outputs=20, label_counts=counts, **steps)).severity == expected
