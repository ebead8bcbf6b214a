"""The four vehicles of the drawn sample, about 1000 units long: x ahead, y up, z to the right.

Each class is a function of the dice that returns (figure, background [32, 32, 3], size in pixels).
"""

import numpy as np

from helpers.data.drawing.raster import Dice, Figure
from helpers.data.drawing.scenes import BLACK, PAINTS, WHITE, ground, landscape, mixed, sky

GLASS = (66, 76, 88)
HULLS = ((238, 238, 240), (40, 52, 84), (52, 52, 56), (140, 44, 40), (120, 130, 140), (92, 76, 60))
UPPERS = (WHITE, WHITE, WHITE, (196, 188, 170), (150, 156, 160))
METALS = (WHITE, WHITE, (196, 200, 206), (120, 126, 134), (80, 86, 92), (60, 64, 60), (168, 70, 60))


def wheels(figure: Figure, places, radius: int, wide: int) -> None:
    for z in (-wide, wide):
        for x in places if figure.lit((0, 0, z)) else ():
            figure.ball((x, radius, z), (radius, radius, radius // 8), (26, 26, 28), gradient=10)
            figure.ball((x, radius, z), (radius // 2, radius // 2, radius // 16), (150, 152, 156))


def cabin(dice: Dice, figure: Figure, x0, x1, y0, y1, wide, colour, back, front, inset, panes) -> None:
    """A box, as `Figure.box` makes it, with windows on its four sides: `panes` on each of the long ones."""
    figure.box(x0, x1, y0, y1, wide, colour, back, front, inset)
    glass, low, high, w = dice.near(GLASS, 20), y0 + (y1 - y0) // 8, y1 - (y1 - y0) // 8, wide - 25
    for k in range(panes):
        a, b = x0 + (x1 - x0) * k // panes + 15, x0 + (x1 - x0) * (k + 1) // panes - 18
        c, d = a + back * (k == 0) * 4 // 5, b - front * (k == panes - 1) * 4 // 5
        pane = [(a, low, wide), (b, low, wide), (d, high, wide - inset), (c, high, wide - inset)]
        figure.face(pane, glass, (0, 200, 1000), gradient=-50, both=True)
    for x, lean, way in ((x1, front, 1), (x0, -back, -1)):
        pane = [(x, low, -w), (x, low, w), (x - lean, high, w - inset), (x - lean, high, inset - w)]
        figure.face(pane, glass, (way * 1000, abs(lean) * 3, 0), gradient=-60)


def ends(figure: Figure, back, front, y, wide) -> None:
    """Grille, bumper, number plate and lights, ahead and behind."""
    for x, light, way in ((front + 4, (244, 240, 222), 1), (back - 4, (176, 30, 28), -1)):
        figure.end(x, y - 35, y + 30, 110 - wide, wide - 110, (50, 50, 54), way)
        figure.end(x, y - 95, y - 60, 5 - wide, wide - 5, (70, 70, 74), way)
        figure.end(x, y - 95, y - 55, -60, 60, (224, 224, 214), way)
        figure.end(x, y - 30, y + 35, 10 - wide, 90 - wide, light, way)
        figure.end(x, y - 30, y + 35, wide - 90, wide - 10, light, way)


def street(dice: Dice, open_sky: int) -> np.ndarray:
    if dice.chance(22 - open_sky // 4):
        return ground(dice, dice.pick(("studio", "studio", "dark", "road", "sand")))
    behind = dice.pick(("none", "hills")) if dice.chance(open_sky) else dice.pick(("trees", "city"))
    below = dice.pick(("road", "road", "road", "sand", "grass", "dry"))
    return landscape(dice, dice.roll(10, 22), behind, below)


def road_figure(dice: Dice, above: int) -> Figure:
    """Seen from the side, the front or between, rarely from behind, and from up to `above`."""
    yaw = dice.pick((0, 40, 90, 120, 150, 180, 256, 690, 960)) + dice.roll(-24, 24)
    yaw = 512 - yaw if dice.chance(50) else yaw
    return Figure(yaw, dice.roll(0, above), dice.pick((-1, 1)), solid=False)


def automobile(dice: Dice):
    figure, colour, wide = road_figure(dice, 100), dice.near(dice.pick(PAINTS), 24), dice.roll(195, 235)
    belt, roof, hood, van = dice.roll(215, 255), dice.roll(345, 405), dice.roll(220, 290), dice.chance(18)
    rear, lean = (-480, 40) if van else (dice.roll(-480, -340), dice.roll(80, 170))
    figure.box(-500, 500, 70, belt, wide, colour, 15, 25, 12, gradient=50)
    figure.side(-500, 500, 70, 105, wide, BLACK)
    for x in (-110, 130):  # the edges of the doors
        figure.side(x, x + 14, 110, belt, wide - 4, mixed(colour, BLACK, 55))
    shine, y, w = mixed(colour, WHITE, dice.roll(10, 70)), belt + 1, wide - 45
    figure.face([(300, y, -w), (470, y, -w), (470, y, w), (300, y, w)], shine, (0, 1, 0))
    ends(figure, -500, 500, 165, wide)
    cabin(dice, figure, rear, 500 - hood, belt, roof, wide - 12, colour, lean, 135, 42, 3 if van else 2)
    wheels(figure, (-310, 310), dice.roll(86, 105), wide)
    return figure, street(dice, 12), dice.roll(27, 41)


def pickup(dice: Dice, figure: Figure, colour, wide: int) -> None:
    """An automobile, but for its open bed."""
    figure.box(-500, 500, 90, 255, wide, colour, 5, 20, 8, gradient=50)
    w = wide - 30
    figure.face([(-490, 256, -w), (-110, 256, -w), (-110, 256, w), (-490, 256, w)], (44, 42, 42), (0, 1, 0))
    ends(figure, -500, 500, 190, wide)
    cabin(dice, figure, -110, 270, 255, 415, wide - 10, colour, 30, 120, 38, 2)
    wheels(figure, (-310, 310), dice.roll(92, 112), wide)


def cargo(dice: Dice, figure: Figure, kind: str, back: int, front: int, wide: int) -> None:
    """What a truck carries: a tank, an open tub, or a closed box with ribs, doors and a stripe."""
    colour, roof = dice.near(dice.pick((*PAINTS, *(WHITE,) * 5)), 20), dice.roll(400, 620)
    if kind == "tank":
        figure.limb((back + 110, 290, 0), (front - 105, 290, 0), 150, 150, colour, gradient=90)
    elif kind == "dump":
        figure.box(back + 60, front - 5, 130, 350, wide - 20, colour, -60, -30, -20, gradient=40)
    else:
        figure.box(back, front, 130, roof, wide, colour, gradient=30)
        for x in range(back, front - 15, dice.pick((60, 90, 400))):
            figure.side(x, x + 16, 135, roof, wide, mixed(colour, BLACK, 40))
        for z in (10 - wide, 25):
            figure.end(back, 150, roof - 20, z, z + wide - 35, mixed(colour, BLACK, 25), -1)
        y = dice.roll(200, 330)
        figure.side(back + 40, front - 45, y, y + 70, wide, dice.near(dice.pick(PAINTS), 20))


def truck(dice: Dice):
    figure, colour, wide = road_figure(dice, 50), dice.near(dice.pick(PAINTS), 24), dice.roll(165, 205)
    kind = dice.pick(("box", "box", "pickup", "tank", "dump", "long"))
    if kind == "pickup":
        pickup(dice, figure, colour, wide + 25)
        return figure, street(dice, 30), dice.roll(26, 38)
    back, split = -dice.roll(500, 700 if kind == "long" else 560), dice.roll(230, 280)
    nose = dice.pick((0, 0, 130))
    figure.box(back, 470, 80, 130, wide - 30, (50, 48, 48))
    ahead = figure.lit((1, 0, 0))  # seen from ahead, the cab hides the cargo; from behind, the reverse
    if ahead:
        cargo(dice, figure, kind, back, split - 25, wide)
    figure.box(split, 500 - nose, 90, 320, wide - 5, colour, gradient=30)
    if nose:
        figure.box(490 - nose, 540, 90, 270, wide - 25, colour, 0, 10, 8, gradient=40)
    cabin(dice, figure, split, 500 - nose, 290, dice.roll(420, 520), wide - 5, colour, 0, 25, 8, 1)
    ends(figure, back, 540 if nose else 500, 180, wide - 20)
    if not ahead:
        cargo(dice, figure, kind, back, split - 25, wide)
    axles = (back + 120, back + 290, 330) if kind == "long" else (back + 160, 330)
    wheels(figure, axles, dice.roll(70, 92), wide)
    return figure, street(dice, 45), dice.roll(28, 42)


def ship(dice: Dice):
    yaw = dice.pick((0, 60, 140, 72, 162, 256)) + dice.roll(-30, 30)
    figure = Figure(512 - yaw if dice.chance(50) else yaw, dice.roll(8, 60), dice.pick((-1, 1)), solid=False)
    hull, upper = dice.near(dice.pick(HULLS), 20), dice.near(dice.pick(UPPERS), 20)
    wide, deck = dice.roll(70, 130), dice.roll(80, 150)
    half = [(-500, wide), (200, wide), (400, wide // 2), (500, 0)]  # the outline from above, to be mirrored
    plan = half + [(x, -z) for x, z in half[2::-1]]
    keel = [(x * 9 // 10, 0, z * 8 // 10) for x, z in plan]
    figure.block(keel, [(x, deck + max(0, x - 200) // 8, z) for x, z in plan], hull, gradient=60)
    kind, level, a, b = dice.roll(0, 5), deck, -dice.roll(360, 440), dice.roll(60, 300)
    if kind == 0:  # a sailing boat
        sail, mast = dice.near(WHITE, 16), deck + dice.roll(700, 1000)
        figure.limb((40, deck, 0), (40, mast, 0), 10, 7, (90, 80, 70))
        figure.face([(20, deck + 40, 0), (20, mast, 0), (-400, deck + 60, 60)], sail, gradient=40)
        figure.face([(60, deck + 60, 0), (60, mast * 9 // 10, 0), (460, deck + 60, -40)], sail, gradient=40)
    elif kind == 1:  # containers
        for x in range(-260, dice.roll(-100, 380), 150):
            colour = dice.near(dice.pick(PAINTS), 20)
            figure.box(x, x + 135, deck, deck + dice.roll(50, 120), wide - 15, colour)
        figure.box(-470, -320, deck, deck + dice.roll(180, 260), wide - 10, upper)
    else:  # decks with windows, masts, some with a funnel
        for _ in range(dice.roll(1, 2) if kind == 2 else dice.roll(2, 4)):
            rise, w = dice.roll(55, 85), wide * 8 // 10
            figure.box(a, b, level, level + rise, w, upper, 10, 30, 5)
            figure.side(a + 30, b - 40, level + 20, level + rise - 18, w, (70, 84, 100))
            level, a, b = level + rise, a + dice.roll(30, 100), b - dice.roll(50, 110)
        x = (a + b) // 2
        if kind == 3:
            figure.box(x - 50, x + 50, level, level + 130, 30, dice.near(dice.pick(PAINTS), 20), 20, 0, 5)
        for x in range(-100, dice.roll(0, 300), 140):
            figure.limb((x, deck, 0), (x, level + dice.roll(80, 330), 0), 9, 6, (96, 96, 98))
    if dice.chance(12):
        return figure, ground(dice, "water"), dice.roll(24, 38)
    behind = dice.pick(("none", "none", "hills", "city", "trees"))
    return figure, landscape(dice, dice.roll(6, 20), behind, "water"), dice.roll(26, 40)


def airplane(dice: Dice):
    flying, jet = dice.chance(65), dice.chance(40)
    pitch = dice.roll(-120, 200) if flying else dice.roll(10, 60)
    figure, girth = Figure(dice.roll(0, 1023), pitch, dice.pick((-1, 1))), dice.roll(45, 80)
    colour, trim = dice.near(dice.pick(METALS), 24), dice.near(dice.pick(PAINTS), 20)
    span = dice.roll(220, 330) if jet else dice.roll(400, 540)
    sweep = dice.roll(200, 300) if jet else dice.roll(40, 240)
    dark, x, y = mixed(colour, BLACK, 35), -sweep // 3, girth // 2
    wing = [(140, -10, y), (100 - sweep, 20, span), (40 - sweep, 20, span), (-140, -10, y)]
    figure.face(wing, mixed(colour, dark, dice.roll(0, 100)), gradient=50, both=True)
    figure.face([(-380, 20, 0), (-490, 30, 190), (-530, 30, 190), (-480, 20, 0)], dark, both=True)
    if not jet:  # engines under the wings
        figure.limb((x + 60, -50, span // 3), (x - 60, -50, span // 3), 34, 26, dark, lift=10, both=True)
    figure.limb((430, 0, 0), (-480, 15, 0), girth, girth // 3, colour, gradient=110)
    figure.limb((500, -8, 0), (400, 0, 0), girth // 4, girth * 9 // 10, colour, gradient=100)
    figure.face([(-340, 40, 0), (-480, 230, 0), (-540, 230, 0), (-490, 30, 0)], trim, lift=5)
    figure.face([(420, 30, 20), (350, 45, 20), (350, 20, 40), (410, 15, 40)], GLASS, lift=60, both=True)
    if flying:
        return figure, sky(dice), dice.roll(20, 42)
    figure.limb((300, 0, 0), (300, -120, 0), 12, 20, BLACK)
    figure.limb((-60, 0, 60), (-60, -120, 60), 12, 20, BLACK, both=True)
    behind, below = dice.pick(("trees", "hills", "none", "city")), dice.pick(("road", "grass", "dry"))
    return figure, landscape(dice, dice.roll(14, 24), behind, below), dice.roll(26, 40)
