"""Precision and recall of generated images (Kynkaanniemi et al., NeurIPS 2019, arXiv:1904.06991)."""

from typing import NamedTuple

import numpy as np
import torch
from torch_fidelity.metric_prc import prc_features_to_metric

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.statistics.intervals import Share


class Coverage(NamedTuple):
    """Precision: the generated images among the real ones. Recall: the real ones among the generated."""

    precision: Share
    recall: Share


def coverage(fake: np.ndarray, real: np.ndarray, neighbours: int) -> Coverage:
    """Count images inside the other set's manifold, through torch-fidelity.

    A set's manifold is the union of balls around its images, each as wide as the distance to its nearest
    neighbour number `neighbours`. Intervals of the two shares take the balls as given.

    Raises:
        SnowdriftError: not more images than neighbours.
    """
    if min(len(fake), len(real)) <= neighbours:
        raise SnowdriftError(
            f"precision and recall look at {neighbours} neighbours, but a set has {min(len(fake), len(real))} images",
            "lower scores.neighbours, or give more images",
        )
    shares = prc_features_to_metric(
        torch.from_numpy(fake), torch.from_numpy(real), prc_neighborhood=neighbours, verbose=False
    )
    return Coverage(
        Share(round(shares["precision"] * len(fake)), len(fake)),
        Share(round(shares["recall"] * len(real)), len(real)),
    )
