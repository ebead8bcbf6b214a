# %% 1: the first rate is 0 | rate of 0
def inverse_root(warmup):
    return lambda t: min(t / warmup, math.sqrt(warmup / max(t, 1)))
# %% 1: the top comes a step late | wrong at t = 0
def inverse_root(warmup):
    return lambda t: min((t + 1) / (warmup + 1), math.sqrt(warmup / (t + 1)))
# %% 1: constant after the warmup | does not fall
def inverse_root(warmup):
    return lambda t: min((t + 1) / warmup, 1.0)
# %% 1: falls with 1 / t | not the root
def inverse_root(warmup):
    return lambda t: min((t + 1) / warmup, warmup / (t + 1))
# %% 1: the root on the way up, too | wrong at t = 0
def inverse_root(warmup):
    return lambda t: math.sqrt(min((t + 1) / warmup, warmup / (t + 1)))
# %% 1: the paper's formula without its factor | wrong at t = 0
def inverse_root(warmup):
    return lambda t: min((t + 1) * warmup**-1.5, (t + 1) ** -0.5)
# %% 1: a number, not a function | function of t
def inverse_root(warmup):
    return 1 / math.sqrt(warmup)
# %% 2: counts epochs | ZeroDivisionError
def schedule_of(optimizer, epochs, batches):
    up = S.LinearLR(optimizer, 0.1, total_iters=1)
    down = S.CosineAnnealingLR(optimizer, 0)
    return S.SequentialLR(optimizer, [up, down], [1])
# %% 2: the milestone counts epochs | batch or epoch
def schedule_of(optimizer, epochs, batches):
    up = S.LinearLR(optimizer, 0.1, total_iters=batches)
    down = S.CosineAnnealingLR(optimizer, (epochs - 1) * batches)
    return S.SequentialLR(optimizer, [up, down], [1])
# %% 2: the cosine counts the warmup too | not 0
def schedule_of(optimizer, epochs, batches):
    up = S.LinearLR(optimizer, 0.1, total_iters=batches)
    down = S.CosineAnnealingLR(optimizer, epochs * batches)
    return S.SequentialLR(optimizer, [up, down], [batches])
# %% 2: the library's start | a tenth
def schedule_of(optimizer, epochs, batches):
    up = S.LinearLR(optimizer, total_iters=batches)
    down = S.CosineAnnealingLR(optimizer, (epochs - 1) * batches)
    return S.SequentialLR(optimizer, [up, down], [batches])
# %% 2: a line on the way down | half a cosine
def schedule_of(optimizer, epochs, batches):
    total = epochs * batches

    def factor(t):
        if t < batches:
            return 0.1 + 0.9 * t / batches
        return ((total - t) / (total - batches)) ** 2

    return S.LambdaLR(optimizer, factor)
# %% 2: no warmup | a tenth
def schedule_of(optimizer, epochs, batches):
    return S.CosineAnnealingLR(optimizer, epochs * batches)
# %% 2: stays after the warmup | does not fall
def schedule_of(optimizer, epochs, batches):
    return S.LinearLR(optimizer, 0.1, total_iters=batches)
# %% 2: nothing returned | return the schedule
def schedule_of(optimizer, epochs, batches):
    S.LinearLR(optimizer, 0.1, total_iters=batches)
