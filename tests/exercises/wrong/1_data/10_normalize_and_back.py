# %% 1: the same numbers again | the stretching is not undone
def undo(mean, std):
    return v2.Normalize(mean, std)
# %% 1: the mean with the other sign, not divided | the shift is not undone
def undo(mean, std):
    return v2.Normalize([-m for m in mean], [1 / s for s in std])
# %% 1: the mean divided, the sign forgotten | the shift is not undone
def undo(mean, std):
    return v2.Normalize([m / s for m, s in zip(mean, std)], [1 / s for s in std])
# %% 1: the standard deviation as it is | the stretching is not undone
def undo(mean, std):
    return v2.Normalize([-m / s for m, s in zip(mean, std)], std)
# %% 1: the numbers of the first channel for all | the stretching is not undone
def undo(mean, std):
    return v2.Normalize([-mean[0] / std[0]] * len(mean), [1 / std[0]] * len(mean))
# %% 1: a function instead of a transform | not a v2.Normalize
def undo(mean, std):
    return lambda y: y * torch.tensor(std).view(-1, 1, 1) + torch.tensor(mean).view(-1, 1, 1)
# %% 1: three channels only | stopped with
def undo(mean, std):
    return v2.Normalize([-mean[k] / std[k] for k in range(3)], [1 / std[k] for k in range(3)])
# %% 2: mean and standard deviation of the images | another mean
def numbers_used(pixels, normalized):
    x = pixels.double() / 255
    return x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
# %% 2: on the scale of bytes | another mean
def numbers_used(pixels, normalized):
    x, y = (v.double().transpose(0, 1).flatten(1) for v in (pixels, normalized))
    std = x.std(1) / y.std(1)
    return x.mean(1) - y.mean(1) * std, std
# %% 2: one line for all channels | another mean
def numbers_used(pixels, normalized):
    x, y = (pixels.double() / 255).flatten(), normalized.double().flatten()
    std = x.std() / y.std()
    return (x.mean() - y.mean() * std).expand(3), std.expand(3)
# %% 2: two neighbours, which may be alike | another mean
def numbers_used(pixels, normalized):
    x, y = pixels[0, :, 0, :2].double() / 255, normalized[0, :, 0, :2].double()
    std = (x[:, 1] - x[:, 0]) / (y[:, 1] - y[:, 0])
    return x[:, 0] - y[:, 0] * std, std
# %% 2: the slope the wrong way up | another mean
def numbers_used(pixels, normalized):
    x, y = (v.double().transpose(0, 1).flatten(1) for v in (pixels / 255, normalized))
    std = y.std(1) / x.std(1)
    return x.mean(1) - y.mean(1) * std, std
# %% 2: the sign of the mean | another mean
def numbers_used(pixels, normalized):
    x, y = (v.double().transpose(0, 1).flatten(1) for v in (pixels / 255, normalized))
    std = x.std(1) / y.std(1)
    return y.mean(1) * std - x.mean(1), std
# %% 2: changes the floats on the way | the floats were changed
def numbers_used(pixels, normalized):
    x = pixels.double() / 255
    normalized -= normalized.mean((0, 2, 3), keepdim=True)
    return x.mean((0, 2, 3)), x.std((0, 2, 3)) / normalized.std((0, 2, 3))
