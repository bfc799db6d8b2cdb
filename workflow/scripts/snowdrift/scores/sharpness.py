"""Sharpness of images: the variance of the Laplacian (Pech-Pacheco et al., ICPR 2000)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from snowdrift.statistics.intervals import Estimate

_LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def sharpness(images: Tensor) -> np.ndarray:
    """(n,) sharpness of (n, c, h, w) uint8 images, gray values in [0, 1]; compares only at one size.

    Noise counts as sharp.
    """
    gray = images.float().mean(1, keepdim=True) / 255
    return conv2d(gray, _LAPLACIAN[None, None]).flatten(1).var(1).double().numpy()


def sharpness_estimate(images: Tensor, replicates: int, seed: int) -> Estimate:
    """The median sharpness."""
    values = sharpness(images)
    drawn = np.random.default_rng(seed).integers(len(values), size=(replicates, len(values)))
    medians = np.median(values[drawn], axis=1)
    return Estimate(float(np.median(values)), medians, limits=(0.0, np.inf))
