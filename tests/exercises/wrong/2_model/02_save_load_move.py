# %% 1: the state dict itself | it goes on changing
def snapshot(model):
    return model.state_dict()
# %% 1: a new dictionary of the same tensors | it goes on changing
def snapshot(model):
    return dict(model.state_dict())
# %% 1: a shallow copy | it goes on changing
def snapshot(model):
    return copy.copy(model.state_dict())
# %% 1: to the CPU, where the tensors are already | it goes on changing
def snapshot(model):
    return {k: t.cpu() for k, t in model.state_dict().items()}
# %% 1: detached, with the same memory | it goes on changing
def snapshot(model):
    return {k: t.detach() for k, t in model.state_dict().items()}
# %% 1: a NumPy array of the same memory | it goes on changing
def snapshot(model):
    return {k: torch.from_numpy(t.numpy()) if t.ndim else t.clone() for k, t in model.state_dict().items()}
# %% 1: without the buffers | not in the snapshot: 1.num_batches_tracked
def snapshot(model):
    return {k: p.detach().clone() for k, p in model.named_parameters()}
# %% 1: copies that are part of a graph | holds on to autograd
def snapshot(model):
    both = dict(model.named_parameters()) | dict(model.named_buffers())
    return {k: t.clone() for k, t in both.items()}
# %% 1: the whole model | not in the snapshot
def snapshot(model):
    return copy.deepcopy(model)
# %% 1: buffers shared, parameters copied | it goes on changing: 1.running_mean
def snapshot(model):
    kept = model.state_dict()
    return kept | {k: p.detach().clone() for k, p in model.named_parameters()}
# %% 2: removes it everywhere | more than the front was removed
def without_prefix(state, prefix):
    return {name.replace(prefix, ""): t for name, t in state.items()}
# %% 2: removes letters, not a word | a name without the prefix was changed
def without_prefix(state, prefix):
    return {name.lstrip(prefix): t for name, t in state.items()}
# %% 2: as often as it is there | more than the front was removed
def without_prefix(state, prefix):
    got = {}
    for name, t in state.items():
        while name.startswith(prefix):
            name = name[len(prefix):]
        got[name] = t
    return got
# %% 2: cuts every name | a name without the prefix was changed
def without_prefix(state, prefix):
    return {name[len(prefix):]: t for name, t in state.items()}
# %% 2: keeps only what had the prefix | tensors are lost
def without_prefix(state, prefix):
    return {name[len(prefix):]: t for name, t in state.items() if name.startswith(prefix)}
# %% 2: in place | the given dictionary was changed
def without_prefix(state, prefix):
    for name in list(state):
        state[name.removeprefix(prefix)] = state.pop(name)
    return state
# %% 2: the word is fixed | only `module.` is known
def without_prefix(state, prefix):
    return {name.removeprefix("module."): t for name, t in state.items()}
# %% 2: the first place, wherever it is | cut in the middle
def without_prefix(state, prefix):
    return {name.replace(prefix, "", 1): t for name, t in state.items()}
# %% 2: the last tensor wins silently | one name without an error
def without_prefix(state, prefix):
    return {name.removeprefix(prefix): t for name, t in state.items()}
# %% 2: names and tensors out of step | mixed up
def without_prefix(state, prefix):
    return dict(zip(sorted(name.removeprefix(prefix) for name in state), state.values(), strict=True))
