"""Draw the weights that a training starts from."""

from functools import partial

import torch
from torch import nn
from torch.nn import init

SCALE, SMALL, CONSTANT = 0.1, 0.01, 0.01  # bound or standard deviation; the tutorial's; of every weight
SPARSITY = 0.1  # share of the weights of an input that are 0


def _sparse(weight: torch.Tensor) -> None:
    """`init.sparse_` takes matrices only: a kernel [C_out, C_in, h, w] is drawn as [C_out, C_in · h · w]."""
    matrix = weight.new_empty(weight.shape[0], weight[0].numel())
    init.sparse_(matrix, SPARSITY, std=SMALL)
    with torch.no_grad():
        weight.copy_(matrix.view(weight.shape))


def _partial_identity(weight: torch.Tensor) -> None:
    """As the layer itself draws; then the first kernels of a convolution, one for each channel in, pass it on."""
    init.kaiming_uniform_(weight, a=5**0.5)
    if weight.ndim == 4:
        init.dirac_(weight.detach()[: weight.shape[1]])


_DRAWS = {
    "kaiming": partial(init.kaiming_normal_, nonlinearity="relu"),
    "xavier": init.xavier_uniform_,
    "orthogonal": init.orthogonal_,
    "tutorial": init.xavier_normal_,
    "kaiming_uniform": partial(init.kaiming_uniform_, nonlinearity="relu"),
    "xavier_normal": init.xavier_normal_,
    "uniform": partial(init.uniform_, a=-SCALE, b=SCALE),
    "normal": partial(init.normal_, std=SCALE),
    "small_normal": partial(init.normal_, std=SMALL),
    "sparse": _sparse,
    "constant": partial(init.constant_, val=CONSTANT),
    "zero": init.zeros_,
    "identity": init.dirac_,
    "partial_identity": _partial_identity,
}
_DRAWS_OF_LINEAR = {"tutorial": partial(init.normal_, std=SMALL), "identity": init.eye_}  # where they differ
INIT_METHODS = ("torch", *_DRAWS)


def initialize_weights(model: nn.Module, method: str) -> None:
    """Draw new weights for every convolution and linear layer; biases become 0, normalization layers 1 and 0.

    Methods: torch, what the layers do by themselves (biases uniform); kaiming and kaiming_uniform, variance
    2 / fan_in, for ReLU; xavier, uniform, and xavier_normal, variance 2 / (fan_in + fan_out); orthogonal; tutorial,
    that of the 2018 tutorial: xavier normal for convolutions and N(0, 0.01²) for linear layers, each of which shrinks
    the signal, and the gradient with it; uniform, from -0.1 to 0.1; normal, N(0, 0.1²); small_normal, N(0, 0.01²);
    sparse, N(0, 0.01²) with a tenth of the weights 0; constant, 0.01; zero; identity, which passes on the first
    channels and numbers; partial_identity, as torch without biases, but the first kernels of a convolution, one a
    channel in, pass that channel on (Jordan 2024).

    Raises: ValueError for an unknown method.
    """
    if method not in INIT_METHODS:
        raise ValueError(f"unknown initialization {method!r}: use one of {', '.join(INIT_METHODS)}")
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d) or (method == "torch" and isinstance(layer, nn.Conv2d | nn.Linear)):
            layer.reset_parameters()
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            draw = _DRAWS_OF_LINEAR.get(method, _DRAWS[method]) if isinstance(layer, nn.Linear) else _DRAWS[method]
            draw(layer.weight)
            if layer.bias is not None:
                init.zeros_(layer.bias)
