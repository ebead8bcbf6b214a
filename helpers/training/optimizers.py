"""Optimizers that the library does not put together by itself."""

from collections.abc import Callable, Iterable

import torch
from torch.optim import SGD, AdamW, Muon, Optimizer


class PartedOptimizer(Optimizer):
    """Several optimizers, each with parameters of its own, as one."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], parts: dict[str, Optimizer]) -> None:
        super().__init__(parameters, {})
        self.parts = parts
        self._join()

    def _join(self) -> None:
        # the groups of the parts themselves: a scheduler that changes them changes the parts
        self.param_groups = [group for part in self.parts.values() for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        """One step of each. Args: closure, computes the loss again, with gradients, as for every optimizer."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts.values():
            part.step()
        return loss

    def state_dict(self) -> dict[str, dict]:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict[str, dict]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self._join()


class MuonWithAdamW(PartedOptimizer):
    """Muon for the weight matrices, AdamW for all other parameters, as one optimizer.

    Muon replaces the gradient matrix by the nearest matrix with orthogonal rows, so that no direction of the weights
    learns much faster than another. It is defined for matrices only. Its steps are scaled to the size of AdamW's
    (`match_rms_adamw`), so that both take one learning rate.

    Args: lr, learning rate of both; weight_decay, decoupled, of the matrices only.
    Source: K. Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; J. Liu et al., Muon is
    Scalable for LLM Training, 2025 (the scale).
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], lr: float, weight_decay: float = 0.0) -> None:
        parameters = list(parameters)
        matrices = [p for p in parameters if p.ndim == 2]
        others = [p for p in parameters if p.ndim != 2]
        super().__init__(
            parameters,
            {
                "muon": Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
                "adamw": AdamW(others, lr=lr, weight_decay=0.0),
            },
        )


class KernelMuon(Optimizer):
    """Muon for kernels [C_out, C_in, h, w], each as a matrix [C_out, C_in · h · w] that is kept at the norm √C_out.

    Raises: ValueError for a kernel that does not lie in memory in one of the two usual orders.
    Source: K. Jordan, airbench94_muon, 2024 (three iterations towards orthogonal rows; the norm).
    """

    def __init__(self, kernels: Iterable[torch.nn.Parameter], lr: float, momentum: float) -> None:
        super().__init__(kernels, {"lr": lr, "momentum": momentum})
        self.kernels = self.param_groups[0]["params"]
        matrices = [torch.nn.Parameter(_as_matrix(kernel.detach(), kernel)) for kernel in self.kernels]
        if any(matrix.data_ptr() != kernel.data_ptr() for matrix, kernel in zip(matrices, self.kernels, strict=True)):
            raise ValueError("a kernel is not contiguous: its matrix would be a copy. Call .contiguous() on it.")
        self.muon = Muon(matrices, lr, weight_decay=0.0, momentum=momentum, ns_steps=3)  # it takes matrices only
        self._share_state()

    def _share_state(self) -> None:
        for matrix, kernel in zip(self._matrices(), self.kernels, strict=True):
            self.muon.state[matrix] = self.state[kernel]

    def _matrices(self) -> list[torch.nn.Parameter]:
        return self.muon.param_groups[0]["params"]  # in the memory of the kernels

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        self.muon.param_groups[0]["lr"] = self.param_groups[0]["lr"]
        for matrix, kernel in zip(self._matrices(), self.kernels, strict=True):
            matrix.grad = None if kernel.grad is None else _as_matrix(kernel.grad, kernel)
            kernel.mul_(len(kernel) ** 0.5 / kernel.norm())
        self.muon.step()

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        self.kernels = self.param_groups[0]["params"]
        self._share_state()


def _as_matrix(values: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """[C_out, C_in, h, w] -> [C_out, C_in · h · w], with the columns in the order in which a kernel lies in memory.

    So a kernel is not copied; and Muon does not depend on the order of the columns.
    """
    if kernel.is_contiguous(memory_format=torch.channels_last):
        values = values.permute(0, 2, 3, 1)
    return values.flatten(1)


class MuonWithSGD(PartedOptimizer):
    """Muon for the kernels; SGD with Nesterov momentum for biases and linear layers, as one optimizer.

    Args: groups, of all other parameters, as SGD takes them.
    Source: K. Jordan, airbench94_muon, 2024.
    """

    def __init__(self, kernels: list[torch.nn.Parameter], lr: float, groups: list[dict], momentum: float) -> None:
        others = [p for group in groups for p in group["params"]]
        parts = {"muon": KernelMuon(kernels, lr, momentum=0.6), "sgd": SGD(groups, lr, momentum, nesterov=momentum > 0)}
        super().__init__([*kernels, *others], parts)


class Lookahead(Optimizer):
    """An optimizer whose weights go back, every few steps, to an average of those that it came by.

    slow ← ρ · slow + (1 - ρ) · weights; weights ← slow, with ρ = 0.95^every · (step / num_steps)³: at first the average
    is nearly the last weights; later, when the steps mostly cancel, it is longer.

    Args: buffers, running statistics that are averaged like the weights; every, steps between two averages; num_steps,
    of the whole training, the last of which ends with an average too.
    Source: M. Zhang et al., Lookahead Optimizer: k steps forward, 1 step back, 2019; K. Jordan, 94% on CIFAR-10 in 3.29
    Seconds on a Single GPU, 2024 (ρ).
    """

    def __init__(self, optimizer: Optimizer, buffers: Iterable[torch.Tensor], every: int, num_steps: int) -> None:
        super().__init__([p for group in optimizer.param_groups for p in group["params"]], {})
        self.optimizer, self.param_groups = optimizer, optimizer.param_groups
        self.every, self.num_steps, self.steps = every, num_steps, 0
        self.fast = [p for group in optimizer.param_groups for p in group["params"]]
        self.fast += [buffer for buffer in buffers if buffer.is_floating_point()]
        self.slow = [values.detach().clone() for values in self.fast]

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        """One step of the optimizer, and the average when it is due. Args: closure, computes the loss again."""
        loss = self.optimizer.step(closure)
        self.steps += 1
        if self.steps % self.every == 0 or self.steps == self.num_steps:
            rho = 0.95**self.every * (self.steps / self.num_steps) ** 3
            for slow, fast in zip(self.slow, self.fast, strict=True):
                fast.copy_(slow.lerp_(fast, 1 - rho))
        return loss

    def state_dict(self) -> dict:
        return {"optimizer": self.optimizer.state_dict(), "slow": self.slow, "steps": self.steps}

    def load_state_dict(self, state: dict) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.param_groups = self.optimizer.param_groups
        for own, given in zip(self.slow, state["slow"], strict=True):
            own.copy_(given)
        self.steps = state["steps"]
