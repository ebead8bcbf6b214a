# %% 1: FLOPs for multiply-adds | a multiply-add is two
def conv_cost(conv, height, width):
    y = conv(torch.zeros(1, conv.in_channels, height, width))
    work = 2 * y[0, 0].numel() * conv.weight.numel()
    return sum(p.numel() for p in conv.parameters()), work
# %% 1: groups are ignored | groups: other parameters
def conv_cost(conv, height, width):
    y = conv(torch.zeros(1, conv.in_channels, height, width))
    weights = conv.out_channels * conv.in_channels * math.prod(conv.kernel_size)
    return weights + (0 if conv.bias is None else conv.out_channels), y[0, 0].numel() * weights
# %% 1: the bias takes part in the multiply-adds | plain: other multiply-adds
def conv_cost(conv, height, width):
    y = conv(torch.zeros(1, conv.in_channels, height, width))
    parameters = sum(p.numel() for p in conv.parameters())
    return parameters, y[0, 0].numel() * parameters
# %% 1: a bias that is not there | without bias: other parameters
def conv_cost(conv, height, width):
    y = conv(torch.zeros(1, conv.in_channels, height, width))
    return conv.weight.numel() + conv.out_channels, y[0, 0].numel() * conv.weight.numel()
# %% 1: the places of the input | plain: other multiply-adds
def conv_cost(conv, height, width):
    return sum(p.numel() for p in conv.parameters()), height * width * conv.weight.numel()
# %% 1: the dilation is ignored | dilation: other multiply-adds
def conv_cost(conv, height, width):
    places = 1
    for axis, size in enumerate((height, width)):
        free = size + 2 * conv.padding[axis] - conv.kernel_size[axis]
        places *= free // conv.stride[axis] + 1
    return sum(p.numel() for p in conv.parameters()), places * conv.weight.numel()
# %% 1: rounded up | stride: other multiply-adds
def conv_cost(conv, height, width):
    places = 1
    for axis, size in enumerate((height, width)):
        span = conv.dilation[axis] * (conv.kernel_size[axis] - 1) + 1
        free = size + 2 * conv.padding[axis] - span
        places *= math.ceil(free / conv.stride[axis]) + 1
    return sum(p.numel() for p in conv.parameters()), places * conv.weight.numel()
# %% 1: the kernel taken for a square | kernel 5×1: other parameters
def conv_cost(conv, height, width):
    y = conv(torch.zeros(1, conv.in_channels, height, width))
    weights = conv.out_channels * conv.in_channels // conv.groups * conv.kernel_size[0] ** 2
    return weights + (0 if conv.bias is None else conv.out_channels), y[0, 0].numel() * weights
# %% 2: the last row is one too far | one layer: output row
def seen_rows(row, layers, height):
    first = last = row
    for k, stride, padding, dilation in reversed(layers):
        first, last = first * stride - padding, last * stride - padding + dilation * k
    return max(first, 0), min(last, height - 1)
# %% 2: from the input on | Net: output row
def seen_rows(row, layers, height):
    first = last = row
    for k, stride, padding, dilation in layers:
        first, last = first * stride - padding, last * stride - padding + dilation * (k - 1)
    return max(first, 0), min(last, height - 1)
# %% 2: the dilation is ignored | dilation: output row
def seen_rows(row, layers, height):
    first = last = row
    for k, stride, padding, _ in reversed(layers):
        first, last = first * stride - padding, last * stride - padding + k - 1
    return max(first, 0), min(last, height - 1)
# %% 2: padding is ignored | padding: output row
def seen_rows(row, layers, height):
    first = last = row
    for k, stride, _, dilation in reversed(layers):
        first, last = first * stride, last * stride + dilation * (k - 1)
    return max(first, 0), min(last, height - 1)
# %% 2: every padding counts in pixels of the image | padding, later: output row
def seen_rows(row, layers, height):
    first = last = row
    for k, stride, _, dilation in reversed(layers):
        first, last = first * stride, last * stride + dilation * (k - 1)
    shift = sum(padding for _, _, padding, _ in layers)
    return max(first - shift, 0), min(last - shift, height - 1)
# %% 2: rows of the padding are given | is not inside the image
def seen_rows(row, layers, height):
    first = last = row
    for k, stride, padding, dilation in reversed(layers):
        first, last = first * stride - padding, last * stride - padding + dilation * (k - 1)
    return first, last
# %% 2: the size of the field around the scaled row | output row
def seen_rows(row, layers, height):
    field = jump = 1
    for k, stride, _, dilation in layers:
        field += dilation * (k - 1) * jump
        jump *= stride
    return max(row * jump - field // 2, 0), min(row * jump + field // 2, height - 1)
