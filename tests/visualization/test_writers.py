"""`helpers.visualization.writers`: what it writes is read back from the event files, as TensorBoard reads them."""

import io
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from runs import read_events, scalars
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.optim.lr_scheduler import StepLR

from helpers.model import architectures
from helpers.train import fit
from helpers.training.config import TrainConfig
from helpers.training.run import make_loaders
from helpers.visualization import plots
from helpers.visualization.writers import RunWriter


def picture(events: EventAccumulator, tag: str) -> np.ndarray:
    """The last picture under a tag, uint8 [H, W, 3]."""
    return np.asarray(Image.open(io.BytesIO(events.Images(tag)[-1].encoded_image_string)).convert("RGB"))


def test_scalars_are_grouped_and_the_rate_is_the_one_of_the_step(tmp_path):
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scheduler = StepLR(optimizer, step_size=2, gamma=0.1)
    weight.grad = torch.ones(1)
    used = []
    with RunWriter(tmp_path) as writer:
        for step in range(1, 6):
            before = weight.item()
            writer.lr(scheduler, step)
            optimizer.step()
            used.append(before - weight.item())  # with a gradient of 1 this is the rate
            scheduler.step()
            writer.scalars("loss", {"train_mode": 2.0 / step, "valid": 1.0}, step)
    events = read_events(tmp_path)
    assert [step for step, _ in scalars(events, "lr/group0")] == [1, 2, 3, 4, 5]
    assert [rate for _, rate in scalars(events, "lr/group0")] == pytest.approx(used, rel=1e-4)
    assert scalars(events, "loss/train_mode")[1] == (2, 1.0)
    assert set(events.Tags()["scalars"]) == {"lr/group0", "loss/train_mode", "loss/valid"}


def test_under_each_tag_steps_must_grow(tmp_path):
    with RunWriter(tmp_path) as writer:
        writer.scalars("loss", {"valid": 1.0}, 5)
        writer.scalars("accuracy", {"valid": 1.0}, 5)  # another tag
        for step in (5, 4):
            with pytest.raises(ValueError, match=f"loss/valid: step {step} comes after step 5"):
                writer.scalars("loss", {"valid": 1.0}, step)
    assert len(read_events(tmp_path).Scalars("loss/valid")) == 1


def test_histograms_hold_every_weight_and_gradient(tmp_path):
    model = architectures.build("net")
    model(torch.randn(2, 3, 32, 32)).sum().backward()
    with RunWriter(tmp_path) as writer:
        writer.histograms(model, 3)
    events = read_events(tmp_path)
    names = [name for name, _ in model.named_parameters()]
    assert set(events.Tags()["histograms"]) == {f"{kind}/{n}" for kind in ("weights", "gradients") for n in names}
    for kind, values in (("weights", model.fc2.weight), ("gradients", model.fc2.weight.grad)):
        (found,) = events.Histograms(f"{kind}/fc2.weight")
        assert found.step == 3 and found.histogram_value.num == 84 * 120
        assert found.histogram_value.min == pytest.approx(values.min().item())
        assert found.histogram_value.sum == pytest.approx(values.sum().item(), rel=1e-3, abs=1e-3)


def test_kernels_are_one_picture_colour_or_gray(tmp_path):
    first, second = torch.rand(6, 3, 5, 5), torch.rand(16, 6, 5, 5)
    with RunWriter(tmp_path) as writer:
        writer.kernels("conv1", first, 0)
        writer.kernels("conv2", second, 0)
    events = read_events(tmp_path)
    assert picture(events, "kernels/conv1").shape == (5 + 4, 6 * 7 + 2, 3)
    rows = picture(events, "kernels/conv2")
    assert rows.shape == (16 * 7 + 2, 6 * 7 + 2, 3)
    # row 3, column 4 shows the slice of kernel 3 for input channel 4
    shown = rows[2 + 3 * 7 : 7 + 3 * 7, 2 + 4 * 7 : 7 + 4 * 7, 0] / 255
    expected = (second[3, 4] - second.min()) / (second.max() - second.min())
    np.testing.assert_allclose(shown, expected.numpy(), atol=1 / 250)


def test_images_are_shown_in_their_own_colours(tmp_path):
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
    pixels = torch.rand(1, 3, 8, 8)
    normalized = (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    with RunWriter(tmp_path) as writer:
        writer.images("batch", normalized, mean, std, 0)
    shown = picture(read_events(tmp_path), "images/batch")
    np.testing.assert_allclose(shown, (pixels[0].permute(1, 2, 0) * 255).numpy(), atol=1)


def test_the_confusion_matrix_is_the_figure_of_plots(tmp_path):
    matrix, classes = torch.tensor([[8, 2, 0], [1, 4, 0], [3, 0, 9]]), ["a", "b", "c"]
    with RunWriter(tmp_path) as writer:
        writer.confusion("valid", matrix, classes, 7)
    assert plt.get_fignums() == []
    assert read_events(tmp_path).Images("confusion/valid")[0].step == 7
    canvas = FigureCanvasAgg(plots.confusion_figure(matrix, classes)[0].figure)
    canvas.draw()
    np.testing.assert_array_equal(
        picture(read_events(tmp_path), "confusion/valid"), np.asarray(canvas.buffer_rgba())[..., :3]
    )


def test_after_a_stop_the_points_beyond_the_checkpoint_are_forgotten(tmp_path):
    with RunWriter(tmp_path) as writer:
        for step in range(1, 9):
            writer.scalars("loss", {"step": 1.0}, step)
    with RunWriter(tmp_path, resume_from=5) as writer:
        for step in range(6, 11):
            writer.scalars("loss", {"step": 2.0}, step)
    points = scalars(read_events(tmp_path), "loss/step")
    assert points == [(step, 1.0) for step in range(1, 6)] + [(step, 2.0) for step in range(6, 11)]


def test_after_a_stop_before_the_first_checkpoint_all_points_are_forgotten(tmp_path):
    for value, last in ((1.0, 8), (2.0, 5)):
        with RunWriter(tmp_path) as writer:
            for step in range(last):
                writer.scalars("loss", {"step": value}, step)
        time.sleep(1.1)  # event files are named by the second
    assert len(list(tmp_path.glob("events*"))) == 2
    assert scalars(read_events(tmp_path), "loss/step") == [(step, 2.0) for step in range(5)]


def test_a_run_logs_unique_growing_steps_and_the_rates_that_were_used(prepared, tmp_path):
    run_dir = str(tmp_path / "run")
    config = TrainConfig(num_epochs=3, batch_size=50, device="cpu", threads=1, run_dir=run_dir, log_every=1)
    _, result = fit(config, data=prepared)
    events = read_events(tmp_path / "run")
    tags = events.Tags()
    for tag in tags["scalars"]:
        steps = [step for step, _ in scalars(events, tag)]
        assert steps == sorted(set(steps)), tag
    assert [step for step, _ in scalars(events, "loss/step")] == list(range(1, 25))  # 8 steps an epoch
    rates = [rate for _, rate in scalars(events, "lr/group0")]
    assert rates[0] == pytest.approx(0.05 / 25) and max(rates) == pytest.approx(0.05, rel=0.02)
    assert [step for step, _ in scalars(events, "accuracy/valid")] == [8, 16, 24]
    valid = [record["valid_accuracy"] for record in result["history"]]
    assert [value for _, value in scalars(events, "accuracy/valid")] == pytest.approx(valid)
    assert [event.step for event in events.Histograms("gradients/conv1.weight")] == [8, 16, 24]
    assert {"kernels/conv1", "confusion/test", "confusion/valid", "confusion/train"} <= set(tags["images"])


def test_a_run_shows_the_images_of_its_first_step(prepared, tmp_path):
    config = TrainConfig(num_epochs=1, batch_size=50, device="cpu", threads=1, run_dir=str(tmp_path), cutout=8)
    fit(config, data=prepared)
    loader, _ = make_loaders(config, prepared, torch.device("cpu"))
    loader.set_epoch(0)
    images, _ = next(iter(loader))
    mean, std = (torch.tensor(values)[:, None, None] for values in (prepared.mean, prepared.std))
    expected = (images[:32] * std + mean).clamp(0, 1)
    shown = picture(read_events(tmp_path), "images/first_batch") / 255
    tiles = [shown[2 + 34 * row : 34 + 34 * row, 2 + 34 * k : 34 + 34 * k] for row in range(4) for k in range(8)]
    np.testing.assert_allclose(np.stack(tiles), expected.permute(0, 2, 3, 1).numpy(), atol=1 / 250)
