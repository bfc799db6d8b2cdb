"""Intervals of scores, and of the difference between two: they cover the drawing of images, not a new training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy import stats
from scipy.optimize import brentq

_TINY = 1e-9
LEVEL = 0.95
"""What every interval of the study's tables has: the share of samples whose interval should hold the truth."""


def joint_level(level: float, comparisons: int) -> float:
    """The level of each of so many intervals that all hold together at `level` (Bonferroni's inequality)."""
    return 1 - (1 - level) / max(comparisons, 1)


class Difference(NamedTuple):
    """First less second, with the interval's ends."""

    value: float
    low: float
    high: float


class Score(Protocol):
    """A score with an interval, which can be compared with another of its kind."""

    @property
    def value(self) -> float:
        """The score itself."""
        ...

    def interval(self, level: float) -> tuple[float, float]:
        """The two ends at a level in (0, 1)."""
        ...

    def difference(self, other: Any, level: float) -> Difference:
        """This less `other`, a score of the same kind, as of independent images."""
        ...


class Drawn(NamedTuple):
    """The mean score of sets of images that were drawn independently, with Student's interval.

    Attributes:
        value: the mean.
        error: its standard error, estimated from sets that differ by chance alone.
        freedom: degrees of freedom of the error.
        limits: what the score cannot leave.
    """

    value: float
    error: float
    freedom: float
    limits: tuple[float, float] = (-math.inf, math.inf)

    def interval(self, level: float) -> tuple[float, float]:
        """The two ends at a level in (0, 1)."""
        reach = _reach(self.error, self.freedom, level)
        return max(self.value - reach, self.limits[0]), min(self.value + reach, self.limits[1])

    def difference(self, other: "Drawn", level: float) -> Difference:
        """This less `other` (Welch, Biometrika 34, 1947): their errors need not be equal."""
        error = math.hypot(self.error, other.error)
        parts = self.error**4 / self.freedom + other.error**4 / other.freedom
        value = self.value - other.value
        reach = _reach(error, error**4 / parts if parts else 1.0, level)
        return Difference(value, value - reach, value + reach)


def _reach(error: float, freedom: float, level: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, freedom)) * error if error else 0.0


def of_redraws(values: Sequence[float], limits: tuple[float, float] = (-math.inf, math.inf)) -> Drawn:
    """The mean of the scores of several sets, at least two."""
    scores = np.asarray(values, np.float64)
    error = float(scores.std(ddof=1)) / math.sqrt(len(scores))
    return Drawn(float(scores.mean()), error, len(scores) - 1, limits)


def of_one_set(
    value: float, like: Sequence[float], limits: tuple[float, float] = (-math.inf, math.inf)
) -> Drawn:
    """The score of the only set that there is, which varies by chance as much as the sets that `like` are scores of."""
    return Drawn(value, float(np.std(like, ddof=1)), len(like) - 1, limits)


@dataclass(frozen=True)
class Share:
    """`count` of `n`, with Wilson's interval (JASA 1927), which holds near 0 and 1 too."""

    count: int
    n: int

    @property
    def value(self) -> float:
        """The share, in [0, 1]."""
        return self.count / self.n

    def interval(self, level: float) -> tuple[float, float]:
        """The two ends at a level in (0, 1)."""
        interval = stats.binomtest(self.count, self.n).proportion_ci(level, method="wilson")
        return float(interval.low), float(interval.high)

    def difference(self, other: "Share", level: float) -> Difference:
        """This less `other`, as of independent images (Newcombe, Statistics in Medicine 1998, method 10)."""
        return _hybrid(self, other, level)


class Area(NamedTuple):
    """The area under a ROC curve of `negatives` and `positives` images, in [0, 1]; 0.5 where nothing tells them.

    Its interval is Newcombe's (Statistics in Medicine 25, 2006, method 5), which has a width at 0 and 1 too.
    """

    value: float
    negatives: int
    positives: int

    @property
    def told_apart(self) -> "Area":
        """The area of whoever names the two sides the other way round, if this one is below 0.5."""
        return self._replace(value=max(self.value, 1 - self.value))

    def interval(self, level: float) -> tuple[float, float]:
        """The two ends at a level in (0, 1): the areas from which this one is just as far as chance takes it."""
        reach = float(stats.norm.ppf((1 + level) / 2)) ** 2

        def beyond(area: float) -> float:
            return (area - self.value) ** 2 - reach * self._variance(area)

        low = brentq(beyond, 0.0, self.value - _TINY) if self.value > _TINY else 0.0
        high = brentq(beyond, self.value + _TINY, 1.0) if self.value < 1 - _TINY else 1.0
        return float(low), float(high)

    def _variance(self, area: float) -> float:
        """Hanley and McNeil's (Radiology 143, 1982), with their two counts' mean in the place of each."""
        mean = (self.negatives + self.positives) / 2
        pairs = 1 + (mean - 1) * ((1 - area) / (2 - area) + area / (1 + area))
        return area * (1 - area) * pairs / (self.negatives * self.positives)

    def difference(self, other: "Area", level: float) -> Difference:
        """This less `other`, as of independent images."""
        return _hybrid(self, other, level)


def _hybrid(first: Score, second: Score, level: float) -> Difference:
    """The difference's interval from the two intervals, which need not lie even about their scores."""
    (low, high), (other_low, other_high) = first.interval(level), second.interval(level)
    value = first.value - second.value
    return Difference(
        value,
        value - math.hypot(first.value - low, other_high - second.value),
        value + math.hypot(high - first.value, second.value - other_low),
    )
