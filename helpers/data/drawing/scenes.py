"""Backgrounds, shadow and camera of the drawn sample: canvases [32, 32, 3] int64, in integer arithmetic."""

import math

import numpy as np

from helpers.data.drawing.raster import PIXEL, ROWS, SIDE, Dice, Figure

WHITE, BLACK = (238, 238, 240), (24, 24, 28)
PAINTS = ((186, 36, 34), (44, 66, 120), (226, 226, 226), (190, 194, 198), (40, 42, 46), (140, 144, 148),
          (222, 178, 62), (82, 112, 86), (150, 48, 50), (118, 146, 178), (222, 120, 50), (234, 234, 234))
SKIES = ((96, 142, 196), (150, 184, 216), (186, 200, 216), (118, 128, 146), (228, 232, 236), (70, 104, 164),
         (200, 172, 146))
# Each ground is woven of two colours by a texture, whose grids become finer from the first to the last.
GROUNDS = {
    "grass": ((70, 100, 48), (150, 162, 96), ((3, 3), (8, 6), (31, 16))),
    "dry": ((130, 116, 76), (194, 176, 128), ((3, 3), (8, 6), (31, 16))),
    "forest": ((26, 34, 20), (124, 130, 88), ((6, 6), (12, 12), (31, 31))),
    "bokeh": ((76, 94, 56), (160, 166, 120), ((2, 2), (4, 6))),
    "leaves": ((52, 44, 32), (164, 146, 112), ((8, 8), (16, 16), (31, 31))),
    "moss": ((32, 48, 22), (122, 146, 74), ((4, 4), (12, 12), (16, 16))),
    "road": ((78, 76, 76), (138, 134, 130), ((4, 2), (12, 4), (31, 31))),
    "sand": ((150, 136, 112), (206, 192, 166), ((4, 3), (12, 8), (31, 31))),
    "water": ((54, 74, 90), (136, 154, 164), ((4, 1), (16, 3), (31, 8))),
    "snow": ((172, 180, 190), (232, 236, 240), ((3, 3), (12, 8))),
    "room": ((88, 72, 62), (184, 166, 148), ((2, 2), (4, 3), (16, 16))),
    "cloth": ((70, 72, 90), (196, 184, 180), ((3, 4), (6, 8), (16, 16))),
    "studio": ((216, 216, 216), (252, 252, 252), ((1, 1), (2, 2))),
    "dark": ((8, 8, 10), (64, 58, 54), ((2, 2), (4, 4))),
}
THINGS = ((60, 66, 50), (112, 100, 84), (168, 158, 146), (44, 42, 44), (120, 60, 52), (84, 100, 124),
          (206, 200, 190), (92, 104, 62))


def mixed(first, second, share: int) -> tuple[int, ...]:
    """The first colour with `share` percent of the second in it."""
    return tuple(a + (b - a) * share // 100 for a, b in zip(first, second, strict=True))


def weave(first, second, texture: np.ndarray) -> np.ndarray:
    """Mix two colours by a texture [32, 32]: 0 is half of each, +-128 are the colours themselves."""
    share = np.clip(texture + 128, -40, 296)[:, :, None]
    return np.array(first) + ((np.array(second) - np.array(first)) * share >> 8)


def ground(dice: Dice, name: str) -> np.ndarray:
    first, second, cells = GROUNDS[name]
    tint = np.array(dice.near((60, 60, 60), 36)) - 60
    pattern = dice.texture(dice.roll(120, 250), *cells)
    return tint + weave(dice.near(first, 24), dice.near(second, 24), pattern)


def sky(dice: Dice) -> np.ndarray:
    top, pale = np.array(dice.near(dice.pick(SKIES), 24)), dice.roll(10, 60)
    canvas = top + (235 - top) * ROWS[:, :, None] * pale // (100 * SIDE) + np.zeros((1, SIDE, 1), np.int64)
    if dice.chance(60):
        cloud = np.clip(dice.texture(220, (3, 2), (6, 4), (12, 8)) + dice.roll(-60, 60), 0, 220)[:, :, None]
        canvas += (np.array(dice.near((220, 222, 226), 30)) - canvas) * cloud >> 8
    return canvas


def landscape(dice: Dice, horizon: int, behind: str, below: str) -> np.ndarray:
    """Sky, a band of something far away, and a ground that begins at row `horizon`."""
    canvas = sky(dice)
    if behind != "none":
        height = {"trees": dice.roll(3, 20), "hills": dice.roll(2, 6), "city": dice.roll(4, 16)}[behind]
        top = horizon - height + dice.texture(6, (1, 8))[0]
        if behind == "city":  # a row of houses, 4 pixels wide, with windows of 2 x 2
            top = horizon - (height + dice.grid(1, 8, 6)).repeat(4)
            tone = dice.grid(1, 8, 40).repeat(4) + dice.grid(16, 16, 30).repeat(2, 0).repeat(2, 1)
            band = np.array(dice.near((136, 126, 120), 40)) + tone[:, :, None]
        elif behind == "trees":
            band = ground(dice, "forest")
        else:
            band = weave((92, 108, 124), (120, 128, 120), dice.texture(80, (3, 6)))
        canvas = np.where((top <= ROWS)[:, :, None], band, canvas)
    canvas = np.where((horizon <= ROWS)[:, :, None], ground(dice, below), canvas)
    if below != "water" and dice.chance(35):
        clutter(dice, canvas, horizon)
    return canvas


def clutter(dice: Dice, canvas: np.ndarray, row: int) -> None:
    """Posts, bushes and boxes of no class, in a line around `row`."""
    figure = Figure(0, 0, dice.pick((-1, 1)), solid=False)
    for _ in range(dice.roll(3, 7)):
        colour, kind = dice.near(dice.pick(THINGS), 24), dice.roll(0, 2)
        x, high, wide = dice.roll(-900, 900), dice.roll(60, 420), dice.roll(30, 190)
        if kind == 0:
            figure.limb((x, -100, 0), (x + dice.roll(-60, 60), high, 0), wide // 5, wide // 6, colour)
        elif kind == 1:
            figure.ball((x, high // 4, 0), (wide, high // 2, 1), colour, gradient=60, grain=50)
        else:
            figure.side(x - wide, x + wide, -90, high // 2, 0, colour)
    figure.frame((SIDE // 2 + dice.roll(-6, 6)) * PIXEL, row * PIXEL, dice.roll(26, 56) * PIXEL, 0)
    figure.paint(canvas, dice.texture(64, (16, 16)), ROWS)


def shadow(dice: Dice, canvas: np.ndarray, bounds: tuple[int, ...]) -> None:
    """Darken an ellipse on the ground under an object with these bounds (in 1/256 pixel)."""
    left, _, right, bottom = (bound // PIXEL for bound in bounds)
    x = (2 * np.arange(SIDE) - left - right) * 64 // ((right - left) // 2 + 2)
    y = (ROWS - bottom + 1) * 128 // dice.roll(2, 4)
    depth = np.clip(128**2 - x * x - y * y, 0, 128**2) * dice.roll(90, 180) >> 14
    canvas -= canvas * depth[:, :, None] >> 8


def camera(dice: Dice, canvas: np.ndarray, contrast: int) -> np.ndarray:
    """Uneven light, focus, saturation, exposure, colour cast and noise; uint8 [32, 32, 3].

    The exposure stretches the greys towards a standard deviation of `contrast`, as photographers do.
    """
    canvas = canvas * (256 + dice.texture(40, (1, 1), (3, 3)))[:, :, None] >> 8
    if dice.chance(12):  # out of focus: a binomial blur along both axes
        for axis in (0, 1):
            wide = np.concatenate([canvas.take([0], axis), canvas, canvas.take([-1], axis)], axis)
            canvas = (wide.take(range(SIDE), axis) + 2 * canvas + wide.take(range(2, SIDE + 2), axis)) >> 2
    grey = canvas.sum(2, keepdims=True) // 3
    canvas = grey + ((canvas - grey) * (0 if dice.chance(4) else dice.roll(100, 250)) >> 8)
    mean = int(grey.sum()) // SIDE**2
    spread = math.isqrt(int(((grey - mean) ** 2).sum()) // SIDE**2) + 1
    gain = min(430, max(210, (contrast + dice.roll(-15, 15)) * 256 // spread))
    level = (mean + 118) // 2 + dice.roll(-34, 34) if dice.chance(70) else mean
    cast = np.array([dice.roll(-9, 9) for _ in range(3)])
    canvas = ((canvas - mean) * gain >> 8) + level + cast + dice.grid(SIDE, SIDE, dice.roll(1, 7))[:, :, None]
    return np.clip(canvas + dice.grid(SIDE, 3 * SIDE, 3).reshape(SIDE, SIDE, 3), 0, 255).astype(np.uint8)
