"""Parked cars, walls, fences, lamp posts and benches."""

from dataclasses import dataclass

import numpy as np

from snowdrift.demo.canvas import Canvas
from snowdrift.demo.light import SNOW
from snowdrift.demo.solids import Place, box, box_corners, draw, prism, snow_cap

CAR_PAINTS = np.array(
    [
        [0.70, 0.13, 0.13],
        [0.15, 0.27, 0.52],
        [0.80, 0.80, 0.80],
        [0.16, 0.16, 0.18],
        [0.52, 0.54, 0.57],
        [0.20, 0.38, 0.28],
        [0.82, 0.62, 0.16],
        [0.30, 0.50, 0.68],
    ]
)


@dataclass(frozen=True)
class Car:
    """A parked saloon or van; `place.turn` 0 shows its side."""

    place: Place
    paint: np.ndarray
    van: bool

    @property
    def z(self) -> float:
        """Depth used to order what hides what."""
        return self.place.z

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return box_corners(self.place, 4.1, 1.2, 1.7)

    def draw(self, canvas: Canvas) -> None:
        """Shade under the car, body, cabin with windows, wheels, lamps."""
        shadow = np.array([(-2.2, 0.01, -0.95), (2.2, 0.01, -0.95), (2.2, 0.01, 0.95), (-2.2, 0.01, 0.95)])
        canvas.polygon(self.place.world(shadow), np.full(3, 0.30 if canvas.snowy else 0.12))
        roof = 1.85 if self.van else 1.42
        body = [(-2.1, 0.28), (2.1, 0.28), (2.15, 0.62), (1.95, 0.86), (-2.0, 0.92), (-2.15, 0.7)]
        cabin = [(-1.9, 0.88), (1.3, 0.86), (0.55, roof), (-1.35, roof)]
        if self.van:
            cabin = [(-2.05, 0.88), (1.75, 0.86), (1.15, roof), (-1.95, roof)]
        for face in draw(canvas, self.place, prism(body, 1.7), self.paint):
            self._wheels(canvas, face)
        for face in draw(canvas, self.place, prism(cabin, 1.5), self.paint * 0.97):
            self._windows(canvas, face, roof)
        if canvas.snowy:
            left, right = (-1.95, 1.15) if self.van else (-1.35, 0.55)
            for start, end, level in ((1.35, 2.0, 0.84), (-2.05, -1.8, 0.88), (left, right, roof - 0.02)):
                x, _, z = self.place.world(np.array([[(start + end) / 2, 0, 0]]))[0]
                snow_cap(canvas, Place(x, z, self.place.turn), end - start, level, 1.45, 0.2)

    def _windows(self, canvas: Canvas, face: np.ndarray, roof: float) -> None:
        if face[:, 1].max() - face[:, 1].min() < 0.3:
            return
        middle = face.mean(axis=0)
        pane = middle + (face - middle) * np.array([0.84, 0.70, 0.84])
        canvas.polygon(self.place.world(pane), np.array([0.22, 0.25, 0.29]))
        if abs(face[:, 2].max() - face[:, 2].min()) < 0.01:
            post = np.array(
                [[-0.35, 0.9, middle[2]], [-0.25, 0.9, middle[2]], [-0.25, roof - 0.05, middle[2]]]
            )
            post = np.concatenate([post, [[-0.35, roof - 0.05, middle[2]]]])
            canvas.polygon(self.place.world(post), self.paint * 0.85)

    def _wheels(self, canvas: Canvas, face: np.ndarray) -> None:
        if face[:, 2].max() - face[:, 2].min() > 0.01:
            return
        angles = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        for centre in (-1.3, 1.35):
            for radius, colour in ((0.34, 0.09), (0.19, 0.52)):
                rim = [
                    (centre + radius * np.cos(a), 0.34 + radius * np.sin(a), face[0, 2] * 1.01)
                    for a in angles
                ]
                canvas.polygon(self.place.world(np.array(rim)), np.full(3, colour))


@dataclass(frozen=True)
class Wall:
    """A low wall or a hedge cut square."""

    place: Place
    length: float
    height: float
    colour: np.ndarray

    @property
    def z(self) -> float:
        """Depth used to order what hides what."""
        return self.place.z

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return box_corners(self.place, self.length, self.height, 0.4)

    def draw(self, canvas: Canvas) -> None:
        """The wall, its coping, and snow on it."""
        draw(canvas, self.place, box(self.length, 0, self.height, 0.4), self.colour)
        draw(canvas, self.place, box(self.length, self.height, self.height + 0.08, 0.5), self.colour * 0.85)
        snow_cap(canvas, self.place, self.length, self.height + 0.08, 0.5, 0.2)


@dataclass(frozen=True)
class Fence:
    """Posts with rails or pales."""

    place: Place
    length: float
    height: float
    colour: np.ndarray
    pales: bool

    @property
    def z(self) -> float:
        """Depth used to order what hides what."""
        return self.place.z

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return box_corners(self.place, self.length, self.height if self.pales else 0.1, 0.1)

    def draw(self, canvas: Canvas) -> None:
        """Rails, pales, posts, and a line of snow on what is level."""
        half = self.length / 2
        for level in (0.35, 0.8):
            self._bar(canvas, -half, half, level * self.height, 0.09, self.colour * 0.9)
        if self.pales:
            for u in np.arange(-half, half, 0.26):
                self._post(canvas, u, self.height * 0.95, 0.12, self.colour)
        for u in np.arange(-half, half + 0.1, 2.2):
            self._post(canvas, u, self.height, 0.14, self.colour * 0.8)
        if canvas.snowy:
            self._bar(canvas, -half, half, self.height * (0.97 if self.pales else 0.85), 0.10, SNOW)

    def _bar(
        self, canvas: Canvas, left: float, right: float, level: float, width: float, colour: np.ndarray
    ) -> None:
        canvas.line(self.place.world(np.array([(left, level, 0), (right, level, 0)])), colour, width)

    def _post(self, canvas: Canvas, u: float, height: float, width: float, colour: np.ndarray) -> None:
        canvas.line(self.place.world(np.array([(u, 0, 0), (u, height, 0)])), colour, width)


@dataclass(frozen=True)
class Lamp:
    """A lamp post or a road sign."""

    place: Place
    height: float
    sign: bool

    @property
    def z(self) -> float:
        """Depth used to order what hides what."""
        return self.place.z

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return box_corners(self.place, 0.14, self.height, 0.14)

    def draw(self, canvas: Canvas) -> None:
        """Post, arm and lamp, or a post with a round sign."""
        grey = np.array([0.40, 0.42, 0.43])
        canvas.line(self.place.world(np.array([(0, 0, 0), (0, self.height, 0)])), grey, 0.12)
        top = self.place.world(np.array([(0, self.height, 0)]))[0]
        if self.sign:
            canvas.blob(top, 0.36, 0.36, np.array([0.78, 0.14, 0.14]))
            canvas.blob(top, 0.26, 0.26, np.array([0.92, 0.92, 0.90]))
            return
        arm = self.place.world(np.array([(0, self.height, 0), (0.9, self.height + 0.25, 0)]))
        canvas.line(arm, grey, 0.1)
        canvas.blob(arm[1], 0.34, 0.12, SNOW if canvas.snowy else np.array([0.85, 0.84, 0.75]))


@dataclass(frozen=True)
class Bench:
    """A park bench."""

    place: Place
    colour: np.ndarray

    @property
    def z(self) -> float:
        """Depth used to order what hides what."""
        return self.place.z

    def outline(self) -> np.ndarray:
        """World points whose hull casts the shadow."""
        return box_corners(self.place, 1.8, 0.6, 0.5)

    def draw(self, canvas: Canvas) -> None:
        """Legs, seat, back, and snow on the seat."""
        for u in (-0.7, 0.7):
            canvas.line(self.place.world(np.array([(u, 0, 0), (u, 0.45, 0)])), np.full(3, 0.22), 0.08)
        draw(canvas, self.place, box(1.8, 0.42, 0.48, 0.45), self.colour)
        x, _, z = self.place.world(np.array([[0, 0, 0.25]]))[0]
        back = Place(x, z, self.place.turn)
        draw(canvas, back, box(1.8, 0.6, 0.85, 0.06), self.colour)
        snow_cap(canvas, self.place, 1.7, 0.48, 0.42, 0.1)
