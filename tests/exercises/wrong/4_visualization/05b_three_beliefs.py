# %% 1: the largest shift, for a recall of 1 | smaller shift
def smallest_shift(logits, labels, k, wanted):
    own = logits[labels == k]
    others = own.clone()
    others[:, k] = -math.inf
    return (others.amax(1) - own[:, k]).max().item()
# %% 1: the class competes with itself | smaller shift
def smallest_shift(logits, labels, k, wanted):
    own = logits[labels == k]
    needed = (own.amax(1) - own[:, k]).sort().values
    return needed[math.ceil(round(wanted * len(own), 9)) - 1].item()
# %% 1: one image too few | not reached
def smallest_shift(logits, labels, k, wanted):
    own = logits[labels == k]
    others = own.clone()
    others[:, k] = -math.inf
    needed = (others.amax(1) - own[:, k]).sort().values
    return needed[max(0, math.floor(wanted * len(own)) - 1) - 1].item()
# %% 1: one image too many | smaller shift
def smallest_shift(logits, labels, k, wanted):
    own = logits[labels == k]
    others = own.clone()
    others[:, k] = -math.inf
    needed = (others.amax(1) - own[:, k]).sort().values
    return needed[min(len(own) - 1, math.ceil(round(wanted * len(own), 9)))].item()
# %% 1: the sign turned round | not reached
def smallest_shift(logits, labels, k, wanted):
    own = logits[labels == k]
    others = own.clone()
    others[:, k] = -math.inf
    needed = (own[:, k] - others.amax(1)).sort().values
    return needed[math.ceil(round(wanted * len(own), 9)) - 1].item()
# %% 1: all images, not those of the class | recall is not reached
def smallest_shift(logits, labels, k, wanted):
    others = logits.clone()
    others[:, k] = -math.inf
    needed = (others.amax(1) - logits[:, k]).sort().values
    return needed[math.ceil(round(wanted * len(needed) / 2, 9)) - 1].item()
# %% 1: never a negative shift | smaller shift
def smallest_shift(logits, labels, k, wanted):
    own = logits[labels == k]
    others = own.clone()
    others[:, k] = -math.inf
    needed = (others.amax(1) - own[:, k]).sort().values
    return max(0.0, needed[math.ceil(round(wanted * len(own), 9)) - 1].item())
# %% 2: a straight line instead of a power | steps leave
def decay_for(share, steps, lr):
    return (1 - share) / (lr * steps)
# %% 2: the exponential, for small steps only | steps leave
def decay_for(share, steps, lr):
    return -math.log(share) / (lr * steps)
# %% 2: the rate forgotten | steps leave
def decay_for(share, steps, lr):
    return 1 - share ** (1 / steps)
# %% 2: multiplied by the rate | steps leave
def decay_for(share, steps, lr):
    return (1 - share ** (1 / steps)) * lr
# %% 2: what goes away taken for what stays | steps leave
def decay_for(share, steps, lr):
    return (1 - (1 - share) ** (1 / steps)) / lr
# %% 2: the sign turned round | negative decay
def decay_for(share, steps, lr):
    return (share ** (1 / steps) - 1) / lr
