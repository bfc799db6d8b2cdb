"""The Kernel Inception Distance (Binkowski et al., ICLR 2018, arXiv:1801.01401), over all images at once."""

import numpy as np

from snowdrift.runtime.errors import SnowdriftError


def kernel_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy of features (n, d) and (m, d); may be below 0.

    The kernel is (x.y / d + 1)^3.

    Raises:
        SnowdriftError: fewer than two images.
    """
    if min(len(first), len(second)) < 2:
        raise SnowdriftError("a kernel distance needs at least two images a set", "give more images")
    return _within(first) + _within(second) - 2 * float(_kernel(first, second).mean())


def _within(features: np.ndarray) -> float:
    """The mean over pairs of different images."""
    kernel = _kernel(features, features)
    n = len(features)
    return float((kernel.sum() - kernel.trace()) / (n * (n - 1)))


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    kernel: np.ndarray = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel
