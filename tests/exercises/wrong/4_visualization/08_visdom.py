# %% 1: forgets what is left | flush sends what is left
def batched(send, every):
    xs, ys = [], []
    def add(x, y):
        xs.append(x)
        ys.append(y)
        if len(xs) == every:
            send(list(ys), list(xs))
            xs.clear()
            ys.clear()
    return add, lambda: None
# %% 1: sends its own lists, then empties them | a list that was sent has changed
def batched(send, every):
    xs, ys = [], []
    def flush():
        if xs:
            send(ys, xs)
    def add(x, y):
        if len(xs) == every:
            xs.clear()
            ys.clear()
        xs.append(x)
        ys.append(y)
        if len(xs) == every:
            flush()
    return add, flush
# %% 1: x and y in the order of add | x and y exchanged
def batched(send, every):
    xs, ys = [], []
    def flush():
        if xs:
            send(list(xs), list(ys))
            xs.clear()
            ys.clear()
    def add(x, y):
        xs.append(x)
        ys.append(y)
        if len(xs) == every:
            flush()
    return add, flush
# %% 1: sends when one too many is there | it waits although there are enough
def batched(send, every):
    xs, ys = [], []
    def flush():
        if xs:
            send(list(ys), list(xs))
            xs.clear()
            ys.clear()
    def add(x, y):
        if len(xs) == every:
            flush()
        xs.append(x)
        ys.append(y)
    return add, flush
# %% 1: sends each point | before there are enough points
def batched(send, every):
    def add(x, y):
        send([y], [x])
    return add, lambda: None
# %% 1: an empty call | nothing left
def batched(send, every):
    xs, ys = [], []
    def flush():
        send(list(ys), list(xs))
        xs.clear()
        ys.clear()
    def add(x, y):
        xs.append(x)
        ys.append(y)
        if len(xs) == every:
            flush()
    return add, flush
# %% 1: counts all points instead of those that wait | wrong number of calls
def batched(send, every):
    xs, ys, count = [], [], [0]
    def flush():
        if xs:
            send(list(ys), list(xs))
            xs.clear()
            ys.clear()
    def add(x, y):
        xs.append(x)
        ys.append(y)
        count[0] += 1
        if count[0] >= every:
            flush()
    return add, flush
# %% 2: takes every window for a plot | stopped with
def curves(text):
    found = {}
    for key, window in json.loads(text)["jsons"].items():
        for line in window["content"]["data"]:
            found[window["title"] or key, line["name"]] = list(zip(line["x"], line["y"]))
    return found
# %% 2: leaves null as it is | null is left over
def curves(text):
    found = {}
    for key, window in json.loads(text)["jsons"].items():
        if window["type"] == "plot":
            for line in window["content"]["data"]:
                found[window["title"] or key, line["name"]] = list(zip(line["x"], line["y"]))
    return found
# %% 2: only the first line of a window | several lines
def curves(text):
    found = {}
    for key, window in json.loads(text)["jsons"].items():
        if window["type"] == "plot":
            line = window["content"]["data"][0]
            ys = [math.nan if y is None else y for y in line["y"]]
            found[window["title"] or key, line["name"]] = list(zip(line["x"], ys))
    return found
# %% 2: an empty title as it is | title is empty
def curves(text):
    found = {}
    for window in json.loads(text)["jsons"].values():
        if window["type"] == "plot":
            for line in window["content"]["data"]:
                ys = [math.nan if y is None else y for y in line["y"]]
                found[window["title"], line["name"]] = list(zip(line["x"], ys))
    return found
# %% 2: drops the points without a value | null stands for nan
def curves(text):
    found = {}
    for key, window in json.loads(text)["jsons"].items():
        if window["type"] == "plot":
            for line in window["content"]["data"]:
                pairs = zip(line["x"], line["y"])
                found[window["title"] or key, line["name"]] = [(x, y) for x, y in pairs if y is not None]
    return found
# %% 2: y and x exchanged | wrong points
def curves(text):
    found = {}
    for key, window in json.loads(text)["jsons"].items():
        if window["type"] == "plot":
            for line in window["content"]["data"]:
                ys = [math.nan if y is None else y for y in line["y"]]
                found[window["title"] or key, line["name"]] = list(zip(ys, line["x"]))
    return found
