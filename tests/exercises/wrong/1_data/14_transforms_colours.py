# %% 1: cut off instead of rounded | round
def exact_grey(image):
    red, green, blue = image.int()
    return ((19595 * red + 38470 * green + 7471 * blue) >> 16).to(torch.uint8)[None]
# %% 1: bytes overflow | levels off
def exact_grey(image):
    red, green, blue = image
    return ((red * 77 + green * 150 + blue * 29) >> 8)[None]
# %% 1: rounded, but with the weights of torchvision | a few pixels
def exact_grey(image):
    red, green, blue = image.double()
    return (0.299 * red + 0.587 * green + 0.114 * blue).round().to(torch.uint8)[None]
# %% 1: the library's own | round
def exact_grey(image):
    from torchvision.transforms.v2 import functional as F

    return F.rgb_to_grayscale(image)
# %% 1: the channel axis is gone | 1 H W
def exact_grey(image):
    red, green, blue = image.int()
    return ((19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16).to(torch.uint8)
# %% 1: whole numbers of 32 bits | uint8
def exact_grey(image):
    red, green, blue = image.int()
    return ((19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16)[None]
# %% 1: red and blue exchanged | levels off
def exact_grey(image):
    blue, green, red = image.int()
    return ((19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16).to(torch.uint8)[None]
# %% 2: one factor for the batch | share their factors
def brightness_each(images, low, high, generator):
    f = low + (high - low) * torch.rand((), generator=generator)
    return (images * f).clip(0, 1)
# %% 2: a factor for each channel | more than one factor
def brightness_each(images, low, high, generator):
    u = torch.rand(len(images), images.shape[1], 1, 1, generator=generator)
    return (images * (low + (high - low) * u)).clip(0, 1)
# %% 2: not clipped | leaves 0 to 1
def brightness_each(images, low, high, generator):
    u = torch.rand(len(images), 1, 1, 1, generator=generator)
    return images * (low + (high - low) * u)
# %% 2: added instead of multiplied | more than one factor
def brightness_each(images, low, high, generator):
    u = torch.rand(len(images), 1, 1, 1, generator=generator)
    return (images + low + (high - low) * u).clip(0, 1)
# %% 2: the generator is ignored | not repeatable
def brightness_each(images, low, high, generator):
    u = torch.rand(len(images), 1, 1, 1)
    return (images * (low + (high - low) * u)).clip(0, 1)
# %% 2: in place | was changed
def brightness_each(images, low, high, generator):
    u = torch.rand(len(images), 1, 1, 1, generator=generator)
    return images.mul_(low + (high - low) * u).clip_(0, 1)
# %% 2: from 0 instead of low | out of range
def brightness_each(images, low, high, generator):
    u = torch.rand(len(images), 1, 1, 1, generator=generator)
    return (images * high * u).clip(0, 1)
# %% 2: squared, so that small factors come more often | evenly
def brightness_each(images, low, high, generator):
    u = torch.rand(len(images), 1, 1, 1, generator=generator) ** 2
    return (images * (low + (high - low) * u)).clip(0, 1)
