"""Whether generated images repeat training images: the best normalised correlation over small shifts.

A network's features change when an image is shifted by one pixel, and a copy goes unseen. The correlation of two
windows does not change with brightness or contrast, and hardly with a little blur or noise.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

_SIDE = 64
_SHIFT = 1 / 16  # of the side, in each direction
_BATCH = 1024
_FLAT = 1e-6  # a window without any contrast correlates with nothing


class Closest(NamedTuple):
    """Of n images: `nearest` (n,) of the training image that each is most like, and `correlation` (n,), in [-1, 1]."""

    nearest: np.ndarray
    correlation: np.ndarray


def closest_training(images: Tensor, training: Tensor) -> Closest:
    """The most similar of the training images, wherever it lies within 4 of 64 pixels of the same place.

    Args:
        images: (n, 1 or 3, h, w) uint8; seen gray, and at 64 px where they are larger.
        training: (m, 1 or 3, h, w) uint8 of the same size.
    """
    parts = [_closest(_gray(part), _gray(training)) for part in images.split(_BATCH)]
    correlation, index = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return Closest(index, correlation.astype(np.float64))


def copy_threshold(held_out: Closest) -> float:
    """The correlation above which an image counts as a near-copy: no held-out patient is as like a training image."""
    return float(held_out.correlation.max())


def _closest(images: Tensor, training: Tensor) -> tuple[Tensor, Tensor]:
    shift = max(1, round(_SHIFT * images.shape[-1]))
    side = images.shape[-1] - 2 * shift
    own = _window(images, shift, shift, side)
    best = torch.full((len(images), len(training)), -1.0)
    for top in range(2 * shift + 1):
        for left in range(2 * shift + 1):
            torch.maximum(best, own @ _window(training, top, left, side).T, out=best)
    nearest = best.max(1)
    return nearest.values, nearest.indices


def _window(images: Tensor, top: int, left: int, side: int) -> Tensor:
    """(n, side * side) values of a square part, with mean 0 and length 1."""
    part = images[:, top : top + side, left : left + side].flatten(1)
    part = part - part.mean(1, keepdim=True)
    window: Tensor = part / part.norm(dim=1, keepdim=True).clamp_min(_FLAT)
    return window


def _gray(images: Tensor) -> Tensor:
    """(n, c, h, w) uint8 to (n, side, side) float, at most 64 px."""
    gray = images.float().mean(1, keepdim=True)
    if gray.shape[-1] > _SIDE:
        gray = interpolate(gray, (_SIDE, _SIDE), mode="bilinear", antialias=True)
    return gray[:, 0]
