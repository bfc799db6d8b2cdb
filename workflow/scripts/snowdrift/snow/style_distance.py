"""How far a set of pictures is from a set of style pictures, without a network's weights.

The sliced Wasserstein distance between patches of Laplacian pyramids (Karras, Aila, Laine and Lehtinen, ICLR 2018,
section 5): each level of the pyramid shows structures of one size. Unlike theirs, patches are scaled by the style
pictures' mean and spread alone, not each set by its own, since the colour of snow is part of a style.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from skimage.transform import pyramid_gaussian, pyramid_laplacian

from snowdrift.runtime.seeds import derive_seed

_SIDE = 128
"""The short side, in pixels, at which all pictures are seen, so that their structures have comparable sizes."""
_LEVELS, _PATCH, _PATCHES, _PROJECTIONS = 3, 7, 64, 256


class StyleDistance:
    """Measures sets of pictures against one set of style pictures.

    Args:
        style: RGB pictures of any sizes.
        seed: of the patches and of the directions that they are projected on: equal for all sets, so that their
            distances can be compared.
    """

    def __init__(self, style: Sequence[Image.Image], seed: int) -> None:
        self._seed = seed
        patches = self._patches(style)
        self._means = [level.mean(axis=(0, 1, 2)) for level in patches]
        self._spreads = [level.std(axis=(0, 1, 2)) + 1e-6 for level in patches]
        directions = np.random.default_rng(derive_seed(seed, "directions"))
        shape = (3 * _PATCH**2, _PROJECTIONS)
        self._directions = directions.standard_normal(shape).astype(np.float32)
        self._directions /= np.linalg.norm(self._directions, axis=0)
        self._style = self._projected(patches)

    def of(self, pictures: Sequence[Image.Image]) -> float:
        """The distance of RGB pictures: 0 for the style pictures themselves, in standard deviations of their pixels."""
        projected = self._projected(self._patches(pictures))
        return float(np.mean([_wasserstein(*pair) for pair in zip(projected, self._style, strict=True)]))

    def _patches(self, pictures: Sequence[Image.Image]) -> list[np.ndarray]:
        """For each level (n, 7, 7, 3) float32, equally many from each picture, at places drawn from the seed."""
        places = np.random.default_rng(derive_seed(self._seed, "patches"))
        levels: list[list[np.ndarray]] = [[] for _ in range(_LEVELS)]
        for picture in pictures:
            for level, pixels in enumerate(_pyramid(picture)):
                levels[level].append(_drawn(pixels, places))
        return [np.concatenate(each) for each in levels]

    def _projected(self, patches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each level (n, projections), each column sorted."""
        scaled = [
            ((level - mean) / spread).reshape(len(level), -1)
            for level, mean, spread in zip(patches, self._means, self._spreads, strict=True)
        ]
        return [np.sort(level @ self._directions, axis=0) for level in scaled]


def _pyramid(picture: Image.Image) -> list[np.ndarray]:
    """The levels of a picture, (h, w, 3) float32: differences from fine to coarse, and last what is left of it."""
    factor = _SIDE / min(picture.size)
    size = (max(_SIDE, round(picture.width * factor)), max(_SIDE, round(picture.height * factor)))
    pixels = np.asarray(picture.resize(size, Image.Resampling.LANCZOS), np.float32) / 255
    differences = pyramid_laplacian(pixels, max_layer=_LEVELS - 2, downscale=2, channel_axis=-1)
    *_, rest = pyramid_gaussian(pixels, max_layer=_LEVELS - 1, downscale=2, channel_axis=-1)
    return [level.astype(np.float32) for level in (*differences, rest)]


def _drawn(pixels: np.ndarray, places: np.random.Generator) -> np.ndarray:
    """(patches, 7, 7, 3) of a picture, (h, w, 3)."""
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (_PATCH, _PATCH), axis=(0, 1))
    rows, columns = (places.integers(0, length, _PATCHES) for length in windows.shape[:2])
    return windows[rows, columns].transpose(0, 2, 3, 1)


def _wasserstein(first: np.ndarray, second: np.ndarray) -> float:
    """The mean over columns of the distance between two samples, each sorted, that may differ in size."""
    ranks = np.linspace(0, 1, max(len(first), len(second)))
    stretched = [each if len(each) == len(ranks) else _at_ranks(each, ranks) for each in (first, second)]
    return float(np.abs(stretched[0] - stretched[1]).mean())


def _at_ranks(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The quantiles of each sorted column."""
    own = np.linspace(0, 1, len(values))
    return np.stack([np.interp(ranks, own, column) for column in values.T], axis=1)
