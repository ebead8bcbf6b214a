# %% 1: one start too few | without padding
def seen_share(length, size, padding):
    starts = range(length + 2 * padding - size)
    return [sum(t <= i + padding < t + size for t in starts) / len(starts) for i in range(length)]
# %% 1: the padding is ignored | with padding
def seen_share(length, size, padding):
    n = max(length - size + 1, 1)
    return [sum(t <= i < t + size for t in range(n)) / n for i in range(length)]
# %% 1: the pixels are not moved by the padding | with padding
def seen_share(length, size, padding):
    starts = range(length + 2 * padding - size + 1)
    return [sum(t <= i < t + size for t in starts) / len(starts) for i in range(length)]
# %% 1: counts instead of shares | without padding
def seen_share(length, size, padding):
    starts = range(length + 2 * padding - size + 1)
    return [sum(t <= i + padding < t + size for t in starts) for i in range(length)]
# %% 1: with the pixels of the border | not one number a pixel
def seen_share(length, size, padding):
    starts = range(length + 2 * padding - size + 1)
    return [sum(t <= i < t + size for t in starts) / len(starts) for i in range(length + 2 * padding)]
# %% 1: padding on one side only | with padding
def seen_share(length, size, padding):
    starts = range(length + padding - size + 1)
    return [sum(t <= i + padding < t + size for t in starts) / len(starts) for i in range(length)]
# %% 2: sides are not rounded | a smaller scale
def safe_scale(H, W, side, ratio):
    return side**2 / min(ratio[0], 1 / ratio[1]) / (H * W)
# %% 2: the width only | pixels is possible
def safe_scale(H, W, side, ratio):
    return (side - 0.5) ** 2 / ratio[0] / (H * W)
# %% 2: the height only | pixels is possible
def safe_scale(H, W, side, ratio):
    return (side - 0.5) ** 2 * ratio[1] / (H * W)
# %% 2: the ratio is forgotten | pixels is possible
def safe_scale(H, W, side, ratio):
    return (side - 0.5) ** 2 / (H * W)
# %% 2: an area, no share | no share of the area
def safe_scale(H, W, side, ratio):
    return (side - 0.5) ** 2 / min(ratio[0], 1 / ratio[1])
# %% 2: sides are cut off instead of rounded | pixels is possible
def safe_scale(H, W, side, ratio):
    return (side - 1) ** 2 / min(ratio[0], 1 / ratio[1]) / (H * W)
