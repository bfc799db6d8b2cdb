"""Whether generated images repeat training images: nearest neighbours in a feature space."""

from typing import NamedTuple

import numpy as np
import torch

COPY_QUANTILE = 0.01


class Neighbours(NamedTuple):
    """Of n images: `index` (n,) of the nearest training image, and its `distance` (n,)."""

    index: np.ndarray
    distance: np.ndarray


def nearest_training(samples: np.ndarray, training: np.ndarray) -> Neighbours:
    """Nearest of `training`, (m, d), to each of `samples`, (n, d), by Euclidean distance."""
    return _nearest(torch.from_numpy(samples), torch.from_numpy(training), itself=False)


def nearest_other(training: np.ndarray) -> Neighbours:
    """Nearest other training image to each, which shows how close real images come to each other."""
    features = torch.from_numpy(training)
    return _nearest(features, features, itself=True)


def copy_threshold(distances: np.ndarray) -> float:
    """Distance below which a sample is called a near-copy: 1 in 100 real images is that close to another."""
    return float(np.quantile(distances, COPY_QUANTILE))


def _nearest(samples: torch.Tensor, training: torch.Tensor, *, itself: bool) -> Neighbours:
    # Not by the expansion |a|^2 - 2ab + |b|^2, which gives a copy a distance other than 0.
    distances = torch.cdist(samples, training, compute_mode="donot_use_mm_for_euclid_dist")
    if itself:
        distances.fill_diagonal_(torch.inf)
    nearest = distances.min(1)
    return Neighbours(nearest.indices.numpy(), nearest.values.numpy())
