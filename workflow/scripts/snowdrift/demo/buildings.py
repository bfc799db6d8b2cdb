"""Houses, sheds and blocks of flats, with windows, doors and roofs that carry snow in winter."""

from dataclasses import dataclass

import numpy as np

from snowdrift.demo.canvas import Canvas
from snowdrift.demo.light import SNOW
from snowdrift.demo.solids import Place, box, box_corners, draw, prism, snow_cap

WALLS = np.array(
    [
        [0.83, 0.79, 0.70],
        [0.74, 0.66, 0.54],
        [0.64, 0.38, 0.30],
        [0.71, 0.72, 0.71],
        [0.86, 0.84, 0.80],
        [0.57, 0.47, 0.38],
        [0.55, 0.62, 0.66],
        [0.76, 0.60, 0.45],
    ]
)
ROOFS = np.array(
    [[0.56, 0.28, 0.21], [0.41, 0.27, 0.22], [0.31, 0.31, 0.34], [0.45, 0.38, 0.33], [0.26, 0.33, 0.36]]
)


@dataclass(frozen=True)
class Building:
    """A box with a gable roof, or a flat one where `roof_height` is 0. Lengths in metres.

    `ridge_across` says that the ridge runs along the front, so that a whole slope faces the camera.
    """

    place: Place
    width: float
    height: float
    depth: float
    roof_height: float
    ridge_across: bool
    wall: np.ndarray
    roof: np.ndarray
    storey: float
    window: float
    lit: float
    seed: int

    @property
    def z(self) -> float:
        """Depth used to order what hides what."""
        return self.place.z

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return box_corners(self.place, self.width, self.height + 0.5 * self.roof_height, self.depth)

    def draw(self, canvas: Canvas) -> None:
        """Walls, openings, roof."""
        rng = np.random.default_rng(self.seed)
        for face in draw(
            canvas, self.place, box(self.width, 0, self.height, self.depth), self.wall, snow=False
        ):
            if abs(face[:, 1].min() - face[:, 1].max()) > 0.5:
                self._openings(canvas, face, rng)
        if self.roof_height > 0:
            self._gable_roof(canvas)
        else:
            rim = box(self.width * 1.004, self.height, self.height + 0.3, self.depth * 1.004)
            draw(canvas, self.place, rim, self.wall * 0.8)
            snow_cap(canvas, self.place, self.width, self.height + 0.3, self.depth, 0.28)

    def _gable_roof(self, canvas: Canvas) -> None:
        span, length = (self.depth, self.width) if self.ridge_across else (self.width, self.depth)
        half, eaves, ridge = span / 2 + 0.4, self.height - 0.1, self.height + self.roof_height
        along_front = not self.ridge_across
        gable = [(-span / 2, self.height), (span / 2, self.height), (0, ridge - 0.15)]
        draw(canvas, self.place, prism(gable, length, along_front), self.wall, snow=False)
        tiles = _slopes(half, eaves, ridge, 0.2, length + 0.7, along_front)
        for face in draw(canvas, self.place, tiles, self.roof):
            self._rows_of_tiles(canvas, face)
        if canvas.snowy:
            lying = _slopes(half + 0.05, eaves + 0.15, ridge + 0.16, 0.3, length + 0.8, along_front)
            draw(canvas, self.place, lying, SNOW * 0.97)

    def _rows_of_tiles(self, canvas: Canvas, face: np.ndarray) -> None:
        low, high = face[:, 1].min(), face[:, 1].max()
        if canvas.snowy or high - low < self.roof_height * 0.8 or len(face) != 4:
            return
        order = np.argsort(face[:, 1], kind="stable")
        bottom, top = face[order[:2]], face[order[2:]]
        if (bottom[0] - bottom[1]) @ (top[0] - top[1]) < 0:
            top = top[::-1]
        for share in np.arange(0.12, 1.0, 0.14):
            course = self.place.world(bottom + (top - bottom) * share)
            canvas.line(course, self.roof * 0.82, 0.07)

    def _openings(self, canvas: Canvas, face: np.ndarray, rng: np.random.Generator) -> None:
        """Rows of windows, and a door or gate on the ground floor, on one wall."""
        ground = face[face[:, 1] < face[:, 1].mean()]
        start, end = ground[0], ground[1]
        length = float(np.linalg.norm(end - start))
        columns = int((length - 0.8) // (self.window * 1.9))
        if columns < 1:
            return
        direction = (end - start) / length
        pitch = length / columns
        door = int(rng.integers(columns))
        for floor in range(max(1, int(self.height // self.storey))):
            for column in range(columns):
                left = start + direction * (pitch * (column + 0.5) - self.window / 2)
                is_door = floor == 0 and column == door
                low = 0.0 if is_door else floor * self.storey + 0.85
                high = min(floor * self.storey + 2.1, self.height - 0.25)
                self._opening(canvas, left, direction, low, high, is_door, rng)

    def _opening(
        self,
        canvas: Canvas,
        left: np.ndarray,
        direction: np.ndarray,
        low: float,
        high: float,
        is_door: bool,
        rng: np.random.Generator,
    ) -> None:
        def pane(margin: float, bottom: float, top: float) -> np.ndarray:
            a, b = left - direction * margin, left + direction * (self.window + margin)
            corners = np.stack([a, b, b, a])
            corners[:, 1] = bottom, bottom, top, top
            return self.place.world(corners)

        bright = rng.random() < self.lit
        glass = (
            np.array([0.95, 0.80, 0.50]) if bright else np.array([0.25, 0.29, 0.34]) * rng.uniform(0.8, 1.35)
        )
        canvas.polygon(pane(0.1, low, high + 0.1), np.array([0.80, 0.79, 0.76]))
        canvas.polygon(pane(0.0, low + 0.05, high), self.roof * 0.8 if is_door else glass)
        if not is_door:
            middle = pane(-self.window / 2 + 0.03, low, high)
            canvas.polygon(middle, np.array([0.80, 0.79, 0.76]))
            if canvas.snowy:
                canvas.polygon(pane(0.14, low - 0.06, low + 0.14), SNOW)


def _slopes(
    half: float, eaves: float, ridge: float, thickness: float, length: float, along_front: bool
) -> list[np.ndarray]:
    """Faces, undersides left out, of a gable roof's two slabs; `half` is half its span."""
    faces = []
    for side in (1, -1):
        edge = side * half
        slab = [
            (edge, eaves - 0.05),
            (0.0, ridge),
            (0.0, ridge + thickness),
            (edge, eaves + thickness - 0.05),
        ]
        front, back, _, *upper = prism(slab, length, along_front)
        faces += [front, back, *upper]
    return faces


def random_building(rng: np.random.Generator, kind: str, x: float, z: float, lit: float) -> Building:
    """A `house`, `shed` or `block` around (x, z)."""
    width, height, depth, roof = {
        "house": (rng.uniform(7, 12), rng.uniform(2.8, 5.4), rng.uniform(6, 9), rng.uniform(2.2, 3.6)),
        "shed": (rng.uniform(3, 6.5), rng.uniform(2.0, 2.6), rng.uniform(2.5, 4), rng.uniform(0.9, 1.6)),
        "block": (rng.uniform(14, 26), rng.uniform(6.5, 12), rng.uniform(8, 12), 0.0),
    }[kind]
    return Building(
        place=Place(
            x, z + depth / 2, rng.uniform(-0.55, 0.55) if kind != "block" else rng.uniform(-0.25, 0.25)
        ),
        width=width,
        height=height,
        depth=depth,
        roof_height=roof,
        ridge_across=bool(rng.random() < 0.7),
        wall=WALLS[rng.integers(len(WALLS))] * rng.uniform(0.9, 1.04),
        roof=ROOFS[rng.integers(len(ROOFS))] * rng.uniform(0.9, 1.15),
        storey=2.8,
        window=rng.uniform(0.9, 1.4),
        lit=lit,
        seed=int(rng.integers(2**31)),
    )
