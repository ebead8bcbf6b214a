# %% 1: the sign of the gradient alone | past gradients
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    return w - lr * (g.sign() + weight_decay * w)
# %% 1: one decay rate for both, the second | decay rate
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    b = betas[1]
    m = state["m"] = b * state.get("m", 0) + (1 - b) * g
    return w - lr * (m.sign() + weight_decay * w)
# %% 1: decay rates exchanged | decay rate
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    m, (b2, b1) = state.get("m", 0), betas
    c = b1 * m + (1 - b1) * g
    state["m"] = b2 * m + (1 - b2) * g
    return w - lr * (c.sign() + weight_decay * w)
# %% 1: m is renewed first | renewed before
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    b1, b2 = betas
    m = state["m"] = b2 * state.get("m", 0) + (1 - b2) * g
    c = b1 * m + (1 - b1) * g
    return w - lr * (c.sign() + weight_decay * w)
# %% 1: decay inside of the sign | weight decay
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    m, (b1, b2) = state.get("m", 0), betas
    g = g + weight_decay * w
    c = b1 * m + (1 - b1) * g
    state["m"] = b2 * m + (1 - b2) * g
    return w - lr * c.sign()
# %% 1: decay not times lr | weight decay
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    m, (b1, b2) = state.get("m", 0), betas
    c = b1 * m + (1 - b1) * g
    state["m"] = b2 * m + (1 - b2) * g
    return w - lr * c.sign() - weight_decay * w
# %% 1: no sign | first step
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    m, (b1, b2) = state.get("m", 0), betas
    c = b1 * m + (1 - b1) * g
    state["m"] = b2 * m + (1 - b2) * g
    return w - lr * (c + weight_decay * w)
# %% 1: betas written into the code | given betas
def lion(w, g, state, lr=1e-4, betas=(0.9, 0.99), weight_decay=0):
    m = state.get("m", 0)
    c = 0.9 * m + 0.1 * g
    state["m"] = 0.99 * m + 0.01 * g
    return w - lr * (c.sign() + weight_decay * w)
# %% 2: looks at one gradient only | taken for
def which_rule(ones, tens):
    if ones[1] > ones[0]:
        return "momentum"
    if ones[1] == ones[0]:
        return "adam"
    return "adagrad" if ones[-1] < 0.1 * ones[0] else "rmsprop"
# %% 2: adagrad by its first steps | taken for
def which_rule(ones, tens):
    if tens[0] > 5 * ones[0]:
        return "momentum" if ones[1] > ones[0] else "sgd"
    if abs(ones[1] / ones[0] - 1) < 1e-3:
        return "adam"
    return "adagrad" if abs(ones[1] / ones[0] - 0.7) < 0.05 else "rmsprop"
# %% 2: compares lengths with fixed numbers | taken for
def which_rule(ones, tens):
    if tens[0] > 5 * ones[0]:
        return "momentum" if ones[-1] > 1 else "sgd"
    if ones[0] == ones[-1]:
        return "adam"
    return "adagrad" if ones[-1] < 0.06 else "rmsprop"
# %% 2: the ratio of lengths the wrong way | taken for
def which_rule(ones, tens):
    if tens[0] < 5 * ones[0]:
        return "momentum" if ones[1] > ones[0] * 1.001 else "sgd"
    if ones[1] > 0.999 * ones[0]:
        return "adam"
    return "adagrad" if abs(ones[-1] / ones[0] * len(ones) ** 0.5 - 1) < 0.01 else "rmsprop"
# %% 2: returns the rule, not its name | five names
def which_rule(ones, tens):
    return torch.optim.SGD
