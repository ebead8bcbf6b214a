# %% 1: rows and columns exchanged | rows are the truth
def merged(matrix, groups):
    member = F.one_hot(groups).to(matrix.dtype)
    return (member.T @ matrix @ member).T
# %% 1: only the rows are merged | one row and one column
def merged(matrix, groups):
    return F.one_hot(groups).to(matrix.dtype).T @ matrix
# %% 1: the mean of the cells of a pair of groups | lost or counted twice
def merged(matrix, groups):
    member = F.one_hot(groups).double()
    member = member / member.sum(dim=0)
    return member.T @ matrix.double() @ member
# %% 1: only the cells inside of a group | lost or counted twice
def merged(matrix, groups):
    result = torch.zeros(3, 3, dtype=matrix.dtype)
    for k, group in enumerate(groups):
        result[group, group] += matrix[k, groups == group].sum()
    return result
# %% 1: the groups of neighbouring classes | counts are elsewhere
def merged(matrix, groups):
    member = F.one_hot(groups.sort().values).to(matrix.dtype)
    return member.T @ matrix @ member
# %% 1: a fancy index adds only once | lost or counted twice
def merged(matrix, groups):
    result = torch.zeros(3, 3, dtype=matrix.dtype)
    result[groups[:, None], groups[None]] += matrix
    return result
# %% 1: right, but as fractions | whole numbers
def merged(matrix, groups):
    member = F.one_hot(groups).double()
    return member.T @ matrix.double() @ member
# %% 2: the largest instead of the smallest | good enough
def threshold_for(sure, right, wanted):
    found = [t.item() for t in sure.unique() if right[sure >= t].double().mean() >= wanted]
    return max(found) if found else None
# %% 2: stops at the first failure from above | good enough
def threshold_for(sure, right, wanted):
    best = None
    for t in sure.unique().flip(0):
        if right[sure >= t].double().mean() < wanted:
            break
        best = t.item()
    return best
# %% 2: more than instead of at least this confidence | good enough
def threshold_for(sure, right, wanted):
    for t in sure.unique():
        if right[sure > t].double().mean() >= wanted:
            return t.item()
    return None
# %% 2: more than the share that was wanted | good enough
def threshold_for(sure, right, wanted):
    for t in sure.unique():
        if right[sure >= t].double().mean() > wanted:
            return t.item()
    return None
# %% 2: 1 where there is none | say None
def threshold_for(sure, right, wanted):
    for t in sure.unique():
        if right[sure >= t].double().mean() >= wanted:
            return t.item()
    return 1.0
# %% 2: cumulative means tear equal confidences apart | torn apart
def threshold_for(sure, right, wanted):
    order = sure.argsort(descending=True, stable=True)
    share = right[order].double().cumsum(0) / torch.arange(1, len(sure) + 1)
    good = (share >= wanted).nonzero()[:, 0]
    return sure[order][good[-1]].item() if len(good) else None
# %% 2: the share of all answers | good enough
def threshold_for(sure, right, wanted):
    for t in sure.unique():
        if (right & (sure >= t)).double().mean() >= wanted:
            return t.item()
    return None
