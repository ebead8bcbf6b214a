# %% 1: filters are used up once | used up by counting
def groups_of(model, head, head_lr, body_lr):
    inside = {id(p) for p in model.get_submodule(head).parameters()} if head == "fc" else None
    if inside is None:
        raise ValueError(head)
    heads = filter(lambda p: p.requires_grad and id(p) in inside, model.parameters())
    body = filter(lambda p: p.requires_grad and id(p) not in inside, model.parameters())
    return [{"params": heads, "lr": head_lr}, {"params": body, "lr": body_lr}]
# %% 1: names that begin with the same letters | not fc2 or deep.fc
def groups_of(model, head, head_lr, body_lr):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    heads = [p for n, p in named if n.startswith(head)]
    body = [p for n, p in named if not n.startswith(head)]
    if not heads:
        raise ValueError(head)
    return [{"params": heads, "lr": head_lr}, {"params": body, "lr": body_lr}]
# %% 1: a layer of that name further inside | not fc2 or deep.fc
def groups_of(model, head, head_lr, body_lr):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    heads = [p for n, p in named if head in n.split(".")]
    body = [p for n, p in named if head not in n.split(".")]
    if not heads:
        raise ValueError(head)
    return [{"params": heads, "lr": head_lr}, {"params": body, "lr": body_lr}]
# %% 1: the whole model in the second group | is there twice
def groups_of(model, head, head_lr, body_lr):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    heads = [p for n, p in named if n.startswith(head + ".")]
    if not heads:
        raise ValueError(head)
    return [{"params": heads, "lr": head_lr}, {"params": [p for _, p in named], "lr": body_lr}]
# %% 1: frozen parameters too | a frozen one is held
def groups_of(model, head, head_lr, body_lr):
    named = list(model.named_parameters())
    heads = [p for n, p in named if n.startswith(head + ".")]
    body = [p for n, p in named if not n.startswith(head + ".")]
    if not heads:
        raise ValueError(head)
    return [{"params": heads, "lr": head_lr}, {"params": body, "lr": body_lr}]
# %% 1: the rates exchanged | the rates
def groups_of(model, head, head_lr, body_lr):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    heads = [p for n, p in named if n.startswith(head + ".")]
    body = [p for n, p in named if not n.startswith(head + ".")]
    if not heads:
        raise ValueError(head)
    return [{"params": heads, "lr": body_lr}, {"params": body, "lr": head_lr}]
# %% 1: an unknown name gives an empty group | nothing is raised
def groups_of(model, head, head_lr, body_lr):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    heads = [p for n, p in named if n.startswith(head + ".")]
    body = [p for n, p in named if not n.startswith(head + ".")]
    return [{"params": heads, "lr": head_lr}, {"params": body, "lr": body_lr}]
# %% 2: gradients only | a frozen batch norm is training
def freeze(model, names):
    model.train().requires_grad_(True)
    for name in names:
        model.get_submodule(name).requires_grad_(False)
# %% 2: evaluation mode only | gets gradients
def freeze(model, names):
    model.train().requires_grad_(True)
    for name in names:
        model.get_submodule(name).eval()
# %% 2: the others stay as they were | another layer stays frozen
def freeze(model, names):
    for name in names:
        model.get_submodule(name).eval().requires_grad_(False)
# %% 2: the mode of the others is forgotten | is not training
def freeze(model, names):
    model.requires_grad_(True)
    for name in names:
        model.get_submodule(name).eval().requires_grad_(False)
# %% 2: train() after eval() | a frozen batch norm is training
def freeze(model, names):
    model.requires_grad_(True)
    for name in names:
        model.get_submodule(name).eval().requires_grad_(False)
    model.train()
# %% 2: names that begin with the same letters | another layer stays frozen
def freeze(model, names):
    model.train().requires_grad_(True)
    for name, layer in model.named_modules():
        if name and any(name.startswith(frozen) for frozen in names):
            layer.eval().requires_grad_(False)
# %% 2: parameters by name, batch norm forgotten | a frozen batch norm is training
def freeze(model, names):
    model.train()
    for name, p in model.named_parameters():
        p.requires_grad_(not any(name.startswith(frozen + ".") for frozen in names))
