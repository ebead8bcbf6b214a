"""A run on every device that this machine has: CPU always, a GPU where there is one."""

import math
import shutil

import pytest
import torch
from runs import config, same_weights, without_figures, without_times

from helpers.train import fit
from helpers.training import checkpoint

DEVICES = ["cpu"]
DEVICES += ["cuda"] if torch.cuda.is_available() else []
DEVICES += ["mps"] if torch.backends.mps.is_available() else []


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("model", "amp"), [("net", False), ("net", True), ("resnet", True)])
def test_a_run_learns_and_is_reproducible(prepared, device, model, amp):
    settings = config(device=device, amp=amp, model=model, batch_size=100, lr=0.02, num_workers=1, padding=0)
    trained, result = fit(settings, data=prepared)
    assert result["hardware"]["device"] == device
    losses = [record["train_mode_loss"] for record in result["history"]]
    assert losses[1] < losses[0] and math.isfinite(result["loss"]["test"])
    again, result_again = fit(settings, data=prepared)
    assert same_weights(trained, again) and without_times(result) == without_times(result_again)


@pytest.mark.parametrize("device", DEVICES)
def test_a_run_goes_on_after_a_stop_with_the_state_of_the_scaler(prepared, tmp_path, monkeypatch, device):
    without_figures(monkeypatch)
    settings = config(device=device, amp=True, num_epochs=3, run_dir=str(tmp_path / "run"))
    whole, _ = fit(settings, data=prepared)
    state = checkpoint.read(tmp_path / "run" / "last.pt")
    assert bool(state["scaler"]) is (device == "cuda")
    (tmp_path / "run" / "result.json").unlink()
    shutil.copy(tmp_path / "run" / "previous.pt", tmp_path / "run" / "last.pt")  # as if stopped in the third epoch
    resumed, _ = fit(settings, resume=True, data=prepared)
    assert same_weights(whole, resumed)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_trains_the_same_model(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # nothing stays behind, nothing is found
    inductor = pytest.importorskip("torch._inductor.config")
    monkeypatch.setattr(inductor, "compile_threads", 1)  # no pool of processes that each import torch
    plain, result = fit(config(num_epochs=1), data=prepared)
    compiled, result_compiled = fit(config(num_epochs=1, compile=True), data=prepared)
    assert result_compiled["history"][0]["train_mode_loss"] == pytest.approx(
        result["history"][0]["train_mode_loss"], rel=1e-4
    )
    for p, q in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-4, rtol=1e-3)
