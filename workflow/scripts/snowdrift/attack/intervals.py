"""Intervals of means and shares over photographs, which are drawn by video: photographs of one resemble each other."""

import numpy as np
import pandas as pd
from scipy import stats

from snowdrift.statistics.jackknife import Interval, Jackknife

_NONE = Interval(float("nan"), float("nan"), float("nan"))


def mean_interval(values: pd.Series, groups: pd.Series, level: float) -> Interval:
    """The mean with Student's interval over videos left out in turn, see `statistics.jackknife`.

    Args:
        values: (n,) one figure a photograph.
        groups: (n,) the video of each, or the group of videos.
        level: in (0, 1).

    Returns:
        Without ends where there are less than two videos, or all agree; NaN of no photographs.
    """
    return _jackknife(values, groups).interval(level) if len(values) else _NONE


def share_interval(hits: pd.Series, groups: pd.Series, level: float) -> Interval:
    """The share of photographs, with the exact binomial interval for as many as they are worth.

    As many independent photographs as would vary as the videos do (Korn and Graubard, Survey Methodology 24, 1998);
    where all or none are hits, as many as there are videos.

    Args:
        hits: (n,) whether each photograph counts.
        groups: (n,) the video of each.
        level: in (0, 1).

    Returns:
        Without ends where there are less than two videos; NaN of no photographs.
    """
    if hits.empty:
        return _NONE
    share, worth = float(hits.mean()), float(groups.nunique())
    if worth < 2:
        return Interval(share, float("nan"), float("nan"))
    variance = _jackknife(hits.astype(float), groups).spread.variance
    if 0 < share < 1:
        worth = min(len(hits), share * (1 - share) / variance) if variance > 0 else float(len(hits))
    count, tail = share * worth, (1 - level) / 2
    low = stats.beta.ppf(tail, count, worth - count + 1) if share > 0 else 0.0
    high = stats.beta.ppf(1 - tail, count + 1, worth - count) if share < 1 else 1.0
    return Interval(share, float(low), float(high))


def _jackknife(values: pd.Series, groups: pd.Series) -> Jackknife:
    names, place = np.unique(groups.to_numpy().astype(str), return_inverse=True)
    figures = values.to_numpy(float)
    with np.errstate(invalid="ignore"):  # nothing is left without the only video
        left_out = (figures.sum() - np.bincount(place, figures)) / (len(figures) - np.bincount(place))
    return Jackknife(np.array([figures.mean()]), left_out[None], tuple(names), len(names))
