# %% 1: above and below exchanged | exchanged
def pinball(outputs, targets, q):
    error = outputs - targets
    return torch.maximum(q * error, (q - 1) * error).mean()
# %% 1: all of L1 | half of L1
def pinball(outputs, targets, q):
    error = targets - outputs
    return (2 * torch.maximum(q * error, (q - 1) * error)).mean()
# %% 1: the sum | half of L1
def pinball(outputs, targets, q):
    error = targets - outputs
    return torch.maximum(q * error, (q - 1) * error).sum()
# %% 1: the smaller of the two | below zero
def pinball(outputs, targets, q):
    error = targets - outputs
    return torch.minimum(q * error, (q - 1) * error).mean()
# %% 1: not reduced | one number
def pinball(outputs, targets, q):
    error = targets - outputs
    return torch.maximum(q * error, (q - 1) * error)
# %% 1: L1 with one weight for both sides | wrong slope below
def pinball(outputs, targets, q):
    return 0.5 * (targets - outputs).abs().mean() + 0 * q
# %% 2: unknown counts as right | by all targets
def mse_known(outputs, targets):
    known = ~targets.isnan()
    return F.mse_loss(outputs, torch.where(known, targets, outputs.detach()))
# %% 2: unknown counts as zero | wrong mean
def mse_known(outputs, targets):
    return F.mse_loss(outputs, targets.nan_to_num(0.0))
# %% 2: a mask on the losses | loss is nan
def mse_known(outputs, targets):
    known = (~targets.isnan()).float()
    return (known * (outputs - targets) ** 2).sum() / known.sum()
# %% 2: the loss is chosen, its gradient is not | gradient is nan
def mse_known(outputs, targets):
    known = ~targets.isnan()
    errors = torch.where(known, (outputs - targets) ** 2, 0.0)
    return errors.sum() / known.sum().clamp(min=1)
# %% 2: the mean of nothing | no known target
def mse_known(outputs, targets):
    if outputs.shape != targets.shape:
        raise ValueError("shapes")
    known = ~targets.isnan()
    return F.mse_loss(outputs[known], targets[known])
# %% 2: takes any shapes | against [3] passes
def mse_known(outputs, targets):
    known = ~targets.isnan()
    if outputs.shape != targets.shape:
        return ((outputs - targets) ** 2).mean()
    return ((outputs[known] - targets[known]) ** 2).sum() / known.sum().clamp(min=1)
# %% 2: the sum | wrong mean
def mse_known(outputs, targets):
    known = ~targets.isnan()
    return ((outputs[known] - targets[known]) ** 2).sum()
