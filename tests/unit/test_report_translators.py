"""The page's table of ways of making winter, and what it says of them."""

from pathlib import Path

import pandas as pd
import pytest
from report_samples import without_videos
from test_report_page import SCHEMA, cross_domain

from snowdrift.report.blocks import Table
from snowdrift.report.sections.translators import Cost, compared_translators, costs_of
from snowdrift.report.sections.true_winter import scores_on_true_winter
from snowdrift.settings.config import complete_config

COSTS = {"cyclegan": Cost(7200, 0.2), "matched": Cost(4, 0.05), "rendered": Cost(0, 0.01)}
SETS = {
    "matched": {"original": 0.5, "matched": 0.5},
    "both": {"matched": 0.5, "rendered": 0.5},
    "oracle": {"true_winter": 1},
}


def blocks(spread: float = 0.002, sets: dict = SETS, **reached: float):
    scores = {
        "original": 0.1,
        "winter": 0.5,
        "mixed": 0.6,
        "matched": 0.6,
        "both": 0.6,
        "oracle": 0.9,
    } | reached
    row = cross_domain().iloc[:3].assign(test_domain="true_winter")
    table = pd.concat([row.assign(train_domain=name, map50=score) for name, score in scores.items()])
    config = {"data": {"vfp290k": None}, "demo": {"videos": 58}, "training_sets": sets}
    config |= {"test_sets": ["true_winter"]}
    found = scores_on_true_winter(table, without_videos(table, spread=spread))
    return compared_translators(found, COSTS, complete_config(config, SCHEMA))


def test_every_set_of_generated_winter_has_a_row_with_its_lead_and_its_cost():
    table, _ = blocks(matched=0.75)
    assert isinstance(table, Table)
    assert [(row[0], row[2][:5], row[3][:6], *row[4:]) for row in table.rows] == [
        ("winter", "0.500", "-0.100", "2.0 h", "200 ms"),
        ("mixed", "0.600", "", "2.0 h", "200 ms"),
        ("matched", "0.750", "+0.150", "4 s", "50 ms"),
        ("both", "0.600", "+0.000", "4 s", "50 ms"),
    ]


def test_the_sentence_says_who_is_ahead_who_is_behind_and_what_is_cheapest_of_the_rest():
    _, said = blocks(matched=0.75, both=0.3)
    assert "ahead of mixed on true winter: matched; behind it: winter and both." in said.text
    assert (
        "that of matched has the winter that costs the least to learn (4 s; that of mixed: 2.0 h)"
        in said.text
    )
    _, said = blocks(winter=0.6, matched=0.61, both=0.59, spread=0.1)
    assert "not decided by these videos and trainings: winter, matched and both." in said.text
    assert "that of matched has the winter that costs the least" in said.text
    _, said = blocks(winter=0.2, matched=0.2, both=0.2)
    assert "behind mixed on true winter: winter, matched and both." in said.text
    assert "that of mixed has the winter that costs the least to learn" in said.text


def test_a_study_with_its_own_translator_alone_compares_nothing():
    assert blocks(sets={"gated": {"original": 0.5, "cyclegan": {"share": 0.5, "keep": 0.8}}}, gated=0.5) == []


@pytest.mark.parametrize(("translated", "frames"), [("all", 4), ("splits", 3)])
def test_costs_are_over_all_resumes_of_a_training_and_all_frames_that_are_translated(
    tmp_path: Path, translated: str, frames: int
):
    (tmp_path / "cyclegan").mkdir()
    pd.DataFrame({"epoch": [1, 2], "seconds": [100.0, 50.0]}).to_csv(tmp_path / "cyclegan/losses.csv")
    times = {"train_cyclegan": 60, "fit_translator/matched": 5, "winterize_shard/cyclegan/0": 10}
    times |= {"winterize_shard/cyclegan/1": 2, "winterize_shard/matched/0": 1}
    for name, seconds in times.items():
        path = tmp_path / f"benchmarks/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t-\n")
    table = pd.DataFrame({"split": ["train", "val", "test", "unused"]})
    costs = costs_of(
        ["cyclegan", "matched"],
        table,
        [tmp_path / "cyclegan/losses.csv"],
        tmp_path / "benchmarks",
        {"winterize": {"frames": translated}},
    )
    assert costs == {"cyclegan": (150, 12 / frames), "matched": (5, 1 / frames)}
