"""The summary of the attacks: rates, queries with intervals, and images that say nothing."""

import numpy as np
import pandas as pd
import pytest

from snowdrift.attack.summary import join_shards, summarise


def rows(queries, success, *, half=None, attackable=True, method="las_gsa"):
    count = len(queries)
    return pd.DataFrame(
        {
            "image": [f"V/{n}" for n in range(count)],
            "method": method,
            "queries": queries,
            "spent": queries,
            "success": success,
            "reached": success,
            "is_attackable": attackable,
            "score": np.where(success, 0.8, 0.2),
            "half_queries": half if half is not None else np.nan,
            "ceiling": 0.9,
            "psnr": 30.0,
            "ssim": 0.9,
            "score_8_bit": 0.7,
        }
    )


def test_rates_and_queries_count_what_was_given_up_with_all_that_was_spent():
    table = rows([100, 200, 1000, 1000], [True, True, False, False], half=[50, 150, 400, np.nan])
    summary = summarise(table, seed=0).iloc[0]
    assert summary["images"] == 4
    assert summary["success_rate"] == 0.5
    assert summary["success_rate_low"] == pytest.approx(0.150, abs=1e-3)  # Wilson's, from its formula
    assert summary["mean_queries"] == 575
    assert summary["median_queries"] == 600
    assert summary["mean_queries_low"] < 575 < summary["mean_queries_high"]
    assert summary["half_rate"] == 0.75
    assert summary["mean_half_queries"] == (50 + 150 + 400 + 1000) / 4
    assert summary["mean_score_8_bit"] == pytest.approx(0.7)


def test_images_that_the_generator_leaves_alone_do_not_count():
    table = pd.concat([rows([100], [True]), rows([5000], [False], attackable=False)])
    summary = summarise(table, seed=0).iloc[0]
    assert (summary["images"], summary["mean_queries"], summary["success_rate"]) == (1, 100, 1)
    assert np.isnan(summary["mean_queries_low"])


def test_a_generator_that_changes_nothing_gives_no_figures_instead_of_wrong_ones():
    summary = summarise(rows([100, 100], [False, False], attackable=False), seed=0).iloc[0]
    assert summary["images"] == 0
    assert np.isnan(summary["success_rate"]) and np.isnan(summary["mean_queries"])


def test_intervals_repeat_with_the_seed_and_cover_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(40):
        queries = random.exponential(1000, 60)
        summary = summarise(rows(queries, True), seed=0).iloc[0]
        covered += summary["mean_queries_low"] <= 1000 <= summary["mean_queries_high"]
    assert covered >= 34
    pd.testing.assert_frame_equal(
        summarise(rows(queries, True), seed=0), summarise(rows(queries, True), seed=0)
    )


def test_shards_are_joined_by_image_and_empty_ones_do_not_spoil_the_types(tmp_path):
    one, two = rows([1, 2], [True, False])[::-1], rows([3], [True], method="rgf")
    for name, part in (("0", two), ("1", one), ("2", one[:0])):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    joined = join_shards([tmp_path / f"{name}.csv" for name in "012"])
    assert joined["image"].tolist() == ["V/0", "V/0", "V/1"]
    assert joined["success"].dtype == bool
