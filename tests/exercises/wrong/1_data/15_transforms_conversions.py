# %% 1: cut off | dark end
def to_bytes(x):
    return (255 * x).clip(0, 255).to(torch.uint8)
# %% 1: as ToDtype does it | dark end
def to_bytes(x):
    from torchvision.transforms.v2 import functional as F

    return F.to_dtype(x.clip(0, 1), torch.uint8, scale=True)
# %% 1: rounded up | dark end
def to_bytes(x):
    return (255 * x).ceil().clip(0, 255).to(torch.uint8)
# %% 1: times 256 | not the nearest
def to_bytes(x):
    return (256 * x).floor().clip(0, 255).to(torch.uint8)
# %% 1: not clipped | outside 0 to 1
def to_bytes(x):
    return (255 * x).round().to(torch.int64).to(torch.uint8)
# %% 1: clipped above only | outside 0 to 1
def to_bytes(x):
    return (255 * x).round().clip(max=255).to(torch.int64).to(torch.uint8)
# %% 1: still floats | uint8
def to_bytes(x):
    return (255 * x).round().clip(0, 255)
# %% 1: in place | was changed
def to_bytes(x):
    return x.mul_(255).round_().clip_(0, 255).to(torch.uint8)
# %% 2: the longer side gets the size | upright
def resized(H, W, size, max_size):
    return (size, int(size * W / H)) if H > W else (int(size * H / W), size)
# %% 2: always an upright image | wide image
def resized(H, W, size, max_size):
    long = int(size * max(H, W) / min(H, W))
    if max_size is not None and long > max_size:
        return max_size, int(max_size * size / long)
    return long, size
# %% 2: rounded | cut off
def resized(H, W, size, max_size):
    short, long = size, round(size * max(H, W) / min(H, W))
    if max_size is not None and long > max_size:
        short, long = int(max_size * short / long), max_size
    return (long, short) if H > W else (short, long)
# %% 2: the limit is forgotten | limit is hit
def resized(H, W, size, max_size):
    long = int(size * max(H, W) / min(H, W))
    return (long, size) if H > W else (size, long)
# %% 2: always as long as the limit | within the limit
def resized(H, W, size, max_size):
    short, long = size, int(size * max(H, W) / min(H, W))
    if max_size is not None:
        short, long = int(max_size * short / long), max_size
    return (long, short) if H > W else (short, long)
# %% 2: only the longer side is limited, the shape is stretched | limit is hit
def resized(H, W, size, max_size):
    long = int(size * max(H, W) / min(H, W))
    long = long if max_size is None else min(long, max_size)
    return (long, size) if H > W else (size, long)
