"""Integer drawing: random numbers, value noise, a scanline polygon fill, and solids seen from any side.

Everything that decides a pixel is integer arithmetic, so a picture is the same, bit for bit, on every
machine. A coordinate on the picture is in units of 1/256 pixel; an angle in units of 1/1024 turn; sines and
cosines are scaled by 2**14; an object is modelled in its own units (x ahead, y up, z to its right).
"""

import math

import numpy as np

SIDE = 32  # pixels along one edge of a picture
PIXEL = 256  # coordinate units of one pixel
SUBROWS = 4  # scanlines of one pixel row
FULL = SUBROWS * PIXEL  # coverage of a pixel that lies wholly inside a polygon
SINE = np.array([round(2**14 * math.sin(2 * math.pi * k / 1024)) for k in range(1024)], np.int64)
COSINE = np.roll(SINE, -256)
CIRCLE = np.stack([COSINE[::64], SINE[::64]], axis=1)  # [16, 2], a round outline
YY, XX = np.mgrid[:SIDE, :SIDE].astype(np.int64)


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

    def noise(self, rows: int, columns: int, amplitude: int) -> np.ndarray:
        """Value noise: a random grid of rows x columns cells, bilinearly enlarged; [32, 32] int64."""
        return (_STRETCH[rows] @ self.grid(rows + 1, columns + 1, amplitude) @ _STRETCH[columns].T) >> 16

    def texture(self, amplitude: int, *cells: tuple[int, int]) -> np.ndarray:
        """Sum of `noise` of several sizes, each of half the amplitude of the one before; [32, 32] int64."""
        return sum(self.noise(*size, amplitude >> k) for k, size in enumerate(cells))


def _stretch(cells: int) -> np.ndarray:
    """[32, cells + 1] weights, scaled by 256, that enlarge a row of cells + 1 values to 32 by interpolation."""
    weights = np.zeros((SIDE, cells + 1), np.int64)
    for pixel in range(SIDE):
        position = (2 * pixel + 1) * cells * 256 // (2 * SIDE)
        cell, part = position >> 8, position & 255
        weights[pixel, cell], weights[pixel, cell + 1] = 256 - part, part
    return weights


_STRETCH = {cells: _stretch(cells) for cells in (1, 2, 3, 4, 6, 8, 12, 16, 31)}


def coverage(polygons: list[np.ndarray]) -> np.ndarray:
    """How much of each pixel each polygon covers; polygons [P, 2] (x, y) int64 -> [K, 32, 32] in [0, 1024].

    On each scanline an edge adds, at the place where it crosses, all that lies to its right, and an edge of
    the other direction takes it away again; one running sum along the rows turns crossings into area.
    """
    start = np.concatenate(polygons)
    end = np.concatenate([np.roll(points, -1, axis=0) for points in polygons])
    shape = np.repeat(np.arange(len(polygons)), [len(points) for points in polygons])
    down = start[:, 1] < end[:, 1]
    sign = np.where(down, 1, -1)
    x, y = np.where(down, start.T, end.T)
    dx, dy = np.where(down, end.T, start.T) - (x, y)
    step = PIXEL // SUBROWS
    first = np.clip((y + step // 2 - 1) // step, 0, SIDE * SUBROWS)
    count = np.clip((y + dy + step // 2 - 1) // step, 0, SIDE * SUBROWS) - first
    edge = np.repeat(np.arange(len(x)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - first, count)
    cross = x[edge] + (row * step + step // 2 - y[edge]) * dx[edge] // dy[edge]
    cross = np.clip(cross, 0, SIDE * PIXEL)
    cell = (shape[edge] * SIDE + row // SUBROWS) * (SIDE + 2) + cross // PIXEL
    right, sign = cross % PIXEL, sign[edge]
    size = len(polygons) * SIDE * (SIDE + 2)
    # bincount sums doubles; these are small integers, which doubles hold and add exactly.
    area = np.bincount(cell, sign * (PIXEL - right), size) + np.bincount(cell + 1, sign * right, size)
    area = np.cumsum(area.astype(np.int64).reshape(-1, SIDE, SIDE + 2), axis=2)[:, :, :SIDE]
    return np.minimum(np.abs(area), FULL)


class Figure:
    """Parts of one object, projected as they are added; nearer parts hide farther ones after `sort`."""

    def __init__(self, yaw: int, pitch: int = 40, light: int = 1):
        self.parts = []  # (depth, points [P, 2], colour, second colour or None, gradient, grain)
        self.origin, self.pitch, self.light, self.yaw = (0, 0, 0), pitch, light, yaw

    def project(self, xyz) -> tuple[np.ndarray, np.ndarray]:
        """[N, 3] model units -> [N, 2] picture units (y down) and [N] depth (larger is nearer)."""
        x, y, z = np.asarray(xyz, np.int64).T
        cos, sin = int(COSINE[self.yaw % 1024]), int(SINE[self.yaw % 1024])
        rise, tilt = int(COSINE[self.pitch % 1024]), int(SINE[self.pitch % 1024])
        across, depth = (x * cos - z * sin) >> 14, (x * sin + z * cos) >> 14
        screen = np.stack([across, (depth * tilt - y * rise) >> 14], axis=1)
        return screen + self.origin[:2], ((depth * rise + y * tilt) >> 14) + self.origin[2]

    def aim(self, at, yaw: int) -> None:
        """Make the point `at` the new origin and turn what follows to `yaw` (a head on its body)."""
        (screen,), (depth,) = self.project([at])
        self.origin, self.yaw = (int(screen[0]), int(screen[1]), int(depth)), yaw

    def ball(self, at, radii, colour, second=None, gradient=70, grain=20, lift=0) -> None:
        """Ellipsoid with semi-axes `radii` along the model's axes."""
        (screen,), (depth,) = self.project([at])
        cos, sin = int(COSINE[self.yaw % 1024]), int(SINE[self.yaw % 1024])
        a, b, c = (int(r) for r in radii)
        wide = math.isqrt((a * cos >> 14) ** 2 + (c * sin >> 14) ** 2)
        points = screen + (CIRCLE * (wide + 1, b + 1) >> 14)
        self.parts.append((depth + lift, points, colour, second, gradient, grain))

    def limb(self, a, b, wide_a, wide_b, colour, second=None, gradient=40, grain=20, lift=0) -> None:
        """Tapered bar from `a` to `b` with round ends of radius `wide_a` and `wide_b`."""
        (p, q), depth = self.project([a, b])
        dx, dy = int(q[0] - p[0]), int(q[1] - p[1])
        length = math.isqrt(dx * dx + dy * dy) + 1
        ahead, side = np.array([dx, dy]), np.array([-dy, dx])
        points = []
        for end, wide, turns in ((p, wide_a, (256, 352, 416, 480, 544, 608, 672, 768)), (q, wide_b, (768, 864, 928, 992, 32, 96, 160, 256))):
            for turn in turns:
                points.append(end + (ahead * COSINE[turn] + side * SINE[turn]) * wide // (length << 14))
        self.parts.append((int(depth.sum()) // 2 + lift, np.array(points), colour, second, gradient, grain))

    def face(self, points, colour, facing=None, second=None, gradient=20, grain=8, lift=0) -> None:
        """Flat polygon; with an outward normal `facing` it is left out when seen from behind, and lit."""
        if facing is not None:
            light = self.lit(facing)
            if light is None:
                return
            colour = tuple(c * light >> 8 for c in colour)
        screen, depth = self.project(points)
        self.parts.append((int(depth.sum()) // len(depth) + lift, screen, colour, second, gradient, grain))

    def lit(self, normal) -> int | None:
        """Brightness (256 is full) of a plane with this outward normal, or None when it faces away."""
        x, y, z = (int(n) for n in normal)
        cos, sin = int(COSINE[self.yaw % 1024]), int(SINE[self.yaw % 1024])
        across, depth = (x * cos - z * sin) >> 14, (x * sin + z * cos) >> 14
        rise, tilt = int(COSINE[self.pitch % 1024]), int(SINE[self.pitch % 1024])
        if depth * rise + y * tilt <= 0:
            return None
        length = math.isqrt(x * x + y * y + z * z) + 1
        return 170 + (40 * self.light * across + 90 * y + 30 * depth) // length

    def block(self, lower, upper, colour, gradient=20, grain=8) -> None:
        """Convex solid between two outlines of equally many points; only the faces in view are kept."""
        lower, upper = np.asarray(lower, np.int64), np.asarray(upper, np.int64)
        middle = np.concatenate([lower, upper]).sum(0) // (2 * len(lower))
        sides = [np.array([lower[k - 1], lower[k], upper[k], upper[k - 1]]) for k in range(len(lower))]
        for points in (*sides, lower, upper):
            normal = np.cross(points[1] - points[0], points[2] - points[1])
            outward = points.sum(0) // len(points) - middle
            normal = normal if int(normal @ outward) > 0 else -normal
            normal = normal * 1000 // (np.abs(normal).max() + 1)
            self.face(points, colour, facing=normal, gradient=gradient, grain=grain)

    def sort(self) -> None:
        self.parts.sort(key=lambda part: part[0])

    def fit(self, x: int, y: int, size: int, anchor: int = 0) -> tuple[int, int, int, int]:
        """Scale so that the longer side of the outline is `size` and centre it on (x, y); the new bounds."""
        points = np.concatenate([part[1] for part in self.parts])
        low, high = points.min(0), points.max(0)
        extent, middle = int((high - low).max()) + 1, (low + high) // 2
        self.parts = [(d, (p - middle) * size // extent + (x, y), *rest) for d, p, *rest in self.parts]
        half = (high - low) * size // (2 * extent)
        return int(x - half[0]), int(y - half[1]), int(x + half[0]), int(y + half[1])


def composite(canvas: np.ndarray, figure: Figure, fur: np.ndarray, patch: np.ndarray) -> None:
    """Paint the parts of `figure` on `canvas` [32, 32, 3] int64, in order; fur and patch are [32, 32]."""
    if not figure.parts:
        return
    light = figure.light
    for (_, points, colour, second, gradient, grain), area in zip(figure.parts, coverage([p[1] for p in figure.parts])):
        low, high = points.min(0), points.max(0)
        x0, y0 = np.maximum(low // PIXEL, 0).tolist()
        x1, y1 = np.minimum(high // PIXEL + 1, SIDE).tolist()
        if x0 >= x1 or y0 >= y1:
            continue
        (mx, my), (wx, wy) = (low + high) // 2, (high - low) // 2 + PIXEL
        box = np.s_[y0:y1, x0:x1]
        # Lit from above and from one side: brightness falls along that direction across the part.
        ramp = (int(my) - YY[box] * PIXEL) * gradient // int(wy) + light * (XX[box] * PIXEL - int(mx)) * gradient // (2 * int(wx))
        shade = (256 + ramp + (fur[box] * grain >> 6))[:, :, None]
        base = np.array(colour)
        if second is not None:
            base = base + ((np.array(second) - base) * patch[box][:, :, None] >> 8)
        canvas[box] += ((base * shade >> 8) - canvas[box]) * area[box][:, :, None] >> 10
