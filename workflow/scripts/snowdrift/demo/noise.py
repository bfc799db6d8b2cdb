"""Smooth random textures, cheap enough to be laid over every ground pixel."""

from functools import lru_cache

import numpy as np

TILE = 256


@lru_cache(maxsize=1)
def tile() -> np.ndarray:
    """A seamless (256, 256) texture of mean 0 and deviation 1 whose features are 3 to 12 texels wide."""
    rng = np.random.default_rng(20210)
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    band = np.exp(-((np.log(np.maximum(frequency, 1e-6) / 0.13) / 0.8) ** 2))
    texture = np.fft.irfft2(spectrum * band, s=(TILE, TILE))
    seamless: np.ndarray = (texture / texture.std()).astype(np.float32)
    return seamless


def sample(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The texture at the texel positions (u, v), bilinear and repeating; shapes broadcast."""
    u, v = np.broadcast_arrays(np.asarray(u, np.float32), np.asarray(v, np.float32))
    left, top = np.floor(u), np.floor(v)
    across, down = u - left, v - top
    column, row = left.astype(np.int32) % TILE, top.astype(np.int32) % TILE
    right, below = (column + 1) % TILE, (row + 1) % TILE
    flat = tile().ravel()
    upper = flat[row * TILE + column] * (1 - across) + flat[row * TILE + right] * across
    lower = flat[below * TILE + column] * (1 - across) + flat[below * TILE + right] * across
    mixed: np.ndarray = upper * (1 - down) + lower * down
    return mixed


class WorldNoise:
    """Noise fixed to the ground: the same world point gets the same value, whatever the camera.

    Each call of `octave` uses its own offset and turn, so octaves do not line up.
    """

    def __init__(self, rng: np.random.Generator, x: np.ndarray, z: np.ndarray, footprint: np.ndarray) -> None:
        self._rng, self._x, self._z, self._footprint = rng, x, z, footprint

    def octave(self, size: float, stretch: float = 1.0) -> np.ndarray:
        """Noise (height, width) of deviation 1; features of `size` metres, `stretch` times as long in depth.

        It fades where a pixel covers more than the features, so the distance does not shimmer.
        """
        texels = 6.0 / size
        u0, v0 = self._rng.uniform(0, TILE, 2)
        turn = self._rng.uniform(0, 2 * np.pi) if stretch == 1.0 else 0.0
        cos, sin = np.cos(turn) * texels, np.sin(turn) * texels
        u = self._x * cos - self._z * sin + u0
        v = (self._x * sin + self._z * cos) / stretch + v0
        fade = np.clip(1.6 - self._footprint / (0.5 * size * max(1.0, stretch * 0.6)), 0, 1)
        return sample(u, v) * fade
