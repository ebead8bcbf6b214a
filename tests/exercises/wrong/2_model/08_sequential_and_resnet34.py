# %% 1: the stride is forgotten | another shape
def pad_shortcut(x, out_channels, stride):
    return F.pad(x, (0, 0, 0, 0, 0, out_channels - x.shape[1]))
# %% 1: pads the rows, not the channels | another shape
def pad_shortcut(x, out_channels, stride):
    x = x[:, :, ::stride, ::stride]
    return F.pad(x, (0, 0, 0, out_channels - x.shape[1]))
# %% 1: zeros in front | the first channels
def pad_shortcut(x, out_channels, stride):
    x = x[:, :, ::stride, ::stride]
    return F.pad(x, (0, 0, 0, 0, out_channels - x.shape[1], 0))
# %% 1: averages instead of picking | the first channels
def pad_shortcut(x, out_channels, stride):
    x = F.avg_pool2d(x, stride, ceil_mode=True)
    return F.pad(x, (0, 0, 0, 0, 0, out_channels - x.shape[1]))
# %% 1: the largest instead of the first | the first channels
def pad_shortcut(x, out_channels, stride):
    x = F.max_pool2d(x, stride, ceil_mode=True)
    return F.pad(x, (0, 0, 0, 0, 0, out_channels - x.shape[1]))
# %% 1: the channels again instead of zeros | not zero
def pad_shortcut(x, out_channels, stride):
    x = x[:, :, ::stride, ::stride]
    return x.repeat(1, 3, 1, 1)[:, :out_channels]
# %% 1: without the gradient | stopped with RuntimeError
def pad_shortcut(x, out_channels, stride):
    x = x.detach()[:, :, ::stride, ::stride]
    return F.pad(x, (0, 0, 0, 0, 0, out_channels - x.shape[1]))
# %% 1: one side's stride only | another shape
def pad_shortcut(x, out_channels, stride):
    x = x[:, :, ::stride]
    return F.pad(x, (0, 0, 0, 0, 0, out_channels - x.shape[1]))
# %% 2: no batch normalization | a second block
def resnet_parameters(blocks, num_classes):
    total, before = 9408, 64
    for channels, many in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2
        total += before * channels * (before != channels)
        before = channels
    return total + 513 * num_classes
# %% 2: a bias in each convolution | a second block
def resnet_parameters(blocks, num_classes):
    total, before = 9408 + 3 * 64, 64
    for channels, many in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2 + 6 * many * channels
        total += (before * channels + 3 * channels) * (before != channels)
        before = channels
    return total + 513 * num_classes
# %% 2: the running statistics count, too | a second block
def resnet_parameters(blocks, num_classes):
    total, before = 9408 + 4 * 64, 64
    for channels, many in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2 + 8 * many * channels
        total += (before * channels + 4 * channels) * (before != channels)
        before = channels
    return total + 513 * num_classes
# %% 2: no projections | for blocks
def resnet_parameters(blocks, num_classes):
    total, before = 9408 + 128, 64
    for channels, many in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2 + 4 * many * channels
        before = channels
    return total + 513 * num_classes
# %% 2: a projection in the first stage, too | for blocks
def resnet_parameters(blocks, num_classes):
    total, before = 9408 + 128, 64
    for channels, many in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2 + 4 * many * channels
        total += before * channels + 2 * channels
        before = channels
    return total + 513 * num_classes
# %% 2: projections without batch normalization | for blocks
def resnet_parameters(blocks, num_classes):
    total, before = 9408 + 128, 64
    for channels, many in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2 + 4 * many * channels
        total += before * channels * (before != channels)
        before = channels
    return total + 513 * num_classes
# %% 2: the linear layer without bias | each class
def resnet_parameters(blocks, num_classes):
    total, before = 9408 + 128, 64
    for channels, many in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2 + 4 * many * channels
        total += (before * channels + 2 * channels) * (before != channels)
        before = channels
    return total + 512 * num_classes
# %% 2: the known number whatever is asked | each class
def resnet_parameters(blocks, num_classes):
    return 21_797_672
# %% 2: the widths of the tutorial | a second block
def resnet_parameters(blocks, num_classes):
    total, before = 9408 + 128, 64
    for channels, many in zip((128, 256, 512, 512), blocks, strict=True):
        total += 9 * before * channels + (2 * many - 1) * 9 * channels**2 + 4 * many * channels
        total += before * channels + 2 * channels
        before = channels
    return total + 513 * num_classes
