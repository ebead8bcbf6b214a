# %% 1: not in percentage points | percentage points
def paired_change(with_it, without):
    d = np.array(with_it) - np.array(without)
    return d.mean(), d.std(ddof=1) / math.sqrt(len(d))
# %% 1: the wrong way round | must be positive
def paired_change(with_it, without):
    d = 100 * (np.array(without) - np.array(with_it))
    return d.mean(), d.std(ddof=1) / math.sqrt(len(d))
# %% 1: errors of the two sides, unpaired | unpaired runs
def paired_change(with_it, without):
    a, b = 100 * np.array(with_it), 100 * np.array(without)
    return a.mean() - b.mean(), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
# %% 1: the spread, not the error of the mean | sqrt(S)
def paired_change(with_it, without):
    d = 100 * (np.array(with_it) - np.array(without))
    return d.mean(), d.std(ddof=1)
# %% 1: population standard deviation | S - 1
def paired_change(with_it, without):
    d = 100 * (np.array(with_it) - np.array(without))
    return d.mean(), d.std() / math.sqrt(len(d))
# %% 1: only the mean | two numbers
def paired_change(with_it, without):
    return 100 * np.mean(np.array(with_it) - np.array(without))
# %% 2: one error instead of two | too few
def seeds_needed(difference, spread):
    return max(2, math.ceil((spread / difference) ** 2))
# %% 2: rounded instead of up | too few
def seeds_needed(difference, spread):
    return max(2, round((2 * spread / difference) ** 2))
# %% 2: one too many | fewer seeds
def seeds_needed(difference, spread):
    return max(2, math.floor((2 * spread / difference) ** 2) + 2)
# %% 2: not squared | too few
def seeds_needed(difference, spread):
    return max(2, math.ceil(2 * spread / difference))
# %% 2: one seed may do | no error
def seeds_needed(difference, spread):
    return math.ceil((2 * spread / difference) ** 2)
# %% 2: a fraction of a seed | whole
def seeds_needed(difference, spread):
    return (2 * spread / difference) ** 2
