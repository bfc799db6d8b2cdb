"""The Inception Score (Salimans et al., NeurIPS 2016, arXiv:1606.03498)."""

import math

import numpy as np
from scipy.special import entr, log_softmax

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.statistics.intervals import Estimate, resample


def inception_score(logits: np.ndarray, splits: int = 1) -> float:
    """exp of the mean divergence of p(y|x) from its mean p(y), averaged over consecutive splits.

    Args:
        logits: (n, classes), n a multiple of `splits`.
        splits: the study had 10, of 3 images each.

    Returns:
        1 where all images look alike to the network, at most `upper_bound`.
    """
    return float(_split_scores(logits, splits).mean())


def upper_bound(n: int, classes: int, splits: int = 1) -> int:
    """The highest score that `n` images in `splits` parts can reach: as many as a part has images or classes."""
    return min(n // splits, classes)


def inception_score_estimate(logits: np.ndarray, splits: int, replicates: int, seed: int) -> Estimate:
    """The score with its replicates, in logarithms.

    One split resamples its images. Several resample the splits, whose scores are independent draws: images
    resampled within a split of three would mostly repeat each other.
    """
    random = np.random.default_rng(seed)
    limits = (1.0, float(upper_bound(len(logits), logits.shape[1], splits)))
    if splits == 1:
        logarithms = _resampled_scores(logits, resample(len(logits), replicates, random))
        return Estimate(inception_score(logits), logarithms, math.inf, True, limits)
    scores = _split_scores(logits, splits)
    means = resample(splits, replicates, random) @ scores / splits
    # A resampled mean varies by (s - 1) / s of what a mean of s new splits does.
    spread = (means - scores.mean()) * math.sqrt(splits / (splits - 1))
    return Estimate(float(scores.mean()), spread / scores.mean(), splits - 1, True, limits)


def _split_scores(logits: np.ndarray, splits: int) -> np.ndarray:
    if splits < 1 or len(logits) % splits or not len(logits):
        raise SnowdriftError(
            f"{len(logits)} images cannot be divided into {splits} equal splits",
            "give a number of samples that is a multiple of scores.study_splits",
        )
    logarithms = log_softmax(logits.astype(np.float64), axis=1).reshape(splits, -1, logits.shape[1])
    chances = np.exp(logarithms)
    divergence = entr(chances.mean(1)).sum(1) - entr(chances).sum(2).mean(1)
    return np.exp(divergence)


def _resampled_scores(logits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Logarithms of the scores of (replicates, n) weighted sets, by matrix products, without copies of images."""
    chances = np.exp(log_softmax(logits.astype(np.float64), axis=1))
    total = weights.sum(1)
    marginal = weights @ chances / total[:, None]
    return entr(marginal).sum(1) - weights @ entr(chances).sum(1) / total
