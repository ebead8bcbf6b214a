# %% 1: alike and not alike exchanged | a pair that is alike
def contrastive(x1, x2, alike, margin):
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    return ((1 - alike) * d**2 + alike * (margin - d).clamp(min=0) ** 2).mean()
# %% 1: the distance is not squared | a pair that is alike
def contrastive(x1, x2, alike, margin):
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    return (alike * d + (1 - alike) * (margin - d).clamp(min=0)).mean()
# %% 1: squared before the margin | a near pair
def contrastive(x1, x2, alike, margin):
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    return (alike * d**2 + (1 - alike) * (margin**2 - d**2).clamp(min=0)).mean()
# %% 1: far pairs are pulled back to the margin | a far pair
def contrastive(x1, x2, alike, margin):
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    return (alike * d**2 + (1 - alike) * (margin - d) ** 2).mean()
# %% 1: the root of 0 has no derivative | equal vectors
def contrastive(x1, x2, alike, margin):
    d = (x1 - x2).square().sum(dim=1).sqrt()
    return (alike * d**2 + (1 - alike) * (margin - d).clamp(min=0) ** 2).mean()
# %% 1: summed over the pairs | several pairs
def contrastive(x1, x2, alike, margin):
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    return (alike * d**2 + (1 - alike) * (margin - d).clamp(min=0) ** 2).sum()
# %% 1: one loss a pair | one number
def contrastive(x1, x2, alike, margin):
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    return alike * d**2 + (1 - alike) * (margin - d).clamp(min=0) ** 2
# %% 2: the hardest, not the semi-hard | nearest of the farther
def semi_hard(d_pos, d_neg):
    return d_neg.argmin(dim=1)
# %% 2: as far as the positive is taken for farther | as far as
def semi_hard(d_pos, d_neg):
    farther = d_neg >= d_pos[:, None]
    nearest = d_neg.masked_fill(~farther, torch.inf).argmin(dim=1)
    return torch.where(farther.any(dim=1), nearest, d_neg.argmax(dim=1))
# %% 2: no answer where none is farther | no negative is farther
def semi_hard(d_pos, d_neg):
    return d_neg.masked_fill(d_neg <= d_pos[:, None], torch.inf).argmin(dim=1)
# %% 2: distances for positions | int64
def semi_hard(d_pos, d_neg):
    farther = d_neg > d_pos[:, None]
    nearest = d_neg.masked_fill(~farther, torch.inf).amin(dim=1)
    return torch.where(farther.any(dim=1), nearest, d_neg.amax(dim=1))
# %% 2: overwrites the distances | were changed
def semi_hard(d_pos, d_neg):
    farther = d_neg > d_pos[:, None]
    farthest = d_neg.argmax(dim=1)
    nearest = d_neg.masked_fill_(~farther, torch.inf).argmin(dim=1)
    return torch.where(farther.any(dim=1), nearest, farthest)
# %% 2: the farthest of the farther | nearest of the farther
def semi_hard(d_pos, d_neg):
    return d_neg.argmax(dim=1)
