"""The finding, computed from the cross-domain table."""

import pandas as pd
import pytest
from report_samples import without_videos
from scipy import stats

from snowdrift.detection.intervals import jackknives
from snowdrift.report.sections.finding import finding
from snowdrift.runtime.errors import SnowdriftError


def cross_domain(scores: dict[str, tuple[float, float]], seeds: tuple[int, ...] = (0,)) -> pd.DataFrame:
    rows = [
        (train, test, name, seed, score + 0.01 * seed if name == "all" else 0.99)
        for train, pair in scores.items()
        for test, score in zip(("original", "winter"), pair, strict=True)
        for name in ("all", "normal")
        for seed in seeds
    ]
    return pd.DataFrame(rows, columns=["train_domain", "test_domain", "class_name", "seed", "map50"])


AS_PUBLISHED = {"original": (0.8, 0.3), "winter": (0.4, 0.7), "mixed": (0.75, 0.65)}


def of(table: pd.DataFrame, spread: float = 0.002):
    return finding(table, without_videos(table, spread))


def test_the_published_pattern_holds_with_its_figures():
    result = of(cross_domain(AS_PUBLISHED))
    assert result.holds
    assert result.lead == pytest.approx(0.15)
    assert [drop.value for drop in result.drops.values()] == pytest.approx([0.5, 0.3])
    assert result.drops["winter"].low < 0.3 < result.drops["winter"].high
    assert result.means == pytest.approx({"original": 0.55, "winter": 0.55, "mixed": 0.7})
    assert result.scores.loc["winter", "original"] == pytest.approx(0.4)
    assert (result.clusters, result.seeds) == (6, 1)


def test_the_four_intervals_are_wider_than_each_would_be_alone():
    table = cross_domain(AS_PUBLISHED)
    left_out = without_videos(table)
    result = finding(table, left_out)
    cells = jackknives(table, left_out, "map50")
    drop = cells["original", "original", "all"] - cells["original", "winter", "all"]
    alone = drop.interval(0.95)
    ratio = (result.drops["original"].high - result.drops["original"].low) / (alone.high - alone.low)
    one, four = (stats.t.ppf(1 - 0.025 / count, drop.spread.freedom) for count in (1, 4))
    assert ratio == pytest.approx(four / one)
    assert ratio > 1.4


def test_scores_are_means_over_seeds():
    result = of(cross_domain(AS_PUBLISHED, seeds=(0, 2)))
    assert result.seeds == 2
    assert result.scores.loc["original", "original"] == pytest.approx(0.81)


def test_one_domain_that_does_not_drop_breaks_it():
    result = of(cross_domain(AS_PUBLISHED | {"winter": (0.7, 0.7)}))
    assert result.drops["winter"].value == pytest.approx(0)
    assert not result.holds


def test_mixed_must_beat_both():
    result = of(cross_domain(AS_PUBLISHED | {"mixed": (0.6, 0.5)}))
    assert result.lead == pytest.approx(0)
    assert not result.holds


def test_a_difference_that_other_videos_may_turn_does_not_hold():
    assert not of(cross_domain(AS_PUBLISHED), spread=0.1).holds


def test_a_missing_pair_is_named():
    table = cross_domain(AS_PUBLISHED)
    gone = (table["train_domain"] == "mixed") & (table["test_domain"] == "winter")
    with pytest.raises(SnowdriftError, match="mixed detector on winter"):
        of(table[~gone])
