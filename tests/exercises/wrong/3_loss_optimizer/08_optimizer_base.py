# %% 1: divides by the number of parts | as much as its images
def accumulate(model, x, y, size):
    model.zero_grad()
    chunks = list(zip(x.split(size), y.split(size), strict=True))
    for xs, ys in chunks:
        (nn_F.cross_entropy(model(xs), ys) / len(chunks)).backward()
# %% 1: not divided | the scale is wrong
def accumulate(model, x, y, size):
    model.zero_grad()
    for xs, ys in zip(x.split(size), y.split(size), strict=True):
        nn_F.cross_entropy(model(xs), ys).backward()
# %% 1: keeps old gradients | old gradients
def accumulate(model, x, y, size):
    for xs, ys in zip(x.split(size), y.split(size), strict=True):
        (nn_F.cross_entropy(model(xs), ys, reduction="sum") / len(x)).backward()
# %% 1: clears before each part | the scale is wrong
def accumulate(model, x, y, size):
    for xs, ys in zip(x.split(size), y.split(size), strict=True):
        model.zero_grad()
        (nn_F.cross_entropy(model(xs), ys, reduction="sum") / len(x)).backward()
# %% 1: all at once | more samples at once
def accumulate(model, x, y, size):
    model.zero_grad()
    nn_F.cross_entropy(model(x), y).backward()
# %% 1: takes a step after each part | a weight changed
def accumulate(model, x, y, size):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    for xs, ys in zip(x.split(size), y.split(size), strict=True):
        (nn_F.cross_entropy(model(xs), ys, reduction="sum") / len(x)).backward()
        optimizer.step()
# %% 2: the rate of the defaults for all groups | rate of its own
class SignSGD(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(self.defaults["lr"] * p.grad.sign())
        return loss
# %% 2: the gradient itself | only the sign
class SignSGD(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad)
# %% 2: up instead of down | goes up
class SignSGD(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(group["lr"] * p.grad.sign())
# %% 2: the loss is not returned | loss is lost
class SignSGD(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        if closure is not None:
            with torch.enable_grad():
                closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad.sign())
# %% 2: parameters without a gradient are forgotten | AttributeError
class SignSGD(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(group["lr"] * p.grad.sign())
# %% 2: gradients are on during the update | RuntimeError
class SignSGD(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad.sign())
# %% 2: gradients are off in the closure | RuntimeError
class SignSGD(Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        loss = closure() if closure else None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad.sign())
        return loss
