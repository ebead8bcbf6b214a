# %% 1: no retry at all | one failure, then a result
def retrying(function, retries):
    return function
# %% 1: everything is tried again | cannot go away
def retrying(function, retries):
    def call(x):
        for _ in range(retries):
            try:
                return function(x)
            except Exception:
                pass
        return function(x)
    return call
# %% 1: `retries` calls instead of 1 + retries | not 1 + retries
def retrying(function, retries):
    def call(x):
        for k in range(retries):
            try:
                return function(x)
            except OSError:
                if k == retries - 1:
                    raise
    return call
# %% 1: the last error is swallowed | last error must come through
def retrying(function, retries):
    def call(x):
        for _ in range(retries + 1):
            try:
                return function(x)
            except OSError:
                pass
    return call
# %% 1: an error of one's own instead of the last one | last error must come through
def retrying(function, retries):
    def call(x):
        for _ in range(retries + 1):
            try:
                return function(x)
            except OSError:
                pass
        raise OSError("too many retries")
    return call
# %% 1: one budget for all calls | retries of its own
def retrying(function, retries):
    left = [retries]
    def call(x):
        while True:
            try:
                return function(x)
            except OSError:
                if left[0] == 0:
                    raise
                left[0] -= 1
    return call
# %% 1: calls at once instead of returning a function | one failure, then a result
def retrying(function, retries):
    for _ in range(retries + 1):
        try:
            return function(7)
        except OSError as error:
            last = error
    raise last
# %% 2: the work divided evenly | in the given order
def finish_time(seconds, workers):
    return sum(seconds) / workers
# %% 2: sorts, the longest run first | in the given order
def finish_time(seconds, workers):
    free = [0] * workers
    for duration in sorted(seconds, reverse=True):
        free[free.index(min(free))] += duration
    return max(free)
# %% 2: workers take turns | not who is next in turn
def finish_time(seconds, workers):
    return max(sum(seconds[k::workers]) for k in range(workers))
# %% 2: when the first worker is free | when a worker is free
def finish_time(seconds, workers):
    free = [0] * workers
    for duration in seconds:
        free[free.index(min(free))] += duration
    return min(free)
# %% 2: all wait for the slowest of each round | not who is next in turn
def finish_time(seconds, workers):
    return sum(max(seconds[k : k + workers]) for k in range(0, len(seconds), workers))
# %% 2: takes the runs out of the caller's list | was changed
def finish_time(seconds, workers):
    free = [0] * workers
    while seconds:
        free[free.index(min(free))] += seconds.pop(0)
    return max(free)
