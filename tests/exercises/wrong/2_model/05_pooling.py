# %% 1: an average of the tiles | that is an average
def tile_max(x, k):
    h, w = x.shape[2] // k, x.shape[3] // k
    x = x[:, :, : h * k, : w * k]
    return x.unflatten(3, (w, k)).unflatten(2, (h, k)).mean(dim=(3, 5))
# %% 1: the window axis first: every h-th row | the windows are no tiles
def tile_max(x, k):
    h, w = x.shape[2] // k, x.shape[3] // k
    x = x[:, :, : h * k, : w * k]
    return x.unflatten(3, (k, w)).unflatten(2, (k, h)).amax(dim=(2, 4))
# %% 1: nothing is left out | fails where k does not divide
def tile_max(x, k):
    B, C, H, W = x.shape
    return x.reshape(B, C, H // k, k, W // k, k).amax(dim=(3, 5))
# %% 1: only along the rows | the shape is another one
def tile_max(x, k):
    h = x.shape[2] // k
    return x[:, :, : h * k].unflatten(2, (h, k)).amax(dim=3)
# %% 1: filled up with zeros to a whole window | a window is not full
def tile_max(x, k):
    x = F.pad(x, (0, -x.shape[3] % k, 0, -x.shape[2] % k))
    B, C, H, W = x.shape
    return x.reshape(B, C, H // k, k, W // k, k).amax(dim=(3, 5))
# %% 1: leaves out the first rows | wrong end
def tile_max(x, k):
    x = x[:, :, x.shape[2] % k :, x.shape[3] % k :]
    B, C, H, W = x.shape
    return x.reshape(B, C, H // k, k, W // k, k).amax(dim=(3, 5))
# %% 1: starts from zeros | no tiles
def tile_max(x, k):
    h, w = x.shape[2] // k, x.shape[3] // k
    found = torch.zeros(*x.shape[:2], h, w)
    for u in range(k):
        for v in range(k):
            found = torch.maximum(found, x[:, :, u : h * k : k, v : w * k : k])
    return found
# %% 1: forgets to return | not a tensor
def tile_max(x, k):
    x.unfold(2, k, k).unfold(3, k, k).amax(dim=(4, 5))
# %% 2: the plain mean | divided by another count
def masked_mean(maps, mask):
    return maps.mean(dim=(2, 3))
# %% 2: the sum by the count, without the mask | padded places count
def masked_mean(maps, mask):
    return maps.sum(dim=(2, 3)) / mask.sum(dim=(1, 2))[:, None]
# %% 2: multiplied by the mask | nan times 0
def masked_mean(maps, mask):
    return (maps * mask[:, None]).sum(dim=(2, 3)) / mask.sum(dim=(1, 2))[:, None]
# %% 2: mean of masked numbers over all places | another count
def masked_mean(maps, mask):
    return maps.where(mask[:, None], 0).mean(dim=(2, 3))
# %% 2: the count of the whole batch | wrong for a full map
def masked_mean(maps, mask):
    return maps.where(mask[:, None], 0).sum(dim=(2, 3)) / mask.sum()
# %% 2: one mean an image | not one number an image and channel
def masked_mean(maps, mask):
    real = maps.where(mask[:, None], 0)
    return real.sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2))
# %% 2: the numbers without their history | stopped with RuntimeError
def masked_mean(maps, mask):
    return maps.data.where(mask[:, None], 0).sum(dim=(2, 3)) / mask.sum(dim=(1, 2))[:, None]
# %% 2: height and width of the mask exchanged | stopped with RuntimeError
def masked_mean(maps, mask):
    real = maps.where(mask[:, None].transpose(2, 3), 0)
    return real.sum(dim=(2, 3)) / mask.sum(dim=(1, 2))[:, None]
