"""The catalogue of faults: every one builds a training that runs, is not the healthy one, and names a finding."""

from dataclasses import fields, replace

import pytest
import torch
from cases import images, training

from helpers.diagnosis import heldout, patient
from helpers.diagnosis.checks.registry import CHECKS
from helpers.diagnosis.doctor import Doctor
from helpers.diagnosis.faults import FAULTS

EVERY = FAULTS | heldout.FAULTS


def test_enough_faults_in_every_family():
    assert len(FAULTS) >= 40 and len(heldout.FAULTS) == 10 and not FAULTS.keys() & heldout.FAULTS.keys()
    assert {fault.family for fault in FAULTS.values()} == {"data", "model", "optimizer", "evaluation"}


def test_every_fault_names_a_finding_of_its_family():
    known = {function.__name__: family for family, function in CHECKS} | dict.fromkeys(("overfitting",), "optimizer")
    assert Doctor is not None  # its import fills the list
    assert {name: known.get(fault.finding) for name, fault in EVERY.items()} == {
        name: fault.family for name, fault in EVERY.items()
    }


@pytest.fixture(scope="module")
def well():
    """A healthy training of one epoch, and the weights that it ends with."""
    healthy = training(train=images(128, 0), valid=images(55, 1), epochs=1)
    return healthy, list(patient.run(healthy, 0).model.state_dict().values())


MEASURES_ONLY = (  # faults that leave the weights of this network as they are
    "train_mode_in_evaluation", "eval_mode_in_training", "wrong_split", "metric_per_batch", "counts_of_earlier_epochs",
    "leak", "augmented_validation", "mirrored_leak", "validation_not_normalized",
)  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_a_fault_changes_a_training_that_still_runs(name, well):
    healthy, weights = well
    torch.manual_seed(0)
    sick = EVERY[name](healthy)
    assert [f.name for f in fields(healthy) if getattr(healthy, f.name) is not getattr(sick, f.name)]
    done = patient.run(replace(sick, epochs=1, num_workers=0), 0)
    assert done.history or done.error  # one that cannot run says so
    pairs = list(zip(weights, done.model.state_dict().values(), strict=False))
    same = len(weights) == len(done.model.state_dict()) and all(a.equal(b) for a, b in pairs)
    too_short = name in ("too_few_epochs", "scheduler_per_batch", "overfitting")  # one epoch does not show them
    assert same == (name in MEASURES_ONLY) or too_short
