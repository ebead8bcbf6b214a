"""Trainings of other kinds, and what is wrong with them before they begin: one clear message, never a crash."""

import pytest
import torch
from cases import CLASSES, SIDE, images, training
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from helpers.diagnosis import patient
from helpers.diagnosis.batches import NotCovered, UnknownBatch, class_labels, look_at, pair_of
from helpers.diagnosis.doctor import Doctor, diagnose

LOSS = nn.CrossEntropyLoss()


def model() -> nn.Module:
    torch.manual_seed(0)
    return patient.MLP(CLASSES, (16,), SIDE)


def tensors(count: int = 120) -> tuple[torch.Tensor, torch.Tensor]:
    return images(count, 0).__getitems__(list(range(count)))


class Dictionaries(Dataset):
    def __init__(self, image="image", label="label") -> None:
        self.images, self.labels = tensors()
        self.names = image, label

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, k: int) -> dict:
        return {self.names[0]: self.images[k], self.names[1]: self.labels[k], "path": f"{k}.png"}


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(*tensors(), strict=True)


def told(report) -> str:
    return " ".join(str(e.value) for f in report for e in f.evidence)


def run(loader, network=None, loss=LOSS, **options):
    network = network or model()
    return diagnose(network, loader, None, loss, torch.optim.SGD(network.parameters(), 0.05), steps=5, **options)


def test_dictionaries_with_known_keys():
    assert "not_covered" not in [f.name for f in run(DataLoader(Dictionaries(), 16, shuffle=True))]


def test_dictionaries_with_other_keys_need_an_adapter():
    loader = DataLoader(Dictionaries("bild", "klasse"), 16, shuffle=True)
    assert "a dictionary with ['bild', 'klasse', 'path']" in told(run(loader)) and "adapter=" in told(run(loader))
    report = run(loader, adapter=lambda batch: (batch["bild"], batch["klasse"]))
    assert "not_covered" not in [f.name for f in report]


def test_longer_tuples_need_an_adapter():
    x, y = tensors()
    loader = DataLoader(TensorDataset(x, y, torch.arange(len(y))), 16)
    assert "list of 3" in told(run(loader))
    assert "list of 3" not in told(run(loader, adapter=lambda batch: batch[:2]))


def test_a_stream_and_an_iterator():
    assert look_at(DataLoader(Stream(), 16)).count == 120
    iterator = iter(DataLoader(Stream(), 16))
    assert look_at(iterator) is None
    assert run(iterator) is not None and len(next(iterator)[1]) == 16  # nothing of it was used up


def test_an_empty_loader():
    x, y = tensors(8)
    report = run(DataLoader(TensorDataset(x, y), 16, drop_last=True))
    assert report.top.name == "no_batch" and report.top.severity == "fault"
    assert "8 images, batch size 16" in report.top.evidence[0].why
    assert run([]).top.name == "no_batch"


def test_a_model_that_raises_is_named_with_shapes():
    network = nn.Sequential(nn.Flatten(), nn.Linear(700, 16), nn.ReLU(), nn.Linear(16, CLASSES))
    report = run(DataLoader(TensorDataset(*tensors()), 16), network)
    assert report.top.name == "model_raises" and "1 (Linear) got [16, 768]" in report.top.evidence[0].value


def test_too_few_outputs_are_told():
    report = run(DataLoader(TensorDataset(*tensors()), 64), patient.MLP(2, (16,), SIDE))
    assert report.top.name == "model_raises" and "labels [64] from 0 to 3" in report.top.evidence[0].value


@pytest.mark.parametrize(
    ("labels", "word"),
    [(torch.randn(120), "regression"), (torch.ones(120, CLASSES), "several labels"),
     (torch.zeros(120, SIDE, SIDE).long(), "label for each pixel")],
    ids=["regression", "several labels", "a label a pixel"],
)  # fmt: skip
def test_other_tasks_are_not_covered(labels, word):
    report = run(DataLoader(TensorDataset(tensors()[0], labels), 16), loss=nn.MSELoss())
    assert word in told(report) and "not covered" in told(report)
    assert report.faults == []


def test_labels_in_every_accepted_form():
    y = torch.tensor([1, 0, 2])
    hot = nn.functional.one_hot(y, 3)
    for labels in (y, y.int(), y[:, None], hot, hot.float() * 0.8 + 0.2 / 3):
        assert class_labels(labels).tolist() == y.tolist()
    with pytest.raises(NotCovered):
        class_labels(y, torch.randn(3, 1))
    with pytest.raises(UnknownBatch):
        pair_of(torch.zeros(3))


def test_observe_never_raises():
    doctor = Doctor(model(), None, LOSS)
    doctor.observe(None, "no labels", torch.zeros(3, 4, requires_grad=True), torch.zeros(()))
    assert "observe: " in told(doctor.report())


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_losses_with_other_reductions(reduction):
    report = run(DataLoader(TensorDataset(*tensors()), 16, shuffle=True), loss=nn.CrossEntropyLoss(reduction=reduction))
    assert "not_covered" not in [f.name for f in report]


def test_several_optimizers():
    network = model()
    layers = [m for m in network if isinstance(m, nn.Linear)]
    both = [torch.optim.SGD(layers[0].parameters(), 0.05), torch.optim.Adam(layers[1].parameters(), 1e-3)]
    loader = DataLoader(TensorDataset(*tensors()), 16, shuffle=True)
    assert diagnose(network, loader, loader, LOSS, both, steps=5).faults[1:] == []  # both parts are the same images
    assert "parameters_not_in_optimizer" in [f.name for f in diagnose(network, loader, None, LOSS, both[:1], steps=5)]


def test_half_precision_and_float64():
    loader = DataLoader(TensorDataset(*tensors()), 16, shuffle=True)
    for dtype in (torch.bfloat16, torch.float64):
        assert "not_covered" not in [f.name for f in run(loader, model().to(dtype))]


def test_a_layer_that_keeps_its_output():
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = model()

        def forward(self, x):
            self.last = self.body(x)  # cannot be copied with its graph
            return self.last

    network = Keeps()
    network(tensors(8)[0])
    assert "not_covered" not in [f.name for f in run(DataLoader(TensorDataset(*tensors()), 16), network)]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    network = model().cuda()
    report = run(DataLoader(TensorDataset(*tensors()), 16, shuffle=True), network)
    assert "not_covered" not in [f.name for f in report]


def test_a_loop_that_tells_nothing_but_its_batches():
    """Only the model was given."""
    done = patient.run(training(epochs=2), 0, lambda model, *_: Doctor(model))
    assert done.watcher.report().faults == []
