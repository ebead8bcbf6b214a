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
