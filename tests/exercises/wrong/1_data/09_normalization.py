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
# %% 2: pixels counted instead of images | too few for an error
def images_needed(images, error):
    return math.ceil(((images.double() / 255).transpose(0, 1).flatten(1).std(1).max() / error) ** 2)
# %% 2: on the scale of bytes | bytes are not on the scale
def images_needed(images, error):
    return math.ceil((images.double().mean((2, 3)).std(0).max() / error) ** 2)
# %% 2: the square is missing | too few for an error
def images_needed(images, error):
    return math.ceil((images.double().mean((2, 3)) / 255).std(0).max() / error)
# %% 2: the mean over the channels | too few for an error
def images_needed(images, error):
    return math.ceil(((images.double().mean((2, 3)) / 255).std(0).mean() / error) ** 2)
# %% 2: the first channel | too few for an error
def images_needed(images, error):
    return math.ceil(((images.double().mean((2, 3)) / 255).std(0)[0] / error) ** 2)
# %% 2: divided by N | too few for an error
def images_needed(images, error):
    return math.ceil(((images.double().mean((2, 3)) / 255).std(0, correction=0).max() / error) ** 2)
# %% 2: rounded down | too few for an error
def images_needed(images, error):
    return int(((images.double().mean((2, 3)) / 255).std(0).max() / error) ** 2)
# %% 2: not rounded | not a whole number
def images_needed(images, error):
    return ((images.double().mean((2, 3)) / 255).std(0).max() / error) ** 2
