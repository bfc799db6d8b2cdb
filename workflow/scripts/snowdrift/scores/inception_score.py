"""The Inception Score (Salimans et al., NeurIPS 2016, arXiv:1606.03498)."""

import numpy as np
from scipy.special import entr, log_softmax

from snowdrift.runtime.errors import SnowdriftError


def inception_score(logits: np.ndarray, splits: int = 1) -> float:
    """exp of the mean divergence of p(y|x) from its mean p(y), averaged over consecutive splits.

    Args:
        logits: (n, classes), n a multiple of `splits`.
        splits: the study had 10, of 3 images each.

    Returns:
        1 where all images look alike to the network, at most `upper_bound`.
    """
    return float(split_scores(logits, splits).mean())


def upper_bound(n: int, classes: int, splits: int = 1) -> int:
    """The highest score that `n` images in `splits` parts can reach: as many as a part has images or classes."""
    return min(n // splits, classes)


def split_scores(logits: np.ndarray, splits: int) -> np.ndarray:
    """(splits,) scores of consecutive equal parts."""
    if splits < 1 or len(logits) % splits or not len(logits):
        raise SnowdriftError(
            f"{len(logits)} images cannot be divided into {splits} equal splits",
            "give a number of samples that is a multiple of scores.study_splits",
        )
    logarithms = log_softmax(logits.astype(np.float64), axis=1).reshape(splits, -1, logits.shape[1])
    chances = np.exp(logarithms)
    divergence = entr(chances.mean(1)).sum(1) - entr(chances).sum(2).mean(1)
    scores: np.ndarray = np.exp(divergence)
    return scores
