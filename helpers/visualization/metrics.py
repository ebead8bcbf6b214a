"""From labels and predictions to numbers: confusion matrix, accuracy, recall, precision."""

import torch


def confusion_matrix(labels: torch.Tensor, predictions: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Count each pair of true and predicted class; int64 [K, K], rows true, columns predicted.

    Args: labels and predictions, whole numbers [N] from 0 to K - 1, on one device.
    Raises: ValueError for shapes that differ or a class outside of the range.
    """
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels {list(labels.shape)} and predictions {list(predictions.shape)} must both be [N]")
    for name, classes in (("labels", labels), ("predictions", predictions)):
        if len(classes) and not (classes.min() >= 0 and classes.max() < num_classes):
            raise ValueError(f"{name} hold {classes.min()} to {classes.max()}, expected 0 to {num_classes - 1}")
    # each pair is one number below K², so that one count does for all
    pairs = labels.to(torch.int64) * num_classes + predictions.to(torch.int64)
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def accuracy(matrix: torch.Tensor) -> float:
    """Share of right answers, 0 to 1; nan for an empty matrix."""
    return (matrix.diagonal().sum().double() / matrix.sum()).item()


def recall(matrix: torch.Tensor) -> torch.Tensor:
    """For each true class the share that was found; float64 [K], nan for a class without images."""
    return matrix.diagonal().double() / matrix.sum(dim=1)


def precision(matrix: torch.Tensor) -> torch.Tensor:
    """For each predicted class the share that is right; float64 [K], nan for a class that was never predicted."""
    return matrix.diagonal().double() / matrix.sum(dim=0)
