"""Trees, bushes and hills in every season: in leaf, bare, evergreen, under snow."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from snowdrift.demo.canvas import Canvas
from snowdrift.demo.light import SNOW, WINTER
from snowdrift.demo.solids import Place, box_corners

Thing = TypeVar("Thing")

LEAVES = {
    "spring": ((0.45, 0.58, 0.24), (0.54, 0.62, 0.30), (0.78, 0.66, 0.68)),
    "summer": ((0.25, 0.38, 0.16), (0.32, 0.44, 0.20), (0.38, 0.46, 0.20)),
    "autumn": ((0.68, 0.46, 0.16), (0.60, 0.32, 0.14), (0.52, 0.48, 0.20)),
    "late autumn": ((0.50, 0.36, 0.20), (0.43, 0.38, 0.24), (0.38, 0.36, 0.22)),
    WINTER: ((0.33, 0.30, 0.24), (0.28, 0.30, 0.24), (0.38, 0.32, 0.25)),
}


@dataclass(frozen=True)
class Tree:
    """A `leafy`, `bare` or `conifer` tree of `height` metres."""

    x: float
    z: float
    height: float
    kind: str
    colour: np.ndarray
    seed: int

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        middle, wide = self.height * 0.62, self.height * (0.28 if self.kind == "leafy" else 0.14)
        ring = np.stack([wide * np.cos(turn), middle + wide * np.sin(turn), 0 * turn], axis=1)
        points = np.concatenate([ring, [[-0.2, 0, 0], [0.2, 0, 0]]])
        outline: np.ndarray = points + np.array([self.x, 0, self.z])
        return outline

    def draw(self, canvas: Canvas) -> None:
        """Trunk and crown; in winter with snow on what points up."""
        rng = np.random.default_rng(self.seed)
        {"leafy": self._leafy, "bare": self._bare, "conifer": self._conifer}[self.kind](canvas, rng)

    def _trunk(self, canvas: Canvas, top: float, width: float) -> None:
        foot = np.array([(-width, 0, 0), (width, 0, 0), (width * 0.6, top, 0), (-width * 0.6, top, 0)])
        base = np.array([self.x, 0, self.z])
        canvas.polygon(foot + base, np.array([0.33, 0.27, 0.22]) * 0.8)
        canvas.polygon(foot * [0.45, 1, 1] + base - [width * 0.35, 0, 0], np.array([0.42, 0.35, 0.28]))

    def _leafy(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self._trunk(canvas, self.height * 0.55, self.height * 0.022)
        middle, spread = np.array([self.x, self.height * 0.66, self.z]), self.height * rng.uniform(0.26, 0.36)
        sun = canvas.light.toward_sun
        for layer, count in ((0.0, 26), (0.5, 34), (1.0, 40)):
            for _ in range(count):
                angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * (1 - 0.25 * layer)
                offset = np.array([np.cos(angle) * reach, np.sin(angle) * reach * 0.95, 0.0])
                lit = 0.62 + 0.30 * (offset[0] * sun[0] + offset[1] * sun[1]) + 0.26 * layer
                leaf = self.colour * lit * rng.uniform(0.9, 1.1)
                size = spread * rng.uniform(0.14, 0.27) * (1.25 - 0.45 * layer)
                shift = offset * spread + np.array([sun[0], sun[1], 0]) * spread * 0.1 * layer
                canvas.blob(middle + shift, size, size * 0.85, leaf)

    def _conifer(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self._trunk(canvas, self.height * 0.2, self.height * 0.018)
        tiers = 7
        for tier in range(tiers):
            low = self.height * (0.10 + 0.80 * tier / tiers)
            top = min(low + self.height * 0.30, self.height)
            half = self.height * 0.21 * (1 - tier / (tiers + 0.8)) * rng.uniform(0.9, 1.1)
            outline = [(-half, low), *self._fringe(rng, half, low), (half, low), (0.0, top)]
            self._layer(canvas, outline, self.colour * (0.72 + 0.05 * tier))
            if canvas.snowy:
                lift = 0.30 * (top - low)
                drape = [(-half * 0.86, low + lift * 0.25), *self._fringe(rng, half * 0.78, low + lift)]
                drape += [
                    (half * 0.86, low + lift * 0.25),
                    (half * 0.25, top - lift * 0.4),
                    (-half * 0.25, top - lift * 0.4),
                ]
                self._layer(canvas, drape, SNOW * (0.90 + 0.012 * tier))

    def _fringe(self, rng: np.random.Generator, half: float, low: float) -> list[tuple[float, float]]:
        """A jagged lower edge from left to right."""
        teeth = np.linspace(-half, half, 9)[1:-1]
        jag = self.height * 0.022
        return [
            (float(u), low + float(rng.uniform(-jag, jag)) - (jag if i % 2 else -jag))
            for i, u in enumerate(teeth)
        ]

    def _layer(self, canvas: Canvas, outline: list[tuple[float, float]], colour: np.ndarray) -> None:
        points = np.array([(self.x + u, v, self.z) for u, v in outline])
        canvas.polygon(points, colour)

    def _bare(self, canvas: Canvas, rng: np.random.Generator) -> None:
        limbs = [(np.array([self.x, 0.0, self.z]), np.pi / 2, self.height * 0.33, self.height * 0.035, 0)]
        snow_lines, smallest = [], 3.0 * canvas.camera.unit / canvas.camera.scale(self.z)
        while limbs:
            foot, angle, length, width, level = limbs.pop()
            tip = foot + length * np.array([np.cos(angle), np.sin(angle), 0.0])
            canvas.line(np.stack([foot, tip]), np.array([0.31, 0.26, 0.22]) * (1 + 0.07 * level), width)
            if canvas.snowy and level > 0 and abs(np.cos(angle)) > 0.3:
                snow_lines.append(
                    (np.stack([foot, tip]) + np.array([0, width * 0.55, 0]), max(width * 0.6, 0.03))
                )
            if level == 5 or length < smallest:
                continue
            for _ in range(3 if level in (1, 2) else 2):
                turn = rng.uniform(0.18, 0.75) * rng.choice([-1, 1])
                limbs.append((tip, angle + turn, length * rng.uniform(0.62, 0.86), width * 0.62, level + 1))
        for points, width in snow_lines:
            canvas.line(points, SNOW * 0.97, width)


@dataclass(frozen=True)
class Bush:
    """A bush, or with `width` far above `height` a hedge."""

    x: float
    z: float
    width: float
    height: float
    colour: np.ndarray
    seed: int

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return box_corners(Place(self.x, self.z), self.width * 0.9, self.height * 0.8, 0.8)

    def draw(self, canvas: Canvas) -> None:
        """Blobs of leaves from dark below to light on top; in winter snow lies on the top ones."""
        rng = np.random.default_rng(self.seed)
        count = int(18 + 26 * self.width / self.height)
        spots = rng.random((min(count, 160), 2))
        spots[:, 1] = np.sqrt(spots[:, 1])
        for u, v in spots[np.argsort(1 - spots[:, 1], kind="stable")][::-1]:
            level = 1 - v
            dome = np.sqrt(max(0.05, 1 - (2 * u - 1) ** 4))
            size = self.height * rng.uniform(0.13, 0.24)
            centre = np.array(
                [self.x + (u - 0.5) * self.width, size * 0.6 + level * dome * self.height * 0.85, self.z]
            )
            canvas.blob(centre, size * 1.1, size, self.colour * (0.60 + 0.5 * level) * rng.uniform(0.9, 1.1))
            if canvas.snowy and level * dome > 0.25 and rng.random() < 0.8:
                canvas.blob(
                    centre + np.array([0, size * 0.45, 0]),
                    size * 0.95,
                    size * 0.5,
                    SNOW * rng.uniform(0.9, 0.99),
                )


@dataclass(frozen=True)
class Hills:
    """A ridge far away, `height` metres, with woods on it."""

    z: float
    height: float
    colour: np.ndarray
    seed: int

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return np.empty((0, 3))

    def draw(self, canvas: Canvas) -> None:
        """The ridge as one shape, then rows of distant trees."""
        rng = np.random.default_rng(self.seed)
        half = canvas.camera.half_width(self.z) * 1.1
        x = np.linspace(-half, half, 90)
        waves = rng.uniform(0, 2 * np.pi, 3)
        ridge = 0.62 + 0.24 * np.sin(x / half * 2.2 + waves[0]) + 0.10 * np.sin(x / half * 5.1 + waves[1])
        ridge = self.height * (ridge + 0.03 * np.sin(x / half * 17 + waves[2]))
        edge = np.stack([x, ridge, np.full_like(x, self.z)], axis=1)
        floor = np.array([(half, 0.0, self.z), (-half, 0.0, self.z)])
        canvas.polygon(np.concatenate([edge, floor]), self.colour if not canvas.snowy else SNOW * 0.93)
        wood = self.colour * 0.72 if not canvas.snowy else np.array([0.42, 0.46, 0.48])
        for _ in range(150):
            index, level = int(rng.integers(90)), rng.random() ** 1.5
            if np.sin(x[index] / half * 4 + waves[1]) < -0.2 + level:
                continue
            spot = np.array([x[index] + rng.uniform(-1, 1), ridge[index] * (0.15 + 0.85 * level), self.z])
            size = rng.uniform(0.02, 0.045) * half * 0.35
            canvas.blob(spot, size, size * 0.9, wood * rng.uniform(0.85, 1.12))


def random_tree(rng: np.random.Generator, season: str, x: float, z: float, height: float) -> Tree:
    """A tree as the season has it: bare or evergreen in winter, mostly leafy otherwise."""
    shares = {WINTER: (0.0, 0.5, 0.5), "late autumn": (0.35, 0.35, 0.3)}.get(season, (0.72, 0.06, 0.22))
    kind = str(rng.choice(["leafy", "bare", "conifer"], p=shares))
    colour = np.array([0.20, 0.32, 0.22]) if kind == "conifer" else leaf_colour(rng, season)
    return Tree(x, z, height, kind, colour * rng.uniform(0.9, 1.1), int(rng.integers(2**31)))


def plant_in_winter(rng: np.random.Generator, thing: Thing) -> Thing:
    """The same plant in winter: a tree without its leaves, a bush in its colours. What is no plant stays as it is."""
    if isinstance(thing, Tree) and thing.kind == "leafy":
        return replace(thing, kind="bare")
    if isinstance(thing, Bush):
        return replace(thing, colour=leaf_colour(rng, WINTER))
    return thing


def leaf_colour(rng: np.random.Generator, season: str) -> np.ndarray:
    """A colour of leaves in that season."""
    return np.array(LEAVES[season][rng.integers(3)]) * rng.uniform(0.92, 1.1, 3)
