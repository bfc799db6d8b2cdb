"""Intervals over clusters and trainings: against formulas that are known, and as often right as they say."""

import numpy as np
import pytest
from scipy import stats

from snowdrift.statistics.jackknife import Jackknife, ratio_interval


def of_means(samples: np.ndarray) -> Jackknife:
    """The mean of (t, g) values, one of each cluster in each training."""
    values, groups = samples.mean(1), samples.shape[1]
    left_out = (samples.sum(1, keepdims=True) - samples) / (groups - 1)
    return Jackknife(values, left_out, tuple(f"c{number}" for number in range(groups)), groups)


def test_of_a_mean_of_even_clusters_it_is_students_interval():
    sample = np.array([1.0, 5, 2, 6, 1, 4, 5])
    interval = of_means(sample[None]).interval(0.9)
    expected = stats.ttest_1samp(sample, 0).confidence_interval(0.9)
    assert interval == pytest.approx((sample.mean(), expected.low, expected.high))
    assert interval.decides == (expected.low > 0)


def test_one_cluster_that_makes_most_of_the_variance_leaves_little_to_judge_it_by():
    even = of_means(np.array([[1.0, -1] * 5])).spread
    uneven = of_means(np.array([[0.0] * 9 + [10.0]])).spread
    assert even.freedom == 9
    assert 1 <= uneven.freedom < 2.2
    normal = np.random.default_rng(0).normal(size=(400, 1, 10))
    assert 7 < np.mean([of_means(sample).spread.freedom for sample in normal]) < 9


def test_shares_stay_between_0_and_1():
    score = of_means(np.array([[1.0, 0.99, 0.98, 0.9, 0.8]]))
    interval = score.share_interval(0.95)
    assert 0 < interval.low < interval.value < interval.high < 1
    assert score.interval(0.95).high > 1


def test_rates_stay_above_0():
    score = of_means(np.array([[0.0, 3, 0.5, 9, 1]]))
    interval = score.rate_interval(0.95, 1000)
    assert 0 < interval.low < interval.value < interval.high
    assert score.interval(0.95).low < 0
    assert of_means(np.array([[0.0, 0, 0, 30, 0]])).rate_interval(0.95, 1000).high == pytest.approx(1000)


@pytest.mark.parametrize("sample", [[[0.5]], [[0.0, 0, 0]], [[0.4, np.nan, 0.5]]])
def test_where_the_clusters_do_not_say_there_are_no_ends(sample):
    score = (
        of_means(np.array(sample))
        if len(sample[0]) > 1
        else Jackknife(np.array([0.5]), np.array([[np.nan]]), ("a",), 1)
    )
    for interval in (score.interval(0.95), score.share_interval(0.95)):
        assert np.isnan([interval.low, interval.high]).all()
        assert not interval.decides


def test_trainings_widen_it_as_much_as_they_differ():
    random = np.random.default_rng(1)
    videos = random.normal(0, 0.1, 10)
    alike, apart = (of_means(0.5 + videos + np.array([[-1.0], [1]]) * step) for step in (0.001, 0.2))
    narrow, wide = (score.interval(0.95) for score in (alike, apart))
    one = of_means(0.5 + videos[None]).interval(0.95)
    assert narrow == pytest.approx(one, abs=0.001)
    assert wide.high - wide.low > 5 * (narrow.high - narrow.low)
    assert apart.spread.freedom == pytest.approx(1, abs=0.2)


def test_scores_of_different_clusters_are_independent():
    random = np.random.default_rng(2)
    first, second = (of_means(random.normal(0, 1, (1, 20))) for _ in range(2))
    other = Jackknife(second.values, second.left_out, tuple(f"d{n}" for n in range(20)), 20)
    variance = first.spread.variance + other.spread.variance
    assert (first - other).spread.variance == pytest.approx(variance, rel=0.05)
    assert (first - first).interval(0.95).value == 0


def test_a_ratio_has_ends_only_if_its_denominator_is_not_0():
    random = np.random.default_rng(3)
    gap = random.normal(1, 0.2, (1, 10))
    half = of_means(0.5 * gap + random.normal(0, 0.05, (1, 10)))
    interval = ratio_interval(half, of_means(gap), 0.95)
    assert interval.low < 0.5 < interval.high and interval.high - interval.low < 0.3
    lost = ratio_interval(half, of_means(gap - 1), 0.95)
    assert np.isnan([lost.low, lost.high]).all()


def test_a_ratio_of_trainings_covers_what_they_share():
    """Both differences have the same first training in them, so they move together and the ratio hardly does."""
    shift = np.array([[-0.1], [0.1]])
    gap = np.full((2, 8), 1.0) + shift + np.linspace(-0.1, 0.1, 8)
    interval = ratio_interval(of_means(0.5 * gap), of_means(gap), 0.9)
    assert interval == pytest.approx((0.5, 0.5, 0.5), abs=1e-6)
