# %% 1: tensors that nobody registers | the registered parameters are []
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = torch.ones(channels, requires_grad=True)
        self.bias = torch.zeros(channels, requires_grad=True)

    def forward(self, x):
        return F.avg_pool2d(x, 2) * self.weight[:, None, None] + self.bias[:, None, None]
# %% 1: buffers instead of parameters | the registered parameters are []
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))

    def forward(self, x):
        return F.avg_pool2d(x, 2) * self.weight[:, None, None] + self.bias[:, None, None]
# %% 1: no super().__init__() | AttributeError
class Subsample(nn.Module):
    def __init__(self, channels):
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
# %% 1: one number for all channels | another shape than [C]
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return F.avg_pool2d(x, 2) * self.weight + self.bias
# %% 1: the sum of the block | is not the mean
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return 4 * F.avg_pool2d(x, 2) * self.weight[:, None, None] + self.bias[:, None, None]
# %% 1: the largest of the block | is not the mean
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.max_pool2d(x, 2) * self.weight[:, None, None] + self.bias[:, None, None]
# %% 1: random weights at the start | is not the mean
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.avg_pool2d(x, 2) * self.weight[:, None, None] + self.bias[:, None, None]
# %% 1: every other pixel | is not the mean
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x[..., ::2, ::2] * self.weight[:, None, None] + self.bias[:, None, None]
# %% 1: the windows overlap | the output is [2, 3, 3, 5]
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.avg_pool2d(x, 2, 1) * self.weight[:, None, None] + self.bias[:, None, None]
# %% 1: broadcast along the columns | on another axis
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.avg_pool2d(x, 2) * self.weight + self.bias
# %% 1: the bias is added first | in another order
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return (F.avg_pool2d(x, 2) + self.bias[:, None, None]) * self.weight[:, None, None]
# %% 1: the weight is cut off from autograd | a parameter gets no gradient
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.avg_pool2d(x, 2) * self.weight.data[:, None, None] + self.bias[:, None, None]
# %% 1: both are cut off from autograd | no gradient reaches
class Subsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        with torch.no_grad():
            return F.avg_pool2d(x, 2) * self.weight[:, None, None] + self.bias[:, None, None]
# %% 2: the outermost module only | not every depth
def unseen(model):
    found = []
    for name, value in vars(model).items():
        if name.startswith("_") or not isinstance(value, list | tuple | dict):
            continue
        items = value.values() if isinstance(value, dict) else value
        if any(isinstance(item, nn.Module) for item in items):
            found.append(name)
    return sorted(found)
# %% 2: reports what is registered, too | a registered layer is reported
def unseen(model):
    found = []
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, list | tuple | dict):
                items = value.values() if isinstance(value, dict) else value
                if any(isinstance(item, nn.Module) for item in items):
                    found.append(f"{path}.{name}".lstrip("."))
    return sorted(found)
# %% 2: every list | a list without layers is reported
def unseen(model):
    found = []
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, list | tuple | dict) and not name.startswith("_"):
                found.append(f"{path}.{name}".lstrip("."))
    return sorted(found)
# %% 2: lists only | a tuple passes
def unseen(model):
    found = []
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, list) and any(isinstance(item, nn.Module) for item in value):
                found.append(f"{path}.{name}".lstrip("."))
    return sorted(found)
# %% 2: the keys of a dictionary instead of its values | a dictionary passes
def unseen(model):
    found = []
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, list | tuple | dict):
                continue
            if any(isinstance(item, nn.Module) for item in value):
                found.append(f"{path}.{name}".lstrip("."))
    return sorted(found)
# %% 2: the first element only | a tuple passes
def unseen(model):
    found = []
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, list | tuple | dict) or not value:
                continue
            items = list(value.values() if isinstance(value, dict) else value)
            if isinstance(items[0], nn.Module):
                found.append(f"{path}.{name}".lstrip("."))
    return sorted(found)
# %% 2: children instead of modules | not every depth
def unseen(model):
    found = []
    for path, module in [("", model), *model.named_children()]:
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, list | tuple | dict):
                continue
            items = value.values() if isinstance(value, dict) else value
            if any(isinstance(item, nn.Module) for item in items):
                found.append(f"{path}.{name}".lstrip("."))
    return sorted(found)
# %% 2: names without their paths | the names are not sorted paths
def unseen(model):
    found = []
    for module in model.modules():
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, list | tuple | dict):
                continue
            items = value.values() if isinstance(value, dict) else value
            if any(isinstance(item, nn.Module) for item in items):
                found.append(name)
    return sorted(found)
