"""Train a network: the loop in full view, with logging, checkpoints, resume and several processes.

    python -m helpers.train --source sample --model net --num-epochs 20 --run-dir data/runs/first
    torchrun --nproc-per-node 2 -m helpers.train ...          # two processes that share each batch

`train_one_epoch` and `evaluate` are the loops; `fit` calls them, epoch after epoch.
"""

import argparse
import copy
import json
import math
import sys
import time
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from helpers import runtime
from helpers.model import architectures, weights
from helpers.model.views import MirroredAndShifted
from helpers.paths import DataError
from helpers.prepare import Prepared
from helpers.training import checkpoint, distributed, report
from helpers.training.config import TrainConfig
from helpers.training.folder import RunFiles, open_run
from helpers.training.run import make_loaders, make_optimizer, prepare_for, settings_of, whiten
from helpers.visualization import metrics
from helpers.visualization.writers import RunWriter


class NonFiniteLoss(RuntimeError):
    """The loss became infinite or nan. The message names step, learning rate and images."""


# -- the loops ---------------------------------------------------------------------------------------------


def train_one_epoch(
    model: nn.Module,
    loader: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss_function: nn.Module,
    optimizer: Optimizer,
    device: torch.device,
    *,
    scheduler: LRScheduler | None = None,
    scaler: torch.amp.GradScaler | None = None,
    amp: bool = False,
    clip_norm: float = 0.0,
    writer: RunWriter | None = None,
    log_every: int = 10,
    steps_before: int = 0,
) -> dict[str, float]:
    """Pass once over the training images: zero_grad, forward, loss, backward, (clip), step.

    Args: loader, batches of images [B, C, H, W] and labels int64 [B]; scheduler, one that steps after each optimizer
    step; scaler, for float16; clip_norm, 0 for none; steps_before, optimizer steps made in earlier epochs.
    Returns: `train_mode_loss` and `train_mode_accuracy`, means over the images as they were seen: cropped, flipped,
    and by a model that changed from step to step. `evaluate` on the same images gives other numbers.
    Raises: NonFiniteLoss, before such a loss touches the weights.
    """
    model.train()
    scaler = scaler or torch.amp.GradScaler(device.type, enabled=False)
    loss_sum, right, count = 0.0, torch.zeros((), dtype=torch.int64, device=device), 0
    for step, (images, labels) in enumerate(loader, start=steps_before + 1):
        images, labels = _to_device(images, labels, device)
        optimizer.zero_grad()
        with torch.autocast(device.type, enabled=amp):
            logits = model(images)  # B K
            loss = loss_function(logits, labels)
        loss_value = loss.item()
        if not math.isfinite(loss_value):
            raise NonFiniteLoss(_describe(loss_value, step, step - steps_before - 1, optimizer, loader))
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        if clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        if writer and step % log_every == 0:
            writer.scalars("loss", {"step": loss_value}, step)
            if scheduler:
                writer.lr(scheduler, step)  # the rate of this step
        scaler.step(optimizer)
        scaler.update()
        if scheduler:
            scheduler.step()  # after the optimizer
        loss_sum += loss_value * len(labels)  # the last batch may be smaller
        right += (logits.detach().argmax(dim=1) == labels).sum()
        count += len(labels)
    sums = torch.tensor([loss_sum, right, count], dtype=torch.float64, device=device)
    loss_sum, right, count = distributed.sum_over_all(sums).tolist()
    return {"train_mode_loss": loss_sum / count, "train_mode_accuracy": right / count}


def evaluate(
    model: nn.Module,
    loader: Iterable[tuple[torch.Tensor, torch.Tensor]],
    device: torch.device,
    num_classes: int,
    *,
    loss_function: nn.Module | None = None,
    amp: bool = False,
) -> tuple[float, torch.Tensor]:
    """Mean loss and confusion matrix int64 [K, K] (rows true, columns predicted) over the images of a loader.

    The model runs under `eval()` and `inference_mode()`; the mode it was in is put back, whatever happens. Every
    image counts once, also in a last batch that is smaller, and with several processes that each hold a share.

    Args: loss_function, with mean reduction (default: cross-entropy).
    """
    loss_function = loss_function or nn.CrossEntropyLoss()
    was_training = model.training
    model.eval()
    sums = torch.zeros(2, dtype=torch.float64, device=device)  # loss, images
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)
    try:
        with torch.inference_mode(), torch.autocast(device.type, enabled=amp):
            for images, labels in loader:
                images, labels = _to_device(images, labels, device)
                logits = model(images)  # B K
                sums[0] += loss_function(logits, labels) * len(labels)
                sums[1] += len(labels)
                matrix += metrics.confusion_matrix(labels, logits.argmax(dim=1), num_classes)
    finally:
        model.train(was_training)
    loss_sum, count = distributed.sum_over_all(sums).tolist()
    return loss_sum / count, distributed.sum_over_all(matrix).cpu()


def _to_device(images: torch.Tensor, labels: torch.Tensor, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Move a batch; from pinned memory while the GPU still computes the one before.

    Channels last is the order in memory that the convolutions of CPUs and GPUs are fastest with.
    """
    images = images.to(device, non_blocking=True, memory_format=torch.channels_last)
    return images, labels.to(device, non_blocking=True)


def _describe(loss: float, step: int, batch: int, optimizer: Optimizer, loader: Iterable) -> str:
    lr = optimizer.param_groups[0]["lr"]
    images = loader.positions(batch) if hasattr(loader, "positions") else f"of batch {batch} of the epoch"
    return (
        f"step {step}: the loss is {loss}, lr {lr:g}, images {images}. Try a lower lr or clip_norm, and look at these "
        "images; the checkpoint before is kept."
    )


# -- a run -------------------------------------------------------------------------------------------------


def fit(
    config: TrainConfig, *, resume: bool = False, data: Prepared | None = None, progress: bool = False
) -> tuple[nn.Module, dict]:
    """Train as `config` says, epoch after epoch, then measure once on every part; return the model and the result.

    With the split protocol these are the weights of the epoch with the best validation accuracy, with the official one
    those of the last. A `run_dir` gets config.json, event files, last.pt, previous.pt and best.pt, and at the end
    curves.png, confusion_<part>.png and result.json, which holds what is returned.

    Args: resume, go on in the run_dir after the last checkpoint: the result is the same as without the stop; data,
    what `prepare` returned (default: prepared as the config says); progress, print a line for each epoch.
    Raises: DataError, ValueError for settings or data that do not fit; NonFiniteLoss; DeviceError; OSError.
    """
    with distributed.joined(runtime.pick_device(config.device)) as device, settings_of(config):
        data = data or prepare_for(config)
        with open_run(config, data, resume) as found:
            return _fit(config, data, found, progress and distributed.is_main(), device)


def _fit(config: TrainConfig, data: Prepared, found: tuple, progress: bool, device: torch.device) -> tuple:
    result, saved, origin = found
    classes = data.classes
    runtime.seed_everything(config.seed)
    if device.type == "cpu":
        runtime.keep_memory()
    model = architectures.build(config.model, len(classes), config.init)
    model.to(device, getattr(torch, config.dtype), memory_format=torch.channels_last)
    if result:
        if progress:
            print(f"Nothing to do: the run in {config.run_dir!a} is finished.")
        weights.load_state(model, saved["weights"], origin)
        return model, result
    loader, measured = make_loaders(config, data, device, progress)
    if config.whiten:
        whiten(model, loader.dataset)
    optimizer, scheduler = make_optimizer(model, config, config.num_epochs * len(loader))
    scaler = torch.amp.GradScaler(device.type, enabled=config.amp and device.type == "cuda")
    stateful = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "scaler": scaler}
    history, best = [], {"epoch": -1, "score": -1.0}
    if saved:
        history, best = saved["history"], saved["best"]
        weights.check_state(model, best["weights"], origin)
        checkpoint.restore(stateful, saved, origin)
    trained = distributed.share_gradients(model, device)
    if config.compile:
        trained = torch.compile(trained)
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    run = None
    if config.run_dir and distributed.is_main():
        run = RunFiles(config, data, stateful, len(history) * len(loader))
        if not history:
            run.begin(loader, data)

    for epoch in range(len(history), config.num_epochs):
        start = time.perf_counter()
        loader.set_epoch(epoch)
        record = {"epoch": epoch, "lr": scheduler.get_last_lr()[0]}  # lr of the first step
        record |= train_one_epoch(
            trained, loader, loss_function, optimizer, device, scheduler=scheduler, scaler=scaler, amp=config.amp,
            clip_norm=config.clip_norm, writer=run and run.writer, log_every=config.log_every,
            steps_before=epoch * len(loader),
        )  # fmt: skip
        record["images_per_second"] = len(loader.dataset) / (time.perf_counter() - start)
        distributed.share_buffers(model)
        if "valid" in measured:
            record["valid_loss"], matrix = evaluate(model, measured["valid"], device, len(classes), amp=config.amp)
            record["valid_accuracy"] = metrics.accuracy(matrix)
            if not math.isfinite(record["valid_loss"]):
                raise NonFiniteLoss(
                    f"after epoch {epoch + 1} the validation loss is {record['valid_loss']}: lower the lr"
                )
        record["seconds"] = time.perf_counter() - start
        history.append(record)
        score = record.get("valid_accuracy", float(epoch))  # without a validation part the last epoch is the best
        if score > best["score"]:
            best = {"epoch": epoch, "score": score, "weights": copy.deepcopy(model.state_dict())}
        if run:
            run.end_epoch(history, best, (epoch + 1) * len(loader))
        if progress:
            print(report.line(record, config.num_epochs), flush=True)

    weights.load_state(model, best["weights"], "the best epoch")
    measures = {  # the first and only look at the test part
        part: evaluate(model, found, device, len(classes), amp=config.amp) for part, found in measured.items()
    }
    if config.tta:
        views = MirroredAndShifted(model)
        measures["test_tta"] = evaluate(views, measured["test"], device, len(classes), amp=config.amp)
    result = report.summarize(history, measures, best["epoch"]) | report.origin(config, data, model, device)
    if run:
        run.end(result, measures, classes, config.num_epochs * len(loader))
    return model, result


# -- command line ------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.train", description=__doc__.partition("\n")[0])
    TrainConfig.add_options(parser)
    parser.add_argument("--resume", action="store_true", help="go on with the run in --run-dir")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON at the end")
    options = vars(parser.parse_args(arguments))
    resume, as_json = options.pop("resume"), options.pop("json")
    try:
        config = TrainConfig(**options)
        _, result = fit(config, resume=resume, progress=True)
    except (DataError, ValueError, NonFiniteLoss, runtime.DeviceError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename2 or error.filename or options["run_dir"]
        remedy = "Free space and --resume, or choose another --run-dir."
        print(f"train: {where}: cannot be read or written: {error.strerror or error}. {remedy}", file=sys.stderr)
        return 1
    if distributed.is_main():
        for part, accuracy in result["accuracy"].items():
            print(f"{part:6s} accuracy {accuracy:.2%}  loss {result['loss'][part]:.4f}  {result['data']['label']}")
        if as_json:
            print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
