# %% 1: no clone | wrote into your maps
def maps_of(model, name, images):
    kept = []
    handle = model.get_submodule(name).register_forward_hook(lambda layer, inputs, output: kept.append(output.detach()))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0]
# %% 1: no detach | holds the graph
def maps_of(model, name, images):
    kept = []
    handle = model.get_submodule(name).register_forward_hook(lambda layer, inputs, output: kept.append(output.clone()))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0]
# %% 1: never removes | a hook is left
def maps_of(model, name, images):
    kept = []
    model.get_submodule(name).register_forward_hook(lambda layer, inputs, output: kept.append(output.detach().clone()))
    model(images)
    return kept[0]
# %% 1: removes only if all goes well | after an error
def maps_of(model, name, images):
    kept = []
    layer = model.get_submodule(name)
    handle = layer.register_forward_hook(lambda layer, inputs, output: kept.append(output.detach().clone()))
    model(images)
    handle.remove()
    return kept[0]
# %% 1: clears all hooks | somebody else
def maps_of(model, name, images):
    kept = []
    layer = model.get_submodule(name)
    layer.register_forward_hook(lambda layer, inputs, output: kept.append(output.detach().clone()))
    try:
        model(images)
    finally:
        layer._forward_hooks.clear()
    return kept[0]
# %% 1: the input of the layer | another layer
def maps_of(model, name, images):
    kept = []
    layer = model.get_submodule(name)
    handle = layer.register_forward_hook(lambda layer, inputs, output: kept.append(inputs[0].detach().clone()))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0]
# %% 1: switches to eval mode | mode
def maps_of(model, name, images):
    kept = []
    layer = model.eval().get_submodule(name)
    handle = layer.register_forward_hook(lambda layer, inputs, output: kept.append(output.detach().clone()))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0]
# %% 2: only the last batch | only the last batch
def silent(model, name, batches):
    for batch in batches:
        with activations(model, name) as found:
            model(batch)
        most = found[name].transpose(0, 1).flatten(1).amax(1)
    return (most <= 0).nonzero().flatten().tolist()
# %% 2: below 0 only | 0 and less
def silent(model, name, batches):
    loud = False
    for batch in batches:
        with activations(model, name) as found:
            model(batch)
        loud = loud | (found[name].transpose(0, 1).flatten(1).amax(1) >= 0)
    return (~loud).nonzero().flatten().tolist()
# %% 2: the mean in place of the largest | one pixel
def silent(model, name, batches):
    loud = False
    for batch in batches:
        with activations(model, name) as found:
            model(batch)
        loud = loud | (found[name].transpose(0, 1).flatten(1).mean(1) > 0)
    return (~loud).nonzero().flatten().tolist()
# %% 2: silent in one batch is enough | not only the last batch
def silent(model, name, batches):
    quiet = set()
    for batch in batches:
        with activations(model, name) as found:
            model(batch)
        most = found[name].transpose(0, 1).flatten(1).amax(1)
        quiet |= set((most <= 0).nonzero().flatten().tolist())
    return sorted(quiet)
# %% 2: only the first batch | first batch
def silent(model, name, batches):
    with activations(model, name) as found:
        model(batches[0])
    return (found[name].transpose(0, 1).flatten(1).amax(1) <= 0).nonzero().flatten().tolist()
# %% 2: maps only | stopped with
def silent(model, name, batches):
    loud = False
    for batch in batches:
        with activations(model, name) as found:
            model(batch)
        loud = loud | (found[name].amax((0, 2, 3)) > 0)
    return (~loud).nonzero().flatten().tolist()
# %% 2: a tensor | not a list
def silent(model, name, batches):
    loud = False
    for batch in batches:
        with activations(model, name) as found:
            model(batch)
        loud = loud | (found[name].transpose(0, 1).flatten(1).amax(1) > 0)
    return (~loud).nonzero().flatten()
