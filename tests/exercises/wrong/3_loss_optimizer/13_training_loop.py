# %% 1: mean of the means, whatever the sizes | not that of the mean over all images
def accumulate(model, batches, criterion, optimizer):
    optimizer.zero_grad()
    for images, labels in batches:
        (criterion(model(images), labels) / len(batches)).backward()
    optimizer.step()
# %% 1: sum of the means | not that of the mean over all images
def accumulate(model, batches, criterion, optimizer):
    optimizer.zero_grad()
    for images, labels in batches:
        criterion(model(images), labels).backward()
    optimizer.step()
# %% 1: the old gradient stays | not that of the mean over all images
def accumulate(model, batches, criterion, optimizer):
    count = sum(len(labels) for _, labels in batches)
    for images, labels in batches:
        (criterion(model(images), labels) * len(labels) / count).backward()
    optimizer.step()
# %% 1: zero_grad in the loop, so that only the last batch counts | not that of the mean over all images
def accumulate(model, batches, criterion, optimizer):
    count = sum(len(labels) for _, labels in batches)
    for images, labels in batches:
        optimizer.zero_grad()
        (criterion(model(images), labels) * len(labels) / count).backward()
    optimizer.step()
# %% 1: a step for each batch | exactly one optimizer step
def accumulate(model, batches, criterion, optimizer):
    for images, labels in batches:
        optimizer.zero_grad()
        criterion(model(images), labels).backward()
        optimizer.step()
# %% 1: all images at once | only one batch fits
def accumulate(model, batches, criterion, optimizer):
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    optimizer.zero_grad()
    criterion(model(images), labels).backward()
    optimizer.step()
# %% 1: no step | exactly one optimizer step
def accumulate(model, batches, criterion, optimizer):
    optimizer.zero_grad()
    count = sum(len(labels) for _, labels in batches)
    for images, labels in batches:
        (criterion(model(images), labels) * len(labels) / count).backward()
# %% 2: sum of means over N | not the mean over all images
def look(model, batches, criterion):
    was = model.training
    model.eval()
    with torch.no_grad():
        total = sum(criterion(model(x), y).item() for x, y in batches)
    model.train(was)
    return total / sum(len(y) for _, y in batches)
# %% 2: mean of means | not the mean over all images
def look(model, batches, criterion):
    was = model.training
    model.eval()
    with torch.no_grad():
        means = [criterion(model(x), y).item() for x, y in batches]
    model.train(was)
    return sum(means) / len(means)
# %% 2: without eval(), the running statistics move | a buffer has changed
def look(model, batches, criterion):
    model.train()
    with torch.no_grad():
        total = sum(criterion(model(x), y).item() * len(y) for x, y in batches)
    return total / sum(len(y) for _, y in batches)
# %% 2: stays in evaluation mode | the mode is another one
def look(model, batches, criterion):
    model.eval()
    with torch.no_grad():
        total = sum(criterion(model(x), y).item() * len(y) for x, y in batches)
    return total / sum(len(y) for _, y in batches)
# %% 2: train() at the end, whatever it was | the mode is another one
def look(model, batches, criterion):
    model.eval()
    with torch.no_grad():
        total = sum(criterion(model(x), y).item() * len(y) for x, y in batches)
    model.train()
    return total / sum(len(y) for _, y in batches)
# %% 2: eval() taken for no_grad() | autograd was recording
def look(model, batches, criterion):
    was = model.training
    model.eval()
    total = sum(criterion(model(x), y).item() * len(y) for x, y in batches)
    model.train(was)
    return total / sum(len(y) for _, y in batches)
# %% 2: a tensor | no Python float
def look(model, batches, criterion):
    was = model.training
    model.eval()
    with torch.no_grad():
        total = sum(criterion(model(x), y) * len(y) for x, y in batches)
    model.train(was)
    return total / sum(len(y) for _, y in batches)
