"""The Kernel Inception Distance (Binkowski et al., ICLR 2018, arXiv:1801.01401), over all images at once."""

import numpy as np

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.statistics.intervals import Estimate, resample


def kernel_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy of features (n, d) and (m, d); may be below 0.

    The kernel is (x.y / d + 1)^3.
    """
    return float(_distances(first, second, np.ones((1, len(first))), np.ones((1, len(second))))[0])


def kernel_distance_estimate(
    fake: np.ndarray, real: np.ndarray, *, replicates: int, seed: int, real_seed: int
) -> Estimate:
    """The distance with its replicates.

    Args:
        fake: (n, d) features of generated images.
        real: (m, d) features of the reference.
        replicates: resampled sets.
        seed: what generated images are drawn by.
        real_seed: what the reference is drawn by; one for all models pairs them on it.
    """
    weights = resample(len(fake), replicates, np.random.default_rng(seed))
    real_weights = resample(len(real), replicates, np.random.default_rng(real_seed))
    return Estimate(kernel_distance(fake, real), _distances(fake, real, weights, real_weights))


def _distances(
    first: np.ndarray, second: np.ndarray, weights: np.ndarray, second_weights: np.ndarray
) -> np.ndarray:
    """(replicates,) distances of sets in which image i counts weights[:, i] times, never against itself."""
    if min(len(first), len(second)) < 2:
        raise SnowdriftError("a kernel distance needs at least two images a set", "give more images")
    cross = np.einsum("ri,ri->r", weights @ _kernel(first, second), second_weights)
    cross /= weights.sum(1) * second_weights.sum(1)
    return _within(first, weights) + _within(second, second_weights) - 2 * cross


def _within(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    kernel = _kernel(features, features)
    np.fill_diagonal(kernel, 0)
    pairs = weights.sum(1) ** 2 - (weights**2).sum(1)
    with np.errstate(invalid="ignore"):  # a tiny set may be resampled to one image alone, which makes no pair
        return np.einsum("ri,ri->r", weights @ kernel, weights) / pairs


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3
