"""The cheap record of the steps of a training: numbers, no images, most of them at sampled steps only.

Each step gives its loss, right answers, labels, rates and modes; they are kept where they are and read every hundred
steps, so that a GPU is not waited for. Sampled steps (`is_sampled`) also give, for up to 1,024 evenly spread numbers of
each parameter, how far they went in that step and how the gradient turned until the next one; the norm of the whole
gradient; statistics of the outputs; and at every fourth of them statistics of eight images.
"""

import math

import numpy as np
import torch
from torch import nn

from helpers.diagnosis.anatomy import as_number
from helpers.diagnosis.batches import class_labels, is_measured
from helpers.diagnosis.copies import unwrapped
from helpers.diagnosis.observation import Inputs, Parameter, Pass, Seen

SAMPLED = 1024  # numbers of each parameter that are compared from step to step
LABEL_BATCHES = 400
UNREAD = 100  # steps of which the numbers may wait on the device


def is_sampled(step: int) -> bool:
    """Whether the costly numbers are taken at this step, from 0: the first five, then ever fewer."""
    return step < 5 or step % (10 if step <= 50 else 100 if step < 1000 else 500) == 0


def _some(tensor: torch.Tensor) -> torch.Tensor:
    """Up to `SAMPLED` numbers of a tensor, evenly spread, copied."""
    tensor = tensor.detach()
    flat = (tensor.coalesce().values() if tensor.is_sparse else tensor).reshape(-1)
    return flat[:: max(1, len(flat) // SAMPLED)].clone()


class Recorder:
    """Fed with each step; keeps numbers, no images."""

    def __init__(self, model: nn.Module, optimizers: list) -> None:
        self.model, self.optimizers = unwrapped(model), optimizers
        self.moving = self.model  # whose weights move: that of the loop, or a copy
        self.seen = Seen()
        self.losses: list[float] = []
        self.rights: list[float] = []
        self.rates: list[list[float]] = []
        self.eval_steps = 0
        self.norms = [m for m in self.model.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
        self.frozen_steps = 0
        self.step = 0
        self._unread: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []  # loss, answers, labels of a step
        self._before: dict[str, tuple] = {}  # name: parameter, some of its numbers, some of its gradient
        self._ratios: dict[str, list[torch.Tensor]] = {}
        self._given: dict[str, bool] = {}  # name: whether it ever had a gradient at a sampled step
        self._evaluating: Pass | None = None
        self.highest = 0.0  # learning rate
        self.still = 0  # batches in a row after which no weight had moved, at a rate that moves them

    def take_over(self, other: "Recorder") -> None:
        """What another one has recorded, of a copy of the model, as one's own."""
        mine = ("model", "optimizers", "norms")  # `moving` is the copy from now on
        vars(self).update({name: value for name, value in vars(other).items() if name not in mine})

    def training_step(self, images: object, labels: torch.Tensor, logits: torch.Tensor, loss: torch.Tensor) -> bool:
        """Record a step; return whether it was compared with one before."""
        self._evaluating = None
        classes = class_labels(labels, logits)
        self._unread.append((torch.as_tensor(loss).detach(), logits.argmax(dim=1), classes.clone()))
        self.rates.append([float(group["lr"]) for o in self.optimizers for group in o.param_groups])
        self.highest = max(self.highest, *self.rates[-1], 0.0)
        if not self.model.training:
            self.eval_steps += 1
        elif self.norms:
            self.frozen_steps += sum(not m.training for m in self.norms) / len(self.norms)
        if len(self._unread) >= UNREAD:
            self._read()
        sampled = is_sampled(self.step)
        compare = bool(self._before)
        if compare or sampled:
            with torch.no_grad():
                self._compare()
                if sampled:
                    self._sample(images, logits.detach().float())
        self.step += 1
        return compare

    def evaluation_step(
        self, labels: torch.Tensor, logits: torch.Tensor, loss: torch.Tensor | float, training_mode: bool
    ) -> None:
        classes = class_labels(labels, logits)
        if self._evaluating is None:
            self._evaluating = Pass(training_mode, [], [], [], classes.cpu().clone())
            self.seen.passes.append(self._evaluating)
        self._evaluating.sizes.append(len(classes))
        self._evaluating.rights.append((logits.argmax(dim=1) == classes).float().mean().item())
        self._evaluating.losses.append(float(loss))
        self._evaluating.training_mode |= training_mode

    def end_epoch(self, numbers: dict[str, float]) -> None:
        self.seen.epochs.append(numbers)
        self.seen.steps_at_epoch.append(self.step)
        self._evaluating = None

    def held(self) -> set[int]:
        """The ids of the parameters that the optimizers hold; of all, where none was given."""
        if not self.optimizers:
            return {id(p) for p in self.model.parameters()}
        return {id(p) for o in self.optimizers for group in o.param_groups for p in group["params"]}

    def _read(self) -> None:
        """Turn what waits on the device into numbers."""
        if not self._unread:
            return
        seen, (losses, answers, labels) = self.seen, zip(*self._unread, strict=True)
        self.losses += torch.stack([as_number(loss).float() for loss in losses]).tolist()
        sizes = [len(each) for each in labels]
        answers, labels = torch.cat(answers).cpu(), torch.cat(labels).cpu()
        right = (answers == labels).numpy()
        self.rights += (np.add.reduceat(right, np.cumsum([0, *sizes[:-1]]), dtype=float) / sizes).tolist()
        seen.sizes += sizes
        seen.label_batches += labels.split(sizes)[: LABEL_BATCHES - len(seen.label_batches)]
        found = np.bincount(labels.numpy().clip(min=0), minlength=len(seen.label_counts))
        found[: len(seen.label_counts)] += seen.label_counts
        seen.label_counts = found
        self._unread = []

    def _sample(self, images: object, logits: torch.Tensor) -> None:
        seen = self.seen
        seen.num_outputs = logits.shape[1]
        if isinstance(images, torch.Tensor) and is_measured(images) and len(seen.gradient_norms) % 4 == 0:
            seen.inputs.append(Inputs.of(images[:8]))
        if torch.isfinite(logits).all():
            least, most = (value.item() for value in logits.aminmax())
            error = (logits.sum(dim=1) - 1).abs().max().item() if least >= 0 else math.inf
            seen.row_sum_error = float(np.fmax(seen.row_sum_error, error))  # fmax and fmin pass over nan
            seen.least_output = float(np.fmin(seen.least_output, least))
            seen.most_output = float(np.fmax(seen.most_output, most))
            seen.zero_outputs = (logits == 0).float().mean().item() if least >= 0 else 0.0
        held, self._before, gradients = self.held(), {}, []
        for name, p in self.model.named_parameters():
            own = p.grad is not None and id(p) in held  # nobody clears the gradients of others
            gradients += [p.grad] if own and not p.grad.is_sparse else []
            self._given[name] = self._given.get(name, False) or p.grad is not None
            self._before[name] = p, _some(p), _some(p.grad) if own else None
        if gradients:
            norms = torch._foreach_norm(gradients)
            seen.gradient_norms.append(torch.stack([norm.float() for norm in norms]).norm().item())

    def _compare(self) -> None:
        """With the sampled step before: how far the weights went, and how the gradient turned."""
        if not self._before:
            return
        moves = torch._foreach_norm([_some(p) - before for p, before, _ in self._before.values()])
        moves = torch.stack([move.float() for move in moves]).tolist()
        if not any(moves):  # no step was made yet: gradients are being added up, or thrown away, or the rate is tiny
            self.still = self.still + 1 if max(self.rates[-1], default=1) > self.highest / 500 else 0
            self.seen.still = max(self.seen.still, self.still)
            return
        self.still = 0
        sizes = torch._foreach_norm([before for _, before, _ in self._before.values()])
        sizes = torch.stack([size.float() for size in sizes]).tolist()
        for name, move, size in zip(self._before, moves, sizes, strict=True):
            if size > 0:
                self._ratios.setdefault(name, []).append(move / size)
        known = [(p.grad, then) for p, _, then in self._before.values() if then is not None and p.grad is not None]
        pairs = [(then, _some(now)) for now, then in known]
        if pairs and all(len(one) == len(other) for one, other in pairs):
            one, other = (torch.cat([pair[k].float() for pair in pairs]) for k in (0, 1))
            cosine = (torch.dot(one, other) / (one.norm() * other.norm())).item()
            self.seen.gradient_turns.append(cosine)
        self._before = {}

    def finish(self, start: dict[str, torch.Tensor]) -> Seen:
        """Everything as numbers. Args: start, the weights before the training."""
        self._read()
        seen = self.seen
        seen.losses, seen.rights = np.array(self.losses), np.array(self.rights)
        seen.rates = np.array(self.rates)
        seen.eval_mode_share = self.eval_steps / max(1, self.step)
        seen.frozen_norms = self.frozen_steps / max(1, self.step)
        held, weights = self.held(), dict(self.moving.named_parameters())
        seen.parameters = []
        for name, p in self.model.named_parameters():
            before, ratios = start.get(name), self._ratios.get(name, [math.nan])
            same = before is not None and before.shape == p.shape
            seen.parameters.append(Parameter(
                name, p.ndim, p.numel(), p.requires_grad, id(p) in held,
                before.float().norm().item() if same else math.nan, weights.get(name, p).detach().float().norm().item(),
                float(np.median(ratios)), float(np.max(ratios)), self._given.get(name, True),
            ))  # fmt: skip
        return seen
