"""The scripts about the fast network: their settings are options of `helpers.train`; they go on where they stopped."""

import argparse
import json

import pytest
import torch
from torch import nn

import fast_network
import gpu_time
import jpeg_effect
from helpers.training.config import TrainConfig


@pytest.mark.parametrize("settings", [fast_network.FAST, fast_network.NET])
@pytest.mark.parametrize("piece", fast_network.PIECES)
def test_the_words_of_a_run_are_its_settings(settings, piece):
    asked = settings | {"threads": 2, "seed": 1} | (fast_network.PIECES[piece] if settings is fast_network.FAST else {})
    parser = argparse.ArgumentParser()
    TrainConfig.add_options(parser)
    found = TrainConfig(**vars(parser.parse_args(fast_network.words_of(asked))))
    assert found == TrainConfig(**asked)
    changed = [name for name in asked if asked[name] != (settings | {"threads": 2, "seed": 1})[name]]
    assert changed == list(fast_network.PIECES[piece]) or settings is fast_network.NET


def options(**changes) -> argparse.Namespace:
    known = {"source": "cifar10", "archive": None, "seeds": 2, "processes": 1, "device": "cpu", "record": True}
    return argparse.Namespace(**known | changes)


@pytest.fixture
def runs(monkeypatch, tmp_path, prepared) -> list[str]:
    """The names of the runs that were made; the third is stopped, once. Nothing is trained."""
    made = []

    def train(name: str, settings: dict, archive: str | None, processes: int) -> dict:
        made.append(name)
        if len(made) == 3:
            raise KeyboardInterrupt
        accuracy = 0.9 + 0.01 * settings["seed"] - 0.02 * (not settings["lookahead"])
        return {
            "accuracy": {"test": accuracy, "test_tta": accuracy}, "loss": {"test": 0.5}, "seconds": 60.0,
            "images_per_second": 500.4, "data": {"official": False}, "history": [{"epoch": 0}],
            "config": TrainConfig(**settings).settings(),
        }  # fmt: skip

    monkeypatch.setattr(fast_network, "train", train)
    monkeypatch.setattr(fast_network, "results_root", lambda: tmp_path)
    monkeypatch.setattr(fast_network, "prepare", lambda *_, **__: prepared)
    return made


def test_an_ablation_that_was_stopped_goes_on_and_is_paired_by_seed(runs, tmp_path, capsys):
    pieces = [fast_network.WHOLE, "lookahead"]
    with pytest.raises(KeyboardInterrupt):
        fast_network.ablation(pieces, fast_network.FAST, options())
    half = json.loads((tmp_path / "fast_ablation.json").read_text())["rows"]
    assert {piece: [row["seed"] for row in rows] for piece, rows in half.items()} == {"nothing": [0], "lookahead": [0]}
    fast_network.ablation(pieces, fast_network.FAST, options())
    assert len(runs) == 5 and runs[2] == runs[3] and runs[3] != runs[4]
    fast_network.ablation(pieces, fast_network.FAST, options())
    assert len(runs) == 5
    assert "without lookahead            +2.00 points, +2.00 to +2.00  2 seeds" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="another experiment"):
        fast_network.ablation(pieces, fast_network.FAST | {"lr": 2.0}, options())


def test_the_recipe_is_recorded_seed_by_seed(runs, tmp_path):
    settings = fast_network.FAST | {"protocol": "official"}
    for seeds in (2, 2):
        fast_network.whole_runs("fast", settings, options(seeds=seeds))
    assert runs == ["fast_cifar10_seed0", "fast_cifar10_seed1"]
    record = json.loads((tmp_path / "fast_cifar10_seed1.json").read_text())
    assert record["accuracy"]["test"] == 0.91 and "unofficial JPEG copy" in record["notes"][0]
    with pytest.raises(SystemExit, match=r"seed0\.json: another experiment"):
        fast_network.whole_runs("fast", settings | {"lr": 2.0}, options())


def test_the_images_for_the_published_package_are_those_of_the_archive(small, tmp_path):
    gpu_time.write_images(str(small.path), tmp_path)
    train, test = (torch.load(tmp_path / "cifar10" / f"{part}.pt") for part in ("train", "test"))
    assert torch.equal(torch.cat([train["images"], test["images"]]), torch.from_numpy(small.images))
    assert torch.cat([train["labels"], test["labels"]]).tolist() == small.labels.tolist()
    assert train["images"].dtype == torch.uint8 and train["labels"].dtype == torch.int64 and len(test["classes"]) == 10


def test_images_that_are_compressed_again_hardly_change_with_their_own_settings():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(20, 3, 12, 12, generator=generator)
    images = nn.functional.interpolate(128 + 50 * noise, 32, mode="bilinear").clamp(0, 255).byte()
    once = jpeg_effect.compressed(images, 75)
    assert once.shape == images.shape and jpeg_effect.change(images, once) > 5
    found = {
        quality: jpeg_effect.change(once, jpeg_effect.compressed(once, quality)) for quality in (60, 70, 75, 80, 90)
    }
    assert min(found, key=found.get) == 75 and found[75] < sorted(found.values())[1] / 2
    assert found[75] < jpeg_effect.change(once, jpeg_effect.compressed(once, 75, "4:4:4"))
