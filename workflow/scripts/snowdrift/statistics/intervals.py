"""Intervals of scores, and of the difference between two: they cover the drawing of images, not a new training."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
"""What every interval of the study's tables has: the share of samples whose interval should hold the truth."""


def joint_level(level: float, comparisons: int) -> float:
    """The level of each of so many intervals that all hold together at `level` (Bonferroni's inequality)."""
    return 1 - (1 - level) / max(comparisons, 1)


class Difference(NamedTuple):
    """First less second, on the scale of the score's interval, with the interval's ends."""

    value: float
    low: float
    high: float


class Estimate(NamedTuple):
    """A score with bootstrap replicates (Efron and Tibshirani 1993, chapters 6 and 13).

    The interval is the score plus and minus Student's quantile times the replicates' standard deviation.
    Percentiles of the replicates would not do: a bootstrap sample repeats images, which lowers an Inception
    Score and shifts them all.

    Attributes:
        value: the score itself.
        replicates: (r,) the score of r resampled sets, in logarithms where `logarithmic`; NaN where one has none.
        freedom: degrees of freedom, infinite for sets that are large.
        logarithmic: whether the interval is built for the logarithm, as a ratio's is.
        limits: what the score cannot leave.
    """

    value: float
    replicates: np.ndarray
    freedom: float = math.inf
    logarithmic: bool = False
    limits: tuple[float, float] = (-math.inf, math.inf)

    def interval(self, level: float) -> tuple[float, float]:
        """The two ends at a level in (0, 1)."""
        reach = stats.t.ppf((1 + level) / 2, self.freedom) * float(np.nanstd(self.replicates, ddof=1))
        if self.logarithmic:
            low, high = self.value * math.exp(-reach), self.value * math.exp(reach)
        else:
            low, high = self.value - reach, self.value + reach
        return max(low, self.limits[0]), min(high, self.limits[1])

    def difference(self, other: "Estimate", level: float) -> Difference:
        """This less `other`; replicates are paired, so that what both share, such as real images, cancels."""
        value = math.log(self.value / other.value) if self.logarithmic else self.value - other.value
        freedom = min(self.freedom, other.freedom)
        spread = float(np.nanstd(self.replicates - other.replicates, ddof=1))
        reach = stats.t.ppf((1 + level) / 2, freedom) * spread
        return Difference(value, value - reach, value + reach)


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
        (low, high), (other_low, other_high) = self.interval(level), other.interval(level)
        value = self.value - other.value
        return Difference(
            value,
            value - math.hypot(self.value - low, other_high - other.value),
            value + math.hypot(high - self.value, other.value - other_low),
        )


def resample(n: int, replicates: int, random: np.random.Generator) -> np.ndarray:
    """(replicates, n) float64: how often each of n images is drawn in n draws with replacement."""
    return random.multinomial(n, np.full(n, 1 / n), size=replicates).astype(np.float64)
