"""Colours matched to snow photographs: mean and covariance of each video become those of one style picture.

The linear transport between two normal distributions (Pitie and Kokaram, CVMP 2007), which moves each colour no farther
than it has to. Nothing is learned but the colours of the style pictures, and no snow falls: what it does for a detector
is what colours alone do.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed
from snowdrift.snow.strength import Strength
from snowdrift.snow.translator import Frame, Translate, Translator

_ENOUGH = (256, 256)
"""Pixels of a style picture that its colours are measured on."""
_LEAST_VARIANCE = 1.0
"""Of a colour, in levels squared, so that a picture of one colour is not stretched without limit."""


class MatchedTranslator(Translator):
    """Gives each video the colours of one style picture, drawn from the seed and the video's name.

    Attributes:
        means: (n, 3) of the style pictures' colours, in levels of 0 to 255.
        covariances: (n, 3, 3) of them.
    """

    name = "matched"
    settings_type = Strength

    def fit(self, style: Sequence[Path]) -> None:
        """Measure the colours of the style pictures."""
        if not style:
            raise SnowdriftError("matched: there is no style picture to match", "raise cyclegan.style_images")
        measured = [colours(np.asarray(open_picture(path, at_least=_ENOUGH), np.float64)) for path in style]
        self.means, self.covariances = (np.stack(part) for part in zip(*measured, strict=True))

    def state(self) -> dict[str, Any]:
        """The colours of the style pictures."""
        return {"means": torch.from_numpy(self.means), "covariances": torch.from_numpy(self.covariances)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the colours."""
        self.means, self.covariances = state["means"].numpy(), state["covariances"].numpy()

    def start(self, device: torch.device) -> Translate:
        """Match one picture after the other."""

        def make(pictures: Sequence[Image.Image], frames: Sequence[Frame]) -> list[Image.Image]:
            return [
                self._match(picture, frame.video) for picture, frame in zip(pictures, frames, strict=True)
            ]

        return make

    def _match(self, picture: Image.Image, video: str) -> Image.Image:
        random = np.random.default_rng(derive_seed(self.seed, "matched", video))
        drawn = random.integers(len(self.means))
        strength = self.settings.draw(random)
        pixels = np.asarray(picture, np.float32)
        moved = transport(*colours(pixels), self.means[drawn], self.covariances[drawn])(pixels)
        mixed = pixels + strength * (moved - pixels)
        return Image.fromarray(np.clip(mixed + 0.5, 0, 255).astype(np.uint8))


def colours(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and covariance (3, 3) of the colours of a picture, (h, w, 3)."""
    flat = pixels.reshape(-1, 3).astype(np.float64)
    return flat.mean(0), np.cov(flat, rowvar=False, bias=True) + _LEAST_VARIANCE * np.eye(3)


def transport(
    mean: np.ndarray, covariance: np.ndarray, to_mean: np.ndarray, to_covariance: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """The map of colours, (h, w, 3) to the same, that gives those of the first mean and covariance the second."""
    root = _root(covariance)
    inverse = np.linalg.inv(root)
    matrix = (inverse @ _root(root @ to_covariance @ root) @ inverse).astype(np.float32)
    offset = (to_mean - matrix @ mean).astype(np.float32)
    return lambda pixels: pixels @ matrix.T + offset


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
