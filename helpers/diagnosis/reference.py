"""Looks at the images alone: a classifier that needs no training, images that are in both parts, labels out of place.

They tell a fault of the data from one of the model: what a reference that cannot fail to learn does not find is not
in the data.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from helpers.diagnosis.batches import is_comparable

FILTERS, SIZE, KEYS, COMMON = 48, 6, 10, 50
MOST, LARGEST, WIDEST = 2000, 48, 1000  # images to look at; pixels of a side; numbers of an image
NOISE = 0.1  # share of wrong labels for which the comparison of both parts is made


@dataclass
class Reference:
    """What the reference classifier says of training images that it was not fitted to, and of validation images.

    `shifted` is its accuracy on validation images when each of its answers is renamed by one common permutation;
    `wrong_labels` the share of training labels that fit worse than labels of validation images do, `surprise` the
    distance between both parts, in standard errors.
    """

    held_out: float
    chance: float  # share of the largest class
    images: int
    valid: float = float("nan")
    shifted: float = float("nan")
    renamed: str = ""
    twins: float = float("nan")  # share of validation images that are among the training images
    luck: float = 0.0  # the best that renaming gives for shuffled labels, of ten shuffles
    wrong_labels: float = 0.0
    surprise: float = 0.0


def features(images: torch.Tensor) -> torch.Tensor:
    """Random filters, both signs, mean over four quarters, and colours; [n, C, H, W] -> [n, F], the same each time.

    Source: A. Coates, H. Lee and A. Ng, An Analysis of Single-Layer Networks, 2011, with random filters.
    """
    x, generator = images.float(), torch.Generator().manual_seed(0)
    if x.ndim != 4:
        x = x.reshape(len(x), -1)
        many = x.shape[1] > WIDEST
        return x @ torch.randn(x.shape[1], WIDEST // 2, generator=generator) if many else x
    if max(x.shape[2:]) > LARGEST:
        x = F.adaptive_avg_pool2d(x, LARGEST)
    size = min(SIZE, *x.shape[2:])
    filters = torch.randn(FILTERS, x.shape[1], size, size, generator=generator)
    filters -= filters.mean(dim=(1, 2, 3), keepdim=True)
    filters /= filters.flatten(1).norm(dim=1)[:, None, None, None]
    filters[0] = 1 / filters[0].numel()  # one that sees brightness
    parts = []
    for part in x.split(250):
        maps = F.conv2d(part, filters, stride=2)
        colours = F.adaptive_avg_pool2d(part, 4).flatten(1)
        both = torch.cat([F.relu(maps), F.relu(-maps)], dim=1)
        parts.append(torch.cat([F.adaptive_avg_pool2d(both, 2).flatten(1), colours], dim=1))
    return torch.cat(parts)


class Ridge:
    """Least squares on one-hot labels, with a penalty; gives a score for each class."""

    def __init__(self, x: torch.Tensor, labels: torch.Tensor, classes: int) -> None:
        self.mean, self.std = x.mean(0), x.std(0) + 1e-6
        x = (x - self.mean) / self.std
        target = F.one_hot(labels, classes).float()
        self.bias = target.mean(0)
        square = x.T @ x + 0.05 * len(x) * torch.eye(x.shape[1])
        self.weight = torch.linalg.solve(square, x.T @ (target - self.bias))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.mean) / self.std @ self.weight + self.bias


def refer(train: object, valid: object | None, classes: int) -> Reference | None:
    """Fit the reference to each half of the training images, and read it on the other half and on validation images.

    Args: train, valid, looks. None for too few images.
    """
    generator = torch.Generator().manual_seed(0)
    if not is_comparable(train.images):
        return None
    if len(train.labels) < 10 * classes or classes < 2 or not torch.isfinite(train.images.float()).all():
        return None
    order = torch.randperm(len(train.labels), generator=generator)[:MOST]
    labels = train.labels[order].clamp(0, classes - 1)
    x = features(train.images[order])
    halves = torch.arange(len(x)).chunk(2)
    fitted = [Ridge(x[half], labels[half], classes) for half in halves]
    scores = torch.cat([fitted[1](x[halves[0]]), fitted[0](x[halves[1]])])
    right = (scores.argmax(dim=1) == labels).float().mean().item()
    found = Reference(right, torch.bincount(labels).max().item() / len(labels), len(labels))
    if valid is None or valid.images.shape[1:] != train.images.shape[1:] or len(valid.labels) < classes:
        return found
    if torch.isfinite(valid.images.float()).all():
        x, true = features(valid.images[:MOST]), valid.labels[:MOST].clamp(0, classes - 1)
        both = torch.cat([ridge(x) for ridge in fitted])
        found.wrong_labels, found.surprise = _wrong_labels(scores, labels, both, true.repeat(2))
        answers = both.reshape(2, len(x), classes).mean(0).argmax(dim=1)
        found.valid = (answers == true).float().mean().item()
        found.shifted, found.renamed = _best_renaming(answers, true, classes)
        shuffles = [torch.randperm(len(true), generator=generator) for _ in range(10)]
        found.luck = max(_best_renaming(answers, true[shuffle], classes)[0] for shuffle in shuffles)
        found.twins = twins(train.images, valid.images[:200], train.share)
    return found


def _wrong_labels(
    scores: torch.Tensor, labels: torch.Tensor, valid_scores: torch.Tensor, valid_labels: torch.Tensor
) -> tuple[float, float]:
    """The share of training labels drawn at random, beyond that of the validation labels; their distance in both parts.

    Scores become probabilities p by a softmax, as steep as fits the validation labels best. A label drawn at random
    has the probability 1 / K, so with a share e of them that of a label is (1 - e) p + e / K. The share is the e of
    the largest likelihood; the distance is between the means of log(that / p) for e of a tenth, in standard errors
    (validation images, which are scored twice, count once).
    """
    classes = scores.shape[1]
    steep = min(torch.logspace(0, 2, 41).tolist(), key=lambda k: F.cross_entropy(k * valid_scores, valid_labels).item())
    shares, means, errors = [], [], []
    for each, true, times in ((scores, labels, 1), (valid_scores, valid_labels, 2)):
        p = (steep * each).softmax(dim=1).gather(1, true[:, None])[:, 0].double()
        grid = torch.linspace(0, 0.6, 61).tolist()
        shares.append(max(grid, key=lambda e, p=p: ((1 - e) * p + e / classes).log().mean().item()))
        surprise = ((1 - NOISE) + NOISE / classes / p).log()
        means.append(surprise.mean().item())
        errors.append(surprise.var().item() * times / len(p))
    return shares[0] - shares[1], (means[0] - means[1]) / max(1e-12, sum(errors)) ** 0.5


def _best_renaming(answers: torch.Tensor, true: torch.Tensor, classes: int) -> tuple[float, str]:
    """The accuracy when answers are renamed in the best way, and that way; by Hungarian assignment."""
    from scipy.optimize import linear_sum_assignment

    table = torch.bincount(answers * classes + true, minlength=classes**2).reshape(classes, classes).numpy()
    rows, columns = linear_sum_assignment(-table)
    changed = ", ".join(f"{a} is {b}" for a, b in zip(rows.tolist(), columns.tolist(), strict=True) if a != b)
    return float(table[rows, columns].sum() / max(1, table.sum())), changed


def twins(train: torch.Tensor, valid: torch.Tensor, share: float = 1.0) -> float:
    """The share of validation images that are training images, also cropped by a few pixels or mirrored.

    A filter of 3×3 with left and right alike gives each place of an image a number that a crop only moves and a mirror
    leaves. Of each validation image the ten most unusual numbers of its middle are looked for among all numbers of the
    training images: a twin holds eight of them. A number that many images hold, as in drawings of two colours, does
    not count. Changed colours, rotation and scaling hide a twin.

    Args: share of the training images that `train` holds.
    """
    if train.ndim != 4 or min(train.shape[2:]) < 12 or not len(valid):
        return float("nan")
    generator = torch.Generator().manual_seed(1)
    kernel = torch.randn(1, train.shape[1], 3, 3, generator=generator, dtype=torch.float64)
    kernel = kernel + kernel.flip(3)
    centre, spread = train.double().mean(), train.double().std() + 1e-12
    train, valid = ((images.double() - centre) / spread for images in (train, valid))
    known = torch.cat([F.conv2d(part, kernel) for part in train.split(500)])[:, 0].flatten(1)  # n P
    owner = torch.arange(len(known))[:, None].expand_as(known).reshape(-1)
    values, order = known.reshape(-1).sort()
    owner = owner[order]
    edge = train.shape[2] // 6 + 1
    middle = F.conv2d(valid, kernel)[:, 0, edge:-edge, edge:-edge].flatten(1)
    tolerance = 1e-6  # of images in float32 with a spread of 1
    found = 0
    for numbers in middle:
        unusual = (numbers - numbers.median()).abs().argsort(descending=True)
        keys = numbers[unusual].unique()  # sorted; flat places give the same number
        keys = keys[torch.linspace(0, len(keys) - 1, KEYS).long()] if len(keys) >= KEYS else keys
        if len(keys) < KEYS:
            continue  # an image without texture has no fingerprint
        low, high = torch.searchsorted(values, keys - tolerance), torch.searchsorted(values, keys + tolerance)
        hits = [owner[a : min(b, a + 2000)].unique() for a, b in zip(low.tolist(), high.tolist(), strict=True)]
        votes = torch.cat([owner[:0], *(hit for hit in hits if len(hit) <= COMMON)])
        found += bool(len(votes)) and int(torch.bincount(votes).max()) >= KEYS - 2
    return found / len(valid) / max(share, 1e-9)
