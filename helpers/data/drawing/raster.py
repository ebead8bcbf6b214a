"""Integer drawing: random numbers, value noise, a scanline polygon fill, solids seen from any side.

Everything that decides a pixel is integer arithmetic, so a picture is the same, bit for bit, on every
machine. A coordinate on the picture is in units of 1/256 pixel; an angle in units of 1/1024 turn; sines and
cosines are scaled by 2**14; an object is modelled in its own units (x ahead, y up, z to its right).
"""

import math

import numpy as np

SIDE = 32  # pixels along one edge of a picture
PIXEL = 256  # coordinate units of one pixel
SUBROWS = 4  # scanlines of one pixel row
SINE = [round(2**14 * math.sin(2 * math.pi * k / 1024)) for k in range(1024)]
COSINE = SINE[256:] + SINE[:256]
ROUND = [(COSINE[k], SINE[k]) for k in range(0, 1024, 64)]  # 16 points of a circle
CAPS = [(COSINE[k], SINE[k]) for k in (256, 352, 416, 480, 544, 608, 672, 768)]  # half of one: a bar's end
ROWS = np.arange(SIDE)[:, None]  # [32, 1]


class Dice:
    """Integer random numbers of one picture, as a pure function of its seed (a list of uint32)."""

    def __init__(self, seed: list[int]):
        # The stream of RandomState is frozen by NumPy's compatibility policy; that of Generator is not.
        self._state = np.random.RandomState(seed)
        self._pool: list[int] = []

    def roll(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        if not self._pool:  # one call for many numbers: a scalar randint costs as much as 100 of them
            self._pool = self._state.randint(0, 2**32, 200, dtype=np.uint32).tolist()
        return low + self._pool.pop() % (high - low + 1)

    def chance(self, percent: int) -> bool:
        return self.roll(0, 99) < percent

    def pick(self, options):
        return options[self.roll(0, len(options) - 1)]

    def near(self, colour, spread: int) -> tuple[int, int, int]:
        """`colour` with its brightness moved by up to `spread`, and each channel by up to a third of it."""
        shift, third = self.roll(-spread, spread), spread // 3
        return tuple(min(255, max(0, c + shift + self.roll(-third, third))) for c in colour)

    def grid(self, rows: int, columns: int, amplitude: int) -> np.ndarray:
        """[rows, columns] int64, independent, in [-amplitude, amplitude]."""
        numbers = self._state.randint(0, 2**32, (rows, columns), dtype=np.uint32).astype(np.int64)
        return numbers % (2 * amplitude + 1) - amplitude

    def texture(self, amplitude: int, *cells: tuple[int, int]) -> np.ndarray:
        """Value noise, [32, 32] int64: random grids of (rows, columns) cells, enlarged by interpolation.

        Each grid has half the amplitude of the one before it.
        """
        layers = (STRETCH[rows] @ self.grid(rows + 1, columns + 1, amplitude >> k) @ STRETCH[columns].T >> 16
                  for k, (rows, columns) in enumerate(cells))
        return sum(layers)


def _stretch(cells: int) -> np.ndarray:
    """[32, cells + 1] weights, scaled by 256, that enlarge cells + 1 values to a row of 32."""
    weights = np.zeros((SIDE, cells + 1), np.int64)
    for pixel in range(SIDE):
        cell, part = divmod((2 * pixel + 1) * cells * 4, 256)  # the pixel's centre is at (pixel + 1/2) / 32
        weights[pixel, cell : cell + 2] = 256 - part, part
    return weights


STRETCH = {cells: _stretch(cells) for cells in (1, 2, 3, 4, 6, 8, 12, 16, 31)}


def coverage(points: np.ndarray, counts: list[int]) -> np.ndarray:
    """How much of each pixel each of K polygons covers; points [sum(counts), 2] -> [K, 32, 32] in [0, 1024].

    On each scanline an edge adds, at the place where it crosses, all that lies to its right, and an edge of
    the other direction takes it away again; one running sum along the rows turns crossings into area.
    """
    ends = np.cumsum(counts)
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = ends - counts  # the last point of a polygon is joined to its first
    shape = np.repeat(np.arange(len(counts)), counts)
    down = points[:, 1] < points[following, 1]
    x, y = np.where(down, points.T, points[following].T)
    dx, dy = np.where(down, points[following].T, points.T) - (x, y)
    step = PIXEL // SUBROWS
    first = np.clip((y + step // 2 - 1) // step, 0, SIDE * SUBROWS)
    number = np.clip((y + dy + step // 2 - 1) // step, 0, SIDE * SUBROWS) - first
    edge = np.repeat(np.arange(len(x)), number)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(number) - number - first, number)
    cross = np.clip(x[edge] + (row * step + step // 2 - y[edge]) * dx[edge] // dy[edge], 0, SIDE * PIXEL)
    cell = (shape[edge] * SIDE + row // SUBROWS) * (SIDE + 2) + cross // PIXEL
    right, sign = cross % PIXEL, np.where(down, 1, -1)[edge]
    # bincount sums doubles; these are small integers, which doubles hold and add exactly.
    size = len(counts) * SIDE * (SIDE + 2)
    area = np.bincount(cell, sign * (PIXEL - right), size) + np.bincount(cell + 1, sign * right, size)
    area = area.astype(np.int64).reshape(-1, SIDE, SIDE + 2).cumsum(axis=2)[:, :, :SIDE]
    return np.minimum(np.abs(area), SUBROWS * PIXEL)


class Figure:
    """Parts of one object, projected as they are added and painted in that order, or from far to near.

    What a part looks like: `colour`; `second`, a colour it is patched with; `gradient`, how much brighter its
    top is than its underside (of 256); `grain`, the strength of its fur. `lift` moves it towards the viewer;
    `both` adds its mirror image at -z too.
    """

    def __init__(self, yaw: int, pitch: int, light: int, solid: bool = True):
        self.parts, self.focus = [], 0  # the picture is framed around the parts from number `focus` on
        self.origin, self.light, self.solid = (0, 0, 0), light, solid
        self.rise, self.tilt = COSINE[pitch % 1024], SINE[pitch % 1024]
        self.turn(yaw)

    def turn(self, yaw: int) -> None:
        """0: the object heads to the right, 256: to the viewer, 512: to the left."""
        self.yaw, self.cos, self.sin = yaw, COSINE[yaw % 1024], SINE[yaw % 1024]

    def project(self, at) -> tuple[int, int, int]:
        """(x, y, z) of the model -> across, down, and depth, which is larger for what is nearer."""
        x, y, z = at
        across, depth = (x * self.cos - z * self.sin) >> 14, (x * self.sin + z * self.cos) >> 14
        down, depth = (depth * self.tilt - y * self.rise) >> 14, (depth * self.rise + y * self.tilt) >> 14
        return across + self.origin[0], down + self.origin[1], depth + self.origin[2]

    def aim(self, at, yaw: int) -> None:
        """Make the point `at` the new origin and turn what follows to `yaw`: a head on its body."""
        self.origin = self.project(at)
        self.turn(yaw)

    def ball(self, at, radii, colour, second=None, gradient=70, grain=20, lift=0, both=False) -> None:
        """Ellipsoid with semi-axes `radii` along the model's axes."""
        x, y, depth = self.project(at)
        wide = math.isqrt((radii[0] * self.cos >> 14) ** 2 + (radii[2] * self.sin >> 14) ** 2) + 1
        outline = [(x + (wide * c >> 14), y + (radii[1] * s >> 14)) for c, s in ROUND]
        self.parts.append((depth + lift, outline, colour, second, gradient, grain))
        if both:
            self.ball((at[0], at[1], -at[2]), radii, colour, second, gradient, grain, lift)

    def limb(self, a, b, ra, rb, colour, second=None, gradient=40, grain=20, lift=0, both=False) -> None:
        """Tapered bar from `a` to `b` with round ends of radius `ra` and `rb`."""
        (ax, ay, near), (bx, by, far) = self.project(a), self.project(b)
        dx, dy = bx - ax, by - ay
        length = math.isqrt(dx * dx + dy * dy) + 1 << 14
        ends = [(dx * c - dy * s, dy * c + dx * s) for c, s in CAPS]
        outline = [(ax + x * ra // length, ay + y * ra // length) for x, y in ends]
        outline += [(bx - x * rb // length, by - y * rb // length) for x, y in ends]
        self.parts.append(((near + far) // 2 + lift, outline, colour, second, gradient, grain))
        if both:
            self.limb((*a[:2], -a[2]), (*b[:2], -b[2]), ra, rb, colour, second, gradient, grain, lift)

    def face(self, points, colour, facing=None, second=None, gradient=20, lift=0, both=False) -> None:
        """Flat polygon; one with an outward normal `facing` is lit, and left out when seen from behind."""
        light = 256 if facing is None else self.lit(facing)
        if light:
            corners = [self.project(at) for at in points]
            depth = sum(at[2] for at in corners) // len(corners) + lift
            colour_lit = tuple(c * light >> 8 for c in colour)
            self.parts.append((depth, [at[:2] for at in corners], colour_lit, second, gradient, 8))
        if both:
            facing = facing and (*facing[:2], -facing[2])
            self.face([(x, y, -z) for x, y, z in points], colour, facing, second, gradient, lift)

    def lit(self, normal) -> int:
        """Brightness (256 is full) of a plane with this outward normal, or 0 when it faces away."""
        x, y, z = (n << 10 for n in normal)  # so that a short normal survives the shifts
        across, depth = (x * self.cos - z * self.sin) >> 14, (x * self.sin + z * self.cos) >> 14
        if depth * self.rise + y * self.tilt <= 0:
            return 0
        length = math.isqrt(x * x + y * y + z * z) + 1
        return 190 + (44 * self.light * across + 80 * y + 24 * depth) // length

    def block(self, lower, upper, colour, gradient=20) -> None:
        """Convex solid between two outlines of equally many points; only the faces in view are kept."""
        middle = [sum(axis) // (2 * len(lower)) for axis in zip(*lower, *upper, strict=True)]
        sides = [(lower[k - 1], lower[k], upper[k], upper[k - 1]) for k in range(len(lower))]
        for points in (*sides, lower, upper):
            (ax, ay, az), (bx, by, bz), (cx, cy, cz) = points[:3]
            ax, ay, az, bx, by, bz = ax - bx, ay - by, az - bz, cx - bx, cy - by, cz - bz
            normal = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
            centre = [sum(axis) // len(points) for axis in zip(*points, strict=True)]
            outward = sum(n * (c - m) for n, c, m in zip(normal, centre, middle, strict=True))
            self.face(points, colour, [n if outward > 0 else -n for n in normal], gradient=gradient)

    def box(self, x0, x1, y0, y1, wide, colour, back=0, front=0, inset=0, gradient=20) -> None:
        """Box of half-width `wide` whose top is shorter by `back` and `front`, and narrower by `inset`."""
        a, b, w = x0 + back, x1 - front, wide - inset
        lower = [(x0, y0, -wide), (x1, y0, -wide), (x1, y0, wide), (x0, y0, wide)]
        self.block(lower, [(a, y1, -w), (b, y1, -w), (b, y1, w), (a, y1, w)], colour, gradient)

    def side(self, x0, x1, y0, y1, z, colour) -> None:
        """Upright rectangle on both sides, at z and -z."""
        self.face([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], colour, (0, 0, 1), both=True)

    def end(self, x, y0, y1, z0, z1, colour, way) -> None:
        """Upright rectangle that looks ahead (`way` 1) or back (-1)."""
        self.face([(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)], colour, (way, 0, 0))

    def frame(self, x: int, y: int, size: int, roll: int) -> tuple[int, ...]:
        """Turn by `roll`, scale until the longer side is `size`, centre on (x, y); the new bounds."""
        starts = np.cumsum([0] + [len(part[1]) for part in self.parts])
        points = np.array([at for part in self.parts for at in part[1]], np.int64)
        points = points @ np.array([(COSINE[roll], SINE[roll]), (-SINE[roll], COSINE[roll])]) >> 14
        low, high = points[starts[self.focus] :].min(0), points[starts[self.focus] :].max(0)
        extent, middle = int((high - low).max()) + 1, (low + high) // 2
        points = (points - middle) * size // extent + (x, y)
        order = range(len(self.parts))
        if self.solid:
            order = sorted(order, key=lambda k: self.parts[k][0])
        self.parts = [(points[starts[k] : starts[k + 1]], *self.parts[k][2:]) for k in order]
        return (*points[starts[self.focus] :].min(0).tolist(), *points[starts[self.focus] :].max(0).tolist())

    def paint(self, canvas: np.ndarray, fur: np.ndarray, patch: np.ndarray) -> None:
        """Paint the parts on `canvas` [32, 32, 3] int64; fur [32, 32] is about +-64, patch in [0, 256]."""
        points, counts = np.concatenate([part[0] for part in self.parts]), [len(p[0]) for p in self.parts]
        starts = np.cumsum([0] + counts[:-1])
        lows, highs = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
        boxes = np.clip(np.concatenate([lows, highs + PIXEL], 1) // PIXEL, 0, SIDE).tolist()
        middles, halves = ((lows + highs) // 2).tolist(), ((highs - lows) // 2 + PIXEL).tolist()
        position = np.arange(SIDE) * PIXEL
        areas = coverage(points, counts)
        for k, (_, colour, second, gradient, grain) in enumerate(self.parts):
            (x0, y0, x1, y1), middle, half = boxes[k], middles[k], halves[k]
            if x0 >= x1 or y0 >= y1:
                continue
            box = (slice(y0, y1), slice(x0, x1))
            # Lit from above and from one side: the brightness falls along both axes across the part.
            across = (position[x0:x1] - middle[0]) * (self.light * gradient) // (2 * half[0])
            shade = (middle[1] - position[y0:y1]) * gradient // half[1] + 256
            shade = (shade[:, None] + across + (fur[box] * grain >> 6))[:, :, None]
            base = np.array(colour)
            if second is not None:
                base = base + ((np.array(second) - base) * patch[box][:, :, None] >> 8)
            canvas[box] += ((base * shade >> 8) - canvas[box]) * areas[k][box][:, :, None] >> 10
