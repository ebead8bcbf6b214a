# %% 1: only the last epoch | was elsewhere before
def stuck(losses, num_classes):
    guess = math.log(num_classes)
    return {k for k, v in losses.items() if abs(v[-1] - guess) < 0.01 * guess}
# %% 1: only the first epoch | starts late
def stuck(losses, num_classes):
    guess = math.log(num_classes)
    return {k for k, v in losses.items() if abs(v[0] - guess) < 0.01 * guess}
# %% 1: always ten classes | number of classes
def stuck(losses, num_classes):
    guess = math.log(10)
    return {k for k, v in losses.items() if all(abs(x - guess) < 0.01 * guess for x in v)}
# %% 1: above guessing counts too | worse than guessing
def stuck(losses, num_classes):
    guess = math.log(num_classes)
    return {k for k, v in losses.items() if all(x > 0.99 * guess for x in v)}
# %% 1: nothing was found that is far, and nan is not far | nan
def stuck(losses, num_classes):
    guess = math.log(num_classes)
    return {k for k, v in losses.items() if not any(abs(x - guess) > 0.01 * guess for x in v)}
# %% 1: flat at any height | flat
def stuck(losses, num_classes):
    return {k for k, v in losses.items() if max(v) - min(v) < 0.01 * max(v)}
# %% 1: a logarithm to the base 2 | not found
def stuck(losses, num_classes):
    guess = math.log2(num_classes)
    return {k for k, v in losses.items() if all(abs(x - guess) < 0.01 * guess for x in v)}
# %% 1: a list of truths | set of names
def stuck(losses, num_classes):
    guess = math.log(num_classes)
    return [all(abs(x - guess) < 0.01 * guess for x in v) for v in losses.values()]
# %% 2: the mean over the seeds first | one number a seed
def delays(curves, reference, level):
    def first(seeds):
        mean = [sum(column) / len(column) for column in zip(*seeds)]
        return next((k for k, x in enumerate(mean) if x >= level), math.inf)
    return [first(curves) - first(reference)]
# %% 2: never is found at position 0, as with argmax | never
def delays(curves, reference, level):
    def first(curve):
        reached = [x >= level for x in curve]
        return reached.index(max(reached))
    return [first(a) - first(b) for a, b in zip(curves, reference, strict=True)]
# %% 2: above instead of reached | exactly
def delays(curves, reference, level):
    def first(curve):
        return next((k for k, x in enumerate(curve) if x > level), math.inf)
    return [first(a) - first(b) for a, b in zip(curves, reference, strict=True)]
# %% 2: the wrong way round | later is positive
def delays(curves, reference, level):
    def first(curve):
        return next((k for k, x in enumerate(curve) if x >= level), math.inf)
    return [first(b) - first(a) for a, b in zip(curves, reference, strict=True)]
# %% 2: the last time below | first time
def delays(curves, reference, level):
    def first(curve):
        below = [k for k, x in enumerate(curve) if x < level]
        return below[-1] + 1 if below[-1] + 1 < len(curve) else math.inf
    return [first(a) - first(b) for a, b in zip(curves, reference, strict=True)]
# %% 2: every seed against the first of the reference | same seed
def delays(curves, reference, level):
    def first(curve):
        return next((k for k, x in enumerate(curve) if x >= level), math.inf)
    return [first(a) - first(reference[0]) for a in curves]
# %% 2: nothing for never | never
def delays(curves, reference, level):
    def first(curve):
        return next((k for k, x in enumerate(curve) if x >= level), None)
    pairs = [(first(a), first(b)) for a, b in zip(curves, reference, strict=True)]
    return [None if a is None else a - b for a, b in pairs]
