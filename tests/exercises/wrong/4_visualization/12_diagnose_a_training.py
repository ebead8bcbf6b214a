# %% 1: the learning rate for everything that is flat | B: the family is right
diagnosis = {
    "A": "softmax_before_loss", "B": "lr_over_1000", "C": "lr_over_1000", "D": "labels_shuffled_100",
    "E": "wrong_split", "F": "missing_class",
}
# %% 1: a flat loss is a matter of the optimizer | D: look in another family
diagnosis = {
    "A": "softmax_before_loss", "B": "clipped_too_low", "C": "lr_over_1000", "D": "lr_times_100",
    "E": "wrong_split", "F": "missing_class",
}
# %% 1: validation above training is a leak | E: look in another family
diagnosis = {
    "A": "softmax_before_loss", "B": "clipped_too_low", "C": "lr_over_1000", "D": "labels_shuffled_100",
    "E": "leak", "F": "missing_class",
}
# %% 1: a schedule that ends too early | C: the family is right
diagnosis = {
    "A": "softmax_before_loss", "B": "clipped_too_low", "C": "scheduler_per_batch", "D": "labels_shuffled_100",
    "E": "wrong_split", "F": "missing_class",
}
# %% 1: the name of a finding, not of a fault | C: no name of the catalogue
diagnosis = {
    "A": "softmax_before_loss", "B": "clipped_too_low", "C": "rate_too_low", "D": "labels_shuffled_100",
    "E": "wrong_split", "F": "missing_class",
}
# %% 1: a list | dictionary
diagnosis = ["softmax_before_loss", "clipped_too_low", "lr_over_1000"]
# %% 1: one patient was forgotten | six letters
diagnosis = {
    "A": "softmax_before_loss", "B": "clipped_too_low", "C": "lr_over_1000", "D": "labels_shuffled_100",
    "E": "wrong_split",
}
# %% 2: the mean over all steps | early steps
def too_good(seen):
    if not seen.epochs or "valid_accuracy" not in seen.epochs[-1] or len(seen.rights) < 20:
        return None
    above = seen.epochs[-1]["valid_accuracy"] - seen.rights.mean()
    return registry.warning("Look.", ("above", above, 0.1, "my rule")) if above > 0.1 else None
# %% 2: the best epoch, not the last | last epoch
def too_good(seen):
    found = [e["valid_accuracy"] for e in seen.epochs if "valid_accuracy" in e]
    if not found or len(seen.rights) < 20:
        return None
    above = max(found) - seen.rights[-(len(seen.rights) // 5) :].mean()
    return registry.warning("Look.", ("above", above, 0.1, "my rule")) if above > 0.1 else None
# %% 2: a gap to either side | far below
def too_good(seen):
    if not seen.epochs or "valid_accuracy" not in seen.epochs[-1] or len(seen.rights) < 20:
        return None
    gap = abs(seen.epochs[-1]["valid_accuracy"] - seen.rights[-(len(seen.rights) // 5) :].mean())
    return registry.warning("Look.", ("above", gap, 0.1, "my rule")) if gap > 0.1 else None
# %% 2: does not ask whether an accuracy was reported | KeyError
def too_good(seen):
    if not seen.epochs or len(seen.rights) < 20:
        return None
    above = seen.epochs[-1]["valid_accuracy"] - seen.rights[-(len(seen.rights) // 5) :].mean()
    return registry.warning("Look.", ("above", above, 0.1, "my rule")) if above > 0.1 else None
# %% 2: speaks after a handful of steps | so few steps
def too_good(seen):
    if not seen.epochs or "valid_accuracy" not in seen.epochs[-1]:
        return None
    above = seen.epochs[-1]["valid_accuracy"] - seen.rights[-(len(seen.rights) // 5) :].mean()
    return registry.warning("Look.", ("above", above, 0.1, "my rule")) if above > 0.1 else None
# %% 2: a fault | not a warning
def too_good(seen):
    if not seen.epochs or "valid_accuracy" not in seen.epochs[-1] or len(seen.rights) < 20:
        return None
    above = seen.epochs[-1]["valid_accuracy"] - seen.rights[-(len(seen.rights) // 5) :].mean()
    return registry.fault("Look.", ("above", above, 0.1, "my rule")) if above > 0.1 else None
# %% 2: the accuracy as evidence | is the difference
def too_good(seen):
    if not seen.epochs or "valid_accuracy" not in seen.epochs[-1] or len(seen.rights) < 20:
        return None
    last = seen.epochs[-1]["valid_accuracy"]
    above = last - seen.rights[-(len(seen.rights) // 5) :].mean()
    return registry.warning("Look.", ("validation", last, 0.1, "my rule")) if above > 0.1 else None
# %% 2: a truth value instead of a verdict | not a warning
def too_good(seen):
    if not seen.epochs or "valid_accuracy" not in seen.epochs[-1] or len(seen.rights) < 20:
        return None
    above = seen.epochs[-1]["valid_accuracy"] - seen.rights[-(len(seen.rights) // 5) :].mean()
    return True if above > 0.1 else None
# %% 3: trains what it was given | was trained
def by_heart(model, loss_fn, images, labels, lr=0.05, steps=60):
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_fn(model(images), labels).backward()
        optimizer.step()
    return (model(images).argmax(dim=1) == labels).double().mean().item()
# %% 3: the optimizer holds the parameters of the original | was trained
def by_heart(model, loss_fn, images, labels, lr=0.05, steps=60):
    own = copy.copy(model)
    optimizer = torch.optim.SGD(own.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_fn(own(images), labels).backward()
        optimizer.step()
    return (own(images).argmax(dim=1) == labels).double().mean().item()
# %% 3: the optimizer of the original, the copy never moves | learn the batch by heart
def by_heart(model, loss_fn, images, labels, lr=0.05, steps=60):
    own = copy.deepcopy(model).train()
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        own.zero_grad()
        loss_fn(own(images), labels).backward()
        optimizer.step()
    return (own(images).argmax(dim=1) == labels).double().mean().item()
# %% 3: its own loss | use the loss
def by_heart(model, loss_fn, images, labels, lr=0.05, steps=60):
    own = copy.deepcopy(model).train()
    optimizer = torch.optim.SGD(own.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(own(images), labels).backward()
        optimizer.step()
    return (own(images).argmax(dim=1) == labels).double().mean().item()
# %% 3: in the mode that it finds | training mode
def by_heart(model, loss_fn, images, labels, lr=0.05, steps=60):
    own = copy.deepcopy(model)
    optimizer = torch.optim.SGD(own.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_fn(own(images), labels).backward()
        optimizer.step()
    return (own(images).argmax(dim=1) == labels).double().mean().item()
# %% 3: leaves the given model in training mode | mode of the given model
def by_heart(model, loss_fn, images, labels, lr=0.05, steps=60):
    model.train()
    own = copy.deepcopy(model)
    optimizer = torch.optim.SGD(own.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_fn(own(images), labels).backward()
        optimizer.step()
    return (own(images).argmax(dim=1) == labels).double().mean().item()
# %% 3: counts right answers, not their share | a share lies
def by_heart(model, loss_fn, images, labels, lr=0.05, steps=60):
    own = copy.deepcopy(model).train()
    optimizer = torch.optim.SGD(own.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_fn(own(images), labels).backward()
        optimizer.step()
    return (own(images).argmax(dim=1) == labels).sum().item()
