# %% 1: covers the caller's image | was changed
def occlusion_map(score, image, side, stride):
    H, W = image.shape[1:]
    whole, rows = score(image[None]), []
    for i in range(0, H - side + 1, stride):
        rows.append([])
        for j in range(0, W - side + 1, stride):
            image[:, i : i + side, j : j + side] = 0
            rows[-1].append(whole - score(image[None]))
    return torch.tensor(rows)
# %% 1: without the last squares | missing or too many
def occlusion_map(score, image, side, stride):
    H, W = image.shape[1:]
    rows = []
    for i in range(0, H - side, stride):
        rows.append([])
        for j in range(0, W - side, stride):
            covered = image.clone()
            covered[:, i : i + side, j : j + side] = 0
            rows[-1].append(score(image[None]) - score(covered[None]))
    return torch.tensor(rows)
# %% 1: squares that stick out | missing or too many
def occlusion_map(score, image, side, stride):
    H, W = image.shape[1:]
    rows = []
    for i in range(0, H, stride):
        rows.append([])
        for j in range(0, W, stride):
            covered = image.clone()
            covered[:, i : i + side, j : j + side] = 0
            rows[-1].append(score(image[None]) - score(covered[None]))
    return torch.tensor(rows)
# %% 1: the score that is left minus the whole one | loss is positive
def occlusion_map(score, image, side, stride):
    H, W = image.shape[1:]
    rows = []
    for i in range(0, H - side + 1, stride):
        rows.append([])
        for j in range(0, W - side + 1, stride):
            covered = image.clone()
            covered[:, i : i + side, j : j + side] = 0
            rows[-1].append(score(covered[None]) - score(image[None]))
    return torch.tensor(rows)
# %% 1: columns first | rows and columns
def occlusion_map(score, image, side, stride):
    H, W = image.shape[1:]
    rows = []
    for j in range(0, W - side + 1, stride):
        rows.append([])
        for i in range(0, H - side + 1, stride):
            covered = image.clone()
            covered[:, i : i + side, j : j + side] = 0
            rows[-1].append(score(image[None]) - score(covered[None]))
    return torch.tensor(rows)
# %% 1: only the first channel is covered | drops are others
def occlusion_map(score, image, side, stride):
    H, W = image.shape[1:]
    rows = []
    for i in range(0, H - side + 1, stride):
        rows.append([])
        for j in range(0, W - side + 1, stride):
            covered = image.clone()
            covered[0, i : i + side, j : j + side] = 0
            rows[-1].append(score(image[None]) - score(covered[None]))
    return torch.tensor(rows).double()
# %% 1: an image instead of a batch | batch B C H W
def occlusion_map(score, image, side, stride):
    return score(image) - score(0 * image)
# %% 2: x for rows and y for columns | x is a column
def hits(maps, boxes):
    peak, where = maps.flatten(1).max(dim=1)
    i, j = where // maps.shape[2], where % maps.shape[2]
    x1, y1, x2, y2 = boxes.T
    inside = (x1 <= i) & (i < x2) & (y1 <= j) & (j < y2)
    return (inside & (peak > 0)).double().mean().item()
# %% 2: the last pixels count as inside | is outside
def hits(maps, boxes):
    peak, where = maps.flatten(1).max(dim=1)
    i, j = where // maps.shape[2], where % maps.shape[2]
    x1, y1, x2, y2 = boxes.T
    inside = (x1 <= j) & (j <= x2) & (y1 <= i) & (i <= y2)
    return (inside & (peak > 0)).double().mean().item()
# %% 2: the first pixels count as outside | first pixel is inside
def hits(maps, boxes):
    peak, where = maps.flatten(1).max(dim=1)
    i, j = where // maps.shape[2], where % maps.shape[2]
    x1, y1, x2, y2 = boxes.T
    inside = (x1 < j) & (j < x2) & (y1 < i) & (i < y2)
    return (inside & (peak > 0)).double().mean().item()
# %% 2: an empty map points at its first pixel | empty map is a hit
def hits(maps, boxes):
    where = maps.flatten(1).argmax(dim=1)
    i, j = where // maps.shape[2], where % maps.shape[2]
    x1, y1, x2, y2 = boxes.T
    return ((x1 <= j) & (j < x2) & (y1 <= i) & (i < y2)).double().mean().item()
# %% 2: divided by the height | x is a column
def hits(maps, boxes):
    peak, where = maps.flatten(1).max(dim=1)
    i, j = where // maps.shape[1], where % maps.shape[1]
    x1, y1, x2, y2 = boxes.T
    inside = (x1 <= j) & (j < x2) & (y1 <= i) & (i < y2)
    return (inside & (peak > 0)).double().mean().item()
# %% 2: the number of hits | share of the maps
def hits(maps, boxes):
    peak, where = maps.flatten(1).max(dim=1)
    i, j = where // maps.shape[2], where % maps.shape[2]
    x1, y1, x2, y2 = boxes.T
    inside = (x1 <= j) & (j < x2) & (y1 <= i) & (i < y2)
    return (inside & (peak > 0)).sum().item()
