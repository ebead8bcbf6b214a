"""The six animals of the drawn sample, about 1000 units long: x ahead, y up, z to the right.

Each class is a function of the dice that returns (figure, background [32, 32, 3], size in pixels).
"""

import numpy as np

from helpers.data.drawing.raster import PIXEL, ROWS, SIDE, Dice, Figure
from helpers.data.drawing.scenes import BLACK, PAINTS, WHITE, clutter, ground, landscape, mixed, sky

COATS = ((34, 30, 30), (96, 70, 48), (150, 112, 74), (196, 156, 108), (222, 206, 184), (128, 124, 120),
         (206, 126, 62), (236, 232, 226), (70, 58, 50))
PLUMES = (*COATS, (66, 92, 132), (150, 52, 44), (96, 104, 60), (110, 96, 80))
SKINS = ((92, 112, 48), (126, 104, 66), (108, 90, 62), (140, 128, 84), (86, 78, 58), (150, 160, 60),
         (168, 132, 60))
BEAKS = ((60, 56, 52), (206, 150, 52), (180, 90, 50))
HORSES = ((92, 52, 32), (122, 76, 46), (58, 40, 32), (34, 30, 30), (176, 132, 88), (222, 216, 208))
DEER = ((132, 98, 64), (156, 118, 78), (112, 86, 62), (96, 84, 70))


def pet_head(dice: Dice, figure: Figure, dog: bool, r: int, coat, second, mask) -> None:
    """Head of radius `r` at the origin; cat and dog differ in muzzle, nose, ears and eyes only."""

    def at(x, y, z):  # in hundredths of the radius
        return r * x // 100, r * y // 100, r * z // 100

    long, nose = (dice.roll(120, 170), r * 17 // 100) if dog else (dice.roll(92, 110), r * 9 // 100)
    figure.ball((0, 0, 0), at(100, 90, 100), coat, second, grain=34)
    tip = r * (34 if dog else 26) // 100
    figure.limb(at(60, -30, 0), at(long, -40, 0), r * 45 // 100, tip, mask, lift=r // 2)
    colour = BLACK if dog else dice.pick((BLACK, (190, 120, 116)))
    figure.ball(at(long + 22, -25, 0), (nose, nose, nose * 4 // 3), colour, gradient=30, lift=r)
    if dog and dice.chance(70):  # hanging ears
        ear, shade = (at(0, 60, 75), at(-10, -50, 105)), mixed(coat, BLACK, 35)
        figure.limb(*ear, r // 5, r * 3 // 10, shade, lift=r // 3, both=True)
    else:
        ear = [at(10, 33, 95), at(10, 85, 20), at(0, 150, 80)]
        figure.face(ear, mixed(coat, BLACK, 25), second=second, lift=-r // 4, both=True)
        ear = [at(12, 50, 82), at(12, 85, 42), at(0, 130, 76)]
        figure.face(ear, (190, 150, 140), lift=-r // 5, both=True)
    eye = r * (13 if dog else 17) // 100
    if not dog:
        iris = dice.pick(((150, 160, 70), (190, 160, 60), (90, 130, 140)))
        figure.ball(at(84, 15, 42), (eye, eye, eye), iris, lift=r // 4, both=True)
    pupil = (eye, eye, eye if dog else eye * 6 // 10)
    figure.ball(at(84, 15, 42), pupil, BLACK, gradient=20, lift=r // 3, both=True)


def pet(dice: Dice, dog: bool):
    coat, second = dice.near(dice.pick(COATS), 24), dice.near(dice.pick(COATS), 20)
    mask, marked = mixed(coat, dice.pick((WHITE, BLACK, WHITE)), dice.roll(20, 75)), dice.chance(65)
    pose = dice.pick(("face", "face", "face", "sit", "sit", "sit", "stand", "lie"))
    toward = 256 + dice.roll(-120, 120)
    yaw = toward if pose in ("face", "sit") else dice.pick((0, 512, 80, 430)) + dice.roll(-40, 40)
    figure, size = Figure(yaw, dice.roll(10, 80), dice.pick((-1, 1))), dice.roll(26, 40)
    legs, fur = mixed(coat, mask, 50), {"second": second if marked else None, "gradient": 90, "grain": 40}
    if pose == "face":
        figure.ball((-260, -480, 0), (360, 420, 380), mixed(coat, BLACK, 15), **fur)
        figure.ball((20, -400, 0), (220, 260, 260), mask, grain=40)
        head, size, figure.focus = (0, 0, 0), dice.roll(24, 40), 2
    elif pose == "sit":
        figure.ball((-150, 190, 0), (260, 230, 230), coat, **fur)
        figure.limb((-120, 250, 0), (90, 480, 0), 200, 150, coat, **fur)
        figure.limb((130, 400, 80), (190, 30, 90), 70, 50, legs, lift=60, both=True)
        figure.ball((60, 60, 210), (160, 70, 70), legs, both=True)
        head = (140, 700, 0)
    elif pose == "stand":
        leg, girth = dice.roll(220, 320), dice.roll(130, 180)
        y, head = leg + girth, (430, leg + 2 * girth + dice.roll(20, 150), 0)
        figure.limb((-300, y, 0), (280, y, 0), girth, girth + 15, coat, **fur)
        for x, z in ((-310, 90), (-310, -90), (270, 90), (270, -90)):
            figure.limb((x, leg + girth // 2, z), (x + dice.roll(-70, 70), 20, z), 75, 42, legs)
        figure.limb((-400, y + 60, 0), (-560, y + dice.roll(-150, 300), 0), 40, 25, coat)
        figure.limb((280, y, 0), head, girth, 120, coat)
    else:
        figure.ball((-60, 170, 0), (430, 180, 210), coat, **fur)
        figure.limb((250, 90, 110), (480, 40, 120), 60, 50, legs, both=True)
        head = (380, 360, 0)
    figure.aim(head, toward if dice.chance(60) else yaw)
    pet_head(dice, figure, dog, dice.roll(190, 250), coat, fur["second"], mask)
    if dice.chance(28):
        return figure, ground(dice, dice.pick(("grass", "grass", "bokeh", "leaves", "sand", "snow"))), size
    view = ground(dice, dice.pick(("room", "room", "cloth", "cloth", "studio", "dark")))
    if dice.chance(60):  # a floor, or the edge of a sofa
        edge = dice.roll(12, 26) + dice.texture(4, (1, 2))[0]
        view = np.where((edge <= ROWS)[:, :, None], ground(dice, dice.pick(("room", "cloth"))), view)
    if dice.chance(35):
        clutter(dice, view, dice.roll(6, 28))
    return figure, view, size


def hoofed(dice: Dice, horse: bool):
    """A horse, heavy and with a mane, or a deer, slender and sometimes with antlers: one skeleton."""
    coat = dice.near(dice.pick(HORSES if horse else DEER), 18)
    belly, dark = mixed(coat, WHITE, 10 if horse else 45), mixed(coat, BLACK, 55)
    marked, portrait = WHITE if horse and dice.chance(15) else None, dice.chance(20 if horse else 30)
    yaw = dice.pick((0, 512, 0, 512, 70, 440, 600, 930)) + dice.roll(-36, 36)
    figure = Figure(yaw, dice.roll(10, 50), dice.pick((-1, 1)))
    leg, girth, thigh, shin, hoof = (350, 165, 80, 36, 28) if horse else (375, 128, 64, 26, 20)
    leg, girth = leg + dice.roll(-25, 25), girth + dice.roll(-14, 14)
    y = leg + girth
    if not portrait:
        figure.limb((-310, y + 20, 0), (270, y, 0), girth + 10, girth, coat, marked, gradient=110)
        figure.ball((-20, y - girth // 2, 0), (260, girth // 2, girth // 2), belly, marked)
        for x, z in ((-330, 70), (-330, -70), (270, 70), (270, -70)):
            knee = (x + dice.roll(-50, 50), leg // 2, z)
            figure.limb((x, y - 20, z), knee, thigh, shin, coat)
            figure.limb(knee, (knee[0] + dice.roll(-60, 40), 10, z), shin, hoof, dark if horse else coat)
        tail = (-520, y - (260 if horse else 40), 0)
        figure.limb((-420, y + 60, 0), tail, 46, shin, dark if horse else WHITE)
        if horse and dice.chance(22):  # a rider
            y += girth
            figure.limb((0, y + 30, 0), (20, y + 260, 0), 70, 80, dice.near(dice.pick(PAINTS), 20), lift=200)
            figure.limb((0, y, 90), (40, y - girth - 60, 120), 50, 34, (210, 204, 190), lift=200)
            figure.ball((30, y + 400, 0), (64, 76, 64), (120, 92, 78), lift=200)
            y -= girth
    head = (560, y - 260, 0) if not portrait and dice.chance(25) else (500, y + dice.roll(260, 360), 0)
    figure.limb((260, y + 20, 0), head, girth * 9 // 10, 70, coat, marked, gradient=70)
    if horse:
        figure.limb((220, y + girth, 0), (head[0] - 50, head[1] + 70, 0), 50, 40, dark, lift=40)
    facing = dice.chance(65 if portrait else 40)
    figure.aim(head, 256 + dice.roll(-150, 150) if facing else yaw + dice.roll(-40, 40))
    mouth, ear = ((170, -150, 0), (-50, 130, 60)) if horse else ((130, -100, 0), (-50, 140, 150))
    figure.limb((0, 0, 0), mouth, 88 if horse else 78, 52 if horse else 38, coat, gradient=50, lift=60)
    if horse:
        figure.limb((70, 40, 0), (150, -90, 0), 18, 12, dice.pick((WHITE, coat, coat)), lift=90)
    else:
        figure.ball((110, -90, 0), (50, 46, 56), belly, lift=90)
    figure.ball(mouth, (40, 36, 36), dark, lift=110)
    figure.limb((-30, 70, 50), ear, 28, 12, dark if horse else coat, both=True)
    figure.ball((60, 20, 72), (22, 22, 22), BLACK, lift=70, both=True)
    if not horse and dice.chance(40):  # antlers
        fork = (-40, 260, 150)
        for a, b, r in (((-10, 80, 40), fork, 20), (fork, (0, 420, 170), 17), (fork, (-110, 380, 230), 15)):
            figure.limb(a, b, r, r * 2 // 3, (150, 122, 88), both=True)
    view = pasture(dice) if horse else woodland(dice)
    return figure, view, dice.roll(32, 44) if portrait else dice.roll(24, 38)


def pasture(dice: Dice) -> np.ndarray:
    behind = dice.pick(("trees", "trees", "hills", "none", "city"))
    view = landscape(dice, dice.roll(8, 20), behind, dice.pick(("grass", "dry", "dry", "sand")))
    if dice.chance(25):  # a fence
        rail = dice.roll(12, 20)
        view[rail] = view[rail + 3] = dice.near((196, 190, 180), 40)
    return view


def woodland(dice: Dice) -> np.ndarray:
    if dice.chance(30):
        behind, below = dice.pick(("trees", "trees", "hills")), dice.pick(("grass", "dry"))
        return landscape(dice, dice.roll(2, 12), behind, below)
    view = ground(dice, dice.pick(("forest", "forest", "forest", "bokeh", "grass", "dry", "snow", "leaves")))
    if dice.chance(40):
        clutter(dice, view, dice.roll(6, 20))
    return view


def bird(dice: Dice):
    coat, beak = dice.near(dice.pick(PLUMES), 22), dice.near(dice.pick(BEAKS), 16)
    belly = mixed(coat, dice.pick((WHITE, (200, 150, 100), WHITE)), dice.roll(10, 80))
    dark = mixed(coat, BLACK, dice.roll(20, 60))
    kind = dice.pick(("perch", "perch", "perch", "wade", "fly", "walk"))
    yaw, marked = dice.pick((0, 512, 70, 440, 256)) + dice.roll(-50, 50), dark if dice.chance(50) else None
    figure = Figure(yaw, dice.roll(-20, 60), dice.pick((-1, 1)))
    neck, legs, tilt = (dice.roll(300, 520), 420, 40) if kind == "wade" else (0, 160, dice.roll(-40, 260))
    figure.limb((200, tilt, 0), (-230, -tilt // 2, 0), 190, 120, coat, marked, gradient=100)
    figure.ball((110, tilt // 2 - 60, 0), (210, 170, 150), belly, lift=20)
    figure.limb((-260, -tilt // 2, 0), (-620, -tilt + dice.roll(-80, 60), 0), 80, 46, dark)
    if kind == "fly":
        up = dice.roll(-200, 420)
        wing = [(170, 40, 90), (60, up, 620), (-120, up - 20, 640), (-230, 20, 90)]
        figure.face(wing, dark, second=marked, gradient=60, both=True)
    else:
        wing = ((120, tilt // 2 + 20, 150), (-330, -tilt // 2, 100))
        figure.limb(*wing, 110, 40, dark, marked, gradient=70, lift=60, both=True)
        figure.limb((0, -120, 60), (30, -150 - legs, 60), 22, 16, beak, both=True)
    head, thick, r = (260 + neck // 4, tilt + 150 + neck, 0), 60 if neck else 110, 100 if neck else 145
    figure.limb((190, tilt, 0), head, thick * 5 // 4, thick, coat, gradient=60)
    figure.aim(head, yaw + (dice.roll(-200, 200) if dice.chance(40) else 0))
    figure.focus = len(figure.parts) if dice.chance(12) else 0  # a few portraits
    figure.ball((0, 0, 0), (r + 10, r, r), coat if dice.chance(70) else dark, gradient=80, lift=30)
    figure.limb((r * 8 // 10, -10, 0), (r + dice.roll(90, 220), -30, 0), 42, 8, beak, lift=40)
    figure.ball((r // 2, r // 4, r * 8 // 10), (26, 26, 26), BLACK, gradient=0, lift=60, both=True)
    places = ("bokeh", "bokeh", "grass", "forest", "water", "sky", "sand")
    place = "sky" if kind == "fly" and dice.chance(70) else dice.pick(places)
    view = sky(dice) if place == "sky" else ground(dice, place)
    if kind != "fly" and dice.chance(40):
        clutter(dice, view, dice.roll(8, 30))
    if kind == "perch" and dice.chance(70):
        branch, slope, thick = Figure(0, 0, 1), dice.roll(-200, 200), dice.roll(20, 70)
        bark = dice.near((104, 84, 66), 30)
        branch.limb((-1000, -slope, 0), (1000, slope, 0), thick, dice.roll(20, 70), bark, grain=50)
        branch.frame(SIDE * PIXEL // 2, dice.roll(22, 27) * PIXEL, 44 * PIXEL, 0)
        branch.paint(view, dice.texture(64, (16, 16)), ROWS)
    return figure, view, dice.roll(24, 32) if figure.focus else dice.roll(22, 40)


def frog(dice: Dice):
    coat = dice.near(dice.pick(SKINS), 24)
    belly, dark = mixed(coat, (222, 210, 170), dice.roll(20, 70)), mixed(coat, BLACK, dice.roll(30, 70))
    yaw = dice.pick((256, 0, 512, 90, 420, 180, 330)) + dice.roll(-40, 40)
    figure = Figure(yaw, dice.roll(10, 150), dice.pick((-1, 1)))
    skin = {"second": dark if dice.chance(75) else None, "gradient": 100, "grain": 50}
    figure.limb((-220, 150, 0), (150, 240, 0), 190, 190, coat, **skin)
    figure.ball((120, 120, 0), (210, 120, 200), belly, lift=10)
    figure.ball((270, 300, 0), (200, 120, 190), coat, lift=40, **skin)
    figure.limb((430, 262, -90), (430, 262, 90), 18, 18, dark, lift=60)
    figure.ball((280, 400, 120), (66, 66, 60), mixed(coat, (220, 190, 90), 40), lift=60, both=True)
    figure.ball((310, 405, 138), (40, 40, 36), BLACK, gradient=0, lift=80, both=True)
    figure.limb((-240, 120, 200), (60, 210, 290), 120, 80, coat, both=True, **skin)
    figure.limb((60, 200, 290), (-180, 30, 330), 60, 40, dark, both=True)
    figure.limb((-180, 25, 330), (120, 15, 400), 38, 25, coat, both=True)
    figure.limb((200, 180, 170), (270, 20, 240), 60, 40, coat, both=True)
    figure.limb((260, 20, 240), (380, 10, 290), 36, 24, belly, both=True)
    places = ("leaves", "leaves", "moss", "moss", "sand", "room", "dark", "bokeh", "road")
    view = ground(dice, dice.pick(places))
    if dice.chance(40):
        clutter(dice, view, dice.roll(2, 30))
    return figure, view, dice.roll(28, 46)
