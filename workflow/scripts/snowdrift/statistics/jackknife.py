"""Intervals over clusters, such as videos, and over trainings, that hold for few of them.

Frames of one video resemble each other, so what is drawn at random is videos. Each is left out in turn, and how far the
score moves says how far it depends on which videos were drawn (the jackknife; in the form about the whole sample's
score with Student's t, CV3 of MacKinnon, Nielsen and Webb, Journal of Applied Econometrics 38, 2023). Its coverage was
simulated beside that of bootstraps, see docs/study.md: of few clusters it is the only one that holds what it says.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special, stats

_EDGE = 0.001
"""Rates nearer than this to 0, and shares to 0 or 1, count as this near: the logarithm has no end there."""

_NOTHING = 1e-18
"""A variance below this is rounding: all clusters agree, as they do of a detector that finds nothing."""


class Interval(NamedTuple):
    """A value with the ends of its interval, NaN if the sample does not say."""

    value: float
    low: float
    high: float

    @property
    def decides(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    def in_words(self, form: str) -> str:
        """The value with its ends, in the format `form`, or a word that there are none."""
        if math.isnan(self.low):
            return f"{self.value:{form}} (no interval)"
        return f"{self.value:{form}} ({self.low:{form}} to {self.high:{form}})"


@dataclass(frozen=True)
class Jackknife:
    """A score, and what it would be without each cluster in turn. Scores are added and subtracted pair by pair.

    Attributes:
        values: (t,) the score of each of t trainings.
        left_out: (t, g) the same without each of g clusters.
        names: the g clusters, by which scores find what they have in common.
        clusters: those that the score draws on; fewer than g if some do not show the class that it is of.
    """

    values: np.ndarray
    left_out: np.ndarray
    names: tuple[str, ...]
    clusters: int

    def __add__(self, other: "Jackknife") -> "Jackknife":
        names = tuple(sorted({*self.names, *other.names}))
        left_out = self._over(names) + other._over(names)
        return Jackknife(self.values + other.values, left_out, names, min(self.clusters, other.clusters))

    def __sub__(self, other: "Jackknife") -> "Jackknife":
        return self + -1.0 * other

    def __rmul__(self, factor: float) -> "Jackknife":
        return Jackknife(factor * self.values, factor * self.left_out, self.names, self.clusters)

    def _over(self, names: tuple[str, ...]) -> np.ndarray:
        """`left_out` for these names; the score is as it was without a cluster that it does not have."""
        if names == self.names:
            return self.left_out
        place = {name: number for number, name in enumerate(self.names)}
        columns = [self.left_out[:, place[name]] if name in place else self.values for name in names]
        return np.stack(columns, axis=1)

    @property
    def value(self) -> float:
        """The mean over the trainings."""
        return float(self.values.mean())

    @property
    def spread(self) -> "Spread":
        """How far the score itself varies, over clusters and trainings."""
        return _spread(self, self)

    def interval(self, level: float) -> Interval:
        """The interval of a difference, or of any score without limits, at a level in (0, 1)."""
        reach = self.spread.reach(level)
        return Interval(self.value, self.value - reach, self.value + reach)

    def share_interval(self, level: float) -> Interval:
        """The interval of a score in [0, 1], which is built for its logit and so stays there."""
        reach = _spread(self, self, _logit).reach(level)
        low, high = special.expit(_logit(self.value) + np.array([-reach, reach]))
        return Interval(self.value, float(np.minimum(low, self.value)), float(np.maximum(high, self.value)))

    def rate_interval(self, level: float, most: float) -> Interval:
        """The interval of a score between 0 and `most`, which is built for its logarithm."""
        reach = _spread(self, self, _log).reach(level)
        low, high = np.exp(np.minimum(_log(self.value) + np.array([-reach, reach]), math.log(most)))
        return Interval(self.value, float(np.minimum(low, self.value)), float(high))


class Spread(NamedTuple):
    """A variance (or covariance) over clusters and over trainings, with the degrees of freedom of each part."""

    over_clusters: float
    over_trainings: float
    cluster_freedom: float
    trainings: int

    @property
    def variance(self) -> float:
        """Over both."""
        return self.over_clusters + self.over_trainings

    @property
    def standard_error(self) -> float:
        """The root of the variance."""
        return math.sqrt(self.variance)

    @property
    def freedom(self) -> float:
        """Satterthwaite's, of the sum (Biometrics Bulletin 2, 1946); NaN if there is nothing to go by."""
        parts = self.over_clusters**2 / self.cluster_freedom
        if self.trainings > 1:
            parts += self.over_trainings**2 / (self.trainings - 1)
        return self.variance**2 / parts

    def reach(self, level: float) -> float:
        """Half of the interval's width, NaN if there is one cluster or no spread to go by."""
        return float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.standard_error


def _spread(
    first: Jackknife, second: Jackknife, scale: Callable[[np.ndarray], np.ndarray] = np.asarray
) -> Spread:
    """The covariance of two scores of the same clusters on a scale; that of a score with itself is its variance.

    Trainings that differ on some videos more than on others count in both parts, so the sum is rather too large.
    """
    groups, trainings = first.left_out.shape[1], len(first.values)
    moved = [scale(one.left_out.mean(0)) - scale(one.values.mean()) for one in (first, second)]
    over_clusters = (groups - 1) / groups * float(moved[0] @ moved[1])
    over_trainings = 0.0
    if trainings > 1:
        over_trainings = float(np.cov(scale(first.values), scale(second.values))[0, 1]) / trainings
    clusters = min(first.clusters, second.clusters)
    return Spread(over_clusters, over_trainings, _freedom(moved[0], clusters), trainings)


def _freedom(moved: np.ndarray, clusters: int) -> float:
    """Degrees of freedom of a variance over clusters, from how far the score moves without each of them.

    If few clusters make most of the variance, as one long video may, there is less to judge it by than their number
    says. Of n normal deviations, (sum of squares)^2 / (sum of fourth powers) is (n + 2) / 3 on average: if there is
    less of it, n - 1 falls in proportion. Without this, intervals of skewed scores hold less than they say.

    Args:
        moved: (g,) differences.
        clusters: those that the score draws on; n - 1 of them is the most.

    Returns:
        At least 1; NaN for less than two clusters, or if nothing moves.
    """
    groups, squares = len(moved), float(moved @ moved)
    if clusters < 2 or not squares > _NOTHING:
        return math.nan
    effective = 3 * groups / (groups + 2) * squares**2 / float((moved**4).sum())
    return max(1.0, min(clusters, effective) - 1)


def ratio_interval(numerator: Jackknife, denominator: Jackknife, level: float) -> Interval:
    """The interval of a ratio of two differences (Fieller, Journal of the Royal Statistical Society B 16, 1954).

    It holds all ratios r that the sample does not refuse: those whose numerator less r times the denominator has an
    interval with 0 in it. If the denominator's own interval has 0 in it, any ratio may be among them: then there are no
    ends.
    """
    # Of the same clusters, whether they draw on them or not.
    numerator, denominator = numerator + 0.0 * denominator, denominator + 0.0 * numerator
    of_numerator, of_both, of_denominator = (
        _spread(*pair)
        for pair in ((numerator, numerator), (numerator, denominator), (denominator, denominator))
    )
    above, below = numerator.value, denominator.value
    if not denominator.interval(level).decides:
        return Interval(above / below if below else math.nan, math.nan, math.nan)
    freedom = min(part.freedom for part in (of_numerator, of_denominator) if part.variance > 0)
    squared = stats.t.ppf((1 + level) / 2, freedom) ** 2
    # The ends solve (above - r below)^2 = squared (variance of above - r below).
    a = below**2 - squared * of_denominator.variance
    b = above * below - squared * of_both.variance
    c = above**2 - squared * of_numerator.variance
    if a <= 0:
        return Interval(above / below, math.nan, math.nan)
    root = math.sqrt(max(b**2 - a * c, 0.0))
    return Interval(above / below, (b - root) / a, (b + root) / a)


def _log(rate: np.ndarray | float) -> np.ndarray:
    logarithm: np.ndarray = np.log(np.maximum(rate, _EDGE))
    return logarithm


def _logit(share: np.ndarray | float) -> np.ndarray:
    logit: np.ndarray = special.logit(np.clip(share, _EDGE, 1 - _EDGE))
    return logit
