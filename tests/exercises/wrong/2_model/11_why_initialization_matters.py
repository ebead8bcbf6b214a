# %% 1: all layers measured before any is divided | the size is
@torch.no_grad()
def rescale_(model, images):
    sizes = []
    for layer in model:
        images = layer(images)
        sizes.append(images.std())
    for layer, size in zip(model, sizes):
        if isinstance(layer, nn.Linear):
            layer.weight /= size
            layer.bias.zero_()
# %% 1: divided by the variance | the size is
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.bias.zero_()
            layer.weight /= layer(images).var()
        images = layer(images)
# %% 1: measured with the bias | the size is
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            size = layer(images).std()
            layer.bias.zero_()
            layer.weight /= size
        images = layer(images)
# %% 1: the bias kept | a bias is not 0
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.weight /= layer(images).std()
        images = layer(images)
# %% 1: drawn anew by a formula | drawn anew
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            layer.bias.zero_()
# %% 1: each unit by its own number | not divided by one number
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.bias.zero_()
            layer.weight /= layer(images).std(dim=0)[:, None]
        images = layer(images)
# %% 1: the last layer left out | the size is
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.bias.zero_()
            if layer is not model[-1]:
                layer.weight /= layer(images).std()
        images = layer(images)
# %% 1: measured after ReLU | the size is
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.bias.zero_()
            layer.weight /= torch.relu(layer(images)).std()
        images = layer(images)
# %% 1: the weight is not trained any more | cannot be trained
@torch.no_grad()
def rescale_(model, images):
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.bias.zero_()
            layer.weight /= layer(images).std()
            layer.weight.requires_grad = False
        images = layer(images)
# %% 2: what comes in only | what does the gradient
def lasting_groups(weight, bias, outgoing):
    return len(torch.cat([weight, bias[:, None]], dim=1).unique(dim=0))
# %% 2: the rank | a multiple of a row
def lasting_groups(weight, bias, outgoing):
    return torch.linalg.matrix_rank(torch.cat([weight, bias[:, None]], dim=1)).item()
# %% 2: without the bias | a bias can make
def lasting_groups(weight, bias, outgoing):
    return len(torch.cat([weight, outgoing.T], dim=1).unique(dim=0))
# %% 2: the larger of two counts | equal in one respect
def lasting_groups(weight, bias, outgoing):
    inside = torch.cat([weight, bias[:, None]], dim=1).unique(dim=0)
    return max(len(inside), len(outgoing.T.unique(dim=0)))
# %% 2: all units | equal units are one kind
def lasting_groups(weight, bias, outgoing):
    return len(weight)
