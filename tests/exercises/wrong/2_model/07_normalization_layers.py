# %% 1: neither reset nor averaged | mean over the batches
def reestimate(model, batches):
    mode = model.training
    model.train()
    with torch.no_grad():
        for batch in batches:
            model(batch)
    model.train(mode)
# %% 1: averaged on top of the old statistics | mean over the batches
def reestimate(model, batches):
    mode, norms = model.training, [m for m in model.modules() if hasattr(m, "momentum")]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None
    model.train()
    for batch in batches:
        model(batch)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    model.train(mode)
# %% 1: the batches pass in the mode of the model | mean over the batches
def reestimate(model, batches):
    norms = [m for m in model.modules() if hasattr(m, "momentum")]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for batch in batches:
        model(batch)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
# %% 1: only the layers on top | nested
def reestimate(model, batches):
    mode, norms = model.training, [m for m in model if isinstance(m, nn.BatchNorm2d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    for batch in batches:
        model(batch)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    model.train(mode)
# %% 1: the momentum stays None | momentum has changed
def reestimate(model, batches):
    mode = model.training
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            norm.reset_running_stats()
            norm.momentum = None
    model.train()
    for batch in batches:
        model(batch)
    model.train(mode)
# %% 1: leaves the model in training mode | the mode has changed
def reestimate(model, batches):
    norms = [m for m in model.modules() if hasattr(m, "momentum")]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    for batch in batches:
        model(batch)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
# %% 1: resets the weights of the layer, too | weight
def reestimate(model, batches):
    mode, norms = model.training, [m for m in model.modules() if hasattr(m, "momentum")]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        nn.init.normal_(norm.weight)
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    for batch in batches:
        model(batch)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    model.train(mode)
# %% 2: the scale of the outputs, as behind a convolution | stopped with RuntimeError
def fold_before(norm, linear):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        folded.weight.copy_(linear.weight * scale[:, None])
    return folded
# %% 2: the bias stays | the bias
def fold_before(norm, linear):
    folded = copy.deepcopy(linear)
    with torch.no_grad():
        folded.weight *= norm.weight / (norm.running_var + norm.eps).sqrt()
    return folded
# %% 2: beta is forgotten | the bias
def fold_before(norm, linear):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        folded.weight.copy_(linear.weight * scale)
        folded.bias.copy_(-linear.weight @ (scale * norm.running_mean))
        if linear.bias is not None:
            folded.bias += linear.bias
    return folded
# %% 2: gamma is forgotten | the weight
def fold_before(norm, linear):
    scale = 1 / (norm.running_var + norm.eps).sqrt()
    folded = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        folded.weight.copy_(linear.weight * scale)
        folded.bias.copy_(linear.weight @ (norm.bias - scale * norm.running_mean))
        if linear.bias is not None:
            folded.bias += linear.bias
    return folded
# %% 2: epsilon is forgotten | the weight
def fold_before(norm, linear):
    scale = norm.weight / norm.running_var.sqrt()
    folded = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        folded.weight.copy_(linear.weight * scale)
        folded.bias.copy_(linear.weight @ (norm.bias - scale * norm.running_mean))
        if linear.bias is not None:
            folded.bias += linear.bias
    return folded
# %% 2: a variance taken for a standard deviation | the weight
def fold_before(norm, linear):
    scale = norm.weight / (norm.running_var + norm.eps)
    folded = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        folded.weight.copy_(linear.weight * scale)
        folded.bias.copy_(linear.weight @ (norm.bias - scale * norm.running_mean))
    return folded
# %% 2: right for a linear layer with a bias only | stopped with
def fold_before(norm, linear):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        folded.weight.copy_(linear.weight * scale)
        folded.bias.copy_(linear.bias + linear.weight @ (norm.bias - scale * norm.running_mean))
    return folded
# %% 2: writes into the layer that it got | was changed
def fold_before(norm, linear):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    with torch.no_grad():
        shift = linear.weight @ (norm.bias - scale * norm.running_mean)
        linear.weight *= scale
        linear.bias = nn.Parameter(shift if linear.bias is None else linear.bias + shift)
    return linear
