# %% 1: blocks instead of every size-th position | gets others than from torch
def positions(order, rank, size):
    length = -(-len(order) // size)
    return (order * size)[: length * size][rank * length : (rank + 1) * length]
# %% 1: nothing is repeated | shares are not equal
def positions(order, rank, size):
    return order[rank::size]
# %% 1: what does not divide is dropped | in no share
def positions(order, rank, size):
    return order[: len(order) // size * size][rank::size]
# %% 1: the last position is repeated instead of the first | gets others than from torch
def positions(order, rank, size):
    return (order + [order[-1]] * (-len(order) % size))[rank::size]
# %% 1: repeats also where the positions divide | too many repeated
def positions(order, rank, size):
    return (order + (order * size)[: size - len(order) % size])[rank::size]
# %% 1: repeats at most once | shares are not equal
def positions(order, rank, size):
    return (order + order[: -len(order) % size])[rank::size]
# %% 1: the caller's list grows | order was changed
def positions(order, rank, size):
    while len(order) % size:
        order.append(order[0])
    return order[rank::size]
# %% 1: sorted, so that nothing is shuffled | gets others than from torch
def positions(order, rank, size):
    total = -(-len(order) // size) * size
    return (sorted(order) * size)[:total][rank::size]
# %% 2: the share of the images; DDP divides once more | equal shares: 0.50
def weight(rank, counts):
    return counts[rank] / sum(counts)
# %% 2: no weight | images are unequal
def weight(rank, counts):
    return 1
# %% 2: upside down | images are unequal
def weight(rank, counts):
    return sum(counts) / (len(counts) * counts[rank])
# %% 2: the sum of the losses | equal shares: 4.00
def weight(rank, counts):
    return counts[rank]
# %% 2: against the largest share | 0.80 times the gradient
def weight(rank, counts):
    return counts[rank] / max(counts)
# %% 2: rounded to whole numbers | images are unequal
def weight(rank, counts):
    return len(counts) * counts[rank] // sum(counts)
