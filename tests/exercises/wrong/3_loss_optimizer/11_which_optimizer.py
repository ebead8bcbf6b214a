# %% 1: the best single run | one seed decides
def choose(tables):
    chosen = {}
    for name, runs in tables.items():
        rate = max(runs, key=lambda r: max(0.1 if a != a else a for a in runs[r]))
        chosen[name] = (rate, rate in (min(runs), max(runs)))
    return chosen
# %% 1: edges of the dictionary instead of the rates | in any order
def choose(tables):
    chosen = {}
    for name, runs in tables.items():
        means = {r: sum(0.1 if a != a else a for a in found) / len(found) for r, found in runs.items()}
        rate, order = max(means, key=means.get), list(runs)
        chosen[name] = (rate, rate in (order[0], order[-1]))
    return chosen
# %% 1: diverged runs are left out | is left out
def choose(tables):
    chosen = {}
    for name, runs in tables.items():
        means = {}
        for r, found in runs.items():
            kept = [a for a in found if a == a]
            means[r] = sum(kept) / len(kept) if kept else 0
        rate = max(means, key=means.get)
        chosen[name] = (rate, rate in (min(runs), max(runs)))
    return chosen
# %% 1: diverged runs count as 0 | not 0
def choose(tables):
    chosen = {}
    for name, runs in tables.items():
        means = {r: sum(0 if a != a else a for a in found) / len(found) for r, found in runs.items()}
        rate = max(means, key=means.get)
        chosen[name] = (rate, rate in (min(runs), max(runs)))
    return chosen
# %% 1: nan as it is | nan
def choose(tables):
    chosen = {}
    for name, runs in tables.items():
        means = {r: sum(found) / len(found) for r, found in runs.items()}
        rate = sorted(means, key=lambda r: -means[r])[0]
        chosen[name] = (rate, rate in (min(runs), max(runs)))
    return chosen
# %% 1: only the upper edge | in any order
def choose(tables):
    chosen = {}
    for name, runs in tables.items():
        means = {r: sum(0.1 if a != a else a for a in found) / len(found) for r, found in runs.items()}
        rate = max(means, key=means.get)
        chosen[name] = (rate, rate == max(runs))
    return chosen
# %% 1: the edges of all grids together | in any order
def choose(tables):
    every = [r for runs in tables.values() for r in runs]
    chosen = {}
    for name, runs in tables.items():
        means = {r: sum(0.1 if a != a else a for a in found) / len(found) for r, found in runs.items()}
        rate = max(means, key=means.get)
        chosen[name] = (rate, rate in (min(every), max(every)))
    return chosen
# %% 2: all rates within, also behind a gap | gap
def window(rates, points):
    best = max(rates.values())
    kept = [r for r, a in rates.items() if a >= best - points]
    return max(kept) / min(kept)
# %% 2: how many rates | only the best
def window(rates, points):
    best = max(rates.values())
    return float(sum(a >= best - points for a in rates.values()) - 1)
# %% 2: strictly within | exactly 3 points
def window(rates, points):
    ordered = sorted(rates)
    best = max(ordered, key=rates.get)
    low = high = ordered.index(best)
    while low > 0 and rates[ordered[low - 1]] > rates[best] - points:
        low -= 1
    while high + 1 < len(ordered) and rates[ordered[high + 1]] > rates[best] - points:
        high += 1
    return ordered[high] / ordered[low]
# %% 2: the order of the dictionary | in any order
def window(rates, points):
    ordered = list(rates)
    best = max(ordered, key=rates.get)
    low = high = ordered.index(best)
    while low > 0 and rates[ordered[low - 1]] >= rates[best] - points:
        low -= 1
    while high + 1 < len(ordered) and rates[ordered[high + 1]] >= rates[best] - points:
        high += 1
    stretch = ordered[low : high + 1]
    return max(stretch) / min(stretch)
# %% 2: the difference of the rates | only the best
def window(rates, points):
    ordered = sorted(rates)
    best = max(ordered, key=rates.get)
    low = high = ordered.index(best)
    while low > 0 and rates[ordered[low - 1]] >= rates[best] - points:
        low -= 1
    while high + 1 < len(ordered) and rates[ordered[high + 1]] >= rates[best] - points:
        high += 1
    return ordered[high] - ordered[low]
# %% 2: powers of ten | a factor is wanted
def window(rates, points):
    ordered = sorted(rates)
    best = max(ordered, key=rates.get)
    low = high = ordered.index(best)
    while low > 0 and rates[ordered[low - 1]] >= rates[best] - points:
        low -= 1
    while high + 1 < len(ordered) and rates[ordered[high + 1]] >= rates[best] - points:
        high += 1
    return 10.0 ** (high - low)
# %% 2: always three points | points is an argument
def window(rates, points):
    ordered = sorted(rates)
    best = max(ordered, key=rates.get)
    low = high = ordered.index(best)
    while low > 0 and rates[ordered[low - 1]] >= rates[best] - 3:
        low -= 1
    while high + 1 < len(ordered) and rates[ordered[high + 1]] >= rates[best] - 3:
        high += 1
    return ordered[high] / ordered[low]
# %% 2: only upwards | lower side
def window(rates, points):
    ordered = sorted(rates)
    best = max(ordered, key=rates.get)
    high = ordered.index(best)
    while high + 1 < len(ordered) and rates[ordered[high + 1]] >= rates[best] - points:
        high += 1
    return ordered[high] / best
