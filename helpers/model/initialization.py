"""Draw the weights that a training starts from."""

from torch import nn

INIT_METHODS = ("torch", "kaiming", "xavier", "orthogonal", "tutorial")


def initialize_weights(model: nn.Module, method: str) -> None:
    """Draw new weights for every convolution and linear layer; biases become 0, normalization layers 1 and 0.

    Methods: torch, what the layers do by themselves (biases uniform); kaiming, normal with variance
    2 / fan_in, for ReLU; xavier, uniform with variance 2 / (fan_in + fan_out); orthogonal; tutorial, that of
    the 2018 tutorial: xavier normal for convolutions and N(0, 0.01²) for linear layers. Each linear
    layer shrinks the signal, and the gradient with it.

    Raises: ValueError for an unknown method.
    """
    if method not in INIT_METHODS:
        raise ValueError(f"unknown initialization {method!r}: use one of {', '.join(INIT_METHODS)}")
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d) or (method == "torch" and isinstance(layer, nn.Conv2d | nn.Linear)):
            layer.reset_parameters()
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            if method == "kaiming":
                nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
            elif method == "xavier":
                nn.init.xavier_uniform_(layer.weight)
            elif method == "orthogonal":
                nn.init.orthogonal_(layer.weight)
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
            else:
                nn.init.xavier_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
