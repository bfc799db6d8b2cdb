"""A supersampled layer on which things with faces, branches and foliage are drawn in world coordinates."""

import numpy as np
from PIL import Image, ImageDraw

from snowdrift.demo.camera import Camera
from snowdrift.demo.light import SNOW, WINTER, Light

OVERSAMPLING = 3


class Canvas:
    """Objects in front of the ground, drawn far to near; `over` lays them on a picture.

    Colours are RGB in [0, 1] in white light: the canvas adds the light's tint and the haze of the distance.
    """

    def __init__(self, camera: Camera, light: Light, season: str) -> None:
        self.camera, self.light, self.season = camera, light, season
        size = (camera.width * OVERSAMPLING, camera.height * OVERSAMPLING)
        self._image = Image.new("RGBA", size, (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    @property
    def snowy(self) -> bool:
        """Whether snow lies on what points upwards."""
        return self.season == WINTER

    def polygon(self, points: np.ndarray, colour: np.ndarray) -> None:
        """Fill the world polygon (n, 3) with a colour that is already shaded."""
        self._draw.polygon(self._pixels(points), fill=self._ink(colour, float(points[:, 2].mean())))

    def line(self, points: np.ndarray, colour: np.ndarray, width: float) -> None:
        """A line through the world points (n, 3), `width` metres wide, at least one subpixel."""
        depth = float(points[:, 2].mean())
        pixels = max(1, round(width * self.camera.scale(depth) * OVERSAMPLING))
        self._draw.line(self._pixels(points), fill=self._ink(colour, depth), width=pixels, joint="curve")

    def blob(self, centre: np.ndarray, radius_x: float, radius_y: float, colour: np.ndarray) -> None:
        """An upright ellipse around the world point `centre`, radii in metres."""
        (x, y), scale = self._flat(centre[None]).tolist()[0], self.camera.scale(centre[2]) * OVERSAMPLING
        rx, ry = max(radius_x * scale, 0.6), max(radius_y * scale, 0.6)
        self._draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=self._ink(colour, float(centre[2])))

    def face(self, points: np.ndarray, colour: np.ndarray, snow: bool = True) -> bool:
        """Fill a flat face (n, 3) if the camera sees its points run clockwise; return whether it does.

        In winter an upward face is white instead of `colour`, unless `snow` is false.
        """
        normal = np.cross(points[2] - points[0], points[1] - points[0])
        normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
        eye = np.array([0.0, self.camera.elevation, 0.0])
        if normal @ (eye - points[0]) <= 0:
            return False
        if snow and self.snowy and normal[1] > 0.3:
            colour = SNOW * (0.9 + 0.1 * normal[1])
        self.polygon(points, colour * self.light.shade(normal))
        return True

    def over(self, picture: np.ndarray, texture: np.ndarray) -> np.ndarray:
        """`picture` (height, width, 3) under this layer; `texture` (height, width) varies its brightness."""
        layer = np.asarray(self._image.reduce(OVERSAMPLING), dtype=np.float32) / 255
        alpha = layer[..., 3:]
        covered: np.ndarray = picture + (layer[..., :3] * (1 + texture[..., None]) - picture) * alpha
        return covered

    def _flat(self, points: np.ndarray) -> np.ndarray:
        return self.camera.project(points) * OVERSAMPLING

    def _pixels(self, points: np.ndarray) -> list[tuple[float, float]]:
        return [(x, y) for x, y in self._flat(points).tolist()]

    def _ink(self, colour: np.ndarray, depth: float) -> tuple[int, int, int, int]:
        seen = self.light.fade(np.asarray(colour) * self.light.tint, depth)
        red, green, blue = (min(max(round(value * 255), 0), 255) for value in seen.tolist())
        return red, green, blue, 255
