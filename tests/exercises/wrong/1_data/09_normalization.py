# %% 1: parts of unequal size averaged alike | the mean is off
def merge(a, b):
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = a, b
    return n_a + n_b, (mean_a + mean_b) / 2, (var_a + var_b) / 2 + (mean_a - mean_b) ** 2 / 4
# %% 1: only what lies within | variance too small
def merge(a, b):
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = a, b
    n = n_a + n_b
    return n, (n_a * mean_a + n_b * mean_b) / n, (n_a * var_a + n_b * var_b) / n
# %% 1: what lies between, not weighted | variance too large
def merge(a, b):
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = a, b
    n = n_a + n_b
    return n, (n_a * mean_a + n_b * mean_b) / n, (n_a * var_a + n_b * var_b) / n + (mean_b - mean_a) ** 2
# %% 1: sums of squares, which lose their digits far from 0 | the variance is not exact
def merge(a, b):
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = a, b
    n = n_a + n_b
    mean = (n_a * mean_a + n_b * mean_b) / n
    squares = n_a * (var_a + mean_a**2) + n_b * (var_b + mean_b**2)
    return n, mean, squares / n - mean**2
# %% 1: divided by n - 1 | the variance is not exact
def merge(a, b):
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = a, b
    n = n_a + n_b
    delta = mean_b - mean_a
    total = n_a * var_a + n_b * var_b + delta**2 * n_a * n_b / n
    return n, mean_a + delta * n_b / n, total / (n - 1)
# %% 1: the larger count | the counts do not add up
def merge(a, b):
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = a, b
    n = max(n_a, n_b)
    delta = mean_b - mean_a
    return n, mean_a + delta * n_b / n, (n_a * var_a + n_b * var_b) / n + delta**2 * n_a * n_b / n**2
# %% 2: the same numbers again | the stretching is not undone
def undo(mean, std):
    return v2.Normalize(mean, std)
# %% 2: the mean with the other sign, not divided | the shift is not undone
def undo(mean, std):
    return v2.Normalize([-m for m in mean], [1 / s for s in std])
# %% 2: the mean divided, the sign forgotten | the shift is not undone
def undo(mean, std):
    return v2.Normalize([m / s for m, s in zip(mean, std)], [1 / s for s in std])
# %% 2: the standard deviation as it is | the stretching is not undone
def undo(mean, std):
    return v2.Normalize([-m / s for m, s in zip(mean, std)], std)
# %% 2: the numbers of the first channel for all | the stretching is not undone
def undo(mean, std):
    return v2.Normalize([-mean[0] / std[0]] * len(mean), [1 / std[0]] * len(mean))
# %% 2: a function instead of a transform | not a v2.Normalize
def undo(mean, std):
    return lambda y: y * torch.tensor(std).view(-1, 1, 1) + torch.tensor(mean).view(-1, 1, 1)
# %% 2: three channels only | stopped with
def undo(mean, std):
    return v2.Normalize([-mean[k] / std[k] for k in range(3)], [1 / std[k] for k in range(3)])
# %% 3: mean and standard deviation of the images | another mean
def numbers_used(pixels, normalized):
    x = pixels.double() / 255
    return x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
# %% 3: on the scale of bytes | another mean
def numbers_used(pixels, normalized):
    x, y = (v.double().transpose(0, 1).flatten(1) for v in (pixels, normalized))
    std = x.std(1) / y.std(1)
    return x.mean(1) - y.mean(1) * std, std
# %% 3: one line for all channels | another mean
def numbers_used(pixels, normalized):
    x, y = (pixels.double() / 255).flatten(), normalized.double().flatten()
    std = x.std() / y.std()
    return (x.mean() - y.mean() * std).expand(3), std.expand(3)
# %% 3: two neighbours, which may be alike | another mean
def numbers_used(pixels, normalized):
    x, y = pixels[0, :, 0, :2].double() / 255, normalized[0, :, 0, :2].double()
    std = (x[:, 1] - x[:, 0]) / (y[:, 1] - y[:, 0])
    return x[:, 0] - y[:, 0] * std, std
# %% 3: the slope the wrong way up | another mean
def numbers_used(pixels, normalized):
    x, y = (v.double().transpose(0, 1).flatten(1) for v in (pixels / 255, normalized))
    std = y.std(1) / x.std(1)
    return x.mean(1) - y.mean(1) * std, std
# %% 3: the sign of the mean | another mean
def numbers_used(pixels, normalized):
    x, y = (v.double().transpose(0, 1).flatten(1) for v in (pixels / 255, normalized))
    std = x.std(1) / y.std(1)
    return y.mean(1) * std - x.mean(1), std
# %% 3: changes the floats on the way | the floats were changed
def numbers_used(pixels, normalized):
    x = pixels.double() / 255
    normalized -= normalized.mean((0, 2, 3), keepdim=True)
    return x.mean((0, 2, 3)), x.std((0, 2, 3)) / normalized.std((0, 2, 3))
