# %% 1: one draw for the batch | share of the mirrored
def flip_some(images, p, generator):
    return images.flip(-1) if torch.rand((), generator=generator) < p else images
# %% 1: the wrong way round | share of the mirrored
def flip_some(images, p, generator):
    chosen = torch.rand(len(images), generator=generator) > p
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)
# %% 1: upside down | neither as it was nor mirrored
def flip_some(images, p, generator):
    chosen = torch.rand(len(images), generator=generator) < p
    return torch.where(chosen[:, None, None, None], images.flip(-2), images)
# %% 1: a draw for each pixel | neither as it was nor mirrored
def flip_some(images, p, generator):
    chosen = torch.rand(images.shape, generator=generator) < p
    return torch.where(chosen, images.flip(-1), images)
# %% 1: the generator is ignored | same generator
def flip_some(images, p, generator):
    chosen = torch.rand(len(images)) < p
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)
# %% 1: in place | was changed
def flip_some(images, p, generator):
    chosen = torch.rand(len(images), generator=generator) < p
    images[chosen] = images[chosen].flip(-1)
    return images
# %% 1: always a half | share of the mirrored
def flip_some(images, p, generator):
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)
# %% 1: the first images, no randomness | share of the mirrored
def flip_some(images, p, generator):
    n = round(p * len(images))
    return torch.cat([images[:n].flip(-1), images[n:]])
# %% 1: exactly the share, every fifth | same places
def flip_some(images, p, generator):
    chosen = torch.arange(len(images)) % round(1 / p) == 0 if p else torch.zeros(len(images), dtype=torch.bool)
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)
# %% 2: the logits are averaged | average the probabilities
def two_looks(model, images):
    return ((model(images) + model(images.flip(-1))) / 2).softmax(dim=1)
# %% 2: rows instead of columns | left and right
def two_looks(model, images):
    return (model(images).softmax(dim=1) + model(images.flip(-2)).softmax(dim=1)) / 2
# %% 2: added, not averaged | add up to 1
def two_looks(model, images):
    return model(images).softmax(dim=1) + model(images.flip(-1)).softmax(dim=1)
# %% 2: over the images instead of the classes | add up to 1
def two_looks(model, images):
    return (model(images).softmax(dim=0) + model(images.flip(-1)).softmax(dim=0)) / 2
# %% 2: the mirror only | one look
def two_looks(model, images):
    return model(images.flip(-1)).softmax(dim=1)
# %% 2: no mirror | one look
def two_looks(model, images):
    return model(images).softmax(dim=1)
# %% 2: the larger of the two | add up to 1
def two_looks(model, images):
    return torch.maximum(model(images).softmax(dim=1), model(images.flip(-1)).softmax(dim=1))
