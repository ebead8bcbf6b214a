"""Event files for TensorBoard, written with tensorboardX: scalars, histograms, kernels, images, confusion matrices.

`tensorboard --logdir data/runs` shows them. What each method of tensorboardX does is the subject of chapter 4.
"""

import os
from collections.abc import Mapping, Sequence

import torch
from tensorboardX import SummaryWriter
from torch import nn
from torchvision.utils import make_grid

from helpers.visualization import plots

# Both lines of a group in one chart, in the tab "Custom scalars".
CHARTS = {
    "training": {
        "loss": ["Multiline", ["loss/train_mode", "loss/valid"]],
        "accuracy": ["Multiline", ["accuracy/train_mode", "accuracy/valid"]],
    }
}


class RunWriter:
    """Writes one run. Steps count the optimizer steps that were made; under each tag they may only grow.

    Args: run_dir, folder of the event files; resume_from, steps of the checkpoint from which the run goes on, 0 at its
    begin: TensorBoard forgets what an earlier process wrote into this folder beyond it.
    Raises: ValueError for a step that is not larger than the one before under the same tag.
    """

    def __init__(self, run_dir: str | os.PathLike[str], resume_from: int = 0) -> None:
        purge = resume_from + 1 if resume_from else 0  # what is written before the first step has step 0
        # tensorboardX names the file by the second; one of the same second would be overwritten
        suffix = f".step{resume_from:09d}"
        self.writer = SummaryWriter(os.fspath(run_dir), purge_step=purge, filename_suffix=suffix)
        # Write at once, not from a thread: an error reaches the training, and what was flushed is in the file.
        events = self.writer.file_writer.event_writer
        events._worker.stop()
        events.add_event = events._ev_writer.write_event
        if not resume_from:
            self.writer.add_custom_scalars(CHARTS)
        self._last_step: dict[str, int] = {}

    def _advance(self, tag: str, step: int) -> None:
        if step <= self._last_step.get(tag, -1):
            raise ValueError(f"{tag}: step {step} comes after step {self._last_step[tag]}. Steps must grow.")
        self._last_step[tag] = step

    def scalars(self, group: str, values: Mapping[str, float], step: int) -> None:
        """One point for each name, under `group/name`."""
        for name, value in values.items():
            self._advance(f"{group}/{name}", step)
            self.writer.add_scalar(f"{group}/{name}", value, step)

    def lr(self, scheduler: torch.optim.lr_scheduler.LRScheduler, step: int) -> None:
        """The learning rate of each parameter group that the next optimizer step will use, from `get_last_lr`."""
        self.scalars("lr", {f"group{k}": rate for k, rate in enumerate(scheduler.get_last_lr())}, step)

    def histograms(self, model: nn.Module, step: int) -> None:
        """The distribution of each weight, and of the gradient that the last backward pass left."""
        for name, parameter in model.named_parameters():
            for kind, values in (("weights", parameter), ("gradients", parameter.grad)):
                if values is not None:
                    self._advance(f"{kind}/{name}", step)
                    self.writer.add_histogram(f"{kind}/{name}", values.detach().float().cpu().numpy(), step)

    def kernels(self, name: str, weight: torch.Tensor, step: int) -> None:
        """The kernels of a convolution as one picture.

        With three input channels each kernel is one colour image; otherwise a row holds the slices of one kernel, one
        gray image an input channel. The brightness of all is on one scale.

        Shape: weight [K, C, h, w].
        """
        K, C, h, w = weight.shape
        tiles = weight.detach().float().cpu()
        tiles = tiles if C == 3 else tiles.reshape(K * C, 1, h, w)
        columns = 8 if C == 3 else C
        self._picture(f"kernels/{name}", make_grid(tiles, nrow=columns, normalize=True, pad_value=1.0), step)

    def images(self, tag: str, images: torch.Tensor, mean: Sequence[float], std: Sequence[float], step: int) -> None:
        """Normalized images [B, 3, H, W] as the network gets them, in the colours they had before normalization."""
        scale, shift = (torch.tensor(values)[:, None, None] for values in (std, mean))
        pixels = (images.detach().float().cpu() * scale + shift).clamp(0, 1)
        self._picture(f"images/{tag}", make_grid(pixels, nrow=8), step)

    def confusion(self, part: str, matrix: torch.Tensor, classes: Sequence[str], step: int) -> None:
        """The confusion matrix of a part as a figure."""
        axes = plots.confusion_figure(matrix, classes)
        self._advance(f"confusion/{part}", step)
        self.writer.add_figure(f"confusion/{part}", axes[0].figure, step, close=True)

    def _picture(self, tag: str, picture: torch.Tensor, step: int) -> None:
        self._advance(tag, step)
        self.writer.add_image(tag, picture.numpy(), step)

    def flush(self) -> None:
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
