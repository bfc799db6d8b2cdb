"""The summary of the attacks: rates, queries with intervals, and images that say nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from snowdrift.attack.intervals import mean_interval, share_interval
from snowdrift.attack.summary import join_shards, summarise

BUDGET = 1000


def rows(queries, success, *, half=None, attackable=True, method="las_gsa", score=None, groups=None):
    count = len(queries)
    success = np.broadcast_to(success, count)
    return pd.DataFrame(
        {
            "image": [f"V/{n}" for n in range(count)],
            "group": groups if groups is not None else [f"V{n}" for n in range(count)],
            "method": method,
            "queries": queries,
            "spent": queries,
            "budget": BUDGET,
            "success": success,
            "passed": success,
            "is_attackable": attackable,
            "score": score if score is not None else np.where(success, 0.8, 0.2),
            "half_ceiling_queries": half if half is not None else np.nan,
            "ceiling": 0.9,
            "psnr": 30.0,
            "ssim": 0.9,
            "score_8_bit": 0.7,
        }
    )


def test_rates_and_queries_count_what_was_not_reached_with_the_whole_budget():
    table = rows([100, 200, 1000, 1000], [True, True, False, False], half=[50, 150, 400, np.nan])
    summary = summarise(table.assign(spent=[100, 200, 7, 7])).iloc[0]
    assert summary["images"] == 4
    assert summary["success_rate"] == summary["passed_rate"] == 0.5
    assert summary["success_rate_low"] < 0.1 and summary["success_rate_high"] > 0.9
    assert summary["mean_queries"] == 575
    assert summary["mean_queries_low"] < 575 < summary["mean_queries_high"]
    assert summary["half_ceiling_rate"] == 0.75
    assert summary["mean_half_ceiling_queries"] == (50 + 150 + 400 + BUDGET) / 4
    assert summary["mean_score_8_bit"] == pytest.approx(0.7)


def test_photographs_of_one_video_give_no_interval_and_all_or_none_give_one_over_videos():
    alone = summarise(rows([100, 200], True, groups="V")).iloc[0]
    assert alone["mean_queries"] == 150 and np.isnan(alone["mean_queries_low"])
    of_many = summarise(rows([100] * 40, True, groups=np.repeat(list("abcd"), 10))).iloc[0]
    # Exact, of four hits in four: 0.025^(1/4).
    assert of_many["success_rate_low"] == pytest.approx(0.025**0.25)


def test_attacks_are_compared_on_the_same_photographs():
    difficulty = np.array([0.1, 0.3, 0.5, 0.7])
    first = rows([1000] * 4, False, score=difficulty + np.array([0.02, 0.021, 0.019, 0.02]))
    second = rows([1000] * 4, False, score=difficulty, method="rgf")
    summary = summarise(pd.concat([first, second])).set_index("method")
    assert np.isnan(summary.loc["las_gsa", "score_lead"])
    assert summary.loc["rgf", "score_lead"] == pytest.approx(0.02)
    assert 0.015 < summary.loc["rgf", "score_lead_low"] < 0.02
    assert summary.loc["las_gsa", "mean_score_low"] < summary.loc["rgf", "mean_score_high"]


def test_images_that_the_generator_leaves_alone_do_not_count():
    table = pd.concat([rows([100], [True]), rows([5000], [False], attackable=False)])
    summary = summarise(table).iloc[0]
    assert (summary["images"], summary["mean_queries"], summary["success_rate"]) == (1, 100, 1)
    assert np.isnan(summary["mean_queries_low"])


def test_a_generator_that_changes_nothing_gives_no_figures_instead_of_wrong_ones():
    summary = summarise(rows([100, 100], [False, False], attackable=False)).iloc[0]
    assert summary["images"] == 0
    assert np.isnan(summary["success_rate"]) and np.isnan(summary["mean_queries"])


EASE = np.sqrt(2) * stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
TRUTHS = {
    "score": stats.norm.cdf(EASE / 2).mean(),
    "queries": np.minimum(BUDGET, 1000 * np.exp(-0.5 * EASE)).mean(),
    "lead": 0.1,
    "skewed lead": 0.1,
    "success": 0.5,
}


@pytest.mark.parametrize("photographs", [4, 10, 30])
@pytest.mark.parametrize("each", [1, 2])
def test_intervals_hold_the_truth_in_at_least_90_percent(photographs, each):
    """Scores that vary by video and photograph, queries half of which end at the budget, and an attack's lead.

    Of the intervals that are given: where all photographs agree, as where each spent its whole budget, means have none.
    Of leads as skewed as an exponential's 89 % do at four and at ten photographs, which docs/study.md says.
    """
    random, held = np.random.default_rng(0), []
    videos = pd.Series(np.repeat(np.arange(photographs // each), each))
    for _ in range(400):
        ease = pd.Series(random.normal(size=photographs // each)[videos] + random.normal(size=photographs))
        queries = np.minimum(BUDGET, 1000 * np.exp(-0.5 * ease))
        drawn = {
            "score": mean_interval(pd.Series(stats.norm.cdf(ease / 2)), videos, 0.95),
            "queries": mean_interval(queries, videos, 0.95),
            "lead": mean_interval(pd.Series(random.normal(0.1, 0.1, photographs)), videos, 0.95),
            "skewed lead": mean_interval(pd.Series(0.1 * random.exponential(size=photographs)), videos, 0.95),
            "success": share_interval(queries < BUDGET, videos, 0.95),
        }
        held.append(
            {
                name: drawn[name].low <= truth <= drawn[name].high
                if drawn[name].low == drawn[name].low
                else None
                for name, truth in TRUTHS.items()
            }
        )
    coverage = pd.DataFrame(held).astype(float).mean()
    print(f"{photographs} photographs, {each} a video: {coverage.round(3).to_dict()}")
    assert coverage.pop("skewed lead") >= 0.86
    assert (coverage >= 0.9).all(), coverage


def test_shards_are_joined_by_image_and_empty_ones_do_not_spoil_the_types(tmp_path):
    one, two = rows([1, 2], [True, False])[::-1], rows([3], [True], method="rgf")
    for name, part in (("0", two), ("1", one), ("2", one[:0])):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    joined = join_shards([tmp_path / f"{name}.csv" for name in "012"])
    assert joined["image"].tolist() == ["V/0", "V/0", "V/1"]
    assert joined["success"].dtype == bool
