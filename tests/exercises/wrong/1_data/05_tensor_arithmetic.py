# %% 1: one mean for the whole batch | one colour must become 0
def standardized(images):
    return (images - images.mean()) / images.std(correction=0).clamp(min=1e-3)
# %% 1: the mean without its axes fits the columns | one colour must become 0
def standardized(images):
    x = images - images.mean(dim=(1, 2, 3))
    return x / images.std(dim=(1, 2, 3), keepdim=True, correction=0).clamp(min=1e-3)
# %% 1: each channel by itself | the numbers are others
def standardized(images):
    x = images - images.mean(dim=(2, 3), keepdim=True)
    return x / images.std(dim=(2, 3), keepdim=True, correction=0).clamp(min=1e-3)
# %% 1: divides by n - 1 | the numbers are others
def standardized(images):
    x = images - images.mean(dim=(1, 2, 3), keepdim=True)
    return x / images.std(dim=(1, 2, 3), keepdim=True).clamp(min=1e-3)
# %% 1: adds the smallest divisor | the numbers are others
def standardized(images):
    x = images - images.mean(dim=(1, 2, 3), keepdim=True)
    return x / (images.std(dim=(1, 2, 3), keepdim=True, correction=0) + 1e-3)
# %% 1: no smallest divisor | NaN
def standardized(images):
    x = images - images.mean(dim=(1, 2, 3), keepdim=True)
    return x / images.std(dim=(1, 2, 3), keepdim=True, correction=0)
# %% 1: by the variance | the numbers are others
def standardized(images):
    x = images - images.mean(dim=(1, 2, 3), keepdim=True)
    return x / images.var(dim=(1, 2, 3), keepdim=True, correction=0).clamp(min=1e-3)
# %% 1: in place | the caller's batch changed
def standardized(images):
    std = images.std(dim=(1, 2, 3), keepdim=True, correction=0).clamp(min=1e-3)
    return images.sub_(images.mean(dim=(1, 2, 3), keepdim=True)).div_(std)
# %% 2: the labels without an axis | too many
def accuracy_topk(logits, labels, k):
    return (logits.topk(k, dim=1).indices == labels).any(dim=1).double().mean()
# %% 2: the share of the k classes, not of the samples | too few
def accuracy_topk(logits, labels, k):
    return (logits.topk(k, dim=1).indices == labels[:, None]).double().mean()
# %% 2: the lowest logits | too few
def accuracy_topk(logits, labels, k):
    best = logits.argsort(dim=1)[:, :k]
    return (best == labels[:, None]).any(dim=1).double().mean()
# %% 2: k is ignored | too few
def accuracy_topk(logits, labels, k):
    return (logits.argmax(dim=1) == labels).double().mean()
# %% 2: a rank too many | too few
def accuracy_topk(logits, labels, k):
    rank = (logits >= logits.gather(1, labels[:, None])).sum(dim=1)
    return (rank < k).double().mean()
# %% 2: a rank too few | too many
def accuracy_topk(logits, labels, k):
    rank = (logits > logits.gather(1, labels[:, None])).sum(dim=1)
    return (rank <= k).double().mean()
# %% 2: per cent | no share
def accuracy_topk(logits, labels, k):
    return 100 * (logits.topk(k).indices == labels[:, None]).any(dim=1).double().mean()
# %% 2: the logit picked by a product, so that a negative one is lost | not right yet
def accuracy_topk(logits, labels, k):
    own = (logits * torch.eye(logits.shape[1])[labels]).amax(dim=1, keepdim=True)
    return ((logits > own).sum(dim=1) < k).double().mean()
# %% 2: the count instead of the share | too many
def accuracy_topk(logits, labels, k):
    return (logits.topk(k).indices == labels[:, None]).any(dim=1).sum()
# %% 3: a repeated pair counts once | add up
def confusion(labels, predictions, K):
    matrix = torch.zeros(K, K, dtype=torch.int64)
    matrix[labels, predictions] += 1
    return matrix
# %% 3: transposed | class 2 was taken
def confusion(labels, predictions, K):
    return (predictions * K + labels).bincount(minlength=K * K).reshape(K, K)
# %% 3: as many classes as came | K by K
def confusion(labels, predictions, K):
    K = int(labels.max()) + 1
    return (labels * K + predictions).bincount(minlength=K * K).reshape(K, K)
# %% 3: no minlength | stopped with
def confusion(labels, predictions, K):
    return (labels * K + predictions).bincount().reshape(K, K)
# %% 3: shares | add up
def confusion(labels, predictions, K):
    matrix = (labels * K + predictions).bincount(minlength=K * K).reshape(K, K)
    return matrix / matrix.sum()
# %% 3: floats | whole numbers
def confusion(labels, predictions, K):
    matrix = torch.zeros(K, K)
    matrix.index_put_((labels, predictions), torch.ones(len(labels)), accumulate=True)
    return matrix
# %% 3: every label with every prediction | add up
def confusion(labels, predictions, K):
    one, other = torch.eye(K)[labels].sum(0), torch.eye(K)[predictions].sum(0)
    return (one[:, None] * other).long()
# %% 3: the wrong answers only | add up
def confusion(labels, predictions, K):
    wrong = labels != predictions
    return (labels * K + predictions)[wrong].bincount(minlength=K * K).reshape(K, K)
