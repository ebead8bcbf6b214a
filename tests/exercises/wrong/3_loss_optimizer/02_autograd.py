# %% 1: broadcasting forgotten | b: the shape
def divide(a, b):
    value = a.data / b.data
    return Value(value, (a, b), lambda g: (g / b.data, -g * value / b.data))
# %% 1: the sign of the divisor | b: the sign
def divide(a, b):
    value = a.data / b.data
    return Value(value, (a, b), lambda g: (fit(g / b.data, a), fit(g * value / b.data, b)))
# %% 1: the square is missing | b: the gradient
def divide(a, b):
    value = a.data / b.data
    return Value(value, (a, b), lambda g: (fit(g / b.data, a), fit(-g * value, b)))
# %% 1: numerator and denominator exchanged | a: the
def divide(a, b):
    value = a.data / b.data
    return Value(value, (a, b), lambda g: (fit(-g * value / b.data, a), fit(g / b.data, b)))
# %% 1: no graph | no gradient arrives at a
def divide(a, b):
    return Value(a.data / b.data)
# %% 1: the divisor is a constant | no gradient arrives at b
def divide(a, b):
    return mul(a, Value(1 / b.data))
# %% 1: an array | not a Value
def divide(a, b):
    return a.data / b.data
# %% 2: not divided | times as long
def accumulate(model, images, labels, size):
    model.zero_grad()
    for part, wanted in zip(images.split(size), labels.split(size), strict=True):
        F.cross_entropy(model(part), wanted).backward()
# %% 2: the mean of the means | smaller last part
def accumulate(model, images, labels, size):
    model.zero_grad()
    parts = list(zip(images.split(size), labels.split(size), strict=True))
    for part, wanted in parts:
        (F.cross_entropy(model(part), wanted) / len(parts)).backward()
# %% 2: old gradients are kept | old gradients
def accumulate(model, images, labels, size):
    for part, wanted in zip(images.split(size), labels.split(size), strict=True):
        (F.cross_entropy(model(part), wanted, reduction="sum") / len(images)).backward()
# %% 2: forgets between the parts | times as long
def accumulate(model, images, labels, size):
    for part, wanted in zip(images.split(size), labels.split(size), strict=True):
        model.zero_grad()
        (F.cross_entropy(model(part), wanted, reduction="sum") / len(images)).backward()
# %% 2: all at once | too many images
def accumulate(model, images, labels, size):
    model.zero_grad()
    F.cross_entropy(model(images), labels).backward()
# %% 2: the smaller last part is left out | of 10 images
def accumulate(model, images, labels, size):
    model.zero_grad()
    size = min(size, len(images))
    for n in range(len(images) // size):
        part = slice(n * size, (n + 1) * size)
        (F.cross_entropy(model(images[part]), labels[part], reduction="sum") / len(images)).backward()
# %% 2: grad instead of backward | no gradient is left
def accumulate(model, images, labels, size):
    model.zero_grad()
    for part, wanted in zip(images.split(size), labels.split(size), strict=True):
        loss = F.cross_entropy(model(part), wanted, reduction="sum") / len(images)
        torch.autograd.grad(loss, list(model.parameters()))
# %% 2: one walk through all graphs | held at once
def accumulate(model, images, labels, size):
    model.zero_grad()
    parts = zip(images.split(size), labels.split(size), strict=True)
    (sum(F.cross_entropy(model(part), wanted, reduction="sum") for part, wanted in parts) / len(images)).backward()
