# %% 1: the classes in blocks | in blocks
def balanced_batches(labels, per_class, generator):
    labels = torch.as_tensor(labels)
    order = torch.randperm(len(labels), generator=generator)
    shares = [order[labels[order] == k].split(per_class) for k in range(int(labels.max()) + 1)]
    for groups in zip(*shares, strict=False):
        batch = torch.cat(groups)
        if len(batch) == len(shares) * per_class:
            yield batch.tolist()
# %% 1: the generator is ignored | the same seed gives other batches
def balanced_batches(labels, per_class, generator):
    labels = torch.as_tensor(labels)
    order = torch.randperm(len(labels))
    shares = [order[labels[order] == k].split(per_class) for k in range(int(labels.max()) + 1)]
    for groups in zip(*shares, strict=False):
        batch = torch.cat(groups)
        if len(batch) == len(shares) * per_class:
            yield batch[torch.randperm(len(batch))].tolist()
# %% 1: a seed of its own | another seed gives the same
def balanced_batches(labels, per_class, generator):
    labels, generator = torch.as_tensor(labels), torch.Generator().manual_seed(0)
    order = torch.randperm(len(labels), generator=generator)
    shares = [order[labels[order] == k].split(per_class) for k in range(int(labels.max()) + 1)]
    for groups in zip(*shares, strict=False):
        batch = torch.cat(groups)
        if len(batch) == len(shares) * per_class:
            yield batch[torch.randperm(len(batch), generator=generator)].tolist()
# %% 1: with replacement | an image comes twice
def balanced_batches(labels, per_class, generator):
    labels = torch.as_tensor(labels)
    members = [(labels == k).nonzero()[:, 0] for k in range(int(labels.max()) + 1)]
    for _ in range(min(map(len, members)) // per_class):
        batch = torch.cat([m[torch.randint(len(m), (per_class,), generator=generator)] for m in members])
        yield batch[torch.randperm(len(batch), generator=generator)].tolist()
# %% 1: the last, incomplete share as well | batches of 3 each
def balanced_batches(labels, per_class, generator):
    labels = torch.as_tensor(labels)
    order = torch.randperm(len(labels), generator=generator)
    shares = [order[labels[order] == k].split(per_class) for k in range(int(labels.max()) + 1)]
    for groups in zip(*shares, strict=False):
        batch = torch.cat(groups)
        yield batch[torch.randperm(len(batch), generator=generator)].tolist()
# %% 1: one order of the classes for all batches | in one order
def balanced_batches(labels, per_class, generator):
    labels = torch.as_tensor(labels)
    order = torch.randperm(len(labels), generator=generator)
    shares = [order[labels[order] == k].split(per_class) for k in range(int(labels.max()) + 1)]
    for groups in zip(*shares, strict=False):
        if len(groups[-1]) == per_class:
            yield torch.stack(groups).T.flatten().tolist()
# %% 1: always the first images of a class | takes the same images
def balanced_batches(labels, per_class, generator):
    labels = torch.as_tensor(labels)
    shares = [(labels == k).nonzero()[:, 0].split(per_class) for k in range(int(labels.max()) + 1)]
    for groups in zip(*shares, strict=False):
        batch = torch.cat(groups)
        if len(batch) == len(shares) * per_class:
            yield batch[torch.randperm(len(batch), generator=generator)].tolist()
# %% 1: random batches that are balanced on average | of each
def balanced_batches(labels, per_class, generator):
    order = torch.randperm(len(labels), generator=generator)
    for batch in order.split(3 * per_class)[:13]:
        yield batch.tolist()
# %% 2: the mean over the whole field | padding (zeros) is counted
def masked_mean(batch, mask):
    return batch.float().mean((2, 3))
# %% 2: divided by the real pixels, but the padding is summed | padding (200) is counted
def masked_mean(batch, mask):
    return batch.float().sum((2, 3)) / mask.sum((1, 2))[:, None]
# %% 2: real pixels of the whole batch | padding (zeros) is counted
def masked_mean(batch, mask):
    return (batch.float() * mask[:, None]).sum((2, 3)) / mask.sum()
# %% 2: one mean for all channels | not B 3
def masked_mean(batch, mask):
    return (batch.float() * mask[:, None]).sum((1, 2, 3)) / mask.sum((1, 2)) / 3
# %% 2: changes the batch | input was changed
def masked_mean(batch, mask):
    batch *= mask[:, None]
    mean = batch.float().sum((2, 3)) / mask.sum((1, 2))[:, None]
    batch += 1
    return mean
# %% 2: sums of bytes, divided in float64 | not float32
def masked_mean(batch, mask):
    return (batch * mask[:, None]).double().sum((2, 3)) / mask.sum((1, 2))[:, None]
