"""Draw the book's embedded data set: 6,000 pictures of the ten CIFAR-10 classes, and write their archive.

Nothing here is a photograph: each picture is a solid model seen from a random side, on a drawn background,
through a drawn camera. It is a pure function of (label, seed), in integer arithmetic (see `raster`), hence
identical on every machine; `PIXELS_SHA256` says so. Colours and layouts follow what CIFAR-10's classes look
like on average, so that a small net meets the same difficulties: cat and dog share body, coat and room,
automobile and truck share road and paint.
"""

import concurrent.futures
import gzip
import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np

from helpers.raster import PIXEL, SIDE, XX, YY, Dice, Figure, composite

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DEFAULT_SEED = 2018
PIXELS_SHA256 = "8ccf7ec619d0e2ffdbdb2e8f8006167ed2a51d00a1f89c2452e90aed1c73b6bd"
NUM_BATCHES, BATCH_SIZE = 6, 1000  # five training batches and the test batch, 100 pictures a class in each

WHITE, BLACK = (238, 238, 240), (24, 24, 28)
SKIES = ((96, 146, 206), (150, 188, 226), (186, 204, 222), (128, 138, 158), (224, 230, 236), (66, 104, 172), (206, 178, 150))
# Each ground is woven of two colours with a texture whose cells become finer from the first to the last.
GROUNDS = {
    "grass": (((70, 104, 44), (148, 164, 88)), ((3, 3), (8, 6), (31, 16))),
    "dry": (((136, 120, 74), (190, 172, 118)), ((3, 3), (8, 6), (31, 16))),
    "forest": (((34, 42, 24), (108, 118, 72)), ((4, 4), (12, 12), (31, 31))),
    "bokeh": (((84, 104, 58), (150, 160, 110)), ((2, 2), (3, 4))),
    "leaves": (((62, 52, 36), (150, 128, 92)), ((6, 6), (16, 16), (31, 31))),
    "moss": (((30, 48, 20), (112, 142, 62)), ((4, 4), (8, 8), (16, 16))),
    "road": (((96, 96, 98), (146, 144, 142)), ((4, 2), (12, 4), (31, 31))),
    "sand": (((160, 144, 116), (206, 192, 164)), ((4, 3), (12, 8), (31, 31))),
    "water": (((48, 76, 100), (124, 150, 168)), ((4, 1), (16, 3), (31, 8))),
    "snow": (((176, 184, 194), (230, 234, 238)), ((3, 3), (12, 8))),
    "room": (((96, 78, 66), (176, 158, 140)), ((2, 2), (4, 3), (16, 16))),
    "cloth": (((70, 74, 96), (188, 178, 178)), ((2, 3), (3, 4), (16, 16))),
    "studio": (((214, 214, 214), (250, 250, 250)), ((1, 1), (2, 2))),
    "dark": (((8, 8, 10), (56, 52, 50)), ((2, 2), (4, 4))),
}


# --- backgrounds: each returns or changes a canvas [32, 32, 3] int64 ---


def weave(first, second, texture: np.ndarray) -> np.ndarray:
    """Mix two colours by a texture [32, 32] (0 is half of each, +-128 the colours themselves)."""
    share = np.clip(texture + 128, -40, 296)[:, :, None]
    return np.array(first) + ((np.array(second) - np.array(first)) * share >> 8)


def ground(dice: Dice, name: str) -> np.ndarray:
    (first, second), cells = GROUNDS[name]
    tint = dice.near((60, 60, 60), 36)
    mix = weave(dice.near(first, 24), dice.near(second, 24), dice.texture(dice.roll(90, 200), *cells))
    return mix + np.array(tint) - 60


def sky(dice: Dice) -> np.ndarray:
    top = dice.near(dice.pick(SKIES), 24)
    bottom = tuple(c + (235 - c) * dice.roll(10, 60) // 100 for c in top)
    canvas = np.array(top) + (np.array(bottom) - np.array(top)) * YY[:, :, None] // SIDE
    if dice.chance(60):  # clouds
        cloud = np.clip(dice.texture(200, (3, 2), (6, 4), (12, 8)) + dice.roll(-60, 60), 0, 200)[:, :, None]
        canvas += (np.array(dice.near((225, 226, 230), 20)) - canvas) * cloud >> 8
    return canvas


def landscape(dice: Dice, horizon: int, behind: str, below: str) -> np.ndarray:
    """Sky, a band of something far away, and a ground that begins at row `horizon`."""
    canvas = sky(dice)
    height = {"none": 0, "trees": dice.roll(3, 16), "hills": dice.roll(2, 6), "city": dice.roll(4, 14)}[behind]
    if behind == "city":
        top = horizon - np.repeat(height + dice.grid(1, 8, 5), 4)[:SIDE]
        steps = np.repeat(dice.grid(1, 8, 34), 4)[:SIDE][None, :, None]
        band = np.array(dice.near((136, 124, 116), 40)) + steps + (dice.grid(16, 16, 24).repeat(2, 0).repeat(2, 1))[:, :, None]
    else:
        top = horizon - height + dice.noise(1, 8, 3)[0]
        band = ground(dice, "forest") if behind == "trees" else weave((92, 108, 124), (120, 128, 120), dice.texture(80, (3, 6)))
    if height:
        canvas = np.where((YY >= top)[:, :, None], band, canvas)
    return np.where((YY >= horizon)[:, :, None], ground(dice, below), canvas)


def shadow(canvas: np.ndarray, bounds, dice: Dice) -> None:
    """Darken an ellipse on the ground under an object with these bounds (in 1/256 pixel)."""
    left, _, right, bottom = (b // PIXEL for b in bounds)
    wide, high = (right - left) // 2 + 2, dice.roll(2, 4)
    x, y = (2 * XX - left - right) * 64 // wide, (YY - bottom + 1) * 128 // high
    depth = np.clip(16384 - x * x - y * y, 0, 16384) * dice.roll(90, 170) >> 14
    canvas -= canvas * depth[:, :, None] >> 8


# --- vehicles: x ahead, y up, z to the right; length about 1000 ---

PAINTS = ((186, 36, 34), (44, 66, 120), (226, 226, 226), (190, 194, 198), (40, 42, 46), (120, 124, 128), (212, 168, 52), (62, 92, 66), (128, 40, 44), (108, 136, 168), (214, 110, 40))
GLASS, TYRE = (52, 62, 74), (26, 26, 28)


def box(x0, x1, y0, y1, wide, shrink_back=0, shrink_front=0, inset=0):
    """Lower and upper outline of a box whose top is shortened at both ends and narrowed by `inset`."""
    low = [(x0, y0, -wide), (x1, y0, -wide), (x1, y0, wide), (x0, y0, wide)]
    a, b, w = x0 + shrink_back, x1 - shrink_front, wide - inset
    return low, [(a, y1, -w), (b, y1, -w), (b, y1, w), (a, y1, w)]


def wheels(figure: Figure, places, radius: int, wide: int) -> None:
    for z in (-wide, wide):
        if figure.lit((0, 0, z)) is None:
            continue
        for x in places:
            figure.ball((x, radius, z), (radius, radius, radius // 8), TYRE, gradient=10)
            figure.ball((x, radius, z), (radius // 2, radius // 2, radius // 16), (150, 152, 156), gradient=60)


def panes(figure: Figure, x0, x1, y0, y1, wide, lean_back, lean_front, inset, parts: int, dice: Dice) -> None:
    """Windows on the sides, front and back of a box made by `box` with the same numbers."""
    glass = dice.near(GLASS, 18)
    for z in (-1, 1):
        for k in range(parts):
            a, b = x0 + (x1 - x0) * k // parts, x0 + (x1 - x0) * (k + 1) // parts - 22
            ta, tb = a + (lean_back if k == 0 else 0), b - (lean_front if k == parts - 1 else 0)
            figure.face([(a + 15, y0, z * wide), (b, y0, z * wide), (tb, y1, z * (wide - inset)), (ta + 15, y1, z * (wide - inset))], glass, facing=(0, 200, z * 1000), gradient=-50)
    w = wide - 25
    for x, lean, way in ((x1, lean_front, 1), (x0, -lean_back, -1)):
        figure.face([(x, y0, -w), (x, y0, w), (x - lean, y1, w - inset), (x - lean, y1, inset - w)], glass, facing=(way * 1000, abs(lean) * 3, 0), gradient=-60)


def ends(figure: Figure, x0, x1, y, wide, dice: Dice) -> None:
    """Head and tail lights, grille and number plate."""
    for x, colour, way in ((x1, (240, 236, 214), 1), (x0, (176, 30, 28), -1)):
        x += 4 * way
        facing = (way * 1000, 0, 0)
        for z in (-1, 1):
            near, far = z * (wide - 90), z * (wide - 10)
            figure.face([(x, y - 30, near), (x, y - 30, far), (x, y + 35, far), (x, y + 35, near)], colour, facing=facing)
        w = wide - 110
        figure.face([(x, y - 35, -w), (x, y - 35, w), (x, y + 30, w), (x, y + 30, -w)], (46, 46, 50), facing=facing)
        figure.face([(x, y - 95, -60), (x, y - 95, 60), (x, y - 55, 60), (x, y - 55, -60)], (220, 220, 210), facing=facing)


def automobile(dice: Dice):
    figure = Figure(dice.pick((0, 40, 90, 150, 200, 256, 690, 960)) + dice.roll(-24, 24), dice.roll(10, 70), dice.pick((-1, 1)))
    colour, wide, hood = dice.near(dice.pick(PAINTS), 24), dice.roll(190, 225), dice.roll(200, 270)
    belt, roof, x0, x1 = dice.roll(215, 250), dice.roll(350, 420), -500, 500
    van = dice.chance(25)
    rear, lean = (x0 + 20, 40) if van else (x0 + dice.roll(20, 160), dice.roll(80, 170))
    figure.block(*box(x0, x1, 70, belt, wide, 15, 25, 12), colour, gradient=40)
    figure.face([(x0, 70, wide + 1), (x1, 70, wide + 1), (x1, 105, wide + 1), (x0, 105, wide + 1)], BLACK, facing=(0, 0, 1))
    figure.face([(x0, 70, -wide - 1), (x1, 70, -wide - 1), (x1, 105, -wide - 1), (x0, 105, -wide - 1)], BLACK, facing=(0, 0, -1))
    ends(figure, x0, x1, 165, wide, dice)
    front, inset = x1 - hood, 45
    figure.block(*box(rear, front, belt, roof, wide - 12, lean, 140, inset), colour)
    panes(figure, rear, front, belt + 12, roof - 22, wide - 12, lean, 130, inset - 6, 3 if van else 2, dice)
    wheels(figure, (x0 + 190, x1 - 190), dice.roll(88, 105), wide)
    return figure, street(dice, 40), dice.roll(23, 36)


def truck(dice: Dice):
    figure = Figure(dice.pick((0, 40, 90, 150, 200, 256, 690, 960)) + dice.roll(-24, 24), dice.roll(10, 60), dice.pick((-1, 1)))
    colour, wide = dice.near(dice.pick(PAINTS), 24), dice.roll(165, 200)
    kind = dice.pick(("box", "box", "pickup", "tank", "dump", "long"))
    radius = dice.roll(70, 90)
    if kind == "pickup":  # as an automobile, but for the open bed
        wide += 25
        figure.block(*box(-500, 500, 90, 255, wide, 5, 20, 8), colour, gradient=40)
        figure.face([(-490, 256, -wide + 30), (-110, 256, -wide + 30), (-110, 256, wide - 30), (-490, 256, wide - 30)], (44, 42, 42), facing=(0, 1, 0))
        ends(figure, -500, 500, 190, wide, dice)
        figure.block(*box(-110, 270, 255, 420, wide - 10, 30, 120, 40), colour)
        panes(figure, -110, 270, 268, 400, wide - 10, 30, 110, 36, 2, dice)
        wheels(figure, (-310, 310), radius + 22, wide)
        return figure, street(dice, 60), dice.roll(24, 34)
    cab, top, roof = dice.roll(220, 270), dice.roll(430, 520), dice.roll(400, 620)
    load = dice.near(dice.pick(PAINTS + (WHITE, WHITE, WHITE)), 20)
    back, split = -dice.roll(500, 700 if kind == "long" else 560), 500 - cab
    nose = dice.pick((0, 0, 130))
    figure.block(*box(back, 470, 80, 130, wide - 30), (50, 48, 48))
    toward = int(figure.yaw % 1024) in range(0, 513)
    def body():
        if kind == "tank":
            figure.limb((back + 110, 290, 0), (split - 130, 290, 0), 150, 150, load, gradient=90)
        elif kind == "dump":
            figure.block(*box(back + 60, split - 30, 130, 350, wide - 20, -60, -30, -20), load, gradient=40)
        else:
            figure.block(*box(back, split - 25, 130, roof, wide), load, gradient=25)
            if dice.chance(50):
                stripe, y = dice.near(dice.pick(PAINTS), 20), dice.roll(200, 330)
                for z in (-wide - 1, wide + 1):
                    figure.face([(back + 40, y, z), (split - 70, y, z), (split - 70, y + 70, z), (back + 40, y + 70, z)], stripe, facing=(0, 0, z))
    def front():
        figure.block(*box(split, 500 - nose, 90, top, wide - 5, 0, 25, 8), colour, gradient=40)
        if nose:
            figure.block(*box(500 - nose - 10, 540, 90, 270, wide - 25, 0, 10, 8), colour, gradient=40)
        panes(figure, split + 30, 500 - nose - 8, 300, top - 40, wide - 3, 10, 14, 6, 1, dice)
        ends(figure, back, 545 if nose else 500, 180, wide - 20, dice)
    heading = figure.lit((1000, 0, 0)) is not None  # seen from the front, the cab hides the load
    for part in (body, front) if heading else (front, body):
        part()
    wheels(figure, (back + 120, back + 290, 330) if kind == "long" else (back + 160, 330), radius, wide)
    return figure, street(dice, 70), dice.roll(25, 37)


def street(dice: Dice, open_sky: int):
    if dice.chance(12):
        return ground(dice, dice.pick(("studio", "studio", "dark", "road")))
    behind = dice.pick(("none", "hills")) if dice.chance(open_sky // 2) else dice.pick(("trees", "city"))
    return landscape(dice, dice.roll(12, 22), behind, dice.pick(("road", "road", "road", "sand", "grass", "dry")))


def ship(dice: Dice):
    figure = Figure(dice.pick((0, 512, 60, 140, 440, 350, 256)) + dice.roll(-30, 30), dice.roll(8, 50), dice.pick((-1, 1)))
    hull = dice.near(dice.pick((WHITE, (40, 52, 84), (52, 52, 56), (140, 44, 40), (120, 130, 140), (92, 76, 60))), 20)
    upper, wide, deck = dice.near(dice.pick((WHITE, WHITE, WHITE, (196, 188, 170), (150, 156, 160))), 20), dice.roll(70, 130), dice.roll(90, 150)
    plan = ((-500, -1), (200, -1), (400, -0.5), (500, 0), (400, 0.5), (200, 1), (-500, 1))
    outline = [(x, int(2 * z) * wide // 2) for x, z in plan]
    figure.block([(x * 9 // 10, 0, z * 8 // 10) for x, z in outline], [(x, deck + max(0, x - 200) // 8, z) for x, z in outline], hull, gradient=50)
    kind = dice.pick(("liner", "cargo", "sail", "boat", "warship"))
    if kind == "sail":
        sail = dice.near(WHITE, 12)
        height = dice.roll(700, 1000)
        figure.limb((40, deck, 0), (40, deck + height, 0), 9, 6, (90, 80, 70))
        figure.face([(20, deck + 40, 0), (20, deck + height, 0), (-400, deck + 60, 60)], sail, gradient=30)
        figure.face([(60, deck + 60, 0), (60, deck + height * 9 // 10, 0), (460, deck + 60, -40)], sail, gradient=30)
    elif kind == "cargo":
        for k in range(dice.roll(2, 5)):
            x = -260 + 150 * k
            figure.block(*box(x, x + 135, deck, deck + dice.roll(50, 120), wide - 15), dice.near(dice.pick(PAINTS), 20))
        figure.block(*box(-470, -320, deck, deck + dice.roll(180, 260), wide - 10), upper)
    else:
        level, a, b = deck, -dice.roll(360, 440), dice.roll(60, 300)
        for _ in range(dice.roll(1, 2) if kind == "boat" else dice.roll(2, 4)):
            rise = dice.roll(55, 85)
            figure.block(*box(a, b, level, level + rise, wide * 8 // 10, 10, 30, 5), upper)
            for z in (-1, 1):
                at = z * wide * 8 // 10
                figure.face([(a + 30, level + 20, at), (b - 40, level + 20, at), (b - 40, level + rise - 18, at), (a + 30, level + rise - 18, at)], (70, 84, 100), facing=(0, 0, z))
            level, a, b = level + rise, a + dice.roll(30, 120), b - dice.roll(50, 130)
            if b - a < 120:
                break
        x = (a + b) // 2
        if kind == "liner" and dice.chance(70):
            figure.block(*box(x - 50, x + 50, level, level + 130, 30, 20, 0, 5), dice.near(dice.pick(PAINTS), 20))
        for mast in range(dice.roll(1, 3)):
            at = x + 140 * mast
            figure.limb((at, deck, 0), (at, level + dice.roll(100, 330), 0), 8, 5, (110, 110, 112))
    horizon = dice.roll(6, 18)
    view = ground(dice, "water") if dice.chance(15) else landscape(dice, horizon, dice.pick(("none", "none", "hills", "city", "trees")), "water")
    return figure, view, dice.roll(24, 36)


def airplane(dice: Dice):
    figure = Figure(dice.roll(0, 1023), dice.roll(-120, 200), dice.pick((-1, 1)))
    colour = dice.near(dice.pick((WHITE, WHITE, (196, 200, 206), (120, 126, 134), (80, 86, 92), (168, 70, 60))), 24)
    jet, trim = dice.chance(40), dice.near(dice.pick(PAINTS), 20)
    girth = dice.roll(45, 75)
    span, sweep = (dice.roll(220, 330), dice.roll(200, 300)) if jet else (dice.roll(400, 540), dice.roll(40, 240))
    dark = tuple(c * 3 // 4 for c in colour)
    for z in (-1, 1):
        figure.face([(140, -10, z * girth // 2), (-sweep + 100, 20, z * span), (-sweep + 40, 20, z * span), (-140, -10, z * girth // 2)], dark if z < 0 else colour, gradient=30)
        figure.face([(-380, 20, 0), (-490, 30, z * 190), (-530, 30, z * 190), (-480, 20, 0)], dark)
        if not jet:
            figure.limb((60 - sweep // 3, -50, z * span // 3), (-60 - sweep // 3, -50, z * span // 3), 32, 26, dark, lift=10)
    figure.limb((430, 0, 0), (-480, 15, 0), girth, girth // 3, colour, gradient=90)
    figure.limb((500, -8, 0), (400, 0, 0), girth // 4, girth * 9 // 10, colour, gradient=80)
    figure.face([(-340, 40, 0), (-480, 230, 0), (-540, 230, 0), (-490, 30, 0)], trim, gradient=10, lift=5)
    figure.face([(420, 30, 20), (350, 45, 20), (350, 20, 40), (410, 15, 40)], GLASS, lift=60)
    figure.sort()
    if dice.chance(70):
        return figure, sky(dice), dice.roll(18, 38)
    figure.pitch = 20
    return figure, landscape(dice, dice.roll(14, 24), dice.pick(("trees", "hills", "none", "city")), dice.pick(("road", "grass", "dry"))), dice.roll(24, 36)


# --- animals ---

COATS = ((34, 30, 30), (96, 70, 48), (150, 112, 74), (196, 156, 108), (222, 206, 184), (128, 124, 120), (206, 126, 62), (236, 232, 226), (70, 58, 50))


def mixed(first, second, share: int):
    return tuple(a + (b - a) * share // 100 for a, b in zip(first, second))


def pet_head(figure: Figure, dice: Dice, dog: bool, r: int, coat, second, mask) -> None:
    """Head of a cat or dog around the origin; the two differ in muzzle, nose and ears only."""
    figure.ball((0, 0, 0), (r, r * 9 // 10, r), coat, second, grain=26)
    long = dice.roll(120, 170) if dog else dice.roll(92, 108)
    figure.limb((r * 6 // 10, -r * 3 // 10, 0), (r * long // 100, -r * 4 // 10, 0), r * 45 // 100, r * (34 if dog else 26) // 100, mask, lift=r // 2)
    nose = r * (17 if dog else 9) // 100
    figure.ball((r * (long + 22) // 100, -r * 25 // 100, 0), (nose, nose, nose + nose // 3), BLACK if dog else dice.pick((BLACK, (190, 120, 116))), gradient=30, lift=r)
    floppy = dog and dice.chance(75)
    for z in (-1, 1):
        if floppy:
            figure.limb((0, r * 6 // 10, z * r * 75 // 100), (-r // 10, -r * 5 // 10, z * r * 105 // 100), r // 5, r * 3 // 10, mixed(coat, BLACK, 30), lift=r // 3)
        else:
            figure.face([(r // 10, r // 3, z * r * 95 // 100), (r // 10, r * 85 // 100, z * r * 20 // 100), (0, r * 150 // 100, z * r * 80 // 100)], mixed(coat, BLACK, 20), second, lift=-r // 4)
            figure.face([(r // 8, r // 2, z * r * 82 // 100), (r // 8, r * 85 // 100, z * r * 42 // 100), (0, r * 130 // 100, z * r * 76 // 100)], (190, 150, 140), lift=-r // 5)
        eye = r * (13 if dog else 17) // 100
        if not dog:
            figure.ball((r * 8 // 10, r * 15 // 100, z * r * 42 // 100), (eye, eye, eye), dice.pick(((150, 160, 70), (190, 160, 60), (90, 130, 140))), lift=r // 4)
        figure.ball((r * 85 // 100, r * 15 // 100, z * r * 42 // 100), (eye, eye, eye * (10 if dog else 6) // 10), BLACK, gradient=20, lift=r // 3)


def pet(dice: Dice, dog: bool):
    coat, second = dice.near(dice.pick(COATS), 24), dice.near(dice.pick(COATS), 20)
    mask = mixed(coat, dice.pick((WHITE, BLACK, WHITE)), dice.roll(20, 70))
    marked = second if dice.chance(60) else None
    side = dice.pick((-1, 1))
    toward = 256 + dice.roll(-110, 110)
    pose = dice.pick(("face", "face", "sit", "sit", "stand", "lie"))
    figure = Figure(toward if pose in ("face", "sit") else dice.pick((0, 512, 80, 430)) + dice.roll(-40, 40), dice.roll(10, 70), side)
    if pose == "face":
        figure.ball((-300, -620, 0), (420, 520, 460), mixed(coat, BLACK, 15), marked, grain=30)
        figure.ball((40, -480, 0), (260, 300, 300), mask, grain=30)
        pet_head(figure, dice, dog, 330, coat, marked, mask)
        size = dice.roll(34, 46)
    else:
        legs = mixed(coat, mask, 50)
        if pose == "sit":
            figure.ball((-150, 190, 0), (260, 230, 230), coat, marked, grain=30)
            figure.limb((-120, 250, 0), (90, 480, 0), 200, 150, coat, marked, grain=30)
            head = (140, 700, 0)
            for z in (-1, 1):
                figure.limb((130, 400, z * 80), (190, 30, z * 90), 70, 50, legs, lift=60)
                figure.ball((60, 60, z * 210), (160, 70, 70), legs)
        elif pose == "stand":
            leg, girth = dice.roll(220, 320), dice.roll(130, 170)
            figure.limb((-300, leg + girth, 0), (280, leg + girth, 0), girth, girth + 15, coat, marked, gradient=80, grain=30)
            for x in (-310, 270):
                for z in (-1, 1):
                    figure.limb((x, leg + girth // 2, z * 90), (x + dice.roll(-70, 70), 20, z * 90), 75, 42, legs)
            figure.limb((-400, leg + girth + 60, 0), (-560, leg + girth + dice.roll(-150, 300), 0), 40, 25, coat)
            head = (430, leg + 2 * girth + dice.roll(20, 150), 0)
            figure.limb((280, leg + girth, 0), head, girth, 120, coat)
        else:
            figure.ball((-60, 170, 0), (430, 180, 210), coat, marked, gradient=80, grain=30)
            for z in (-1, 1):
                figure.limb((250, 90, z * 110), (480, 40, z * 120), 60, 50, legs)
            head = (380, 360, 0)
        figure.aim(head, toward if dice.chance(60) else figure.yaw)
        pet_head(figure, dice, dog, dice.roll(185, 230), coat, marked, mask)
        size = dice.roll(24, 36)
    figure.sort()
    if dice.chance(65):
        view = ground(dice, dice.pick(("room", "room", "cloth", "cloth", "studio", "dark")))
        if dice.chance(60):  # a floor or a sofa's edge
            view = np.where((YY >= dice.roll(12, 26) + dice.noise(1, 2, 4)[0])[:, :, None], ground(dice, dice.pick(("room", "cloth"))), view)
    else:
        view = ground(dice, dice.pick(("grass", "grass", "bokeh", "leaves", "sand", "snow")))
    return figure, view, size


def cat(dice: Dice):
    return pet(dice, dog=False)


def dog(dice: Dice):
    return pet(dice, dog=True)


def hoofed(dice: Dice, horse: bool):
    """A deer or horse: the same skeleton; the horse heavier, with a mane, the deer slender, with ears or antlers."""
    palette = ((92, 52, 32), (122, 76, 46), (58, 40, 32), (34, 30, 30), (176, 132, 88), (222, 216, 208)) if horse else ((132, 98, 64), (156, 118, 78), (112, 86, 62), (96, 84, 70))
    coat = dice.near(dice.pick(palette), 18)
    belly, dark = mixed(coat, WHITE, 10 if horse else 45), mixed(coat, BLACK, 55)
    marked = WHITE if horse and dice.chance(15) else None
    portrait = dice.chance(22)
    figure = Figure(dice.pick((0, 512, 0, 512, 70, 440, 600, 930)) + dice.roll(-36, 36), dice.roll(10, 50), dice.pick((-1, 1)))
    leg, girth = (dice.roll(330, 370), dice.roll(150, 175)) if horse else (dice.roll(340, 400), dice.roll(115, 140))
    y = leg + girth
    if not portrait:
        figure.limb((-310, y + 20, 0), (270, y, 0), girth + 10, girth, coat, marked, gradient=90)
        figure.ball((-20, y - girth // 2, 0), (260, girth // 2, girth // 2), belly, marked)
        for x in (-330, 270):
            for z in (-1, 1):
                knee = (x + dice.roll(-50, 50), leg // 2, z * 70)
                figure.limb((x, y - 20, z * 60), knee, 80 if horse else 62, 36 if horse else 26, coat)
                figure.limb(knee, (knee[0] + dice.roll(-60, 40), 10, z * 70), 34 if horse else 24, 26 if horse else 18, dark if horse else coat)
        figure.limb((-420, y + 60, 0), (-520, y - (260 if horse else 40), 0), 46, 40 if horse else 26, dark if horse else WHITE)
    low = dice.chance(25) and not portrait
    head = (560, y - 260, 0) if low else (500, y + dice.roll(260, 360), 0)
    figure.limb((260, y + 20, 0), head, girth * 9 // 10, 70, coat, marked, gradient=60)
    if horse:
        figure.limb((220, y + girth, 0), (head[0] - 50, head[1] + 70, 0), 50, 40, dark, lift=40)
    figure.aim(head, figure.yaw + (dice.roll(-160, 160) if dice.chance(50) else 0))
    figure.limb((0, 0, 0), (170 if horse else 130, -150 if horse else -100, 0), 88 if horse else 76, 52 if horse else 38, coat, gradient=50, lift=60)
    figure.ball((180 if horse else 140, -160 if horse else -105, 0), (36, 34, 34), dark, lift=110)
    antlers = not horse and dice.chance(40)
    for z in (-1, 1):
        figure.limb((-30, 70, z * 50), (-50, 130 if horse else 140, z * (60 if horse else 150)), 26, 12, dark if horse else coat)
        figure.ball((60, 20, z * 70), (20, 20, 20), BLACK, lift=70)
        if antlers:
            fork, tip = (-40, 260, z * 150), (0, 420, z * 170)
            figure.limb((-10, 80, z * 40), fork, 18, 15, (150, 122, 88))
            figure.limb(fork, tip, 15, 9, (150, 122, 88))
            figure.limb(fork, (-110, 380, z * 230), 14, 9, (150, 122, 88))
    if horse and not portrait and dice.chance(22):  # a rider
        jacket = dice.near(dice.pick(PAINTS), 20)
        figure.limb((0, y + girth + 30, 0), (20, y + girth + 260, 0), 70, 80, jacket, lift=200)
        figure.limb((0, y + girth, 90), (40, y - 60, 120), 50, 34, (210, 204, 190), lift=200)
        figure.ball((30, y + girth + 400, 0), (64, 76, 64), (120, 92, 78), lift=200)
    figure.sort()
    if horse:
        view = landscape(dice, dice.roll(10, 20), dice.pick(("trees", "trees", "hills", "none", "city")), dice.pick(("grass", "grass", "dry", "sand")))
        if dice.chance(25):
            rail = dice.roll(14, 20)
            view[rail] = view[rail + 3] = dice.near((196, 190, 180), 40)
    else:
        place = dice.pick(("wood", "wood", "field", "field", "plain"))
        if place == "field":
            view = landscape(dice, dice.roll(4, 14), dice.pick(("trees", "trees", "hills")), dice.pick(("grass", "dry")))
        else:
            view = ground(dice, dice.pick(("forest", "bokeh", "grass")) if place == "wood" else dice.pick(("dry", "grass", "snow", "leaves")))
    return figure, view, dice.roll(30, 38) if portrait else dice.roll(22, 34)


def deer(dice: Dice):
    return hoofed(dice, horse=False)


def horse(dice: Dice):
    return hoofed(dice, horse=True)


def bird(dice: Dice):
    coat = dice.near(dice.pick(COATS + ((66, 92, 132), (150, 52, 44), (96, 104, 60), (110, 96, 80))), 22)
    belly, dark = mixed(coat, dice.pick((WHITE, (200, 150, 100), WHITE)), dice.roll(10, 80)), mixed(coat, BLACK, dice.roll(20, 60))
    figure = Figure(dice.pick((0, 512, 70, 440, 256)) + dice.roll(-50, 50), dice.roll(-20, 60), dice.pick((-1, 1)))
    beak = dice.near(dice.pick(((60, 56, 52), (206, 150, 52), (180, 90, 50))), 16)
    kind = dice.pick(("perch", "perch", "perch", "wade", "fly", "ground"))
    marked = dark if dice.chance(50) else None
    neck = dice.roll(300, 520) if kind == "wade" else 0
    tilt = dice.roll(-40, 260) if kind != "fly" else 0
    figure.limb((200, tilt, 0), (-230, -tilt // 2, 0), 190, 120, coat, marked, gradient=80)
    figure.ball((110, tilt // 2 - 60, 0), (210, 170, 150), belly, gradient=60, lift=20)
    figure.limb((-260, -tilt // 2, 0), (-620, -tilt + dice.roll(-80, 60), 0), 80, 46, dark)
    for z in (-1, 1):
        if kind == "fly":
            up = dice.roll(-200, 420)
            figure.face([(170, 40, z * 90), (60, up, z * 620), (-120, up - 20, z * 640), (-230, 20, z * 90)], dark, marked, gradient=40)
        else:
            figure.limb((120, tilt // 2 + 20, z * 150), (-330, -tilt // 2, z * 100), 110, 40, dark, marked, gradient=60, lift=60)
            length = 420 if kind == "wade" else 160
            figure.limb((0, -120, z * 60), (30, -150 - length, z * 60), 20, 14, beak)
    head = (260 + neck // 4, tilt + 150 + neck, 0)
    figure.limb((190, tilt, 0), head, 70 if neck else 140, 60 if neck else 110, coat, gradient=60)
    figure.aim(head, figure.yaw + (dice.roll(-200, 200) if dice.chance(40) else 0))
    r = 100 if neck else 140
    figure.ball((0, 0, 0), (r + 10, r, r), coat if dice.chance(70) else dark, gradient=80, lift=30)
    figure.limb((r * 8 // 10, -10, 0), (r + dice.roll(90, 220), -30, 0), 40, 8, beak, lift=40)
    for z in (-1, 1):
        figure.ball((r // 2, r // 4, z * r * 8 // 10), (24, 24, 24), BLACK, gradient=0, lift=60)
    figure.sort()
    place = "sky" if kind == "fly" and dice.chance(70) else dice.pick(("bokeh", "bokeh", "grass", "forest", "water", "sky", "sand"))
    view = sky(dice) if place == "sky" else ground(dice, place)
    if kind == "perch" and dice.chance(70):
        row = dice.roll(22, 27) + XX * dice.roll(-4, 4) // SIDE
        view = np.where((abs(YY - row) <= dice.roll(0, 2))[:, :, None], weave((84, 66, 50), (140, 116, 90), dice.texture(120, (6, 12))), view)
    return figure, view, dice.roll(20, 38)


def frog(dice: Dice):
    coat = dice.near(dice.pick(((92, 112, 48), (126, 104, 66), (108, 90, 62), (140, 128, 84), (86, 78, 58), (150, 160, 60), (168, 132, 60))), 24)
    belly, dark = mixed(coat, (222, 210, 170), dice.roll(20, 70)), mixed(coat, BLACK, dice.roll(20, 60))
    marked = dark if dice.chance(75) else None
    figure = Figure(dice.pick((256, 0, 512, 90, 420, 180, 330)) + dice.roll(-40, 40), dice.roll(10, 150), dice.pick((-1, 1)))
    figure.limb((-220, 150, 0), (150, 240, 0), 190, 190, coat, marked, gradient=90, grain=34)
    figure.ball((120, 120, 0), (210, 120, 200), belly, lift=10)
    figure.ball((270, 300, 0), (200, 120, 190), coat, marked, gradient=70, grain=34, lift=40)
    figure.limb((430, 262, -90), (430, 262, 90), 16, 16, dark, lift=60)
    for z in (-1, 1):
        figure.ball((280, 400, z * 120), (66, 66, 60), mixed(coat, (220, 190, 90), 40), lift=60)
        figure.ball((310, 405, z * 138), (40, 40, 36), BLACK, gradient=0, lift=80)
        figure.limb((-240, 120, z * 200), (60, 210, z * 290), 120, 80, coat, marked, grain=34)
        figure.limb((60, 200, z * 290), (-180, 30, z * 330), 60, 40, dark)
        figure.limb((-180, 25, z * 330), (120, 15, z * 400), 36, 30, coat)
        figure.limb((200, 180, z * 170), (270, 20, z * 240), 60, 40, coat, marked)
        figure.limb((260, 20, z * 240), (380, 10, z * 290), 34, 22, belly)
    figure.sort()
    return figure, ground(dice, dice.pick(("leaves", "leaves", "moss", "moss", "sand", "room", "dark", "bokeh", "road"))), dice.roll(26, 42)


DRAWINGS = (airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck)
FLYING = (0, 2)


def camera(canvas: np.ndarray, dice: Dice) -> np.ndarray:
    """Exposure, contrast, colour cast, uneven light and sensor noise; [32, 32, 3] int64 -> uint8."""
    uneven = dice.noise(1, 1, 30) + 256
    contrast, middle = dice.roll(200, 320), 118
    cast = np.array([dice.roll(-10, 10) for _ in range(3)]) + dice.roll(-24, 20)
    canvas = (canvas * uneven[:, :, None] >> 8)
    if dice.chance(40):  # out of focus: a binomial blur along both axes
        for axis in (0, 1):
            edge = np.concatenate([canvas.take([0], axis), canvas, canvas.take([-1], axis)], axis)
            canvas = (edge.take(range(SIDE), axis) + 2 * canvas + edge.take(range(2, SIDE + 2), axis)) >> 2
    canvas = ((canvas - middle) * contrast >> 8) + middle + cast
    noise = dice.grid(SIDE, SIDE, dice.roll(3, 12))[:, :, None] + dice.grid(SIDE, SIDE * 3, 3).reshape(SIDE, SIDE, 3)
    canvas = canvas + noise
    if dice.chance(5):  # black and white film
        canvas = np.repeat((canvas.sum(2, keepdims=True) + 1) // 3, 3, axis=2)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def draw_image(label: int, seed: int) -> np.ndarray:
    """One picture of class `label` (0 to 9); [32, 32, 3] uint8, a pure function of its arguments."""
    dice = Dice([label, seed % 2**32])
    figure, canvas, size = DRAWINGS[label](dice)
    x = (SIDE * PIXEL // 2) + dice.roll(-3, 3) * PIXEL
    y = (SIDE * PIXEL // 2) + dice.roll(-1, 3) * PIXEL
    bounds = figure.fit(x, y, size * PIXEL)
    if label not in FLYING:
        shadow(canvas, bounds, dice)
    composite(canvas, figure, dice.texture(64, (16, 16), (31, 31)), np.clip(dice.texture(400, (4, 4), (8, 8)), 0, 256))
    return camera(canvas, dice)


# --- the data set and its archive ---


def draw_sample(seed: int = DEFAULT_SEED, jobs: int | None = None, progress=None) -> tuple[np.ndarray, np.ndarray]:
    """All pictures, drawn by `jobs` processes (default: one per core); they do not change the result.

    Returns images [6000, 32, 32, 3] uint8 and labels [6000] uint8: five training batches of 1,000, then the
    test batch, each with 100 pictures of every class. `progress(n)` is called with the number newly drawn.
    """
    labels = sample_labels(seed)
    tasks = [(seed, start, labels[start : start + 250]) for start in range(0, len(labels), 250)]
    jobs = jobs or os.cpu_count() or 1
    parts = []
    if jobs == 1:
        pool, results = None, map(_draw_range, tasks)
    else:
        pool = concurrent.futures.ProcessPoolExecutor(jobs)
        results = pool.map(_draw_range, tasks)
    for part in results:
        parts.append(part)
        if progress is not None:
            progress(len(part))
    if pool is not None:
        pool.shutdown()
    return np.concatenate(parts), labels


def sample_labels(seed: int) -> np.ndarray:
    """Labels [6000] uint8 in file order: every batch of 1,000 is balanced and shuffled."""
    keys = Dice([10, seed % 2**32]).grid(NUM_BATCHES, BATCH_SIZE, 2**30)
    order = np.argsort(keys, axis=1, kind="stable")  # a stable sort has one answer, whatever the version
    return (order % len(CLASS_NAMES)).astype(np.uint8).ravel()


def _draw_range(task) -> np.ndarray:
    seed, start, labels = task
    return np.stack([draw_image(int(label), seed * 1_000_003 + start + k) for k, label in enumerate(labels)])


def pixel_digest(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of the pixels and labels, to compare with `PIXELS_SHA256`."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def write_archive(path: str | os.PathLike, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images [6000, 32, 32, 3] and labels [6000] as a .tar.gz in the layout of CIFAR-10's archive.

    Source of the layout: https://www.cs.toronto.edu/~kriz/cifar.html, "python version".
    """
    path = Path(path)
    members = {"batches.meta": {"num_cases_per_batch": BATCH_SIZE, "label_names": list(CLASS_NAMES), "num_vis": 3072}}
    for k in range(NUM_BATCHES):
        part = slice(k * BATCH_SIZE, (k + 1) * BATCH_SIZE)
        last = k == NUM_BATCHES - 1
        members["test_batch" if last else f"data_batch_{k + 1}"] = {
            "batch_label": "testing batch 1 of 1" if last else f"training batch {k + 1} of {NUM_BATCHES - 1}",
            "labels": [int(label) for label in labels[part]],
            "data": np.ascontiguousarray(images[part].transpose(0, 3, 1, 2)).reshape(BATCH_SIZE, 3 * SIDE * SIDE),
            "filenames": [f"{CLASS_NAMES[label]}_s_{part.start + n:06d}.png" for n, label in enumerate(labels[part])],
        }
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")  # a broken run leaves no half archive
    try:
        with open(partial, "wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
            for name, content in members.items():
                data = pickle.dumps(content, protocol=2)
                info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                info.size, info.mode = len(data), 0o644  # TarInfo's time and owner are 0 already
                archive.addfile(info, io.BytesIO(data))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
