# %% 1: row and column go on together | is missing
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    return torch.stack([(first // s + epoch) % s, (first % s + epoch) % s], dim=1)
# %% 1: it does not start again | outside
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    number = first + epoch
    return torch.stack([number // s, number % s], dim=1)
# %% 1: all images are moved alike | other crops
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    number = (torch.zeros_like(first) + epoch) % s**2
    return torch.stack([number // s, number % s], dim=1)
# %% 1: drawn anew in each epoch | is missing
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    g = torch.Generator().manual_seed(epoch)
    number = torch.randint(0, s**2, first.shape, generator=g) if epoch else first
    return torch.stack([number // s, number % s], dim=1)
# %% 1: drawn anew in each call | changes
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    number = (first + torch.randint(0, s**2, first.shape) * bool(epoch)) % s**2
    return torch.stack([number // s, number % s], dim=1)
# %% 1: column before row | other crops
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    number = (first + epoch) % s**2
    return torch.stack([number % s, number // s], dim=1)
# %% 1: only the columns go on | is missing
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    return torch.stack([first // s, (first % s + epoch) % s], dim=1)
# %% 1: the sequence of an image is changed for good | was changed
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    first += epoch
    number = first % s**2
    return torch.stack([number // s, number % s], dim=1)
# %% 1: fractions | whole numbers
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    number = (first + epoch) % s**2
    return torch.stack([number / s, number % s], dim=1)
# %% 1: rows and columns of all images | row and column of each
def crop_places(first, epoch, padding):
    s = 2 * padding + 1
    number = (first + epoch) % s**2
    return torch.stack([number // s, number % s])
# %% 2: the difference the other way round | worse without it
def sort_pieces(rows, limit):
    found = {}
    for piece in rows.keys() - {"nothing"}:
        points = -lost(rows, piece)
        mean = points.mean() if len(points) > 1 else 0.0
        found[piece] = "unclear" if abs(mean) <= limit else "helps" if mean > 0 else "hurts"
    return found
# %% 2: shares against points | worse without it
def sort_pieces(rows, limit):
    found = {}
    for piece in rows.keys() - {"nothing"}:
        points = lost(rows, piece) / 100
        mean = points.mean() if len(points) > 1 else 0.0
        found[piece] = "unclear" if abs(mean) <= limit else "helps" if mean > 0 else "hurts"
    return found
# %% 2: means of different seeds | pair
def sort_pieces(rows, limit):
    whole, found = np.mean([r["accuracy"] for r in rows["nothing"]]), {}
    seeds = {r["seed"] for r in rows["nothing"]}
    for piece in rows.keys() - {"nothing"}:
        runs = [r["accuracy"] for r in rows[piece] if r["seed"] in seeds]
        mean = 100 * (whole - np.mean(runs)) if len(runs) > 1 else 0.0
        found[piece] = "unclear" if abs(mean) <= limit else "helps" if mean > 0 else "hurts"
    return found
# %% 2: pairs by position | pair
def sort_pieces(rows, limit):
    seeds = {r["seed"] for r in rows["nothing"]}
    found = {}
    for piece in rows.keys() - {"nothing"}:
        runs = [r for r in rows[piece] if r["seed"] in seeds]
        points = [100 * (a["accuracy"] - b["accuracy"]) for a, b in zip(rows["nothing"], runs)]
        mean = np.mean(points) if len(points) > 1 else 0.0
        found[piece] = "unclear" if abs(mean) <= limit else "helps" if mean > 0 else "hurts"
    return found
# %% 2: one pair is taken for an answer | one pair
def sort_pieces(rows, limit):
    found = {}
    for piece in rows.keys() - {"nothing"}:
        points = lost(rows, piece)
        mean = points.mean() if len(points) else 0.0
        found[piece] = "unclear" if abs(mean) <= limit else "helps" if mean > 0 else "hurts"
    return found
# %% 2: no piece can do harm | harm
def sort_pieces(rows, limit):
    found = {}
    for piece in rows.keys() - {"nothing"}:
        points = lost(rows, piece)
        mean = points.mean() if len(points) > 1 else 0.0
        found[piece] = "helps" if mean > limit else "unclear"
    return found
# %% 2: the largest pair decides | the mean counts
def sort_pieces(rows, limit):
    found = {}
    for piece in rows.keys() - {"nothing"}:
        points = lost(rows, piece)
        one = max(points, key=abs) if len(points) > 1 else 0.0
        found[piece] = "unclear" if abs(one) <= limit else "helps" if one > 0 else "hurts"
    return found
# %% 2: the limit is not looked at | another limit
def sort_pieces(rows, limit):
    found = {}
    for piece in rows.keys() - {"nothing"}:
        points = lost(rows, piece)
        mean = points.mean() if len(points) > 1 else 0.0
        found[piece] = "unclear" if abs(mean) <= 1.0 else "helps" if mean > 0 else "hurts"
    return found
# %% 2: the whole recipe is sorted, too | each piece
def sort_pieces(rows, limit):
    found = {}
    for piece in rows:
        points = lost(rows, piece)
        mean = points.mean() if len(points) > 1 else 0.0
        found[piece] = "unclear" if abs(mean) <= limit else "helps" if mean > 0 else "hurts"
    return found
