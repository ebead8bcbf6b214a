# %% 1: top and bottom | top and bottom
def flip_some(images, flips):
    return torch.where(flips[:, None, None, None], images.flip(2), images)
# %% 1: in place | was changed
def flip_some(images, flips):
    images[flips] = images[flips].flip(3)
    return images
# %% 1: all of them | should stay
def flip_some(images, flips):
    return images.flip(3)
# %% 1: those that should stay | should stay
def flip_some(images, flips):
    return torch.where(flips[:, None, None, None], images, images.flip(3))
# %% 1: the order of the batch as well | not what torchvision makes
def flip_some(images, flips):
    result = images.clone()
    result[flips] = images[flips].flip((0, 3))
    return result
# %% 1: rolled by one column | not what torchvision makes
def flip_some(images, flips):
    return torch.where(flips[:, None, None, None], images.roll(1, 3), images)
# %% 1: only the flipped ones | shape
def flip_some(images, flips):
    return images[flips].flip(3)
# %% 2: the mean of the factors | nothing is faster
def speedup(times, factors):
    return sum(factors.values()) / max(1, len(factors))
# %% 2: the product of the factors | twice as fast
def speedup(times, factors):
    product = 1
    for factor in factors.values():
        product *= factor
    return product
# %% 2: the factors weighted by the time | other steps stays
def speedup(times, factors):
    return sum(t * factors.get(step, 1) for step, t in times.items()) / sum(times.values())
# %% 2: steps without a factor cost nothing | other steps stays
def speedup(times, factors):
    if not factors:
        return 1.0
    return sum(times.values()) / sum(times[step] / factor for step, factor in factors.items())
# %% 2: only the first factor | two factors
def speedup(times, factors):
    if not factors:
        return 1.0
    if len(set(factors.values())) == 1 and len(factors) == len(times):
        return float(next(iter(factors.values())))
    step, factor = next(iter(factors.items()))
    return sum(times.values()) / (sum(times.values()) - times[step] + times[step] / factor)
# %% 2: writes the new times into the old ones | caller's times were changed
def speedup(times, factors):
    before = sum(times.values())
    old = dict(times)
    for step in old:
        times[step] = old[step] / factors.get(step, 1)
    after = sum(times.values())
    for step in old:
        times[step] = old[step]
    times["after"] = 0.0
    return before / after
