# %% 1: stride forgotten | another shape for {'stride': 2}
def fold(conv, mean, std):
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, dilation=conv.dilation)
    mean, std = conv.weight.new_tensor([mean, std]).view(2, 1, -1, 1, 1)
    bias = 0 if conv.bias is None else conv.bias
    with torch.no_grad():
        folded.weight.copy_(conv.weight / std)
        folded.bias.copy_(bias - (conv.weight * mean / std).sum((1, 2, 3)))
    return folded
# %% 1: dilation forgotten | another shape for {'dilation': 2}
def fold(conv, mean, std):
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride)
    mean, std = conv.weight.new_tensor([mean, std]).view(2, 1, -1, 1, 1)
    bias = 0 if conv.bias is None else conv.bias
    with torch.no_grad():
        folded.weight.copy_(conv.weight / std)
        folded.bias.copy_(bias - (conv.weight * mean / std).sum((1, 2, 3)))
    return folded
# %% 1: a convolution without bias keeps none | wrong bias for {'bias': False}
def fold(conv, mean, std):
    import copy
    folded = copy.deepcopy(conv)
    mean, std = conv.weight.new_tensor([mean, std]).view(2, 1, -1, 1, 1)
    with torch.no_grad():
        folded.weight.div_(std)
        if folded.bias is not None:
            folded.bias.sub_((conv.weight * mean / std).sum((1, 2, 3)))
    return folded
# %% 1: in place | conv was changed
def fold(conv, mean, std):
    mean, std = conv.weight.new_tensor([mean, std]).view(2, 1, -1, 1, 1)
    with torch.no_grad():
        conv.weight.div_(std)
        conv.bias.sub_((conv.weight * mean).sum((1, 2, 3)))
    return conv
# %% 1: the mean is added | wrong bias for no options
def fold(conv, mean, std):
    import copy
    folded = copy.deepcopy(conv)
    mean, std = conv.weight.new_tensor([mean, std]).view(2, 1, -1, 1, 1)
    with torch.no_grad():
        folded.weight.div_(std)
        folded.bias.add_((conv.weight * mean / std).sum((1, 2, 3)))
    return folded
# %% 1: the mean not divided by the standard deviation | wrong bias for no options
def fold(conv, mean, std):
    import copy
    folded = copy.deepcopy(conv)
    mean, std = conv.weight.new_tensor([mean, std]).view(2, 1, -1, 1, 1)
    with torch.no_grad():
        folded.weight.div_(std)
        folded.bias.sub_((conv.weight * mean).sum((1, 2, 3)))
    return folded
# %% 1: one factor for all channels | wrong weights for no options
def fold(conv, mean, std):
    import copy
    folded = copy.deepcopy(conv)
    with torch.no_grad():
        folded.weight.div_(std[0])
        folded.bias.sub_((conv.weight * mean[0] / std[0]).sum((1, 2, 3)))
    return folded
# %% 1: only the weights | wrong bias for no options
def fold(conv, mean, std):
    import copy
    folded = copy.deepcopy(conv)
    with torch.no_grad():
        folded.weight.div_(torch.tensor(std).view(1, -1, 1, 1))
    return folded
# %% 1: a module that normalizes before | stopped with
def fold(conv, mean, std):
    return v2.Compose([v2.Normalize(mean, std), conv]).transforms
# %% 2: the largest eigenvalue, not the smallest | slowest direction
def steps_needed(Q, rate, share):
    factor = abs(1 - rate * torch.linalg.eigvalsh(Q)[-1].item())
    return math.ceil(math.log(share) / math.log(factor)) if 0 < factor < 1 else 1
# %% 2: the smallest eigenvalue alone | a step may go too far
def steps_needed(Q, rate, share):
    if share >= 1:
        return 0
    factor = 1 - rate * torch.linalg.eigvalsh(Q)[0].item()
    if not 0 < factor < 1 - 1e-9:
        return math.inf
    return math.ceil(math.log(share) / math.log(factor))
# %% 2: the diagonal is taken for the eigenvalues | off by one
def steps_needed(Q, rate, share):
    factor = (1 - rate * Q.diagonal()).abs().max().item()
    if factor >= 1:
        return math.inf
    return math.ceil(math.log(share) / math.log(factor)) if share < 1 else 0
# %% 2: rounded down | off by one
def steps_needed(Q, rate, share):
    if share >= 1:
        return 0
    factor = (1 - rate * torch.linalg.eigvalsh(Q)).abs().max().item()
    return math.inf if factor > 1 - 1e-9 else math.floor(math.log(share) / math.log(factor))
# %% 2: the share is always a tenth | the share is not the one
def steps_needed(Q, rate, share):
    factor = (1 - rate * torch.linalg.eigvalsh(Q)).abs().max().item()
    return math.inf if factor > 1 - 1e-9 else math.ceil(math.log(0.1) / math.log(factor))
# %% 2: divergence is not noticed | this rate diverges
def steps_needed(Q, rate, share):
    factor = (1 - rate * torch.linalg.eigvalsh(Q)).abs().max().item()
    return math.ceil(math.log(share) / math.log(factor)) if share < 1 else 0
# %% 2: the length of the whole error instead of each direction | off by one
def steps_needed(Q, rate, share):
    e = torch.linalg.eigvalsh(Q)
    errors = torch.ones_like(e)
    for step in range(1000):
        if errors.norm() <= share * len(e) ** 0.5:
            return step
        errors = errors * (1 - rate * e)
    return math.inf
