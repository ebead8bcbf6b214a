# %% 1: one-sided | too coarse
def numerical_gradient(f, x, h=1e-5):
    found = torch.zeros_like(x)
    for n in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[n] = h
        found.view(-1)[n] = (f(x + move) - f(x)) / h
    return found
# %% 1: the step is forgotten once | 2 times as long
def numerical_gradient(f, x, h=1e-5):
    found = torch.zeros_like(x)
    for n in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[n] = h
        found.view(-1)[n] = (f(x + move) - f(x - move)) / h
    return found
# %% 1: in place, without putting the number back | x was changed
def numerical_gradient(f, x, h=1e-5):
    found = torch.zeros_like(x)
    for n in range(x.numel()):
        x.view(-1)[n] += h
        above = f(x)
        x.view(-1)[n] -= 2 * h
        found.view(-1)[n] = (above - f(x)) / (2 * h)
    return found
# %% 1: as a flat vector | the shape for [2, 3]
def numerical_gradient(f, x, h=1e-5):
    moves = h * torch.eye(x.numel(), dtype=x.dtype).view(-1, *x.shape)
    return torch.stack([(f(x + m) - f(x - m)) / (2 * h) for m in moves])
# %% 1: all numbers are moved at once | times as long
def numerical_gradient(f, x, h=1e-5):
    return torch.full_like(x, float((f(x + h) - f(x - h)) / (2 * h)))
# %% 1: its own step | another step than h
def numerical_gradient(f, x, h=1e-5):
    found = torch.zeros_like(x)
    for n in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[n] = 1e-5
        found.view(-1)[n] = (f(x + move) - f(x - move)) / 2e-5
    return found
# %% 2: the sign | goes up
def linear_gradients(W, b, x, labels):
    sent = -cross_entropy_gradient(x @ W.T + b, labels)
    return sent.T @ x, sent.sum(dim=0)
# %% 2: the sum over the images instead of the mean | 6 times
def linear_gradients(W, b, x, labels):
    sent = len(x) * cross_entropy_gradient(x @ W.T + b, labels)
    return sent.T @ x, sent.sum(dim=0)
# %% 2: transposed | W has another shape
def linear_gradients(W, b, x, labels):
    sent = cross_entropy_gradient(x @ W.T + b, labels)
    return x.T @ sent, sent.sum(dim=0)
# %% 2: the bias is left out of the logits | W
def linear_gradients(W, b, x, labels):
    sent = cross_entropy_gradient(x @ W.T, labels)
    return sent.T @ x, sent.sum(dim=0)
# %% 2: the gradient of the bias is a mean | b:
def linear_gradients(W, b, x, labels):
    sent = cross_entropy_gradient(x @ W.T + b, labels)
    return sent.T @ x, sent.mean(dim=0)
