"""Sharpness of images: the variance of the Laplacian (Pech-Pacheco et al., ICPR 2000)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

_LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def sharpness(images: Tensor) -> np.ndarray:
    """(n,) sharpness of (n, c, h, w) uint8 images, gray values in [0, 1]; compares only at one size.

    Noise counts as sharp.
    """
    gray = images.float().mean(1, keepdim=True) / 255
    return conv2d(gray, _LAPLACIAN[None, None]).flatten(1).var(1).double().numpy()
