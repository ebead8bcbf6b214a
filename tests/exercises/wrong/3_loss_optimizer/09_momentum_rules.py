# %% 1: the old velocity keeps its old rate | after one fall
def sgd_corrected(w, g, state, lr, momentum):
    state["v"] = momentum * state.get("v", 0) + lr * g
    return w - state["v"]
# %% 1: scaled by the inverse ratio | after one fall
def sgd_corrected(w, g, state, lr, momentum):
    old = state.get("v", 0) * state.get("lr", lr) / lr
    state["v"] = momentum * old + lr * g
    state["lr"] = lr
    return w - state["v"]
# %% 1: the ratio to the first rate, not to the last | in every step
def sgd_corrected(w, g, state, lr, momentum):
    first = state.setdefault("lr", lr)
    old = state.get("v", 0) * (lr / first if lr != state.get("last", first) else 1)
    state["v"] = momentum * old + lr * g
    state["last"] = lr
    return w - state["v"]
# %% 1: the new gradient is scaled as well | after one fall
def sgd_corrected(w, g, state, lr, momentum):
    ratio = lr / state.get("lr", lr)
    state["v"] = ratio * (momentum * state.get("v", 0) + lr * g)
    state["lr"] = lr
    return w - state["v"]
# %% 1: no rate at all in the first velocity | constant
def sgd_corrected(w, g, state, lr, momentum):
    old = state.get("v", g) * lr / state.get("lr", lr)
    state["v"] = momentum * old + lr * g
    state["lr"] = lr
    return w - state["v"]
# %% 2: not divided by a norm | not finite
def orthogonalize(M, steps):
    for _ in range(steps):
        M = 1.5 * M - 0.5 * M @ M.T @ M
    return M
# %% 2: divided by the largest entry | one step differs
def orthogonalize(M, steps):
    X = M / M.abs().max()
    for _ in range(steps):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X
# %% 2: the polynomial of the entries, not of the singular values | not the nearest
def orthogonalize(M, steps):
    X = M / M.norm()
    for _ in range(steps):
        X = 1.5 * X - 0.5 * X**3
    return X
# %% 2: in place | was changed
def orthogonalize(M, steps):
    M /= M.norm()
    for _ in range(steps):
        M.copy_(1.5 * M - 0.5 * M @ M.T @ M)
    return M.clone()
# %% 2: turned, and not turned back | shape
def orthogonalize(M, steps):
    X = M / M.norm()
    X = X.T if len(X) > X.shape[1] else X
    for _ in range(steps):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X
# %% 2: one step too many | one step differs
def orthogonalize(M, steps):
    X = M / M.norm()
    for _ in range(steps + 1):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X
