# %% 1: the share afterwards | afterwards
def share_of_products(faster, product_faster):
    return (faster - 1) / (product_faster - 1)
# %% 1: a quotient of two speeds | quotient
def share_of_products(faster, product_faster):
    return faster / product_faster
# %% 1: as if the products took no time at all now | another share
def share_of_products(faster, product_faster):
    return 1 - 1 / faster
# %% 1: what cannot be is cut off | explains
def share_of_products(faster, product_faster):
    share = (1 - 1 / faster) / (1 - 1 / product_faster)
    return min(1, max(0, share))
# %% 1: products may only become faster | slower, too
def share_of_products(faster, product_faster):
    if faster < 1 or product_faster < 1:
        return 0.0
    share = (1 - 1 / faster) / (1 - 1 / product_faster)
    if not -1e-9 <= share <= 1 + 1e-9:
        raise ValueError(share)
    return share
# %% 1: only shares above 1 are refused | explains
def share_of_products(faster, product_faster):
    share = (1 - 1 / faster) / (1 - 1 / product_faster)
    if share > 1 + 1e-9:
        raise ValueError(share)
    return share
# %% 2: rounded as before | small steps
def careful_step(weight, lost, step):
    return weight + step, lost
# %% 2: only the last rounding is kept | small steps
def careful_step(weight, lost, step):
    new = weight + step
    return new, step - (new - weight)
# %% 2: what is lost is never paid back | holds what
def careful_step(weight, lost, step):
    new = weight + step
    return new, lost + (step - (new - weight))
# %% 2: the wrong sign | small steps
def careful_step(weight, lost, step):
    due = step - lost
    new = weight + due
    return new, due - (new - weight)
# %% 2: paid back, and kept all the same | runs away
def careful_step(weight, lost, step):
    due = lost + step
    new = weight + due
    return new, lost + due - (new - weight)
# %% 2: brackets that round the step away | small steps
def careful_step(weight, lost, step):
    due = lost + step
    new = weight + due
    return new, (due - new) + weight
# %% 2: a copy in 32 bits | bfloat16
def careful_step(weight, lost, step):
    exact = weight.float() + lost.float() + step.float()
    return exact, exact - exact.bfloat16().float()
# %% 2: the weight stays where it is | holds what
def careful_step(weight, lost, step):
    return weight, lost + step
# %% 2: what was lost before is changed in place | was changed
def careful_step(weight, lost, step):
    lost += step
    new = weight + lost
    return new, lost - (new - weight)
# %% 2: the order of the results | bfloat16
def careful_step(weight, lost, step):
    due = (lost + step).float()
    new = (weight + due).bfloat16()
    return due - (new - weight).float(), new
