# %% 1: a draw for each input | another draw
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        H, W = inpt.shape[-2:]
        rows = (torch.arange(H) - torch.randint(H, ())).abs() <= self.side // 2
        columns = (torch.arange(W) - torch.randint(W, ())).abs() <= self.side // 2
        return tv_tensors.wrap(inpt.masked_fill(rows[:, None] & columns, 0), like=inpt)
# %% 1: masks get a hole, too | mask was changed
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        rows = (torch.arange(H) - torch.randint(H, ())).abs() <= self.side // 2
        columns = (torch.arange(W) - torch.randint(W, ())).abs() <= self.side // 2
        return {"hole": rows[:, None] & columns}

    def transform(self, inpt, params):
        return tv_tensors.wrap(inpt.masked_fill(params["hole"], 0), like=inpt)
# %% 1: whole squares only | some pixels are never
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        half = self.side // 2
        i, j = torch.randint(half + 1, H - half - 1, ()), torch.randint(half + 1, W - half - 1, ())
        rows, columns = (torch.arange(H) - i).abs() <= half, (torch.arange(W) - j).abs() <= half
        return {"hole": rows[:, None] & columns}

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        return tv_tensors.wrap(inpt.masked_fill(params["hole"], 0), like=inpt)
# %% 1: whole squares only, up to the border | never cut off
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        hole = torch.zeros(H, W, dtype=torch.bool)
        i, j = int(torch.randint(H - self.side + 1, ())), int(torch.randint(W - self.side + 1, ()))
        hole[i : i + self.side, j : j + self.side] = True
        return {"hole": hole}

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        return tv_tensors.wrap(inpt.masked_fill(params["hole"], 0), like=inpt)
# %% 1: in place | caller's image was changed
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        return {"at": (int(torch.randint(H, ())), int(torch.randint(W, ())))}

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        (i, j), half = params["at"], self.side // 2
        inpt[:, max(i - half, 0) : i + half + 1, max(j - half, 0) : j + half + 1] = 0
        return inpt
# %% 1: a plain tensor comes back | type Image
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        rows = (torch.arange(H) - torch.randint(H, ())).abs() <= self.side // 2
        columns = (torch.arange(W) - torch.randint(W, ())).abs() <= self.side // 2
        return {"hole": rows[:, None] & columns}

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        return inpt.masked_fill(params["hole"], 0)
# %% 1: side on each side of the centre | `side` pixels
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        rows = (torch.arange(H) - torch.randint(H, ())).abs() <= self.side
        columns = (torch.arange(W) - torch.randint(W, ())).abs() <= self.side
        return {"hole": rows[:, None] & columns}

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        return tv_tensors.wrap(inpt.masked_fill(params["hole"], 0), like=inpt)
# %% 1: the height for both directions | some pixels are never
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        rows = (torch.arange(H) - torch.randint(H, ())).abs() <= self.side // 2
        columns = (torch.arange(W) - torch.randint(H, ())).abs() <= self.side // 2
        return {"hole": rows[:, None] & columns}

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        return tv_tensors.wrap(inpt.masked_fill(params["hole"], 0), like=inpt)
# %% 1: a generator that no seed reaches | torch.manual_seed
class Cutout(v2.Transform):
    def __init__(self, side):
        super().__init__()
        self.side, self.generator = side, torch.Generator()

    def make_params(self, flat_inputs):
        H, W = v2.query_size(flat_inputs)
        i, j = (torch.randint(n, (), generator=self.generator) for n in (H, W))
        rows = (torch.arange(H) - i).abs() <= self.side // 2
        columns = (torch.arange(W) - j).abs() <= self.side // 2
        return {"hole": rows[:, None] & columns}

    def transform(self, inpt, params):
        if isinstance(inpt, tv_tensors.Mask | tv_tensors.BoundingBoxes):
            return inpt
        return tv_tensors.wrap(inpt.masked_fill(params["hole"], 0), like=inpt)
# %% 2: x and y exchanged, nothing turned | another place
def quarter_turn(boxes, width):
    return boxes[:, [1, 0, 3, 2]]
# %% 2: the corners turned, not sorted | x1 < x2 and y1 < y2
def quarter_turn(boxes, width):
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack([y1, width - x1, y2, width - x2], dim=1)
# %% 2: clockwise, with the height for it | turned clockwise
def quarter_turn(boxes, width):
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack([5 - y2, x1, 5 - y1, x2], dim=1)
# %% 2: one pixel off | another place
def quarter_turn(boxes, width):
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack([y1, width - 1 - x2, y2, width - 1 - x1], dim=1)
# %% 2: a flip | width and height must change places
def quarter_turn(boxes, width):
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack([width - x2, y1, width - x1, y2], dim=1)
# %% 2: in place | were changed
def quarter_turn(boxes, width):
    boxes[:] = boxes[:, [1, 2, 3, 0]]
    boxes[:, 1], boxes[:, 3] = width - boxes[:, 1], width - boxes[:, 3]
    return boxes
# %% 3: lam meets the width instead of the batch | keeps an image
def mix_each(images, labels, lam, num_classes):
    q = nn_F.one_hot(labels, num_classes).float()
    return lam * images + (1 - lam) * images.roll(1, 0), lam[:, None] * q + (1 - lam[:, None]) * q.roll(1, 0)
# %% 3: the next image instead of the one before | mixed wrongly
def mix_each(images, labels, lam, num_classes):
    q, w = nn_F.one_hot(labels, num_classes).float(), lam[:, None, None, None]
    mixed = w * images + (1 - w) * images.roll(-1, 0)
    return mixed, lam[:, None] * q + (1 - lam[:, None]) * q.roll(-1, 0)
# %% 3: one share for all | mixed wrongly
def mix_each(images, labels, lam, num_classes):
    q, w = nn_F.one_hot(labels, num_classes).float(), lam[0]
    return w * images + (1 - w) * images.roll(1, 0), w * q + (1 - w) * q.roll(1, 0)
# %% 3: the shares exchanged | keeps an image
def mix_each(images, labels, lam, num_classes):
    q, w = nn_F.one_hot(labels, num_classes).float(), 1 - lam[:, None, None, None]
    return w * images + (1 - w) * images.roll(1, 0), lam[:, None] * q + (1 - lam[:, None]) * q.roll(1, 0)
# %% 3: the labels are not mixed | the labels are not
def mix_each(images, labels, lam, num_classes):
    w = lam[:, None, None, None]
    return w * images + (1 - w) * images.roll(1, 0), nn_F.one_hot(labels, num_classes).float()
# %% 3: labels rolled along the classes | the labels are not
def mix_each(images, labels, lam, num_classes):
    q, w = nn_F.one_hot(labels, num_classes).float(), lam[:, None, None, None]
    mixed = w * images + (1 - w) * images.roll(1, 0)
    return mixed, lam[:, None] * q + (1 - lam[:, None]) * q.roll(1, 1)
# %% 3: numbers instead of one-hot labels | not B K
def mix_each(images, labels, lam, num_classes):
    w = lam[:, None, None, None]
    return w * images + (1 - w) * images.roll(1, 0), lam * labels + (1 - lam) * labels.roll(1)
# %% 3: in place | were changed
def mix_each(images, labels, lam, num_classes):
    q, w, before = nn_F.one_hot(labels, num_classes).float(), lam[:, None, None, None], images.roll(1, 0)
    mixed = images.mul_(w).add_((1 - w) * before)
    return mixed, lam[:, None] * q + (1 - lam[:, None]) * q.roll(1, 0)
