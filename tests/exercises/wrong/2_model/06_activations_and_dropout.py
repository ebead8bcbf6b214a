# %% 1: the formula as it stands | infinite for large x
def softplus(x):
    return torch.log(1 + torch.exp(x))
# %% 1: two branches, of which where() takes one | the slope is nan for large x
def softplus(x):
    return torch.where(x > 20, x, torch.log1p(torch.exp(x)))
# %% 1: a ReLU | wrong for small x
def softplus(x):
    return x.clamp(min=0)
# %% 1: large numbers cut | wrong for large x
def softplus(x):
    return torch.log1p(torch.exp(x.clamp(max=20)))
# %% 1: 1 + e^x swallows small numbers | 0 where x is very negative
def softplus(x):
    return x.clamp(min=0) + torch.log(1 + torch.exp(-x.abs()))
# %% 1: from the sigmoid | 0 where x is very negative
def softplus(x):
    return -torch.log(1 - torch.sigmoid(x.clamp(max=20))) + (x - 20).clamp(min=0)
# %% 1: the corner of the absolute value | the slope at 0 is wrong
def softplus(x):
    return x * (x > 0) + torch.log1p(torch.exp(-x.abs()))
# %% 1: the gradient is cut off | stopped with RuntimeError
def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x)).detach()
# %% 2: dropout of single numbers | parts of an image
def drop_images(x, p, training, generator):
    if not training or p == 0:
        return x
    kept = torch.rand(x.shape, generator=generator) >= p
    return x * kept / max(1 - p, 1e-12)
# %% 2: dropout of channels | parts of an image
def drop_images(x, p, training, generator):
    if not training or p == 0:
        return x
    kept = torch.rand(*x.shape[:2], 1, 1, generator=generator) >= p
    return x * kept / max(1 - p, 1e-12)
# %% 2: one draw for the whole batch | another share
def drop_images(x, p, training, generator):
    if not training or p == 0:
        return x
    kept = torch.rand(1, generator=generator) >= p
    return x * kept / max(1 - p, 1e-12)
# %% 2: no scale | the mean is not kept
def drop_images(x, p, training, generator):
    if not training:
        return x
    return x * (torch.rand(len(x), 1, 1, 1, generator=generator) >= p)
# %% 2: p as the share that is kept | another share
def drop_images(x, p, training, generator):
    if not training or p == 0:
        return x
    return x * (torch.rand(len(x), 1, 1, 1, generator=generator) < p) / p
# %% 2: 0 / 0 | p = 1 leaves something
def drop_images(x, p, training, generator):
    if not training:
        return x
    kept = torch.rand(len(x), 1, 1, 1, generator=generator) >= p
    return x * kept / (1 - p)
# %% 2: the mode forgotten | evaluation changes images
def drop_images(x, p, training, generator):
    kept = torch.rand(len(x), 1, 1, 1, generator=generator) >= p
    return x * kept / max(1 - p, 1e-12)
# %% 2: another generator | not the given generator
def drop_images(x, p, training, generator):
    if not training or p == 0:
        return x
    kept = torch.rand(len(x), 1, 1, 1) >= p
    return x * kept / max(1 - p, 1e-12)
# %% 2: in place | the input was changed
def drop_images(x, p, training, generator):
    if not training or p == 0:
        return x
    kept = torch.rand(len(x), 1, 1, 1, generator=generator) >= p
    return x.mul_(kept).div_(max(1 - p, 1e-12))
# %% 2: scaled by p | the mean is not kept
def drop_images(x, p, training, generator):
    if not training or p == 0:
        return x
    kept = torch.rand(len(x), 1, 1, 1, generator=generator) >= p
    return x * kept / p
