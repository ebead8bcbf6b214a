# %% 1: the logarithm of the sigmoid | not finite for large logits
def stable_bce(z, y, pos_weight):
    p = 1 / (1 + torch.exp(-z))
    return -(pos_weight * y * torch.log(p) + (1 - y) * torch.log(1 - p))
# %% 1: the two halves of `abs` and `clamp` do not fit at 0 | wrong gradient for zero logits
def stable_bce(z, y, pos_weight):
    tail = torch.log1p(torch.exp(-z.abs()))
    return pos_weight * y * ((-z).clamp(min=0) + tail) + (1 - y) * (z.clamp(min=0) + tail)
# %% 1: pos_weight on both answers | wrong losses for small logits
def stable_bce(z, y, pos_weight):
    shift = (-z).clamp(min=0)
    yes = shift + torch.log(torch.exp(-shift) + torch.exp(-z - shift))
    return pos_weight * (y * yes + (1 - y) * (z + yes))
# %% 1: yes and no exchanged | wrong losses for small logits
def stable_bce(z, y, pos_weight):
    shift = (-z).clamp(min=0)
    yes = shift + torch.log(torch.exp(-shift) + torch.exp(-z - shift))
    return pos_weight * y * (z + yes) + (1 - y) * yes
# %% 1: the exponent is cut off, and the loss with it | wrong losses for large logits
def stable_bce(z, y, pos_weight):
    yes = torch.log(1 + torch.exp((-z).clamp(max=20)))
    no = torch.log(1 + torch.exp(z.clamp(max=20)))
    return pos_weight * y * yes + (1 - y) * no
# %% 1: reduced | one loss an element
def stable_bce(z, y, pos_weight):
    shift = (-z).clamp(min=0)
    yes = shift + torch.log(torch.exp(-shift) + torch.exp(-z - shift))
    return (pos_weight * y * yes + (1 - y) * (z + yes)).mean()
# %% 2: -1 left where a label is missing | labels first
def padded(table):
    return torch.where(table != 0, torch.arange(table.shape[1]), -1)
# %% 2: padded with 0, which is a label | a row without labels
def padded(table):
    result = torch.zeros(table.shape, dtype=torch.int64)
    for row, found in zip(table, result, strict=True):
        positions = row.nonzero()[:, 0]
        found[: len(positions)] = positions
    return result
# %% 2: sorted, but never padded | a row without labels
def padded(table):
    return table.float().argsort(dim=1, descending=True, stable=True)
# %% 2: multiplied by the position, which loses label 0 | a row with all labels
def padded(table):
    positions = table.long() * torch.arange(table.shape[1])
    return positions.masked_fill(positions == 0, -1).sort(dim=1, descending=True).values
# %% 2: floating-point positions | int64
def padded(table):
    result = -torch.ones(table.shape)
    for row, found in zip(table, result, strict=True):
        positions = row.nonzero()[:, 0]
        found[: len(positions)] = positions.float()
    return result
# %% 2: from the last label to the first | rising order
def padded(table):
    positions = torch.arange(table.shape[1]).expand(table.shape)
    return positions.masked_fill(table == 0, -1).sort(dim=1, descending=True).values
