"""Snow as a painter would put it over a photograph: white ground and caps, grey light, and flakes. Nothing is learned.

Smooth surfaces in the lower part of the picture and the upper edges of things whiten, with a texture that stays where
it is from frame to frame; the rest loses colour and contrast; flakes fall before all of it. The painter knows neither
depth nor what it paints over. Each video has a strength of its own, because mixed strengths served detectors better
than one (Clear2Fog).
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter, shift

from snowdrift.runtime.seeds import derive_seed
from snowdrift.snow.strength import Strength
from snowdrift.snow.translator import Frame, Translate, Translator

_WHITE = np.array([231, 236, 243], np.float32)
_HORIZON, _BLUR_OF_HORIZON = 0.42, 0.06  # shares of the height
_BUSY = 0.06
"""Standard deviation of the luminance, 0 to 1, from which a surface is no snow field but a thing."""
_PIXELS_A_FLAKE = 900


class RenderedTranslator(Translator):
    """Paints snow over each frame: ground and strength are the video's own, flakes the frame's."""

    name = "rendered"
    settings_type = Strength

    def start(self, device: torch.device) -> Translate:
        """Paint one picture after the other."""

        def make(pictures: Sequence[Image.Image], frames: Sequence[Frame]) -> list[Image.Image]:
            return [self._paint(picture, frame) for picture, frame in zip(pictures, frames, strict=True)]

        return make

    def _paint(self, picture: Image.Image, frame: Frame) -> Image.Image:
        of_video = np.random.default_rng(derive_seed(self.seed, "rendered", frame.video))
        of_frame = np.random.default_rng(derive_seed(self.seed, "rendered", frame.video, frame.frame_id))
        strength = self.settings.draw(of_video)
        pixels = np.asarray(picture, np.float32)
        light = pixels.mean(2) / 255
        cover = strength * snow_cover(light)
        snow = _WHITE * ((0.72 + 0.28 * light) * texture(light.shape, of_video))[..., None]
        # What is not covered loses colour and contrast in grey light.
        grey = pixels + 0.45 * strength * (255 * light[..., None] - pixels)
        dull = 150 + (1 - 0.35 * strength) * (grey - 150) + 18 * strength
        painted = dull + cover[..., None] * (snow - dull)
        alpha = (strength * flakes(light.shape, of_frame))[..., None]
        painted += alpha * (_WHITE - painted)
        return Image.fromarray(np.clip(painted + 0.5, 0, 255).astype(np.uint8))


def snow_cover(light: np.ndarray) -> np.ndarray:
    """Where snow would lie, (h, w), 0 to 1, from the luminance (h, w) in [0, 1]."""
    height, width = light.shape
    scale = max(1.0, width / 200)
    # Grass and gravel are smooth from a little farther off.
    mean = gaussian_filter(light, scale)
    busy = np.sqrt(np.maximum(gaussian_filter(mean**2, 2 * scale) - gaussian_filter(mean, 2 * scale) ** 2, 0))
    smooth = np.exp(-((busy / _BUSY) ** 2))
    below = 1 / (1 + np.exp(-(np.arange(height, dtype=np.float32) / height - _HORIZON) / _BLUR_OF_HORIZON))
    # Snow lies on what is darker than what is above it: roofs, walls, cars.
    drop = gaussian_filter(
        np.maximum(shift(mean, (2 * scale, 0), order=1, mode="nearest") - mean, 0), scale / 2
    )
    caps = np.clip(5 * drop, 0, 0.8)
    cover: np.ndarray = np.clip(below[:, None] * smooth + caps, 0, 1).astype(np.float32)
    return cover


def texture(shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Unevenness of snow, (h, w) around 1, in grains of three sizes."""
    width = shape[1]
    field = np.zeros(shape, np.float32)
    for size, weight in ((width / 12, 0.05), (width / 50, 0.04), (1.0, 0.03)):
        noise = gaussian_filter(random.standard_normal(shape).astype(np.float32), size, mode="wrap")
        field += weight * noise / max(float(noise.std()), 1e-6)
    return 1 + field


def flakes(shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """How far flakes hide what is behind them, (h, w), 0 to 1: many small ones far off, few large ones near."""
    height, width = shape
    hidden = np.zeros(shape, np.float32)
    for size, share in ((width / 640, 0.75), (width / 260, 0.2), (width / 120, 0.05)):
        count = max(1, round(share * height * width / _PIXELS_A_FLAKE))
        points = np.zeros(shape, np.float32)
        points[random.integers(height, size=count), random.integers(width, size=count)] = 1
        radius = max(0.6, size)
        hidden += 2 * np.pi * radius**2 * gaussian_filter(points, radius, truncate=3)
    hidden_share: np.ndarray = np.clip(0.8 * hidden, 0, 0.9)
    return hidden_share
