# %% 1: one scale for the layer | neither 0 nor 1
def signed_pictures(weight):
    return 0.5 + weight / (2 * weight.abs().max())
# %% 1: smallest to largest, as make_grid | not finite
def signed_pictures(weight):
    low, high = weight.amin((1, 2, 3), keepdim=True), weight.amax((1, 2, 3), keepdim=True)
    return (weight - low) / (high - low)
# %% 1: smallest to largest, safe for zeros | not even grey
def signed_pictures(weight):
    low, high = weight.amin((1, 2, 3), keepdim=True), weight.amax((1, 2, 3), keepdim=True)
    return (weight - low) / (high - low).clamp(min=1e-9)
# %% 1: divides zeros by zero | not finite
def signed_pictures(weight):
    return 0.5 + weight / (2 * weight.abs().amax((1, 2, 3), keepdim=True))
# %% 1: forgets the half | outside of 0 to 1
def signed_pictures(weight):
    return 0.5 + weight / weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
# %% 1: the largest, not the largest absolute value | outside of 0 to 1
def signed_pictures(weight):
    return 0.5 + weight / (2 * weight.amax((1, 2, 3), keepdim=True).abs().clamp(min=1e-12))
# %% 1: a scale for each slice | more than one scale
def signed_pictures(weight):
    return 0.5 + weight / (2 * weight.abs().amax((2, 3), keepdim=True).clamp(min=1e-12))
# %% 1: upside down | 0 is not at 0.5
def signed_pictures(weight):
    return 0.5 - weight / (2 * weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12))
# %% 1: in place | were changed
def signed_pictures(weight):
    return weight.div_(2 * weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)).add_(0.5)
# %% 2: pixels as if from -1 to 1 | a patch gets above high
def reach(kernel, bias, mean, std):
    most = kernel.abs().sum().item()
    return bias - most, bias + most
# %% 2: forgets the bias | gets below low
def reach(kernel, bias, mean, std):
    mean, std = (torch.as_tensor(v)[:, None, None] for v in (mean, std))
    ends = kernel * (-mean / std), kernel * (1 - mean) / std
    return torch.minimum(*ends).sum(), torch.maximum(*ends).sum()
# %% 2: only the positive weights | a patch gets above high
def reach(kernel, bias, mean, std):
    mean, std = (torch.as_tensor(v)[:, None, None] for v in (mean, std))
    black, white = -mean / std, (1 - mean) / std
    return (kernel.clamp(max=0) * white).sum() + bias, (kernel.clamp(min=0) * white).sum() + bias
# %% 2: not normalized | gets above high
def reach(kernel, bias, mean, std):
    return kernel.clamp(max=0).sum() + bias, kernel.clamp(min=0).sum() + bias
# %% 2: numbers of red for all channels | patch
def reach(kernel, bias, mean, std):
    black, white = -mean[0] / std[0], (1 - mean[0]) / std[0]
    low = torch.minimum(kernel * black, kernel * white).sum() + bias
    return low, torch.maximum(kernel * black, kernel * white).sum() + bias
# %% 2: high before low | low is not below high
def reach(kernel, bias, mean, std):
    mean, std = (torch.as_tensor(v)[:, None, None] for v in (mean, std))
    ends = kernel * (-mean / std), kernel * (1 - mean) / std
    return torch.maximum(*ends).sum() + bias, torch.minimum(*ends).sum() + bias
