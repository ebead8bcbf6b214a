# %% 1: no absolute value | mean of -2.5
def fault(images):
    if images.ndim != 4 or images.shape[1] != 3:
        return "shape"
    if images.dtype != torch.float32:
        return "type"
    if images.mean() > 2:
        return "scale"
    return "" if 0.5 <= images.std() <= 2 else "contrast"
# %% 1: any float will do | float64 passes
def fault(images):
    if images.ndim != 4 or images.shape[1] != 3:
        return "shape"
    if not images.is_floating_point():
        return "type"
    if abs(images.mean()) > 2:
        return "scale"
    return "" if 0.5 <= images.std() <= 2 else "contrast"
# %% 1: only the number of axes | passes
def fault(images):
    if images.ndim != 4:
        return "shape"
    if images.dtype != torch.float32:
        return "type"
    if abs(images.mean()) > 2:
        return "scale"
    return "" if 0.5 <= images.std() <= 2 else "contrast"
# %% 1: the shape of this page only | good batch is reported
def fault(images):
    if images.shape[1:] != (3, 32, 32):
        return "shape"
    return ""
# %% 1: only a contrast that is too small | standard deviation of 3 passes
def fault(images):
    if images.ndim != 4 or images.shape[1] != 3:
        return "shape"
    if images.dtype != torch.float32:
        return "type"
    if abs(images.mean()) > 2:
        return "scale"
    return "" if 0.5 <= images.std() else "contrast"
# %% 1: contrast before scale | name the first fault
def fault(images):
    if images.ndim != 4 or images.shape[1] != 3:
        return "shape"
    if images.dtype != torch.float32:
        return "type"
    if not 0.5 <= images.std() <= 2:
        return "contrast"
    return "scale" if abs(images.mean()) > 2 else ""
# %% 1: normalizes in place | was changed
def fault(images):
    images -= images.mean()
    return ""
# %% 2: not divided by 255 | contrast
def model_input(array, mean, std):
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return ((torch.from_numpy(array).permute(2, 0, 1).float() - mean) / std)[None]
# %% 2: divided twice | contrast
def model_input(array, mean, std):
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return ((torch.from_numpy(array).permute(2, 0, 1) / 255 / 255 - mean) / std)[None]
# %% 2: mirrored | pixels moved
def model_input(array, mean, std):
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return ((torch.from_numpy(array).permute(2, 0, 1) / 255 - mean) / std).flip(2)[None]
# %% 2: reshape, which mixes the channels | channels have other means
def model_input(array, mean, std):
    H, W, C = array.shape
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return ((torch.from_numpy(array).reshape(C, H, W) / 255 - mean) / std)[None]
# %% 2: mean and standard deviation of the other channels | channels have other means
def model_input(array, mean, std):
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean[::-1], std[::-1]))
    return ((torch.from_numpy(array).permute(2, 0, 1) / 255 - mean) / std)[None]
# %% 2: blue and red exchanged | channels have other means
def model_input(array, mean, std):
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return ((torch.from_numpy(array).permute(2, 0, 1).flip(0) / 255 - mean) / std)[None]
# %% 2: width before height | another order
def model_input(array, mean, std):
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return ((torch.from_numpy(array).permute(2, 1, 0) / 255 - mean) / std)[None]
# %% 2: float64 | not float32
def model_input(array, mean, std):
    return torch.from_numpy((array / 255 - mean) / std).permute(2, 0, 1)[None]
# %% 2: no batch axis | four axes
def model_input(array, mean, std):
    return torch.from_numpy((array / 255 - mean) / std).permute(2, 0, 1).float()
