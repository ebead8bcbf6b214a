"""Each check on a case in which it must speak, and on one in which it must not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import CLASSES, training
from torch import nn

from helpers.diagnosis.batches import Look
from helpers.diagnosis.checks.registry import CHECKS, check, fault, judge
from helpers.diagnosis.doctor import Doctor
from helpers.diagnosis.findings import CAUSES, SYMPTOMS, Evidence, Finding, Report
from helpers.diagnosis.observation import Inputs, Parameter, Pass, Seen
from helpers.diagnosis.probes import Probe
from helpers.diagnosis.reference import Reference
from helpers.diagnosis.signals import Layer, Signals

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randn(300, 3, 8, 8, generator=GENERATOR)
LABELS = torch.arange(300) % 10
STEPS = 100


def look(images=IMAGES, labels=LABELS, **changes) -> Look:
    return replace(Look(images, labels, list(range(len(labels))), len(labels), 32, True, False), **changes)


def layer(name="a", **changes) -> Layer:
    return replace(Layer(name, 0.8, False, 0.1, "", 0.01, 100, 64), **changes)


def parameter(name="a.weight", **changes) -> Parameter:
    return replace(Parameter(name, 2, 100, True, True, 1.0, 1.1, 1e-3, 5e-3), **changes)


def signals(*layers: Layer, **changes) -> Signals:
    return replace(Signals(list(layers) or [layer("a"), layer("b"), layer("c", outputs=10)], 2.4), **changes)


def optimizer(kind=torch.optim.SGD, **options) -> torch.optim.Optimizer:
    return kind([nn.Parameter(torch.ones(2, 2))], **{"lr": 0.01} | options)


def healthy(**changes) -> Seen:
    """What is seen of a training without a fault."""
    curves = ((2.0, 2.1), (1.5, 1.7), (1.2, 1.5), (1.1, 1.45), (1, 1.4))
    epochs = [{"train_loss": train, "valid_loss": valid} for train, valid in curves]
    seen = Seen(
        model=nn.Linear(2, 2), optimizers=[optimizer(momentum=0.9)], losses=np.linspace(2.3, 0.9, STEPS),
        rights=np.linspace(0.1, 0.7, STEPS), sizes=[32] * STEPS, rates=0.01 * np.linspace(1, 0, STEPS)[:, None],
        label_batches=[LABELS[k : k + 30] for k in range(0, 300, 30)], label_counts=np.full(10, 320), num_outputs=10,
        inputs=[Inputs([0.0] * 3, [1.0] * 3, 2.0, 0.0, True)], row_sum_error=5.0, least_output=-3.0,
        zero_outputs=0.0, loss_kind="cross_entropy", gradient_norms=[1.0, 1.5, 0.8, 1.2, 1.1, 0.9],
        gradient_turns=[0.1, 0.3, -0.1, 0.2, 0.0], parameters=[parameter("a.weight"), parameter("b.weight")],
        passes=[Pass(False, [200, 100], [0.6, 0.5], [1.0, 1.2], LABELS[:200])], epochs=epochs,
        steps_at_epoch=[20, 40, 60, 80, 100], train=look(), valid=look(), steps_per_epoch=20, signals=signals(),
        signals_now=signals(), reference=Reference(0.4, 0.1, 500, 0.4, 0.42, "", 0.0),
    )  # fmt: skip
    return replace(seen, **changes)


GUESSES = {"rights": np.full(STEPS, 0.1), "losses": np.full(STEPS, 2.3)}
BLACK = IMAGES.clone()
BLACK[:30] = torch.tensor([-2.0, -1.9, -1.8])[:, None, None]  # black, normalized: one value in each channel
HOLES = IMAGES.clone()
HOLES[0, 0, 0, 0] = torch.nan
NORM = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
X1 = Probe(2.3, 2.3, 0.1)
LEARNS = Probe(2.3, 0.1, 1.0)
STEP_LR = torch.optim.lr_scheduler.StepLR(optimizer(), 3)
WAVES = 1 + 0.8 * np.sin(np.linspace(0, 12, STEPS))
BY_BATCH = Pass(False, [100, 2], [0.6, 1.0], [1.0, 1.0], LABELS[:100])

UNEVEN = torch.where(torch.arange(300) % 7 > 0, 0, LABELS)
STRIPES = IMAGES[:, :, :, :1].expand(-1, -1, -1, 8)

SICK = {  # name of the check: what differs from the healthy one
    "input_not_finite": {"train": look(HOLES)},
    "input_scale": {"train": look(IMAGES * 60 + 120)},
    "input_offset": {"train": look(IMAGES * 0.004 - 2)},
    "normalized_twice": {"train": look(IMAGES * 4 - 1.9)},
    "rows_out_of_order": {"train": look(STRIPES)},
    "parts_differ": {"valid": look(IMAGES + 1)},
    "constant_images": {"train": look(BLACK)},
    "same_draws": {"train": look(same_in_workers=True)},
    "augmented_validation": {"valid": look(repeats=False)},
    "no_batch": {"empty": {"train": "8 images, batch size 16"}},
    "few_images_drawn": {"train": look(drawn=100)},
    "not_covered": {"troubles": ["the labels are float32"]},
    "labels_without_information": {"reference": Reference(0.1, 0.1, 500), **GUESSES},
    "classes_numbered_differently": {"reference": Reference(0.4, 0.1, 500, 0.05, 0.4, "0 is 1")},
    "leak": {"reference": Reference(0.4, 0.1, 500, 0.4, 0.4, "", 0.2)},
    "missing_class": {"train": look(labels=torch.where(LABELS == 3, 4, LABELS))},
    "imbalance": {"train": look(labels=UNEVEN), "label_counts": np.bincount(UNEVEN)},
    "sorted_by_class": {"label_batches": list(LABELS.sort().values.split(30))},
    "label_noise": {"reference": Reference(0.4, 0.1, 500, 0.5, 0.5, wrong_labels=0.1, surprise=4.0)},
    "model_raises": {"signals": signals(error="fc (Linear) got [2, 3]: RuntimeError: shapes")},
    "hidden_layers": {"hidden": ["layers (Linear)"]},
    "init_zero": {"signals": signals(layer("a", constant=True, scale=0.0), layer("b"))},
    "init_small": {"signals": signals(layer("a", scale=0.05), layer("b", scale=0.1))},
    "init_large": {"signals": signals(layer("a", scale=9.0), layer("b", scale=6.0))},
    "dead_units": {"signals": signals(layer("a"), layer("b", dead=0.95))},
    "linear_network": {"signals": signals(layer("a"), layer("b", linear_from="a"), layer("c", linear_from="b"))},
    "network_too_small": {"signals": signals(layer("a", outputs=2), layer("b"))},
    "batch_norm_batch_of_one": {"model": NORM, "sizes": [1] * STEPS},
    "batch_norm_frozen": {"model": NORM, "frozen_norms": 1.0},
    "output_width": {"num_outputs": 1000},
    "wrong_loss": {"loss_kind": "mse"},
    "softmax_before_loss": {"row_sum_error": 1e-7, "least_output": 0.0},
    "relu_on_logits": {"least_output": 0.0, "zero_outputs": 0.5},
    "large_first_loss": {"signals": signals(cross_entropy=50.0)},
    "vanishing_gradient": {"signals": signals(layer("a", gradient=1e-7), layer("b"), layer("c"))},
    "dead_units_later": {"signals_now": signals(layer("a"), layer("b", dead=0.95))},
    "gradients_gone": {"gradient_norms": [], "parameters": [parameter(norm=1.0)]},
    "no_step": {"parameters": [parameter(norm=1.0)]},
    "steps_left_out": {"still": 40, "kept": 1.0},
    "no_gradient": {"parameters": [parameter(), parameter("b.weight", given=False)]},
    "squashed_outputs": {"least_output": 0.01, "most_output": 0.99},
    "images_mixed": {"mixing": 0.5},
    "random_evaluation": {"random": 0.5},
    "validation_far_behind": {"epochs": [{"valid_accuracy": 0.15}]},
    "dropout_too_high": {"model": nn.Dropout(0.9)},
    "rate_used_up": {"rates": np.where(np.arange(STEPS) < 40, 0.01, 1e-7)[:, None]},
    "gradients_not_cleared": {"gradient_turns": [0.95] * 8, "accumulated": 9.0},
    "optimizer_of_another_model": {"parameters": [parameter(in_optimizer=False), parameter(in_optimizer=False)]},
    "parameters_not_in_optimizer": {"parameters": [parameter(), parameter("head.weight", in_optimizer=False)]},
    "frozen_parameters": {"parameters": [parameter(), parameter("b.weight", trainable=False)]},
    "weight_decay_too_high": {"optimizers": [optimizer(weight_decay=0.5)], "parameters": [parameter(norm=0.3)]},
    "gradient_clipped": {"gradient_norms": [0.001] * 8, "parameters": [parameter(ratio=1e-6)]},
    "scheduler_per_batch": {"scheduler": STEP_LR, "rates": 0.01 * 0.8 ** np.arange(STEPS)[:, None]},
    "rate_too_high": {"probes": {1.0: X1, 0.1: X1, 0.01: LEARNS}, "parameters": [parameter(ratio=0.3)], **GUESSES},
    "rate_too_low": {"probes": {1.0: X1, 10.0: LEARNS}, "parameters": [parameter(ratio=1e-6)], **GUESSES},
    "momentum_too_high": {"optimizers": [optimizer(momentum=0.995)]},
    "batch_of_one": {"sizes": [1] * STEPS},
    "batch_of_all": {"sizes": [300] * STEPS},
    "eval_mode_training": {"eval_mode_share": 1.0},
    "train_mode_evaluation": {"passes": [Pass(True, [300], [0.6], [1.0], LABELS[:300])]},
    "metric_per_batch": {"passes": [BY_BATCH], "epochs": [{"valid_accuracy": 0.8}], "valid": None},
    "wrong_split": {"passes": [Pass(False, [2400], [0.6], [1.0], LABELS)]},
    "reported_number_differs": {"epochs": [{"valid_accuracy": 0.9}]},
    "loss_not_finite": {"losses": np.array([2.3] * 50 + [np.nan])},
    "not_learning": GUESSES,
    "overfitting": {"epochs": [{"train_loss": 2 / k, "valid_loss": 1 + abs(k - 3) / 5} for k in range(1, 9)]},
    "too_few_epochs": {"epochs": [{"train_loss": 1.0}], "rates": np.full((STEPS, 1), 0.01)},
    "noisy_loss": {"losses": WAVES},
}  # fmt: skip
BUT_HEALTHY = {  # what looks like it, and must not be taken for it
    "no_step": {"parameters": [parameter(norm=1.0, in_optimizer=False), parameter()]},
    "steps_left_out": {"still": 40, "kept": 6.0},  # accumulated
    "no_gradient": {"parameters": [parameter(size=10_000), parameter("b.weight", size=64, given=False)]},
    "few_images_drawn": {"train": look(drawn=150)},
    "squashed_outputs": {"least_output": 0.01, "most_output": 3.0},
    "images_mixed": {"mixing": 1e-6},
    "random_evaluation": {"random": 1e-6},
    "validation_far_behind": {"epochs": [{"valid_accuracy": 0.4}]},
    "dropout_too_high": {"model": nn.Dropout(0.5)},
    "rate_used_up": {"rates": np.where(np.arange(STEPS) < 70, 0.01, 1e-7)[:, None]},
    "input_scale": {"train": look(IMAGES * 1.5 + 1)},
    "normalized_twice": {"train": look(IMAGES * 1.5 - 0.7)},
    "rows_out_of_order": {"train": look(STRIPES + STRIPES.transpose(2, 3))},
    "imbalance": {"train": look(labels=UNEVEN)},  # a sampler makes up for it
    "input_offset": {"train": look(IMAGES.abs() / 4)},
    "parts_differ": {"valid": look(IMAGES + 0.2)},
    "labels_without_information": {"reference": Reference(0.1, 0.1, 500)},  # the network finds what it does not
    "leak": {"reference": Reference(0.4, 0.1, 500, 0.4, 0.4, "", 0.005)},
    "init_zero": {"signals": signals(layer("a"), layer("b"), layer("c", constant=True))},
    "gradients_not_cleared": {"gradient_turns": [0.99] * 8, "accumulated": 1.0},  # batches of the whole set
    "gradient_clipped": {"gradient_norms": [1.0] * 8},
    "linear_network": {"signals": signals(layer("a")), "affine": True},  # one layer: softmax regression
    "frozen_parameters": {"parameters": [parameter(size=10_000), parameter("norm.weight", size=64, trainable=False)]},
    "relu_on_logits": {"least_output": 0.0, "zero_outputs": 0.0},
    "scheduler_per_batch": {"scheduler": torch.optim.lr_scheduler.OneCycleLR(optimizer(), 0.1, 100),
                            "rates": 0.01 * 0.8 ** np.arange(STEPS)[:, None]},
    "weight_decay_too_high": {"optimizers": [optimizer(torch.optim.AdamW, lr=1e-3, weight_decay=0.3)]},
    "rate_too_high": {"probes": {1.0: LEARNS, 0.1: LEARNS}, "parameters": [parameter(ratio=0.02, largest=0.1)]},
    "metric_per_batch": {"passes": [BY_BATCH], "epochs": [{"valid_accuracy": 62 / 102}], "valid": None},
    "missing_class": {"num_outputs": 12},
    "label_noise": {"reference": Reference(0.4, 0.1, 500, 0.5, 0.5, wrong_labels=0.1, surprise=2.0)},
    "overfitting": {"epochs": [{"train_loss": 2 - k / 10, "valid_loss": 1 + abs(k - 3) / 5} for k in range(1, 9)]},
    "too_few_epochs": {"epochs": [{"train_loss": 1.0}]},
}  # fmt: skip


def names(seen: Seen) -> list[str]:
    return [finding.name for finding in judge(seen)]


def test_every_check_has_a_case():
    assert {function.__name__ for _, function in CHECKS} == set(SICK)


def test_a_healthy_training_has_no_finding():
    assert names(healthy()) == []


def test_nothing_seen_gives_no_finding():
    assert names(Seen()) == []


@pytest.mark.parametrize("name", SICK)
def test_a_check_finds_its_fault(name):
    seen = healthy(**SICK[name])
    found = {finding.name: finding for finding in judge(seen)}
    assert name in found
    assert found[name].evidence and found[name].remedy
    assert not [other for other in found if other.endswith("_failed")]


@pytest.mark.parametrize("name", BUT_HEALTHY)
def test_a_check_is_not_deceived(name):
    assert name not in names(healthy(**BUT_HEALTHY[name]))


def test_a_check_says_what_why_and_whence():
    """Every docstring names a threshold or that it is exact, and what is confused with it, or that it is a symptom."""
    for _, function in CHECKS:
        text = function.__doc__
        assert text.startswith(("Sees", "Says")), function.__name__
        known = ("Threshold", "Exact", "exact", "Says")
        assert any(word in text for word in known), function.__name__
        limits = ("onfused", "symptom", "note", "Says", "Does not", "Exact")
        assert any(word in text for word in limits), function.__name__


def test_a_check_of_your_own():
    try:

        @check("data")
        def tiny_images(seen):
            side = seen.train.images.shape[-1]
            return fault("Take larger images.", ("side", side, 16, "my rule")) if side < 16 else None

        assert "tiny_images" in names(healthy())
        with pytest.raises(ValueError, match="unknown family 'weather'"):
            check("weather")
    finally:
        del CHECKS[-1]


def test_a_check_that_raises_hides_no_other():
    try:

        @check("model")
        def broken(seen):
            raise ZeroDivisionError("seven")

        findings = judge(healthy(loss_kind="mse"))
        assert [f.name for f in findings] == ["wrong_loss", "broken_failed"]
        assert "seven" in findings[1].evidence[0].value
    finally:
        del CHECKS[-1]


def finding(name, severity="fault", family="model") -> Finding:
    return Finding(family, name, severity, (Evidence("<b>", 0.5, float("nan"), "why & how"),), "loss", "do < this")


def test_the_cause_comes_before_what_it_explains():
    report = Report([finding("not_learning"), finding("rate_too_high"), finding("input_scale", "warning", "data")])
    assert [f.name for f in report] == ["input_scale", "rate_too_high", "not_learning"]
    assert {f.name: f.explained_by for f in report}["rate_too_high"] == "input_scale"


def test_the_table_of_causes_names_findings_that_exist():
    known = {function.__name__ for _, function in CHECKS}
    assert set(CAUSES) | {name for causes in CAUSES.values() for name in causes} | set(SYMPTOMS) <= known


def test_a_report_in_all_its_forms():
    report = Report([finding("wrong_loss"), finding("leak", "note", "data")])
    assert "<b>: 0.5" in report.table() and report.top.name == "wrong_loss" and len(report.faults) == 1
    html = report._repr_html_()
    assert "&lt;b&gt;" in html and "<b>:" not in html and "do &lt; this" in html
    assert '"threshold": "nan"' in report.to_json()
    written = []

    class Writer:
        def add_text(self, *arguments):
            written.append(arguments)

    report.write(Writer(), 7)
    assert written[0][0] == "diagnosis" and written[0][2] == 7 and "wrong_loss" in written[0][1]
    assert Report([]).table() == "Nothing found."


@pytest.mark.parametrize(
    "changes",
    [{"zero_grad": False}, {"measured": "train"}, {"clip_norm": 1e-4}],
    ids=["gradients_not_cleared", "wrong_split", "gradient_clipped"],
)
def test_from_a_loop_to_a_finding(changes, request):
    from helpers.diagnosis import patient

    done = patient.run(training(**changes), 0, Doctor)
    assert done.watcher.report().top.name == request.node.callspec.id


def test_a_healthy_loop_has_no_fault():
    from helpers.diagnosis import patient

    done = patient.run(training(), 0, Doctor)
    assert done.history[-1]["valid_accuracy"] > 0.9 and CLASSES == 4
    assert done.watcher.report().faults == []
