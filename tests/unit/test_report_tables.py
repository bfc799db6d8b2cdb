"""Tables that the report sums up."""

import math

import pandas as pd
from report_samples import without_videos

from snowdrift.data.selection import evenly
from snowdrift.data.tables import corners_of
from snowdrift.report.blocks import Table
from snowdrift.report.sections.cross_domain import means_with_intervals
from snowdrift.report.tables import (
    mean_matrix,
    mean_over_seeds,
    rejection_reasons,
    rule_times,
    split_counts,
)

COLUMNS = [
    "train_domain",
    "test_domain",
    "class_name",
    "seed",
    "instances",
    "precision",
    "recall",
    "map50",
    "map50_95",
]


def cross_domain(*rows):
    return pd.DataFrame([(*row[:4], 10, 0.5, 0.5, row[4], row[4] / 2) for row in rows], columns=COLUMNS)


def test_matrix_is_the_mean_over_seeds_of_all_classes():
    table = cross_domain(
        ("original", "winter", "all", 0, 0.2),
        ("original", "winter", "all", 1, 0.4),
        ("original", "winter", "fallen", 0, 0.9),
    )
    matrix = mean_matrix(table, "map50")
    assert matrix.shape == (1, 1)
    assert math.isclose(matrix.loc["original", "winter"], 0.3)


def test_a_pair_without_a_score_is_left_open_in_the_matrix():
    table = cross_domain(("original", "winter", "all", 0, 0.2), ("mixed", "original", "all", 0, 0.2))
    matrix = mean_matrix(table, "map50")
    assert (list(matrix.index), list(matrix.columns)) == (["original", "mixed"], ["winter", "original"])
    assert math.isnan(matrix.loc["mixed", "winter"])


def test_means_come_in_the_order_of_the_table_and_count_seeds():
    table = cross_domain(
        ("original", "winter", "normal", 0, 0.3),
        ("original", "winter", "all", 0, 0.4),
        ("original", "winter", "all", 7, 0.6),
        ("winter", "original", "all", 0, 0.1),
        ("mixed", "original", "all", 0, 0.2),
    )
    means = mean_over_seeds(table)
    assert list(means["train_domain"]) == ["original", "original", "winter", "mixed"]
    assert list(means["class_name"]) == ["all", "normal", "all", "all"]
    assert math.isclose(means.loc[0, "map50"], 0.5)
    assert list(means["seeds"]) == [2, 1, 1, 1]
    whole = means_with_intervals(table, without_videos(table))
    assert set(whole["clusters"]) == {6}
    one = whole.loc[2]
    assert 0.08 < one["map50_low"] < one["map50"] < one["map50_high"] < 0.12
    assert whole.loc[0, "map50_low"] < 0.4, "the two trainings differ by 0.2"


def test_split_counts_leave_out_faulty_frames_and_empty_splits():
    frames = pd.DataFrame(
        {
            "frame_id": ["a/0", "a/1", "b/0"],
            "video": ["a", "a", "b"],
            "split": ["train", "train", "test"],
            "status": ["ok", "rejected", "ok"],
        }
    )
    boxes = pd.DataFrame({"frame_id": ["a/0", "b/0", "b/0"], "class_id": [1, 0, 1]})
    counts = split_counts(frames, boxes, ["normal", "fallen"]).to_dict("records")
    assert counts == [
        {"split": "train", "videos": 1, "frames": 1, "faulty": 1, "normal boxes": 0, "fallen boxes": 1},
        {"split": "test", "videos": 1, "frames": 1, "faulty": 0, "normal boxes": 1, "fallen boxes": 1},
    ]


def test_reasons_are_counted_by_kind_most_frequent_first():
    rejected = pd.DataFrame(
        {
            "frame_id": ["a", "b", "c"],
            "file": ["a.jpg", "b.xml", "c.xml"],
            "reason": ["image empty", "class unknown: '7'", "class unknown: '8'"],
        }
    )
    reasons = rejection_reasons(rejected).to_dict("records")
    assert [(row["reason"], row["files"]) for row in reasons] == [("class unknown", 2), ("image empty", 1)]
    assert reasons[0]["for example"] == "b.xml: class unknown: '7'"


def test_rule_times_add_up_jobs_and_survive_missing_memory(tmp_path):
    (tmp_path / "shard").mkdir()
    (tmp_path / "shard/0.tsv").write_text("s\th:m:s\tmax_rss\n2.0\t0:00:02\t100\n")
    (tmp_path / "shard/1.tsv").write_text("s\th:m:s\tmax_rss\n3.0\t0:00:03\t150\n")
    (tmp_path / "index.tsv").write_text("s\th:m:s\tmax_rss\n1.0\t0:00:01\t-\n")
    times = rule_times(tmp_path)
    assert list(times["rule"]) == ["shard", "index"]
    assert list(times["jobs"]) == [2, 1]
    assert list(times["seconds"]) == [5.0, 1.0]
    assert times["memory"].iloc[0] == 150
    assert rule_times(tmp_path / "absent").empty


def test_corners_are_fractions_around_the_centre():
    boxes = pd.DataFrame(
        [("a", 1, 0.5, 0.4, 0.2, 0.4)],
        columns=["frame_id", "class_id", "x_center", "y_center", "box_width", "box_height"],
    )
    [(class_id, corners)] = corners_of(boxes)
    assert class_id == 1
    assert all(map(math.isclose, corners, (0.4, 0.2, 0.6, 0.6)))


def test_evenly_keeps_order_and_takes_all_where_there_are_few():
    assert evenly([0, 1, 2, 3, 4, 5], 2) == [1, 4]
    assert evenly([3, 1], 5) == [3, 1]
    assert evenly([], 5) == []


def test_table_cells_tell_numbers_from_text():
    table = Table("t", ["a", "b", "c", "d"], [["x", 1234, 0.12345, math.nan]])
    assert table.cells() == [[("x", False), ("1,234", True), ("0.123", True), ("none", True)]]
