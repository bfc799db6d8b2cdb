"""Drawing people: shaded capsules, their exact masks and boxes, and the shadows they cast."""

from dataclasses import dataclass

import numpy as np

from snowdrift.demo.camera import Camera
from snowdrift.demo.light import Light
from snowdrift.demo.people import Capsules

MASK_LEVEL = 0.5
"""Coverage from which a pixel belongs to a person's mask."""


@dataclass(frozen=True)
class Figure:
    """A drawn person, cut out of the frame.

    Attributes:
        left, top: pixel position of the cut-out in the frame.
        colour: (h, w, 3) in [0, 1].
        alpha: (h, w) coverage in [0, 1].
    """

    left: int
    top: int
    colour: np.ndarray
    alpha: np.ndarray

    def box(self) -> tuple[int, int, int, int] | None:
        """Tight box (left, top, right, bottom) of the mask in frame pixels, right and bottom exclusive."""
        rows = np.flatnonzero((self.alpha >= MASK_LEVEL).any(axis=1))
        columns = np.flatnonzero((self.alpha >= MASK_LEVEL).any(axis=0))
        if len(rows) == 0:
            return None
        return (
            self.left + int(columns[0]),
            self.top + int(rows[0]),
            self.left + int(columns[-1]) + 1,
            self.top + int(rows[-1]) + 1,
        )

    def paste(self, frame: np.ndarray) -> None:
        """Lay the figure over `frame` (height, width, 3), in place."""
        height, width = self.alpha.shape
        window = frame[self.top : self.top + height, self.left : self.left + width]
        window += (self.colour - window) * self.alpha[..., None]


def draw_figure(camera: Camera, light: Light, capsules: Capsules) -> Figure | None:
    """Render a body as shaded capsules that pass through each other; None when it is out of view."""
    flat = _flatten(camera, capsules)
    frame = _clip_window(camera, *_bounds(flat))
    if frame is None:
        return None
    left, top, right, bottom = frame
    colour = np.zeros((bottom - top, right - left, 3), np.float32)
    alpha = np.zeros((bottom - top, right - left), np.float32)
    surface = np.full(alpha.shape, np.inf, np.float32)
    depths = np.stack([capsules.start[:, 2], capsules.end[:, 2]], axis=1)
    for index in np.argsort(-depths.mean(axis=1), kind="stable"):
        window = _clip_window(camera, *_bounds(flat[index : index + 1]))
        if window is None:
            continue
        patch = (slice(window[1] - top, window[3] - top), slice(window[0] - left, window[2] - left))
        cover, shade, depth = _render_capsule(flat[index], depths[index], window, camera, light)
        cover = np.where(depth < surface[patch], cover, 0)
        paint = light.fade(capsules.colour[index] * light.tint, 0.5 * depths[index].mean())
        colour[patch] += (paint * shade[..., None] - colour[patch]) * cover[..., None]
        alpha[patch] += (1 - alpha[patch]) * cover
        surface[patch] = np.where(cover > 0.5, depth, surface[patch])
    # The cut-out started black: take that share out of its soft edges.
    colour /= np.maximum(alpha, 1e-3)[..., None]
    return Figure(left, top, colour, alpha)


def cast_shadow(mask: np.ndarray, camera: Camera, light: Light, capsules: Capsules) -> None:
    """Darken `mask` (height, width; 0 lit to 1 dark), in place, where the body shades the ground.

    Sunlight gives a shape along the ground; any light gives a soft patch right under the body.
    """
    _stamp(mask, camera, capsules, np.zeros(3), grow=1.15, soft=0.14, strength=0.34)
    if light.shadow > 0:
        slope = -light.toward_sun / light.toward_sun[1]
        _stamp(mask, camera, capsules, slope, grow=0.9, soft=0.05, strength=light.shadow)


def _stamp(
    mask: np.ndarray,
    camera: Camera,
    capsules: Capsules,
    slope: np.ndarray,
    grow: float,
    soft: float,
    strength: float,
) -> None:
    start, end = (points + slope * points[:, 1:2] for points in (capsules.start, capsules.end))
    start[:, 1] = end[:, 1] = 0.0
    flat = _flatten(
        camera,
        Capsules(start, end, capsules.start_radius * grow, capsules.end_radius * grow, capsules.colour),
    )
    # Seen from so low, a disc on the ground is an ellipse; half its width stands for its two half-axes.
    flat[:, 4:6] *= 0.62
    blur = soft * flat[:, 4:6].mean() / max(float(capsules.start_radius.mean()), 1e-3)
    heights = np.minimum(capsules.start[:, 1], capsules.end[:, 1])
    layer = np.zeros_like(mask)
    for index in range(len(flat)):
        fade = np.exp(-heights[index] / 0.5) if not slope.any() else 1.0
        x0, y0, x1, y1 = _bounds(flat[index : index + 1])
        window = _clip_window(camera, x0 - blur, y0 - blur, x1 + blur, y1 + blur)
        if window is None or fade < 0.05:
            continue
        distance = _distance(flat[index], window)[0]
        cover = np.clip(0.5 - distance / (2 * max(blur, 0.7)), 0, 1) * fade * strength
        view = layer[window[1] : window[3], window[0] : window[2]]
        np.maximum(view, cover, out=view)
    mask += (1 - mask) * layer


def _flatten(camera: Camera, capsules: Capsules) -> np.ndarray:
    """Capsules on the picture plane: (n, 6) of x0, y0, x1, y1, radius0, radius1 in pixels."""
    start, end = camera.project(capsules.start), camera.project(capsules.end)
    r0 = capsules.start_radius * camera.focal / np.maximum(capsules.start[:, 2], 0.3)
    r1 = capsules.end_radius * camera.focal / np.maximum(capsules.end[:, 2], 0.3)
    return np.column_stack([start, end, r0, r1])


def _bounds(flat: np.ndarray) -> tuple[float, float, float, float]:
    reach = flat[:, 4:6]
    low = np.minimum(flat[:, 0:2] - reach[:, :1], flat[:, 2:4] - reach[:, 1:]).min(axis=0)
    high = np.maximum(flat[:, 0:2] + reach[:, :1], flat[:, 2:4] + reach[:, 1:]).max(axis=0)
    return low[0], low[1], high[0], high[1]


def body_bounds(camera: Camera, capsules: Capsules) -> tuple[float, float, float, float]:
    """Box (left, top, right, bottom) of the body in pixels, before it is clipped to the frame."""
    return _bounds(_flatten(camera, capsules))


def _clip_window(
    camera: Camera, x0: float, y0: float, x1: float, y1: float
) -> tuple[int, int, int, int] | None:
    left, top = max(int(np.floor(x0)) - 1, 0), max(int(np.floor(y0)) - 1, 0)
    right, bottom = min(int(np.ceil(x1)) + 1, camera.width), min(int(np.ceil(y1)) + 1, camera.height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _distance(capsule: np.ndarray, window: tuple[int, int, int, int]) -> tuple[np.ndarray, ...]:
    """Over `window`: signed distance to the outline, offsets from the axis, radius (pixels), way along it."""
    x0, y0, x1, y1, r0, r1 = (np.float32(value) for value in capsule)
    x = (np.arange(window[0], window[2], dtype=np.float32) + 0.5 - x0)[None, :]
    y = (np.arange(window[1], window[3], dtype=np.float32) + 0.5 - y0)[:, None]
    dx, dy = x1 - x0, y1 - y0
    along = np.clip((x * dx + y * dy) / max(float(dx * dx + dy * dy), 1e-6), 0, 1)
    across, down = x - along * dx, y - along * dy
    radius = r0 + (r1 - r0) * along
    return np.sqrt(across * across + down * down) - radius, across, down, radius, along


def _render_capsule(
    capsule: np.ndarray, ends: np.ndarray, window: tuple[int, int, int, int], camera: Camera, light: Light
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coverage, brightness and depth (metres) of one capsule over `window`; `ends` are its ends' depths."""
    distance, across, down, radius, along = _distance(capsule, window)
    cover = np.clip(0.5 - distance, 0, 1)
    nx, ny = across / radius, -down / radius
    nz = np.sqrt(np.clip(1 - nx * nx - ny * ny, 0.02, 1))
    sun = light.toward_sun
    facing = np.clip(nx * sun[0] + ny * sun[1] - nz * sun[2], 0, 1)
    # Clothes face the camera, not the sky: they get the sky's light from above and some back from the ground.
    shade = 0.62 + 0.17 * ny + 0.17 * nz + (1 - light.ambient) * 0.95 * facing
    axis_depth = ends[0] + (ends[1] - ends[0]) * along
    return cover, shade, axis_depth * (1 - radius * nz / camera.focal)
