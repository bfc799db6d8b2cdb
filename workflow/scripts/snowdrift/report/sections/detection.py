"""What the detectors reach, and what they find on a few frames."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from snowdrift.data.sets import ORIGINAL, TRUE_WINTER, in_words, shows_all
from snowdrift.detection.intervals import CELL
from snowdrift.report.blocks import Figure, Section, Table, Text
from snowdrift.report.charts.study import (
    cross_domain_chart,
    curves_chart,
)
from snowdrift.report.figures.detections import DRAWN_CONFIDENCE
from snowdrift.report.figures.pictures import data_uri
from snowdrift.report.sections.cross_domain import means_with_intervals
from snowdrift.report.sections.files import StudyFiles
from snowdrift.report.tables import (
    METRICS,
    between,
    drawn_units,
)
from snowdrift.runtime.files import read_table

_WIDTH = 1300


_IN_USE = (
    "In use, a detector runs at one confidence. Here it is the one with the best F1 on the detector's own validation "
    "videos, the same on every test set. Missed are people whom no detection of their class covers (IoU of 0.5 or "
    "more); a false alarm is a detection that covers no such person. Test sets whose people are larger are easier, so "
    "a difference between test sets says little without the heights."
)


def cross_domain_section(files: StudyFiles, config: Mapping[str, Any]) -> Section:
    """Every detector on every test set: heat map, precision-recall curves, tables of all and of each class."""
    means = means_with_intervals(read_table(files.cross_domain), read_table(files.left_out))
    seeds = int(means["seeds"].max())
    over = "one training of each" if seeds == 1 else f"{seeds} trainings of each, and means over them"
    training_sets = config["training_sets"]
    true = ", and on true winter (true_winter)" if TRUE_WINTER in config["test_sets"] else ""
    longer = [name for name, shares in training_sets.items() if len(shares) > 1 and shows_all(shares)]
    in_use = read_table(files.in_use)
    together, each = means[means["class_name"] == "all"], means[means["class_name"] != "all"]
    return Section(
        "detection",
        "Cross-domain evaluation",
        [
            Text(
                "Detectors that differ in nothing but their training data, each on the original (original) and the "
                f"generated winter version (winter) of the same test videos{true}. The figures are from {over}."
                + "".join(map(_trains_longer, longer))
            ),
            Table(
                "What each detector learned from",
                ["trained on", "training videos"],
                [
                    [name, in_words(shares, config["gates"].get(name))]
                    for name, shares in training_sets.items()
                ],
            ),
            Text(_intervals_text(int(together["clusters"].min()), drawn_units(config, ORIGINAL), seeds)),
            cross_domain_chart(means),
            _metrics_table("All classes together", together, per_class=False),
            curves_chart(read_table(files.curves)),
            _metrics_table("Each class", each, per_class=True),
            _differences_table(read_table(files.comparisons)),
            Text(_IN_USE + _without_confidence(in_use)),
            _in_use_table(in_use),
            _heights_table(read_table(files.by_height)),
        ],
    )


def _intervals_text(clusters: int, units: str, seeds: int) -> str:
    trainings = (
        "They do not hold what another training of the same detector would give."
        if seeds == 1
        else f"They also hold how far the {seeds} trainings differ."
    )
    return (
        f"In brackets are 95 % intervals: what these figures might be on other test videos of the same kind, judged by "
        f"leaving out each of the {clusters} {units} in turn. {trainings} Where there is none, fewer than two show the "
        "class, or all of them agree. Precision and recall are taken at the confidence with the best F1 on the test "
        "videos themselves, for each detector and test set its own."
    )


def _differences_table(comparisons: pd.DataFrame) -> Table:
    rows = comparisons[comparisons["class_name"] == "all"]
    rows = rows.rename(columns={"low": "difference_low", "high": "difference_high"})
    titles = {"map50": "mAP50", "map50_95": "mAP50-95"}
    return Table(
        "Differences between the detectors on the same videos, all classes together; each interval holds by itself",
        ["tested on", "metric", "first", "second", "first less second"],
        [
            [
                *(row["test_domain"], titles[row["metric"]], row["first"], row["second"]),
                between(row, "difference", "+.3f"),
            ]
            for row in rows.to_dict("records")
        ],
    )


def _without_confidence(in_use: pd.DataFrame) -> str:
    """A sentence on the detectors that find nothing on their validation videos; empty if all find something."""
    names = in_use.loc[in_use["confidence"].isna(), "train_domain"].unique()
    if not len(names):
        return ""
    some = "some training of it" if in_use["seeds"].max() > 1 else "it"
    return " " + " ".join(
        f"For the detector of {name} there is no such confidence: {some} finds nobody on the validation videos, so "
        "nothing can be said of its use."
        for name in names
    )


def _in_use_table(in_use: pd.DataFrame) -> Table:
    return Table(
        "What each detector misses, and its false alarms, at its own confidence",
        ["trained on", "tested on", "class", "at confidence", "missed", "false alarms in 100 frames"],
        [
            [
                *(row[key] for key in CELL),
                *_used(row),
            ]
            for row in in_use.to_dict("records")
        ],
    )


def _used(row: Mapping[str, Any]) -> tuple[str | float, str, str]:
    """The cells of confidence, misses and false alarms; words if there is no confidence, or nobody to miss."""
    if pd.isna(row["confidence"]):
        return "no confidence", "not told", "not told"
    missed = "not shown" if pd.isna(row["missed"]) else between(row, "missed", ".1%")
    return float(row["confidence"]), missed, between(row, "false_alarms", ".1f")


def _heights_table(by_height: pd.DataFrame) -> Table:
    rows = by_height[(by_height["class_name"] == "all") & (by_height["instances"] > 0)]
    return Table(
        "mAP50 by the height of people, as a share of the picture's; all classes together",
        ["trained on", "tested on", "height", "mAP50", "objects"],
        [
            [*(row[key] for key in CELL[:2]), row["height"], between(row, "map50", ".3f"), row["instances"]]
            for row in rows.to_dict("records")
        ],
    )


def _trains_longer(name: str) -> str:
    return (
        f" The detector of {name} sees several versions of every training frame, and so more frames than the others: "
        "a part of its lead may be that it trains longer."
    )


def _metrics_table(caption: str, means: pd.DataFrame, *, per_class: bool) -> Table:
    keys = ["train_domain", "test_domain", *(["class_name"] if per_class else [])]
    titles = ["trained on", "tested on", *(["class"] if per_class else [])]
    rows = [
        [
            *(str(row[key]) for key in keys),
            *(between(row, metric, ".3f") for metric in METRICS),
            round(row["instances"]),
        ]
        for row in means.to_dict("records")
    ]
    return Table(caption, [*titles, "mAP50", "mAP50-95", "precision", "recall", "objects"], rows)


def detections_section(files: StudyFiles) -> Section:
    """What the detectors find on a few test frames."""
    return Section(
        "examples",
        "Detections on test frames",
        [
            Figure(
                data_uri(files.detections, _WIDTH),
                "Test frames with the boxes that each detector found",
                "Each frame in every test set, as each detector sees it. Thin magenta boxes: ground truth. "
                f"Detections of at least {DRAWN_CONFIDENCE} confidence are drawn with class and confidence.",
                wide=True,
            )
        ],
    )
