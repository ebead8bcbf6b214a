# %% 1: no bias | the bias is wrong
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    y = weight.flatten(1) @ F.unfold(x, weight.shape[2:], dilation, padding, stride)
    height = output_size(x.shape[2], weight.shape[2], stride, padding, dilation)
    return y.unflatten(2, (height, -1))
# %% 1: height and width of the result exchanged | the plain case: shape
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    y = weight.flatten(1) @ F.unfold(x, weight.shape[2:], dilation, padding, stride) + bias[:, None]
    height = output_size(x.shape[2], weight.shape[2], stride, padding, dilation)
    return y.unflatten(2, (-1, height))
# %% 1: the right shape with rows and columns exchanged | the plain case: other numbers
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    y = weight.flatten(1) @ F.unfold(x, weight.shape[2:], dilation, padding, stride) + bias[:, None]
    height = output_size(x.shape[2], weight.shape[2], stride, padding, dilation)
    return y.unflatten(2, (-1, height)).transpose(2, 3)
# %% 1: the kernel turned, as in mathematics | the plain case: other numbers
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    columns = F.unfold(x, weight.shape[2:], dilation, padding, stride)
    y = weight.flip(2, 3).flatten(1) @ columns + bias[:, None]
    height = output_size(x.shape[2], weight.shape[2], stride, padding, dilation)
    return y.unflatten(2, (height, -1))
# %% 1: the height of the kernel for its width | the plain case
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    columns = F.unfold(x, weight.shape[2], dilation, padding, stride)
    y = weight.flatten(1)[:, : columns.shape[1]] @ columns + bias[:, None]
    height = output_size(x.shape[2], weight.shape[2], stride, padding, dilation)
    return y.unflatten(2, (height, -1))
# %% 1: no stride | stride: shape
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    y = weight.flatten(1) @ F.unfold(x, weight.shape[2:], dilation, padding) + bias[:, None]
    height = output_size(x.shape[2], weight.shape[2], 1, padding, dilation)
    return y.unflatten(2, (height, -1))
# %% 1: stride and dilation exchanged | stride: shape
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    y = weight.flatten(1) @ F.unfold(x, weight.shape[2:], stride, padding, dilation) + bias[:, None]
    height = output_size(x.shape[2], weight.shape[2], dilation, padding, stride)
    return y.unflatten(2, (height, -1))
# %% 1: the bias is added to columns, not to channels | the bias is wrong
def conv2d_as_product(x, weight, bias, stride=1, padding=0, dilation=1):
    y = weight.flatten(1) @ F.unfold(x, weight.shape[2:], dilation, padding, stride) + bias.mean()
    height = output_size(x.shape[2], weight.shape[2], stride, padding, dilation)
    return y.unflatten(2, (height, -1))
# %% 2: the mean is forgotten | the bias is wrong
def absorbed(conv, mean, std):
    new = copy.deepcopy(conv)
    new.weight.data /= std[:, None, None]
    return new
# %% 2: multiplied by the standard deviation | the weights are wrong
def absorbed(conv, mean, std):
    new = nn.Conv2d(3, 4, 3, conv.stride)
    new.weight.data = conv.weight.data * std[:, None, None]
    shift = (new.weight.data * mean[:, None, None]).sum((1, 2, 3))
    new.bias.data = -shift if conv.bias is None else conv.bias.data - shift
    return new
# %% 2: the shift is computed from the old weights | the bias is wrong
def absorbed(conv, mean, std):
    new = nn.Conv2d(3, 4, 3, conv.stride)
    new.weight.data = conv.weight.data / std[:, None, None]
    shift = (conv.weight.data * mean[:, None, None]).sum((1, 2, 3))
    new.bias.data = -shift if conv.bias is None else conv.bias.data - shift
    return new
# %% 2: the shift is added | the bias is wrong
def absorbed(conv, mean, std):
    new = nn.Conv2d(3, 4, 3, conv.stride)
    new.weight.data = conv.weight.data / std[:, None, None]
    shift = (new.weight.data * mean[:, None, None]).sum((1, 2, 3))
    new.bias.data = shift if conv.bias is None else conv.bias.data + shift
    return new
# %% 2: changes the layer that it was given | the caller's weight was changed
def absorbed(conv, mean, std):
    conv.weight.data /= std[:, None, None]
    shift = (conv.weight.data * mean[:, None, None]).sum((1, 2, 3))
    if conv.bias is None:
        conv.bias = nn.Parameter(-shift)
    else:
        conv.bias.data -= shift
    return conv
# %% 2: the stride is forgotten | another shape
def absorbed(conv, mean, std):
    new = nn.Conv2d(3, 4, 3)
    new.weight.data = conv.weight.data / std[:, None, None]
    shift = (new.weight.data * mean[:, None, None]).sum((1, 2, 3))
    new.bias.data = -shift if conv.bias is None else conv.bias.data - shift
    return new
# %% 2: a layer without bias keeps none | the bias is wrong
def absorbed(conv, mean, std):
    new = copy.deepcopy(conv)
    new.weight.data /= std[:, None, None]
    if new.bias is not None:
        new.bias.data -= (new.weight.data * mean[:, None, None]).sum((1, 2, 3))
    return new
