"""Precision (Kynkaanniemi et al., NeurIPS 2019, arXiv:1904.06991) and coverage (Naeem et al., ICML 2020,
arXiv:2002.09797).

Both look at balls around the real images alone. Recall, which looks at balls around the generated ones, is not here: a
few outliers have balls that take in everything, so a generator of blurred X-rays has the recall of real ones.
"""

import numpy as np
import torch

from snowdrift.runtime.errors import SnowdriftError


def ball_radii(real: np.ndarray, neighbours: int) -> np.ndarray:
    """(m,) the distance of each of the real images, (m, d), to its nearest other one number `neighbours`.

    Raises:
        SnowdriftError: not more images than neighbours.
    """
    if len(real) <= neighbours:
        raise SnowdriftError(
            f"precision and coverage look at {neighbours} neighbours, but a set has {len(real)} images",
            "lower scores.neighbours, or give more images",
        )
    # Number 0 is the image itself.
    return np.partition(_distances(real, real), neighbours, axis=1)[:, neighbours]


def inside(fake: np.ndarray, real: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(n,) whether each of the generated images, (n, d), is in the ball of a real one; precision is their share."""
    return np.asarray((_distances(fake, real) <= radii).any(1))


def coverage(fake: np.ndarray, real: np.ndarray, radii: np.ndarray) -> float:
    """The share, in [0, 1], of the real images with a generated one in their ball; compares at equal sizes only."""
    return float((_distances(fake, real).min(0) <= radii).mean())


def mean_distance(features: np.ndarray) -> float:
    """The mean distance of two images of one set, (n, d), n at least 2: 0 for one image, again and again."""
    return float(_distances(features, features).sum() / (len(features) * (len(features) - 1)))


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) Euclidean distances of features (n, d) and (m, d)."""
    return torch.cdist(torch.from_numpy(first), torch.from_numpy(second)).numpy()
