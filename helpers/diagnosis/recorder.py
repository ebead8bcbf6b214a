"""The cheap record of the steps of a training: numbers, no images, most of them at sampled steps only."""

import math

import numpy as np
import torch
from torch import nn

from helpers.diagnosis.batches import class_labels
from helpers.diagnosis.copies import unwrapped
from helpers.diagnosis.observation import Inputs, Parameter, Pass, Seen

SAMPLED = 1024  # numbers of each parameter that are compared from step to step
LABEL_BATCHES = 400


def is_sampled(step: int) -> bool:
    """Whether the costly numbers are taken at this step, from 0: often at first, then at a share that thins out."""
    return step < 6 or step % (10 if step < 60 else 25 if step < 500 else 100) == 0


def _some(tensor: torch.Tensor) -> torch.Tensor:
    """Up to `SAMPLED` numbers of a tensor, evenly spread, copied."""
    flat = tensor.detach().reshape(-1)
    return flat[:: max(1, len(flat) // SAMPLED)].clone()


class Recorder:
    """Fed with each step; keeps numbers, no images. Costs little: most numbers are taken at sampled steps only."""

    def __init__(self, model: nn.Module, optimizers: list) -> None:
        self.model, self.optimizers = unwrapped(model), optimizers
        self.seen = Seen()
        self.losses: list[torch.Tensor] = []
        self.rights: list[torch.Tensor] = []
        self.rates: list[list[float]] = []
        self.eval_steps = 0
        self.norms = [m for m in self.model.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]
        self.frozen_steps = 0
        self.step = 0
        self._before: dict[str, torch.Tensor] | None = None
        self._gradients: dict[str, torch.Tensor] = {}
        self._ratios: dict[str, list[torch.Tensor]] = {}
        self._sizes: dict[str, list[torch.Tensor]] = {}
        self._evaluating: Pass | None = None

    def training_step(self, images: object, labels: torch.Tensor, logits: torch.Tensor, loss: torch.Tensor) -> None:
        seen, self._evaluating = self.seen, None
        with torch.no_grad():
            classes = class_labels(labels, logits)
            self.losses.append(torch.as_tensor(loss).detach())
            self.rights.append((logits.detach().argmax(dim=1) == classes).float().mean())
            seen.sizes.append(len(classes))
            self.rates.append([float(group["lr"]) for o in self.optimizers for group in o.param_groups])
            self.eval_steps += not self.model.training
            if self.model.training and self.norms:
                self.frozen_steps += sum(not m.training for m in self.norms) / len(self.norms)
            if len(seen.label_batches) < LABEL_BATCHES or is_sampled(self.step):
                seen.label_batches.append(classes.cpu().clone())
            self._compare()
            if is_sampled(self.step):
                self._sample(images, logits.detach())
        self.step += 1

    def evaluation_step(self, labels: torch.Tensor, logits: torch.Tensor, loss: torch.Tensor | float) -> None:
        classes = class_labels(labels, logits)
        if self._evaluating is None:
            self._evaluating = Pass(self.model.training, [], [], [], classes.cpu().clone())
            self.seen.passes.append(self._evaluating)
        self._evaluating.sizes.append(len(classes))
        self._evaluating.rights.append((logits.argmax(dim=1) == classes).float().mean().item())
        self._evaluating.losses.append(float(loss))
        self._evaluating.training_mode |= self.model.training

    def end_epoch(self, numbers: dict[str, float]) -> None:
        self.seen.epochs.append(numbers)
        self.seen.steps_at_epoch.append(self.step)
        self._evaluating = None

    def _held(self) -> set[int]:
        """The ids of the parameters that the optimizers hold; of all, where none was given."""
        if not self.optimizers:
            return {id(p) for p in self.model.parameters()}
        return {id(p) for o in self.optimizers for group in o.param_groups for p in group["params"]}

    def _sample(self, images: object, logits: torch.Tensor) -> None:
        seen = self.seen
        seen.num_outputs = logits.shape[1]
        if isinstance(images, torch.Tensor) and images.ndim >= 2:
            seen.inputs.append(Inputs.of(images[:64]))
        logits = logits.float()
        if torch.isfinite(logits).all():
            error = (logits.sum(dim=1) - 1).abs().max().item() if logits.min() >= 0 else math.inf
            seen.row_sum_error = max(error, -math.inf if math.isnan(seen.row_sum_error) else seen.row_sum_error)
            least = logits.min().item()
            seen.least_output = least if math.isnan(seen.least_output) else min(least, seen.least_output)
            seen.zero_outputs = (logits == 0).float().mean().item()
            seen.output_spread.append(logits.std(dim=1, correction=0).mean().item())
        self._before, gradients = {}, {}
        held = self._held()
        for name, p in self.model.named_parameters():
            self._before[name] = _some(p)
            if p.grad is not None and id(p) in held:  # nobody clears the others
                gradients[name] = _some(p.grad.coalesce().values() if p.grad.is_sparse else p.grad)
        norms = torch._foreach_norm(list(gradients.values())) if gradients else []
        for name, norm in zip(gradients, norms, strict=True):
            self._sizes.setdefault(name, []).append(norm.float())
        self._gradients = gradients
        full = [p.grad for p in self.model.parameters() if p.grad is not None and not p.grad.is_sparse]
        if full:
            seen.gradient_norms.append(torch.stack([n.float() for n in torch._foreach_norm(full)]).norm().item())

    def _compare(self) -> None:
        """With the sampled step before: how far the weights went, and how the gradient turned."""
        if self._before is None:
            return
        now = {name: _some(p) for name, p in self.model.named_parameters()}
        names = [name for name in self._before if name in now and now[name].shape == self._before[name].shape]
        if not names:
            self._before = None
            return
        moves = torch._foreach_norm(torch._foreach_sub([now[n] for n in names], [self._before[n] for n in names]))
        if not any(move > 0 for move in moves):  # gradients are being accumulated: no step was made yet
            return
        sizes = torch._foreach_norm([self._before[n] for n in names])
        for name, move, size in zip(names, moves, sizes, strict=True):
            if size > 0:
                self._ratios.setdefault(name, []).append((move / size).float())
        then = [name for name in names if name in self._gradients]
        parameters = dict(self.model.named_parameters())
        pairs = [
            (self._gradients[n], _some(parameters[n].grad)) for n in then
            if parameters[n].grad is not None and not parameters[n].grad.is_sparse
        ]  # fmt: skip
        if pairs:
            dot = sum((a.float() * b.float()).sum() for a, b in pairs)
            norm = math.prod(torch.cat([p[k].float() for p in pairs]).norm().item() for k in (0, 1))
            self.seen.gradient_turns.append(float(dot) / norm if norm > 0 and math.isfinite(norm) else math.nan)
        self._before = None

    def finish(self, start: dict[str, torch.Tensor]) -> Seen:
        """Everything as numbers. Args: start, the weights before the training."""
        seen = self.seen
        seen.losses = torch.stack([x.float().cpu() for x in self.losses]).numpy() if self.losses else np.array([])
        seen.rights = torch.stack([x.cpu() for x in self.rights]).numpy() if self.rights else np.array([])
        seen.rates = np.array(self.rates)
        seen.eval_mode_share = self.eval_steps / max(1, self.step)
        seen.frozen_norms = self.frozen_steps / max(1, self.step)
        if seen.label_batches:
            seen.label_counts = torch.bincount(torch.cat(seen.label_batches).clamp(min=0)).numpy()
        held = self._held()
        seen.parameters = []
        for name, p in self.model.named_parameters():
            before = start.get(name)
            same = before is not None and before.shape == p.shape
            seen.parameters.append(
                Parameter(
                    name, p.ndim, p.requires_grad, id(p) in held,
                    not same or not torch.equal(before, p.detach()),
                    before.float().norm().item() if same else math.nan, p.detach().float().norm().item(),
                    _median(self._ratios.get(name, [])), _largest(self._ratios.get(name, [])),
                    _median(self._sizes.get(name, [])),
                )
            )  # fmt: skip
        return seen


def _largest(values: list[torch.Tensor]) -> float:
    return torch.stack(values).max().item() if values else math.nan


def _median(values: list[torch.Tensor]) -> float:
    return torch.stack(values).median().item() if values else math.nan
