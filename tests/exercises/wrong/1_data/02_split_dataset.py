# %% 1: the built-in hash, another number in each run of Python | another run of Python
def group_part(group, seed):
    return {0: "valid", 1: "test"}.get(hash(f"{seed}/{group}") % 10, "train")
# %% 1: the seed is ignored | another seed gives the same split
def group_part(group, seed):
    first = hashlib.sha256(group.encode()).digest()[0]
    return "valid" if first < 26 else "test" if first < 51 else "train"
# %% 1: drawn anew each time | changes its part
import random
def group_part(group, seed):
    return random.choices(["train", "valid", "test"], [8, 1, 1])[0]
# %% 1: the seed only shifts the groups from part to part | are related
def group_part(group, seed):
    number = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big")
    return {0: "valid", 1: "test"}.get((number + seed) % 10, "train")
# %% 1: thirds | about 8:1:1
def group_part(group, seed):
    first = hashlib.sha256(f"{seed}/{group}".encode()).digest()[0]
    return ["train", "valid", "test"][first % 3]
# %% 1: validation instead of valid | another name
def group_part(group, seed):
    first = hashlib.sha256(f"{seed}/{group}".encode()).digest()[0]
    return "validation" if first < 26 else "test" if first < 51 else "train"
# %% 1: the turn decides, not the group | changes its part
turns = iter(range(10**9))
def group_part(group, seed):
    return {0: "valid", 1: "test"}.get((next(turns) + seed) % 10, "train")
# %% 2: the sum of the numbers | with one row mirrored
def mirror_hash(image):
    return int(image.sum()) * 1000 + int(image[0].sum())
# %% 2: the sum of all numbers | upside down
def mirror_hash(image):
    return int(image.sum())
# %% 2: sorted pixels | upside down
def mirror_hash(image):
    return hashlib.sha256(np.sort(image.ravel()).tobytes()).digest()
# %% 2: each row by itself | with one row mirrored
def mirror_hash(image):
    return tuple(min(row.tobytes(), row[::-1].tobytes()) for row in image)
# %% 2: the image plus its mirror image | with one row mirrored
def mirror_hash(image):
    return (image.astype(int) + image[:, ::-1]).tobytes()
# %% 2: the plain pixel hash | copy or mirror image differs
def mirror_hash(image):
    return hashlib.sha256(image.tobytes()).digest()
# %% 2: top and bottom exchanged | copy or mirror image differs
def mirror_hash(image):
    return min(image.tobytes(), image[::-1].tobytes())
# %% 2: the channels are averaged first | red and blue
def mirror_hash(image):
    grey = image.astype(int).sum(2)
    return min(grey.tobytes(), grey[:, ::-1].tobytes())
# %% 2: a coarse hash | one number changed
def mirror_hash(image):
    coarse = image // 64
    return min(coarse.tobytes(), coarse[:, ::-1].tobytes())
# %% 2: in place | was changed
def mirror_hash(image):
    image[:] = min(image.tolist(), image[:, ::-1].tolist())
    return image.tobytes()
# %% 3: round instead of up | the error is larger
def images_needed(a, error):
    return round(a * (1 - a) / error**2)
# %% 3: always one more | fewer images would do
def images_needed(a, error):
    return int(a * (1 - a) / error**2) + 1
# %% 3: the error is not squared | the error is larger
def images_needed(a, error):
    return math.ceil(a * (1 - a) / error)
# %% 3: without 1 - a | fewer images would do
def images_needed(a, error):
    return math.ceil(a / error**2)
# %% 3: not rounded | whole number
def images_needed(a, error):
    return a * (1 - a) / error**2
# %% 3: the worst case for every accuracy | fewer images would do
def images_needed(a, error):
    return math.ceil(0.25 / error**2)
# %% 4: unpaired | pairs were not used
def paired(before, after):
    variance = np.var(before, ddof=1) + np.var(after, ddof=1)
    return np.mean(after) - np.mean(before), math.sqrt(variance / len(before))
# %% 4: the spread of one gain | spread of one
def paired(before, after):
    gains = np.subtract(after, before)
    return gains.mean(), gains.std(ddof=1)
# %% 4: divided by k | degrees of freedom
def paired(before, after):
    gains = np.subtract(after, before)
    return gains.mean(), gains.std() / math.sqrt(len(gains))
# %% 4: the sign | positive
def paired(before, after):
    gains = np.subtract(before, after)
    return gains.mean(), gains.std(ddof=1) / math.sqrt(len(gains))
# %% 4: a loss counts as a gain | a loss is negative
def paired(before, after):
    gains = np.abs(np.subtract(after, before))
    return gains.mean(), np.subtract(after, before).std(ddof=1) / math.sqrt(len(gains))
# %% 4: five folds for ever | another error
def paired(before, after):
    gains = np.subtract(after, before)
    return gains.mean(), gains.std(ddof=1) / math.sqrt(5)
# %% 4: the lists are sorted first | another
def paired(before, after):
    gains = np.subtract(sorted(after), sorted(before, reverse=True))
    return gains.mean(), gains.std(ddof=1) / math.sqrt(len(gains))
