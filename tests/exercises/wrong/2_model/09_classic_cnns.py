# %% 1: without biases | one convolution
def vgg_parameters(column, side, classes):
    channels, total = 3, 0
    for word in column.split():
        if word == "M":
            side //= 2
        elif word != "LRN":
            width, _, size = word.partition("/")
            total += int(size or 3) ** 2 * channels * int(width)
            channels = int(width)
    return total + channels * side * side * classes
# %% 1: the linear layer without its bias | one convolution
def vgg_parameters(column, side, classes):
    channels, total = 3, 0
    for word in column.split():
        if word == "M":
            side //= 2
        elif word != "LRN":
            width, _, size = word.partition("/")
            total += (int(size or 3) ** 2 * channels + 1) * int(width)
            channels = int(width)
    return total + channels * side * side * classes
# %% 1: every convolution sees the image | a second convolution
def vgg_parameters(column, side, classes):
    total = 0
    for word in column.split():
        if word == "M":
            side //= 2
        elif word != "LRN":
            width, _, size = word.partition("/")
            total += (int(size or 3) ** 2 * 3 + 1) * int(width)
    return total + (int(width) * side * side + 1) * classes
# %% 1: pooling changes nothing | pooling
def vgg_parameters(column, side, classes):
    channels, total = 3, 0
    for word in column.split():
        if word not in ("M", "LRN"):
            width, _, size = word.partition("/")
            total += (int(size or 3) ** 2 * channels + 1) * int(width)
            channels = int(width)
    return total + (channels * side * side + 1) * classes
# %% 1: rounds up where the library rounds down | odd
def vgg_parameters(column, side, classes):
    channels, total = 3, 0
    for word in column.split():
        if word == "M":
            side = (side + 1) // 2
        elif word != "LRN":
            width, _, size = word.partition("/")
            total += (int(size or 3) ** 2 * channels + 1) * int(width)
            channels = int(width)
    return total + (channels * side * side + 1) * classes
# %% 1: takes 1×1 for 3×3 | 1×1
def vgg_parameters(column, side, classes):
    channels, total = 3, 0
    for word in column.split():
        if word == "M":
            side //= 2
        elif word != "LRN":
            width = int(word.partition("/")[0])
            total += (9 * channels + 1) * width
            channels = width
    return total + (channels * side * side + 1) * classes
# %% 1: the sides of ImageNet are written in | pooling
def vgg_parameters(column, side, classes):
    channels, total, halvings = 3, 0, 0
    for word in column.split():
        if word not in ("M", "LRN"):
            width, _, size = word.partition("/")
            total += (int(size or 3) ** 2 * channels + 1) * int(width)
            channels = int(width)
        halvings += word == "M"
    return total + (channels * (side if not halvings else 7) ** 2 + 1) * classes
# %% 1: LRN has a weight for each channel | normalization
def vgg_parameters(column, side, classes):
    channels, total = 3, 0
    for word in column.split():
        if word == "M":
            side //= 2
        elif word == "LRN":
            total += channels
        else:
            width, _, size = word.partition("/")
            total += (int(size or 3) ** 2 * channels + 1) * int(width)
            channels = int(width)
    return total + (channels * side * side + 1) * classes
# %% 2: adds, as ResNet does | channels
def dense(functions, x):
    for f in functions:
        x = x + f(x)
    return x
# %% 2: returns the new maps only | channels
def dense(functions, x):
    seen = x
    for f in functions:
        seen = torch.cat([seen, f(seen)], dim=1)
    return seen[:, x.shape[1] :]
# %% 2: each function sees the last maps only | did not see
def dense(functions, x):
    maps = [x]
    for f in functions:
        maps.append(f(maps[-1]))
    return torch.cat(maps, dim=1)
# %% 2: each function sees the first maps only | did not see
def dense(functions, x):
    return torch.cat([x, *(f(x) for f in functions)], dim=1)
# %% 2: new maps in front | order
def dense(functions, x):
    for f in functions:
        x = torch.cat([f(x), x], dim=1)
    return x
# %% 2: puts them together along the images | Sizes of tensors
def dense(functions, x):
    for f in functions:
        x = torch.cat([x, f(x)], dim=0)
    return x
# %% 2: the input is lost | channels
def dense(functions, x):
    maps = []
    for f in functions:
        maps.append(f(torch.cat([x, *maps], dim=1)))
    return torch.cat(maps, dim=1)
# %% 2: forgets to return | channels
def dense(functions, x):
    for f in functions:
        x = torch.cat([x, f(x)], dim=1)
