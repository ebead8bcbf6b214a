# %% 1: replaces the name wherever it stands | counts from the start
def renamed_keys(state, table):
    found = {}
    for key, values in state.items():
        for old, new in table.items():
            if key.startswith(old + "."):
                key = key.replace(old + ".", new + ".")
                break
            elif old + "." in key:
                key = key.replace(old + ".", new + ".")
                break
        if key in found:
            raise ValueError(key)
        found[key] = values
    return found
# %% 1: a longer name begins with the same letters | a.01 is another layer
def renamed_keys(state, table):
    found = {}
    for key, values in state.items():
        for old, new in table.items():
            if key.startswith(old):
                key = new + key[len(old):]
                break
        if key in found:
            raise ValueError(key)
        found[key] = values
    return found
# %% 1: one rule after the other | exchange names
def renamed_keys(state, table):
    found = {}
    for key, values in state.items():
        for old, new in table.items():
            if key.startswith(old + "."):
                key = new + key[len(old):]
        found[key] = values
    return found
# %% 1: the second of two tensors wins | two tensors got the same name
def renamed_keys(state, table):
    found = {}
    for key, values in state.items():
        for old, new in table.items():
            if key.startswith(old + "."):
                key = new + key[len(old):]
                break
        found[key] = values
    return found
# %% 1: returns only what was renamed | a tensor is missing
def renamed_keys(state, table):
    return {
        new + key[len(old):]: values
        for key, values in state.items()
        for old, new in table.items()
        if key.startswith(old + ".")
    }
# %% 1: one part of the name only | kept its old name
def renamed_keys(state, table):
    found = {}
    for key, values in state.items():
        layer, _, rest = key.partition(".")
        key = table.get(layer, layer) + "." * bool(rest) + rest
        if key in found:
            raise ValueError(key)
        found[key] = values
    return found
# %% 1: a list of pairs | a dictionary is asked for
def renamed_keys(state, table):
    return list(state.items())
# %% 2: widens the old state itself | old state was changed
def with_more_classes(state, head, num_classes):
    for what in ("weight", "bias"):
        rows = state[f"{head}.{what}"]
        more = rows.new_zeros(num_classes - len(rows), *rows.shape[1:])
        state[f"{head}.{what}"] = torch.cat([rows, more])
    return state
# %% 2: the new rows first | the old rows come first
def with_more_classes(state, head, num_classes):
    wide = dict(state)
    for what in ("weight", "bias"):
        rows = state[f"{head}.{what}"]
        more = rows.new_zeros(num_classes - len(rows), *rows.shape[1:])
        wide[f"{head}.{what}"] = torch.cat([more, rows])
    return wide
# %% 2: forgets the bias | the bias has another shape
def with_more_classes(state, head, num_classes):
    wide = dict(state)
    rows = state[f"{head}.weight"]
    more = rows.new_zeros(num_classes - len(rows), rows.shape[1])
    wide[f"{head}.weight"] = torch.cat([rows, more])
    return wide
# %% 2: adds num_classes rows | the weight has another shape
def with_more_classes(state, head, num_classes):
    wide = dict(state)
    for what in ("weight", "bias"):
        rows = state[f"{head}.{what}"]
        more = rows.new_zeros(num_classes, *rows.shape[1:])
        wide[f"{head}.{what}"] = torch.cat([rows, more])
    return wide
# %% 2: new rows are the mean of the old ones | the new rows and biases are 0
def with_more_classes(state, head, num_classes):
    wide = dict(state)
    for what in ("weight", "bias"):
        rows = state[f"{head}.{what}"]
        more = rows.mean(0, keepdim=True).repeat(num_classes - len(rows), *[1] * (rows.ndim - 1))
        wide[f"{head}.{what}"] = torch.cat([rows, more])
    return wide
# %% 2: only the head is returned | the keys must be the same
def with_more_classes(state, head, num_classes):
    wide = {}
    for what in ("weight", "bias"):
        rows = state[f"{head}.{what}"]
        more = rows.new_zeros(num_classes - len(rows), *rows.shape[1:])
        wide[f"{head}.{what}"] = torch.cat([rows, more])
    return wide
