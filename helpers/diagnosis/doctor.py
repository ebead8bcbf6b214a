"""The doctor: looks on while you train, or trains a copy for some steps, and reports what is wrong.

    doctor = Doctor(model, optimizer, loss_fn, train_loader, valid_loader)
    ...
        loss.backward()
        doctor.observe(images, labels, logits, loss)     # after backward (and clipping), before optimizer.step()
        optimizer.step()
    ...
    print(doctor.report())
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

# the order of the findings: data, model, optimizer, evaluation, then what the curves alone say
import helpers.diagnosis.checks.inputs
import helpers.diagnosis.checks.labels  # isort: split

import helpers.diagnosis.checks.layers
import helpers.diagnosis.checks.outputs  # isort: split

import helpers.diagnosis.checks.loop
import helpers.diagnosis.checks.parameters
import helpers.diagnosis.checks.rates  # isort: split

import helpers.diagnosis.checks.evaluation  # isort: split

import helpers.diagnosis.checks.curves  # noqa: F401
from helpers.diagnosis import probes
from helpers.diagnosis.anatomy import as_number, device_of, hidden_modules, is_affine, kind_of_loss, weights_of
from helpers.diagnosis.batches import NoBatch, NotCovered, class_labels, inner_loader, look_at, pair_of
from helpers.diagnosis.checks.registry import judge
from helpers.diagnosis.copies import NoCopy, bare_copy, fresh_optimizer, untouched, unwrapped
from helpers.diagnosis.findings import Report
from helpers.diagnosis.observation import Seen
from helpers.diagnosis.recorder import Recorder
from helpers.diagnosis.reference import refer
from helpers.diagnosis.signals import through

STEPS = 50  # of `diagnose`


class Doctor:
    """Looks on at a training of a classifier, and reports. It changes nothing of what it is given.

    Args: model, images -> logits [B, K]; optimizer, one or a list; loss_fn, (logits, labels) -> loss; train_loader,
    valid_loader, what yields batches; scheduler; adapter, batch -> (images, labels), for loaders that yield other
    than such pairs. All but the model may be left out: what needs them is then not looked at.
    """

    def __init__(
        self, model: nn.Module, optimizer: Optimizer | Iterable[Optimizer] | None = None,
        loss_fn: Callable | None = None, train_loader: Iterable | None = None, valid_loader: Iterable | None = None,
        scheduler: object | None = None, adapter: Callable | None = None,
    ) -> None:  # fmt: skip
        self.model, self.loss_fn, self.adapter = model, loss_fn, adapter
        several = isinstance(optimizer, list | tuple)
        self.optimizers = list(optimizer) if several else [] if optimizer is None else [optimizer]
        self.loaders = {"train": train_loader, "valid": valid_loader}
        self.scheduler = scheduler
        self.recorder = Recorder(model, self.optimizers)
        self.troubles: list[str] = []
        self._start: dict[str, torch.Tensor] | None = None
        self._trained: dict[str, torch.Tensor] | None = None  # other weights than those of the model, to judge with
        self._stopped = False
        self._ran = False  # a loop showed steps
        self._weighed = 0
        self._another: bool | None = None  # whether the evaluation shows another model, such as averaged weights

    def observe(self, images: object, labels: torch.Tensor, logits: torch.Tensor, loss: torch.Tensor | float) -> None:
        """Look at one batch. In training after `backward()` (and after unscaling and clipping), before `step()`.

        With accumulated gradients call it for each batch. In the evaluation loop, under `no_grad`, call it too. It
        never raises: what it cannot read stands in the report, and it looks at nothing more. It looks closely at the
        first five steps only, then at every 10th, 100th, 500th (`recorder`); of the others it keeps a few numbers.

        Args: images [B, ...]; labels [B]; logits [B, K]; loss, of this batch.
        """
        if self._stopped:
            return
        try:
            self._ran = True
            if logits.requires_grad or getattr(loss, "requires_grad", False):
                if self._start is None:
                    self._start = weights_of(self.model)
                compared = self.recorder.training_step(images, labels, logits, loss)
                if compared and self._looks_accumulated():
                    self._weigh_gradient("accumulated", images, labels)
                if self._stands_still():
                    self._weigh_gradient("kept", images, labels)
            else:
                training = self.recorder.model.training and not self._is_of_another_model(images, logits)
                self.recorder.evaluation_step(labels, logits, loss, training)
        except Exception as error:  # a training must not end because somebody looked on
            self.troubles.append(f"observe: {type(error).__name__}: {error}")
            self._stopped = True

    def end_epoch(self, **numbers: float) -> None:
        """Tell what your loop reports after an epoch: train_loss, valid_loss, valid_accuracy (0 to 1)."""
        self.recorder.end_epoch({name: float(value) for name, value in numbers.items()})

    def report(self, probe: bool = True) -> Report:
        """Judge what was seen, with a look at the loaders. Args: probe, also train copies for a few steps where
        something is wrong."""
        with untouched(*self.loaders.values()):
            return Report(judge(self.look(probe)))

    # -- what is seen at the end -------------------------------------------------------------------------------

    def look(self, probe: bool = True) -> Seen:
        """All that the checks look at."""
        start = self._start or weights_of(self.model)
        seen = self.recorder.finish(start)
        seen.troubles = list(self.troubles)
        seen.model, seen.optimizers, seen.loss_fn = unwrapped(self.model), self.optimizers, self.loss_fn
        seen.scheduler = self.scheduler
        seen.hidden = hidden_modules(seen.model)
        for part, loader in self.loaders.items():
            if loader is not None:
                self._try(seen, f"the {part} loader", partial(self._look_at, seen, part, loader))
                known = inner_loader(loader)
                if part == "train" and known is not None and known.batch_size and hasattr(known.dataset, "__len__"):
                    seen.steps_per_epoch = len(known)
        if seen.train is not None:
            self._try(seen, "the model", lambda: self._look_at_model(seen, start))
            self._try(seen, "the images", lambda: setattr(
                seen, "reference", refer(seen.train, seen.valid, seen.classes)))  # fmt: skip
            if probe and self.loss_fn is not None and self.optimizers:
                self._try(seen, "short trainings", lambda: self._may_probe(seen, start))
        return seen

    def _look_at(self, seen: Seen, part: str, loader: Iterable) -> None:
        try:
            setattr(seen, part, look_at(loader, self.adapter))
        except NoBatch as error:
            seen.empty[part] = str(error)

    def _try(self, seen: Seen, what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            seen.troubles.append(f"{what}: {type(error).__name__}: {error}")

    def _few(self, seen: Seen, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randperm(len(seen.train.labels), generator=torch.Generator().manual_seed(0))[:count]
        return seen.train.images[chosen], seen.train.labels[chosen]

    def _call(self, model: nn.Module, images: torch.Tensor) -> torch.Tensor:
        """The model on images, moved to where it lives and to the type of its numbers."""
        parameter = next(model.parameters(), None)
        if parameter is not None:
            images = images.to(parameter.device, parameter.dtype if images.is_floating_point() else None)
        return model(images)

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.loss_fn(logits.float(), labels.to(logits.device))

    def _look_at_model(self, seen: Seen, start: dict[str, torch.Tensor]) -> None:
        images, labels = self._few(seen, min(64, seen.train.batch_size))
        loss = self._loss if self.loss_fn is not None else None
        for name, weights in (("signals", start), ("signals_now", self._trained)):
            own = bare_copy(self.model)
            if weights is not None:
                own.load_state_dict(weights, strict=False)
            setattr(seen, name, through(own, images, labels, loss, self._call))
            if error := seen.signals.error:
                if self._ran and not _labels_beyond(seen):  # the loop's own calls did not raise
                    seen.signals = None
                    seen.troubles.append(f"the model on images of the loader, outside of the loop: {error}")
                return
        own = bare_copy(self.model).eval()
        own.load_state_dict(start, strict=False)
        images, labels = self._few(seen, 256)
        with torch.no_grad():
            logits = self._call(own, images).float().cpu()
            class_labels(labels, logits)
            seen.random = _apart(logits, self._call(own, images))
            with suppress(Exception):  # a model for one size of batch
                half = (len(images) + 1) // 2
                seen.mixing = _apart(logits[:half], self._call(own, images[:half]))
            seen.affine = is_affine(lambda x: self._call(own, x), images[:64])
            if self.loss_fn is not None:
                seen.loss_kind = kind_of_loss(self.loss_fn, logits[:32], labels[:32])
            with suppress(Exception):
                for parameter in own.parameters():
                    parameter.mul_(100)
                large = self._call(own, images)
                seen.bounded = bool(large.abs().max() <= 1 and large.std() > 0)  # not where it is nan, or always 0
        seen.num_outputs = seen.num_outputs or logits.shape[1]
        if not len(seen.label_counts):
            seen.label_counts = torch.bincount(seen.train.labels).numpy()

    def _may_probe(self, seen: Seen, start: dict[str, torch.Tensor]) -> None:
        """Have a way to train copies for some steps: only the checks that ask for one pay for it."""
        if seen.signals is None or seen.signals.error:
            return
        own = bare_copy(self.model)
        for optimizer in self.optimizers:
            fresh_optimizer(optimizer, self.model, own)  # raises now where it would later
        images, labels = self._few(seen, probes.IMAGES)
        common = (self.model, start, self.optimizers, self._loss, images, labels.to(device_of(self.model)), self._call)
        seen.train_briefly = lambda factor: probes.train_copy(*common, factor=factor)

    def _looks_accumulated(self) -> bool:
        """Whether the gradient has hardly turned in most of the last five looks; says so four times at most."""
        turns = self.recorder.seen.gradient_turns[-5:]
        return len(turns) == 5 and sorted(turns)[2] > 0.8 and self._weighed < 4

    def _stands_still(self) -> bool:
        """Whether no weight has moved for ten batches, or twenty and so on; says so four times at most."""
        still = self.recorder.still
        return still > 0 and still % 10 == 0 and self._weighed < 4

    def _is_of_another_model(self, images: torch.Tensor, logits: torch.Tensor) -> bool:
        """Whether a copy gives other outputs in the modes of the model. Asked once; False where they are random."""
        if self._another is None:
            self._another = False
            if not any(isinstance(module, nn.modules.dropout._DropoutNd) for module in self.model.modules()):
                with suppress(Exception), untouched(), torch.no_grad():  # images may be anything
                    mine = self._call(bare_copy(self.model), images).float()
                    self._another = bool((mine - logits).norm() > 0.1 * mine.norm())  # 16 bits round by a hundredth
        return self._another

    def _weigh_gradient(self, name: str, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Compare the gradient with that of this batch alone; keep the largest quotient."""
        if self.loss_fn is None:
            return
        with untouched():
            ratio = probes.accumulated(self.model, self.recorder.held(), self._loss, images, labels, self._call)
        self._weighed += 1
        setattr(self.recorder.seen, name, max(ratio, np.nan_to_num(getattr(self.recorder.seen, name))))


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Largest difference of two outputs over the spread of the first; 0 where that is none."""
    spread = one.std().item()
    return (one - other.float().cpu()).abs().max().item() / spread if spread > 0 else 0.0


def _labels_beyond(seen: Seen) -> bool:
    """Whether a label is larger than the model has outputs for."""
    return bool(seen.num_outputs) and seen.classes > seen.num_outputs


def diagnose(
    model: nn.Module, train_loader: Iterable, valid_loader: Iterable | None = None, loss_fn: Callable | None = None,
    optimizer: Optimizer | Iterable[Optimizer] | None = None, scheduler: object | None = None,
    config: dict | None = None, *, adapter: Callable | None = None, steps: int = STEPS,
) -> Report:  # fmt: skip
    """Look at a training as it stands: data, model and optimizer, and up to `steps` steps of a copy of them.

    Nothing that is given changes: weights, gradients, modes, running statistics, hooks, random numbers. What only a
    running loop shows (a missing zero_grad, the mode in evaluation) needs a `Doctor` in that loop.

    Args: as of `Doctor`; config, of a past training that began with these weights: "epochs", a list with one dictionary
    an epoch, with train_loss, valid_loss and valid_accuracy; "weights", the `state_dict` that came out of it.
    """
    doctor = Doctor(model, optimizer, loss_fn, train_loader, valid_loader, scheduler, adapter)
    with untouched(train_loader, valid_loader):
        try:
            own = bare_copy(model)
            ours = [fresh_optimizer(one, model, own) for one in doctor.optimizers]
            watcher = Doctor(own, ours, loss_fn, adapter=adapter)
            if loss_fn is not None and ours and not hasattr(train_loader, "__next__"):
                _train_a_copy(watcher, own, ours, train_loader, steps)
            doctor.recorder.take_over(watcher.recorder)
        except (NotCovered, NoCopy) as error:
            doctor.troubles.append(str(error))
        except Exception as error:
            doctor.troubles.append(f"steps of a copy: {type(error).__name__}: {error}")
    doctor._trained = (config or {}).get("weights")
    for numbers in (config or {}).get("epochs", []):
        doctor.end_epoch(**{k: v for k, v in numbers.items() if isinstance(v, int | float)})
    return doctor.report()


def _train_a_copy(watcher: Doctor, own: nn.Module, ours: list[Optimizer], loader: Iterable, steps: int) -> None:
    own.train()
    done = 0
    while done < steps:
        before = done
        for batch in loader:
            images, labels = pair_of(batch, watcher.adapter)
            logits = watcher._call(own, images)
            loss = as_number(watcher._loss(logits, labels))
            for optimizer in ours:
                optimizer.zero_grad()
            loss.backward()
            watcher.observe(images, labels.to(logits.device), logits, loss)
            for optimizer in ours:
                optimizer.step(lambda value=loss: value.detach())
            done += 1
            if done >= steps or not torch.isfinite(loss):
                return
        if done == before:
            return  # the look at the loader says it
