"""The answer to the question: what the detectors reach on winter that no translator made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from snowdrift.data.sets import TRUE_WINTER
from snowdrift.data.tables import OK
from snowdrift.data.true_winter import SEEN
from snowdrift.report.blocks import Figure, Section, Table, Text
from snowdrift.report.finding import LEARNED
from snowdrift.report.pictures import data_uri
from snowdrift.report.tables import mean_over_seeds
from snowdrift.runtime.files import read_table

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


def opening(cross_domain: pd.DataFrame, config: Mapping[str, Any]) -> str:
    """The sentence that the page opens with: how the detectors do on true winter, or that there is none.

    Args:
        cross_domain: `detection/cross_domain.csv`.
        config: the complete configuration.
    """
    if TRUE_WINTER not in config["test_sets"]:
        return (
            "Whether synthetic snow makes a detector work in winter cannot be answered here: this study has no "
            "labelled pictures of winter that no translator made."
        )
    scores, oracle = _scores(cross_domain)["all"], _oracle(config)
    named = [name for name in ("original", "mixed", oracle) if name is not None]
    listing = [f"{scores[name]:.3f} trained on {name}" for name in named]
    share = shares_of_gap(scores, oracle)["mixed"]
    closes = "" if np.isnan(share) else f" {share:.0%} of the gap is closed by mixed."
    return f"mAP50 on winter that no translator made: {', '.join(listing[:-1])} and {listing[-1]}.{closes}"


def true_winter_section(
    files: TrueWinterFiles | None, cross_domain: pd.DataFrame, config: Mapping[str, Any]
) -> Section:
    """mAP50 of every detector on true winter, and the share of the gap that each closes.

    Args:
        files: None without true winter; then the section says what cannot be answered.
        cross_domain: `detection/cross_domain.csv`.
        config: the complete configuration.
    """
    title = "On true winter"
    if files is None:
        return Section("true-winter", title, [Text(_MISSING)])
    return Section(
        "true-winter",
        title,
        [
            Text(_origin(files, config)),
            _table(cross_domain, _oracle(config)),
            Text(_meaning(_oracle(config))),
            Figure(
                data_uri(files.sheet, _WIDTH),
                "Test frames as they were taken, as the generator translates them, and in true winter",
                _caption(read_table(files.distances)),
                wide=True,
            ),
        ],
    )


def shares_of_gap(scores: pd.Series, oracle: str | None) -> pd.Series:
    """How much of the way from the detector of originals to the oracle each detector has come: 0 to 1, or beyond.

    Args:
        scores: mAP50 on true winter by training set.
        oracle: the training set that learns from true winter alone; None if there is none.

    Returns:
        By training set; NaN if there is no oracle, or if it is less than LEARNED ahead of the originals, since there
        is no gap to speak of.
    """
    if oracle is None or scores[oracle] - scores["original"] < LEARNED:
        return scores * np.nan
    return (scores - scores["original"]) / (scores[oracle] - scores["original"])


def _oracle(config: Mapping[str, Any]) -> str | None:
    sets = config["training_sets"].items()
    return next((name for name, shares in sets if set(shares) == {TRUE_WINTER}), None)


def _scores(cross_domain: pd.DataFrame) -> pd.DataFrame:
    """mAP50 on true winter, mean over the seeds: a row for each training set, a column for each class and `all`."""
    means = mean_over_seeds(cross_domain[cross_domain["test_domain"] == TRUE_WINTER])
    return means.pivot_table(
        index="train_domain", columns="class_name", values="map50", observed=True, sort=False
    )


def _table(cross_domain: pd.DataFrame, oracle: str | None) -> Table:
    scores = _scores(cross_domain)
    shares = shares_of_gap(scores["all"], oracle)
    classes = [name for name in scores.columns if name != "all"]
    rows = [
        [
            str(name),
            *(float(scores.loc[name, each]) for each in ("all", *classes)),
            _percent(shares[name]) if name not in ("original", oracle) else "",
        ]
        for name in scores.index
    ]
    header = ["trained on", "mAP50", *(f"of it {name}" for name in classes), "of the gap closed"]
    return Table("Detectors on true winter", header, rows)


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{share:.0%}"


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
    return f"The question is asked of winter that no translator made: {counts} of {folder}.{left_out}"


def _meaning(oracle: str | None) -> str:
    if oracle is None:
        return (
            "No detector learned from true winter, so how much there is to win is not known. A training set of "
            "{true_winter: 1} would show it, if data.true_winter has videos to train on."
        )
    return (
        f"The detector of {oracle} learned from true winter itself: what lies between it and the detector of original "
        "is the gap that synthetic snow should close. If there is no gap, there is no share of it."
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
