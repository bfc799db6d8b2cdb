"""The pinhole camera of a scene, fixed for a whole video.

World coordinates are metres: X to the right, Y up from the ground, Z away from the camera. The optical axis
is level and a vertical lens shift moves the horizon, so upright things stay upright in the picture.
"""

from dataclasses import dataclass

import numpy as np

FOOT_ROW = 0.967
"""Row, as a fraction of the height, where the feet of the nearest people stand."""
FAR_SCALE = 29.0
"""Pixels per metre of the farthest people, in a frame of 180 rows."""


@dataclass(frozen=True)
class Camera:
    """A level camera over flat ground.

    Attributes:
        width, height: frame size in pixels.
        horizon: row of the horizon in pixels.
        focal: focal length in pixels.
        elevation: height of the camera above the ground in metres.
        unit: pixels that stand for one pixel of a 320 x 180 frame.
        near, far: depth range in metres in which people are placed.
    """

    width: int
    height: int
    horizon: float
    focal: float
    elevation: float
    unit: float
    near: float
    far: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixel positions (n, 2) of the world points (n, 3), which must lie before the camera (Z > 0)."""
        points = np.asarray(points, dtype=float)
        scale = self.focal / np.maximum(points[:, 2], 0.3)
        pixels = np.empty((len(points), 2))
        pixels[:, 0] = self.width / 2 + points[:, 0] * scale
        pixels[:, 1] = self.horizon + (self.elevation - points[:, 1]) * scale
        return pixels

    def scale(self, depth: float) -> float:
        """Pixels per metre at `depth` metres."""
        return self.focal / depth

    def half_width(self, depth: float) -> float:
        """Half of what the frame shows from left to right at `depth`, in metres."""
        return self.width / 2 * depth / self.focal

    def ground(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """World X (height, width) and Z (height, 1) of each pixel's ground; which rows (height,) show it.

        Rows above the horizon get the greatest depth, 400 m.
        """
        rows = np.arange(self.height) + 0.5
        below = rows - self.horizon
        shows_ground = below > 0.2
        depth = np.where(shows_ground, self.focal * self.elevation / np.maximum(below, 0.2), 400.0).clip(
            0.3, 400.0
        )
        across = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        return across[None, :] * depth[:, None], depth[:, None], shows_ground


def random_camera(rng: np.random.Generator, width: int, height: int) -> Camera:
    """A camera under which standing people are about 45 to 110 px tall in a frame of 180 rows."""
    unit = min(height / 180, width / 220)
    horizon = height * rng.uniform(0.22, 0.41)
    near_scale = unit * rng.uniform(48, 59)
    focal = rng.uniform(225, 330) * unit
    return Camera(
        width=width,
        height=height,
        horizon=horizon,
        focal=focal,
        elevation=(height * FOOT_ROW - horizon) / near_scale,
        unit=unit,
        near=focal / near_scale,
        far=focal / (FAR_SCALE * unit),
    )
