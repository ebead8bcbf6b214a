"""Optimizers that the library does not put together by itself."""

from collections.abc import Callable, Iterable

import torch
from torch.optim import AdamW, Muon, Optimizer


class MuonWithAdamW(Optimizer):
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
        self.parts = {
            "muon": Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
            "adamw": AdamW(others, lr=lr, weight_decay=0.0),
        }
        super().__init__(parameters, {"lr": lr})
        # the groups of the parts themselves: a scheduler that changes them changes the parts
        self.param_groups = [group for part in self.parts.values() for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        """One step of both. Args: closure, computes the loss again, with gradients, as for every optimizer."""
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
        self.param_groups = [group for part in self.parts.values() for group in part.param_groups]
