"""The Frechet Inception Distance (Heusel et al., NeurIPS 2017, arXiv:1706.08500), through pytorch-fid."""

import math
import warnings

import numpy as np
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy.linalg import LinAlgWarning

from snowdrift.runtime.errors import SnowdriftError


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """The distance between Gaussians fitted to two sets of features, (n, d) and (m, d).

    It falls as sets grow, so only distances from equally many images compare.

    Raises:
        SnowdriftError: fewer than two images, or covariances whose product has no real root.
    """
    for features in (first, second):
        if len(features) < 2:
            raise SnowdriftError("a Frechet distance needs at least two images a set", "give more images")
    try:
        # Fewer images than features make the covariances singular, of which SciPy warns; the distance stands.
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            warnings.simplefilter("ignore", LinAlgWarning)
            distance = float(calculate_frechet_distance(*_gaussian(first), *_gaussian(second)))
    except ValueError as error:
        raise SnowdriftError(f"the Frechet distance cannot be computed: {error}", _HINT) from error
    if not math.isfinite(distance):
        raise SnowdriftError("the Frechet distance is not finite", _HINT)
    return distance


_HINT = "give more images than the extractor has features"


def _gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return features.mean(0), np.cov(features, rowvar=False)
