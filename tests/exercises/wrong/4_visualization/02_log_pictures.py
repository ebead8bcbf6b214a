# %% 1: without the first border | starts with padding
def column_of(index, w, nrow, padding):
    return index % nrow * (w + padding)
# %% 1: the index in the whole list | below the first row
def column_of(index, w, nrow, padding):
    return index * (w + padding) + padding
# %% 1: padding counted twice between images | in the first row
def column_of(index, w, nrow, padding):
    return index % nrow * (w + 2 * padding) + padding
# %% 1: the row instead of the column | in the first row
def column_of(index, w, nrow, padding):
    return index // nrow * (w + padding) + padding
# %% 2: mean and standard deviation exchanged | other colours
def for_display(images, mean, std):
    scale, shift = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return (255 * (images * scale + shift)).round().clamp(0, 255).to(torch.uint8)
# %% 2: normalized once more | other colours
def for_display(images, mean, std):
    scale, shift = (torch.tensor(v)[:, None, None] for v in (std, mean))
    return (255 * (images - shift) / scale).round().clamp(0, 255).to(torch.uint8)
# %% 2: still a float | dtype
def for_display(images, mean, std):
    scale, shift = (torch.tensor(v)[:, None, None] for v in (std, mean))
    return (images * scale + shift).clamp(0, 1)
# %% 2: cut, not rounded | not rounded
def for_display(images, mean, std):
    scale, shift = (torch.tensor(v)[:, None, None] for v in (std, mean))
    return (255 * (images * scale + shift)).sub(0.01).clamp(0, 255).to(torch.uint8)
# %% 2: wraps around | wraps
def for_display(images, mean, std):
    scale, shift = (torch.tensor(v)[:, None, None] for v in (std, mean))
    return (255 * (images * scale + shift)).round().to(torch.int32).remainder(256).to(torch.uint8)
