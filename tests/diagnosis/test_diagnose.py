"""`python -m helpers.diagnose RUN_DIR` on runs of the training engine."""

import json
from functools import partial

import pytest
import torch
from runs import config, without_figures

from helpers import diagnose
from helpers.diagnosis.findings import Report
from helpers.prepare import prepare
from helpers.train import fit


@pytest.fixture(scope="module")
def run_dir(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch)
        fit(config(run_dir=str(folder), model="net", lr=0.05), data=prepared)
    return folder


def test_a_run_on_noise_is_told_so(run_dir, prepared, monkeypatch, capsys, tmp_path):
    """The images of this fixture are noise, without anything that tells the classes."""
    monkeypatch.setattr(diagnose, "prepare_for", lambda _config: prepared)
    written = tmp_path / "findings.json"
    assert diagnose.main([str(run_dir), "--json", str(written)]) == 0
    names = [finding["name"] for finding in json.loads(written.read_text())]
    assert names[0] == "labels_without_information" and "not_covered" not in names
    assert "labels_without_information" in capsys.readouterr().out


FAST = {
    "model": "fast", "whiten": True, "optimizer": "muon_sgd", "lookahead": 5, "lr": 0.1, "bias_lr": 64.0,
    "schedule": "triangle", "label_smoothing": 0.2, "batch_size": 100,
}  # fmt: skip


def test_a_healthy_run_has_no_fault(monkeypatch, tmp_path):
    without_figures(monkeypatch)
    run = str(tmp_path / "run")
    fit(config(run_dir=run, source="sample", num_epochs=1, lr=0.02), data=prepare("sample"))
    found = {finding.name: finding.severity for finding in diagnose.diagnose_run(run)}
    assert "fault" not in found.values() and "not_covered" not in found


@pytest.mark.parametrize("settings", [{"model": "net", "optimizer": "muon"}, FAST])
def test_optimizers_that_are_made_of_several_can_be_looked_at(settings, prepared, monkeypatch, tmp_path):
    without_figures(monkeypatch)
    monkeypatch.setattr(diagnose, "prepare_for", lambda _config: prepared)
    monkeypatch.setattr(diagnose, "diagnose", partial(diagnose.diagnose, steps=12))
    run = str(tmp_path / "run")
    fit(config(run_dir=run, **{"num_epochs": 1} | settings), data=prepared)
    found = {finding.name for finding in diagnose.diagnose_run(run)}
    assert "labels_without_information" in found and not found & {"not_covered", "no_step"}


def test_the_network_is_whitened_as_in_the_run(prepared, monkeypatch, tmp_path):
    given = []
    without_figures(monkeypatch)
    monkeypatch.setattr(diagnose, "prepare_for", lambda _config: prepared)
    monkeypatch.setattr(diagnose, "diagnose", lambda model, *_: given.append(model.conv1) or Report([]))
    settings = config(run_dir=str(tmp_path / "run"), model="fast", whiten=True, num_epochs=1, batch_size=200)
    trained, _ = fit(settings, data=prepared)
    assert diagnose.main([settings.run_dir]) == 0
    assert torch.equal(given[0].weight, trained.conv1.weight) and not given[0].weight.requires_grad


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "config.json").unlink(), "holds no config.json"),
        (lambda run: (run / "result.json").unlink(), "the run is not finished"),
        (lambda run: (run / "config.json").write_text("{"), "damaged, not a JSON file"),
        (lambda run: (run / "config.json").write_text('{"colour": 1}'), "which has 'colour'"),
        (lambda run: (run / "config.json").write_text('{"lr": "high"}'), "lr is 'high'"),
    ],
)
def test_a_folder_without_a_finished_run(run_dir, tmp_path, damage, message, capsys):
    there = tmp_path / "copy"
    there.mkdir()
    for name in ("config.json", "result.json"):
        (there / name).write_bytes((run_dir / name).read_bytes())
    damage(there)
    assert diagnose.main([str(there)]) == 1
    error = capsys.readouterr().err
    assert message in error and error.startswith("diagnose: ") and error.count("\n") == 1
