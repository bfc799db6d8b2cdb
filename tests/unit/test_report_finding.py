"""The finding, computed from the cross-domain table."""

import pandas as pd
import pytest

from snowdrift.report.finding import finding
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


def test_the_published_pattern_holds_with_its_figures():
    result = finding(cross_domain(AS_PUBLISHED))
    assert result.holds
    assert result.single_domains_drop
    assert result.lead == pytest.approx(0.15)
    assert result.drops == pytest.approx({"original": 0.5, "winter": 0.3})
    assert result.means == pytest.approx({"original": 0.55, "winter": 0.55, "mixed": 0.7})
    assert result.scores.loc["winter", "original"] == pytest.approx(0.4)


def test_scores_are_means_over_seeds():
    result = finding(cross_domain(AS_PUBLISHED, seeds=(0, 2)))
    assert len(result.trainings) == 2
    assert result.scores.loc["original", "original"] == pytest.approx(0.81)


def test_one_domain_that_does_not_drop_breaks_it():
    result = finding(cross_domain(AS_PUBLISHED | {"winter": (0.7, 0.7)}))
    assert not result.single_domains_drop
    assert not result.holds


def test_mixed_must_beat_both():
    result = finding(cross_domain(AS_PUBLISHED | {"mixed": (0.6, 0.5)}))
    assert result.single_domains_drop
    assert result.lead == pytest.approx(0)
    assert not result.holds


def test_a_missing_pair_is_named():
    table = cross_domain(AS_PUBLISHED)
    gone = (table["train_domain"] == "mixed") & (table["test_domain"] == "winter")
    with pytest.raises(SnowdriftError, match="mixed detector on winter"):
        finding(table[~gone])
