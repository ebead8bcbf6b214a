# %% 1: two orders | left its image
def shuffled_pairs(images, labels, generator):
    n = len(images)
    return images[torch.randperm(n, generator=generator)], labels[torch.randperm(n, generator=generator)]
# %% 1: torch's own generator | own generator was used
def shuffled_pairs(images, labels, generator):
    order = torch.randperm(len(images))
    return images[order], labels[order]
# %% 1: reseeds at each call | repeats the first
def shuffled_pairs(images, labels, generator):
    order = torch.randperm(len(images), generator=generator.manual_seed(0))
    return images[order], labels[order]
# %% 1: draws with replacement | come twice
def shuffled_pairs(images, labels, generator):
    order = torch.randint(len(images), (len(images),), generator=generator)
    return images[order], labels[order]
# %% 1: in place | the caller's images changed
def shuffled_pairs(images, labels, generator):
    order = torch.randperm(len(images), generator=generator)
    images[:], labels[:] = images[order], labels[order]
    return images, labels
# %% 1: nothing shuffled | nothing was shuffled
def shuffled_pairs(images, labels, generator):
    return images, labels
# %% 1: the rows of each image rolled | an image was cut up
def shuffled_pairs(images, labels, generator):
    order = torch.randperm(len(images), generator=generator)
    return images[order].roll(1, dims=-2), labels[order]
# %% 1: seeds torch's generator instead | own generator was used
def shuffled_pairs(images, labels, generator):
    torch.manual_seed(generator.initial_seed())
    order = torch.randperm(len(images))
    return images[order], labels[order]
# %% 2: reshape alone | scrambled
def tile(images, columns):
    B, C, H, W = images.shape
    return images.reshape(C, B // columns * H, columns * W)
# %% 2: column by column | not to the right
def tile(images, columns):
    B, C, H, W = images.shape
    rows = B // columns
    return images.reshape(columns, rows, C, H, W).permute(2, 1, 3, 0, 4).reshape(C, rows * H, columns * W)
# %% 2: the columns of images interleaved | scrambled
def tile(images, columns):
    B, C, H, W = images.shape
    rows = B // columns
    return images.reshape(rows, columns, C, H, W).permute(2, 0, 3, 4, 1).reshape(C, rows * H, columns * W)
# %% 2: rows and columns exchanged | another shape
def tile(images, columns):
    B, C, H, W = images.shape
    rows = B // columns
    return images.reshape(columns, rows, C, H, W).permute(2, 0, 3, 1, 4).reshape(C, columns * H, rows * W)
# %% 2: always two columns | three columns
def tile(images, columns):
    B, C, H, W = images.shape
    return images.reshape(B // 2, 2, C, H, W).permute(2, 0, 3, 1, 4).reshape(C, B // 2 * H, 2 * W)
# %% 2: 32 by 32 written into it | stopped with
def tile(images, columns):
    rows = len(images) // columns
    return images.reshape(rows, columns, 3, 32, 32).permute(2, 0, 3, 1, 4).reshape(3, rows * 32, columns * 32)
