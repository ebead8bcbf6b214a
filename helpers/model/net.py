"""`Net`, the LeNet-style network of the book.

Input: images [B, 3, 32, 32], float32, normalized. Output: logits [B, K], not yet probabilities.
"""

import torch
from torch import nn
from torch.nn import functional as F

from helpers.model.initialization import initialize_weights


class Net(nn.Module):
    """LeNet-style network for 32×32 images; 62,006 parameters with ten classes.

    Two convolutions of 5×5 without padding, each followed by ReLU and 2×2 max-pooling, then three linear layers.

    Source: Y. LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998 (LeNet-5, there with
    one input channel, average-pooling and other activations).
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, kernel_size=5)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[B, 3, 32, 32] -> logits [B, K]. Raises: ValueError for another shape."""
        if images.shape[1:] != (3, 32, 32):
            raise ValueError(f"Net takes images [B, 3, 32, 32], not {list(images.shape)}. Resize or transpose them.")
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)  # B 6 14 14
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # B 16 5 5
        x = torch.flatten(x, start_dim=1)  # B 400; unlike `view`, also for channels_last images
        x = F.relu(self.fc1(x))  # B 120
        x = F.relu(self.fc2(x))  # B 84
        return self.fc3(x)  # B K

    def initialize_weights(self, method: str = "kaiming") -> None:
        """Draw new weights; see `helpers.model.initialization`."""
        initialize_weights(self, method)


def with_batch_norm(model: Net) -> Net:
    """Put a BatchNorm layer behind each layer of this model but the last."""
    for name, layer in list(model.named_children())[:-1]:
        is_conv = isinstance(layer, nn.Conv2d)
        size = len(layer.weight)  # channels, or numbers out
        norm = nn.BatchNorm2d(size) if is_conv else nn.BatchNorm1d(size)
        setattr(model, name, nn.Sequential(layer, norm))
    return model
