# %% 1: the plain sign step | small weights become 0
def proximal_step(w, grad, lr, strength):
    return w - lr * (grad + strength * w.sign())
# %% 1: the strength is not multiplied by the rate | scaled by the rate
def proximal_step(w, grad, lr, strength):
    w = w - lr * grad
    return w.sign() * (w.abs() - strength).clamp(min=0)
# %% 1: forgets the sign | stays negative
def proximal_step(w, grad, lr, strength):
    w = w - lr * grad
    return (w.abs() - lr * strength).clamp(min=0)
# %% 1: the gradient is added | subtracted
def proximal_step(w, grad, lr, strength):
    w = w + lr * grad
    return w.sign() * (w.abs() - lr * strength).clamp(min=0)
# %% 1: works in place | itself was changed
def proximal_step(w, grad, lr, strength):
    w -= lr * grad
    return w.sign() * (w.abs() - lr * strength).clamp(min=0)
# %% 1: sets small weights to zero and leaves the others | another number
def proximal_step(w, grad, lr, strength):
    w = w - lr * grad
    return torch.where(w.abs() > lr * strength, w, torch.zeros_like(w))
# %% 2: the lowest of all epochs | has stopped before
def early_stop(losses, patience):
    best = min(range(len(losses)), key=losses.__getitem__)
    return best, min(best + patience, len(losses) - 1)
# %% 2: an equal loss counts as better | equal loss is none
def early_stop(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss <= losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch
# %% 2: keeps the weights of the last epoch | not the best
def early_stop(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch, epoch
# %% 2: stops an epoch late | too late
def early_stop(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best > patience:
            break
    return best, epoch
# %% 2: stops an epoch early | too early
def early_stop(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience - 1 and epoch > best:
            break
    return best, epoch
# %% 2: compares with the epoch before | has stopped before
def early_stop(losses, patience):
    best, bad = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        bad = 0 if losses[epoch] < losses[epoch - 1] else bad + 1
        if bad >= patience:
            break
    return best, epoch
