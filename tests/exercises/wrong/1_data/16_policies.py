# %% 1: drawn with replacement | comes twice
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.transforms, self.n = transforms, n

    def forward(self, *inputs):
        for k in torch.randint(len(self.transforms), (self.n,)):
            outputs = self.transforms[k](*inputs)
            inputs = outputs if len(inputs) > 1 else (outputs,)
        return inputs if len(inputs) > 1 else inputs[0]
# %% 1: Python's generator | torch.manual_seed
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.transforms, self.n = transforms, n

    def forward(self, *inputs):
        import random

        for step in random.sample(self.transforms, self.n):
            outputs = step(*inputs)
            inputs = outputs if len(inputs) > 1 else (outputs,)
        return inputs if len(inputs) > 1 else inputs[0]
# %% 1: the first n of the list, in random order | some choices never
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.transforms, self.n = transforms, n

    def forward(self, *inputs):
        for k in torch.randperm(self.n):
            outputs = self.transforms[k](*inputs)
            inputs = outputs if len(inputs) > 1 else (outputs,)
        return inputs if len(inputs) > 1 else inputs[0]
# %% 1: drawn once, when it is made | every call
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.steps = [transforms[k] for k in torch.randperm(len(transforms))[:n]]

    def forward(self, *inputs):
        for step in self.steps:
            outputs = step(*inputs)
            inputs = outputs if len(inputs) > 1 else (outputs,)
        return inputs if len(inputs) > 1 else inputs[0]
# %% 1: in the order of the list | the order is fixed
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.transforms, self.n = transforms, n

    def forward(self, *inputs):
        for k in torch.randperm(len(self.transforms))[: self.n].sort().values:
            outputs = self.transforms[k](*inputs)
            inputs = outputs if len(inputs) > 1 else (outputs,)
        return inputs if len(inputs) > 1 else inputs[0]
# %% 1: all of them | not n transforms
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.order = v2.RandomOrder(transforms)

    def forward(self, *inputs):
        return self.order(*inputs)
# %% 1: each input draws for itself | different draws
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.transforms, self.n = transforms, n

    def forward(self, *inputs):
        results = []
        for result in inputs:
            for k in torch.randperm(len(self.transforms))[: self.n]:
                result = self.transforms[k](result)
            results.append(result)
        return tuple(results) if len(results) > 1 else results[0]
# %% 1: one input only | TypeError
class RandomSome(v2.Transform):
    def __init__(self, transforms, n):
        super().__init__()
        self.transforms, self.n = transforms, n

    def forward(self, image):
        for k in torch.randperm(len(self.transforms))[: self.n]:
            image = self.transforms[k](image)
        return image
# %% 2: the probabilities themselves are multiplied | for one transform
def unchanged(step):
    if isinstance(step, v2.RandomChoice):
        return sum(p * unchanged(t) for p, t in zip(step.p, step.transforms))
    rest = math.prod(unchanged(t) for t in getattr(step, "transforms", ()))
    return getattr(step, "p", 1) * rest
# %% 2: probabilities of a list are added | wrong for Compose
def unchanged(step):
    if isinstance(step, v2.Compose | v2.RandomOrder):
        return 1 - sum(1 - unchanged(t) for t in step.transforms)
    return 1 - step.p
# %% 2: RandomApply without what is inside | the list has probabilities
def unchanged(step):
    if isinstance(step, v2.Compose | v2.RandomOrder):
        return math.prod(map(unchanged, step.transforms))
    return 1 - step.p
# %% 2: RandomApply draws for each transform of its list | one draw for the whole
def unchanged(step):
    if isinstance(step, v2.Compose | v2.RandomOrder):
        return math.prod(map(unchanged, step.transforms))
    if isinstance(step, v2.RandomApply):
        return math.prod(1 - step.p * (1 - unchanged(t)) for t in step.transforms)
    return 1 - step.p
# %% 2: RandomApply as one more step of the list | the list has probabilities
def unchanged(step):
    if isinstance(step, v2.Compose | v2.RandomOrder):
        return math.prod(map(unchanged, step.transforms))
    if isinstance(step, v2.RandomApply):
        return (1 - step.p) * math.prod(map(unchanged, step.transforms))
    return 1 - step.p
# %% 2: RandomChoice with equal weights | mind its weights
def unchanged(step):
    inside = [unchanged(t) for t in getattr(step, "transforms", ())]
    if isinstance(step, v2.RandomChoice):
        return sum(inside) / len(inside)
    if isinstance(step, v2.RandomApply):
        return 1 - step.p * (1 - math.prod(inside))
    return math.prod(inside) if inside else 1 - step.p
# %% 2: looks only one level deep | when nested
def unchanged(step):
    inside = [1 - t.p if isinstance(t.p, float) else 0.5 for t in getattr(step, "transforms", ()) if hasattr(t, "p")]
    if isinstance(step, v2.RandomChoice):
        return sum(p * share for p, share in zip(step.p, inside))
    if isinstance(step, v2.RandomApply):
        return 1 - step.p * (1 - math.prod(inside))
    return math.prod(inside) if inside else 1 - step.p
