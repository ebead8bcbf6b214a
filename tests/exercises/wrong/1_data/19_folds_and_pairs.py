# %% 1: round instead of up | the error is larger
def images_needed(a, error):
    return round(a * (1 - a) / error**2)
# %% 1: always one more | fewer images would do
def images_needed(a, error):
    return int(a * (1 - a) / error**2) + 1
# %% 1: the error is not squared | the error is larger
def images_needed(a, error):
    return math.ceil(a * (1 - a) / error)
# %% 1: without 1 - a | fewer images would do
def images_needed(a, error):
    return math.ceil(a / error**2)
# %% 1: not rounded | whole number
def images_needed(a, error):
    return a * (1 - a) / error**2
# %% 1: the worst case for every accuracy | fewer images would do
def images_needed(a, error):
    return math.ceil(0.25 / error**2)
# %% 2: unpaired | pairs were not used
def paired(before, after):
    variance = np.var(before, ddof=1) + np.var(after, ddof=1)
    return np.mean(after) - np.mean(before), math.sqrt(variance / len(before))
# %% 2: the spread of one gain | spread of one
def paired(before, after):
    gains = np.subtract(after, before)
    return gains.mean(), gains.std(ddof=1)
# %% 2: divided by k | degrees of freedom
def paired(before, after):
    gains = np.subtract(after, before)
    return gains.mean(), gains.std() / math.sqrt(len(gains))
# %% 2: the sign | positive
def paired(before, after):
    gains = np.subtract(before, after)
    return gains.mean(), gains.std(ddof=1) / math.sqrt(len(gains))
# %% 2: a loss counts as a gain | a loss is negative
def paired(before, after):
    gains = np.abs(np.subtract(after, before))
    return gains.mean(), np.subtract(after, before).std(ddof=1) / math.sqrt(len(gains))
# %% 2: five folds for ever | another error
def paired(before, after):
    gains = np.subtract(after, before)
    return gains.mean(), gains.std(ddof=1) / math.sqrt(5)
# %% 2: the lists are sorted first | another
def paired(before, after):
    gains = np.subtract(sorted(after), sorted(before, reverse=True))
    return gains.mean(), gains.std(ddof=1) / math.sqrt(len(gains))
