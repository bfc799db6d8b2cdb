"""The Frechet Inception Distance (Heusel et al., NeurIPS 2017, arXiv:1706.08500)."""

import math

import numpy as np

from snowdrift.runtime.errors import SnowdriftError


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """The distance between Gaussians fitted to two sets of features, (n, d) and (m, d).

    It falls as sets grow, so only distances from equally many images compare.

    The trace of the root of two covariances' product A'A B'B is the sum of the singular values of AB', which has no
    more rows and columns than the sets have images: exact, also where fewer images than features make the covariances
    singular, and a matter of milliseconds where a (d, d) matrix root takes half a minute.

    Raises:
        SnowdriftError: fewer than two images, or features that are not finite.
    """
    for features in (first, second):
        if len(features) < 2:
            raise SnowdriftError("a Frechet distance needs at least two images a set", "give more images")
        if not np.isfinite(features).all():
            raise SnowdriftError(
                "the Frechet distance is not finite", "see whether the extractor's weights are whole"
            )
    means = np.square(first.mean(0) - second.mean(0)).sum()
    one, other = _covariance_root(first), _covariance_root(second)
    traces = np.square(one).sum() + np.square(other).sum()
    return float(means + traces - 2 * np.linalg.norm(one @ other.T, "nuc"))


def _covariance_root(features: np.ndarray) -> np.ndarray:
    """A matrix A of at most n and at most d rows, with A'A the covariance of (n, d) features."""
    centred = (features - features.mean(0)) / math.sqrt(len(features) - 1)
    if len(centred) > centred.shape[1]:
        return np.asarray(np.linalg.qr(centred, mode="r"))
    return np.asarray(centred)
