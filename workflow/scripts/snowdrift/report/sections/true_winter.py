"""The answer to the question: what the detectors reach on winter that no translator made."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from snowdrift.data.class_maps import merged_classes
from snowdrift.data.sets import TRUE_WINTER
from snowdrift.data.tables import OK
from snowdrift.data.true_winter import SEEN
from snowdrift.detection.intervals import jackknives
from snowdrift.report.blocks import Figure, Section, Table, Text
from snowdrift.report.figures.pictures import data_uri
from snowdrift.report.sections.finding import LEARNED
from snowdrift.report.sections.translators import Cost, compared_translators
from snowdrift.report.tables import drawn_units, mean_over_seeds
from snowdrift.runtime.files import read_table
from snowdrift.statistics.intervals import LEVEL
from snowdrift.statistics.jackknife import Interval, Jackknife, ratio_interval

_WIDTH = 1200
_MISSING = (
    "This study has no true winter: no labelled pictures of winter that no translator made. So the page cannot answer "
    "whether synthetic snow makes a detector work in winter. What follows is measured on winter frames that the "
    "study's own generator made, and says how the detectors see that generator. To have the answer, give labelled "
    "pictures of winter as data.true_winter.folder, and true_winter among the test_sets."
)


class TrueWinterFiles(NamedTuple):
    """The files of a study with true winter that the report shows."""

    frames: Path
    rejected: Path
    sheet: Path
    distances: Path


def opening(cross_domain: pd.DataFrame, left_out: pd.DataFrame, config: Mapping[str, Any]) -> str:
    """The sentence that the page opens with: how the detectors do on true winter, or that there is none.

    Args:
        cross_domain: `detection/cross_domain.csv`.
        left_out: `detection/left_out.parquet`.
        config: the complete configuration.
    """
    if TRUE_WINTER not in config["test_sets"]:
        return (
            "Whether synthetic snow makes a detector work in winter cannot be answered here: this study has no "
            "labelled pictures of winter that no translator made."
        )
    scores, oracle = scores_on_true_winter(cross_domain, left_out), _oracle(config)
    named = [name for name in ("original", "mixed", oracle) if name is not None]
    listing = [f"{scores[name].share_interval(LEVEL).in_words('.3f')} trained on {name}" for name in named]
    share = shares_of_gap(scores, oracle)["mixed"]
    if share is None:
        closes = (
            "" if oracle is None else " How much of the gap mixed closes cannot be told from so few videos."
        )
    else:
        closes = f" Of the gap, mixed closes {_percent(share)}."
    return (
        f"mAP50 on winter that no translator made: {', '.join(listing[:-1])} and {listing[-1]}.{closes} "
        f"{_verdict(scores)} In brackets: {LEVEL:.0%} intervals over {scores['original'].clusters} "
        f"{drawn_units(config, TRUE_WINTER)}."
    )


def _verdict(scores: Mapping[str, Jackknife]) -> str:
    """Whether the sample decides that synthetic snow helps, in a sentence."""
    if max(score.value for score in scores.values()) < LEARNED:
        return "The detectors have learned too little to tell: none of them finds people in true winter."
    lead = (scores["mixed"] - scores["original"]).interval(LEVEL)
    told = f"{lead.in_words('+.3f')} for mixed over original"
    if not lead.decides:
        return f"The intervals decide nothing here: {told} may be chance."
    return f"So synthetic snow {'helps' if lead.value > 0 else 'does harm'} here: {told}."


def true_winter_section(
    files: TrueWinterFiles | None,
    cross_domain: pd.DataFrame,
    left_out: pd.DataFrame,
    config: Mapping[str, Any],
    costs: Mapping[str, Cost],
) -> Section:
    """mAP50 of every detector on true winter, its lead over that of the originals, and the share of the gap.

    Args:
        files: None without true winter; then the section says what cannot be answered.
        cross_domain: `detection/cross_domain.csv`.
        left_out: `detection/left_out.parquet`.
        config: the complete configuration.
        costs: of each translator.
    """
    title = "On true winter"
    if files is None:
        return Section("true-winter", title, [Text(_MISSING)])
    return Section(
        "true-winter",
        title,
        [
            Text(_origin(files, config)),
            _table(cross_domain, left_out, _oracle(config)),
            Text(_meaning(_oracle(config), rendered=config["data"]["true_winter"]["folder"] is None)),
            *compared_translators(scores_on_true_winter(cross_domain, left_out), costs, config),
            Figure(
                data_uri(files.sheet, _WIDTH),
                "Test frames as they were taken, as the generator translates them, and in true winter",
                _caption(read_table(files.distances)),
            ),
        ],
    )


def scores_on_true_winter(cross_domain: pd.DataFrame, left_out: pd.DataFrame) -> dict[str, Jackknife]:
    """mAP50 over all classes on true winter, by training set."""
    rows = cross_domain[(cross_domain["test_domain"] == TRUE_WINTER) & (cross_domain["class_name"] == "all")]
    return {trained: score for (trained, *_), score in jackknives(rows, left_out, "map50").items()}


def shares_of_gap(scores: Mapping[str, Jackknife], oracle: str | None) -> dict[str, Interval | None]:
    """How much of the way from the detector of originals to the oracle each detector has come: 0 to 1, or beyond.

    Args:
        scores: mAP50 on true winter by training set.
        oracle: the training set that learns from true winter alone; None if there is none.

    Returns:
        By training set, with its interval (Fieller); None if there is no oracle, or if the gap's own interval does not
        leave out 0, since then there is no gap to speak of.
    """
    if oracle is None:
        return dict.fromkeys(scores)
    gap = scores[oracle] - scores["original"]
    shares = {name: ratio_interval(score - scores["original"], gap, LEVEL) for name, score in scores.items()}
    return {
        name: share if math.isfinite(share.low) and gap.value > 0 else None for name, share in shares.items()
    }


def _oracle(config: Mapping[str, Any]) -> str | None:
    sets = config["training_sets"].items()
    return next((name for name, shares in sets if set(shares) == {TRUE_WINTER}), None)


def _table(cross_domain: pd.DataFrame, left_out: pd.DataFrame, oracle: str | None) -> Table:
    scores = scores_on_true_winter(cross_domain, left_out)
    shares = shares_of_gap(scores, oracle)
    by_class = mean_over_seeds(cross_domain[cross_domain["test_domain"] == TRUE_WINTER])
    by_class = by_class.set_index(["train_domain", "class_name"])["map50"]
    of_classes = cross_domain.loc[cross_domain["test_domain"] == TRUE_WINTER, "class_name"]
    classes = [name for name in of_classes.unique() if name != "all"]
    rows = []
    for name, score in scores.items():
        compared = name not in ("original", oracle)
        rows.append(
            [
                name,
                score.share_interval(LEVEL).in_words(".3f"),
                *(float(by_class.get((name, each), np.nan)) for each in classes),
                (score - scores["original"]).interval(LEVEL).in_words("+.3f") if name != "original" else "",
                _percent(shares[name]) if compared else "",
            ]
        )
    header = [
        "trained on",
        "mAP50",
        *(f"of it {name}" for name in classes),
        "more than original",
        "of the gap closed",
    ]
    return Table("Detectors on true winter", header, rows)


def _percent(share: Interval | None) -> str:
    return "not decided" if share is None else share.in_words(".0%")


def _origin(files: TrueWinterFiles, config: Mapping[str, Any]) -> str:
    frames, rejected = read_table(files.frames), read_table(files.rejected)
    test = frames[(frames["split"] == "test") & (frames["status"] == OK)]
    counts = f"{len(test):,} pictures of {test['video'].nunique():,} videos"
    folder = config["data"]["true_winter"]["folder"]
    if folder is None:
        return (
            f"The question is asked of winter that no translator made: {counts}, rendered for this study. They are the "
            "test videos once more, with the same scenes, cameras and people under snow, so that nothing but the "
            "weather differs."
        )
    seen = int((rejected["reason"] == SEEN).sum())
    left_out = f" {seen:,} pictures that the generator learned its style from are left out." if seen else ""
    several = "".join(
        f" Their class {own} does not tell {' and '.join(names)} apart, so that a detection of either counts as {own}."
        for own, names in merged_classes(config["data"]["true_winter"]["map"]).items()
    )
    return (
        f"The question is asked of winter that no translator made: {counts} of {folder}.{left_out}{several}"
    )


def _meaning(oracle: str | None, *, rendered: bool) -> str:
    if oracle is None:
        return (
            "No detector learned from true winter, so how much there is to win is not known. A training set of "
            "{true_winter: 1} would show it, if data.true_winter has videos to train on."
        )
    scenes = ", on scenes of its own" if rendered else ""
    return (
        f"The detector of {oracle} learned from true winter itself{scenes}: what lies between it and the detector of "
        "original is the gap that synthetic snow should close. If the sample leaves open whether there is a gap, no "
        "share of it is given."
    )


def _caption(distances: pd.DataFrame) -> str:
    if distances.empty:
        return (
            "Test frames and their winter versions, beside pictures of true winter, which show other scenes."
        )
    original, winter = distances["original"].mean(), distances["winter"].mean()
    return (
        "The same test frames in three versions. Pixel by pixel, an original differs from true winter by "
        f"{original:.0f} of 255 levels on average, its translation by {winter:.0f} ({len(distances):,} test frames)."
    )
