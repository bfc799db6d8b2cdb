"""The report's section on the X-ray chapter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from snowdrift.report.blocks import Figure, Section, Table, Text
from snowdrift.report.pictures import data_uri
from snowdrift.report.tables import read_rejected, rejection_reasons
from snowdrift.report.xray_charts import losses_chart, scores_chart
from snowdrift.runtime.files import read_table
from snowdrift.scores.roles import UNDECIDED
from snowdrift.xray.patients import HELD_OUT

MOST_REASONS = 20
STUDY_SAMPLES = 30
STUDY_SCORE = "study_inception_score"
SCORE_NAMES = {
    STUDY_SCORE: "the study's Inception Score",
    "inception_score": "Inception Score",
    "kid": "KID",
    "precision": "precision",
    "recall": "recall",
    "sharpness": "sharpness (the sharper one)",
}
"""Scores that are compared; the sharper model need not be the better one."""


@dataclass(frozen=True)
class XrayFiles:
    """The files of the chapter that the report shows, all of them below `xray/`.

    `losses` are those of each model, in the config's order.
    """

    images: Path
    rejected: Path
    scores: Path
    comparisons: Path
    extractors: Path
    sheet: Path
    neighbours_picture: Path
    losses: Sequence[Path]


def xray_section(files: XrayFiles, config: Mapping[str, Any]) -> Section:
    """Which model of X-rays is better, as far as the scores can tell, and what they were read from."""
    scores, comparisons = read_table(files.scores), read_table(files.comparisons)
    extractors = read_table(files.extractors)
    return Section(
        "xray",
        "X-rays: which generator is better, and how sure that is",
        [
            *_answer(scores, comparisons, config),
            Text(_extractors(extractors)),
            Figure(
                data_uri(files.sheet),
                "Real X-rays, and those of each model, in blocks",
                f"Real training images and the first {config['xray']['samples']} images of each model.",
                wide=True,
            ),
            *(scores_chart(scores, extractor) for extractor in scores["extractor"].unique()),
            *_score_tables(scores),
            *_comparison_tables(comparisons),
            Figure(
                data_uri(files.neighbours_picture),
                "Samples and the training images nearest to them",
                "Above, the samples that come closest to a training image; below, that image. The figure is the "
                "distance as a share of the one under which a sample counts as a near-copy: 1 in 100 real images "
                "is that close to another. Near-copies are framed.",
                wide=True,
            ),
            losses_chart(dict(zip(config["xray"]["models"], map(read_table, files.losses), strict=True))),
            *_data(read_table(files.images), read_rejected(files.rejected), config),
        ],
    )


def ranking(comparisons: pd.DataFrame, score: str) -> str:
    """What one score decides between the models, by one extractor.

    Args:
        comparisons: rows of `xray/comparisons.csv` of one extractor.
        score: one of `SCORE_NAMES`.

    Returns:
        For instance `vae above gan, dcgan; gan and dcgan undecided`.
    """
    rows = comparisons[comparisons["score"] == score]
    beaten: dict[str, list[str]] = {}
    for row in rows[rows["verdict"] != UNDECIDED].itertuples():
        beaten.setdefault(row.verdict, []).append(row.second if row.verdict == row.first else row.first)
    strongest_first = sorted(beaten.items(), key=lambda item: -len(item[1]))
    parts = [f"{winner} above {', '.join(losers)}" for winner, losers in strongest_first]
    parts += [
        f"{row.first} and {row.second} undecided" for row in rows[rows["verdict"] == UNDECIDED].itertuples()
    ]
    return "; ".join(parts)


def _answer(scores: pd.DataFrame, comparisons: pd.DataFrame, config: Mapping[str, Any]) -> list[Text]:
    """What is decided, and whether the study's 30 images would have been enough."""
    if comparisons.empty:
        return [Text("One model alone was trained, so there is nothing to compare; its scores are below.")]
    texts = []
    for extractor, rows in comparisons.groupby("extractor", sort=False):
        best = _best(rows)
        decided = "; ".join(
            f"by {SCORE_NAMES[score]} {model}" for score, model in best.items() if score != STUDY_SCORE
        )
        texts.append(
            f"Better than every other model, as the {extractor} extractor sees it: {decided}."
            if decided
            else f"As the {extractor} extractor sees it, no model is better than every other by any score."
        )
    lead = "A model is called better only where the intervals say so. " + " ".join(texts)
    return [Text(lead), Text(_study(scores, comparisons, config["xray"]["samples"]))]


def _best(comparisons: pd.DataFrame) -> dict[str, str]:
    """For each score the one model that is better than all others, if there is one; not for sharpness."""
    others = len({*comparisons["first"], *comparisons["second"]}) - 1
    best = {}
    for score, rows in comparisons[comparisons["score"] != "sharpness"].groupby("score", sort=False):
        wins = rows.loc[rows["verdict"] != UNDECIDED, "verdict"].value_counts()
        if len(wins) and wins.iloc[0] == others:
            best[str(score)] = str(wins.index[0])
    return best


def _study(scores: pd.DataFrame, comparisons: pd.DataFrame, samples: int) -> str:
    """Whether the Inception Scores of as few images as the study had decide anything; by its network if known."""
    names = list(scores["extractor"].unique())
    extractor = "inception" if "inception" in names else names[0]
    own, rows = scores[scores["extractor"] == extractor], comparisons[comparisons["extractor"] == extractor]
    models = own[own["role"] == "model"]
    figures = ", ".join(
        f"{row.model} {row.study_inception_score:.2f} "
        f"({row.study_inception_score_low:.2f} to {row.study_inception_score_high:.2f})"
        for row in models.itertuples()
    )
    bound = int(models["study_inception_score_bound"].max())
    study = rows[rows["score"] == STUDY_SCORE]
    decided = int((study["verdict"] != UNDECIDED).sum())
    verdict = (
        "its intervals decide no pair of models, so it cannot rank them"
        if decided == 0
        else f"its intervals decide {decided} of {len(study)} pairs ({ranking(rows, STUDY_SCORE)})"
    )
    return (
        f"The study ranked its models by the Inception Score of {STUDY_SAMPLES} images each; its text calls DCGAN the "
        f"best, the table of its notebook GAN. Scored in the same way, {samples} images each, which can be {bound} "
        f"at most, by the {extractor} extractor ({figures}), {verdict}. By the large samples: "
        f"{ranking(rows, 'inception_score')}."
    )


def _extractors(extractors: pd.DataFrame) -> str:
    used = extractors[extractors["used"]]
    left_out = extractors[~extractors["used"]]
    text = "Features: " + "; ".join(f"{row.extractor}, {row.detail}" for row in used.itertuples()) + "."
    for row in left_out.itertuples():
        text += f" Left out: {row.extractor}. {row.detail}."
    return text


def _score_tables(scores: pd.DataFrame) -> list[Table]:
    """For each extractor the Inception Scores and the rest apart, so that a row fits a page."""
    tables = []
    for extractor, own in scores.groupby("extractor", sort=False):
        tables.append(
            Table(
                f"Inception Scores with 95 % intervals, {extractor} extractor",
                ["model", "as in the study", "at most", "large sample", "at most", "images"],
                [
                    [
                        row.model,
                        _between(row, STUDY_SCORE),
                        int(row.study_inception_score_bound),
                        _between(row, "inception_score"),
                        int(row.inception_score_bound),
                        int(row.n_images),
                    ]
                    for row in own.itertuples()
                ],
            )
        )
        matched = int(own["fid_matched_images"].iloc[0])
        tables.append(
            Table(
                f"Distances, coverage, copies and sharpness, {extractor} extractor. FID of all images and of "
                f"{matched:,} each; nearest: 1 is as close to a training image as those are to each other",
                [
                    "model",
                    "FID",
                    "FID, equal",
                    "KID",
                    "precision",
                    "recall",
                    "nearest",
                    "copies",
                    "sharpness",
                ],
                [
                    [
                        row.model,
                        float(row.fid),
                        float(row.fid_matched),
                        _between(row, "kid"),
                        _between(row, "precision"),
                        _between(row, "recall"),
                        float(row.nearest_distance),
                        f"{row.near_copies:.1%}",
                        _between(row, "sharpness"),
                    ]
                    for row in own.itertuples()
                ],
            )
        )
    return tables


def _comparison_tables(comparisons: pd.DataFrame) -> list[Table]:
    return [
        Table(
            f"What each score decides, {extractor} extractor (95 % for all pairs together)",
            ["score", "verdict"],
            [[name, ranking(rows, score)] for score, name in SCORE_NAMES.items()],
        )
        for extractor, rows in comparisons.groupby("extractor", sort=False)
    ]


def _between(row: Any, score: str) -> str:
    value, low, high = (getattr(row, name) for name in (score, f"{score}_low", f"{score}_high"))
    return f"{value:.3g} ({low:.3g} to {high:.3g})"


def _data(images: pd.DataFrame, rejected: pd.DataFrame, config: Mapping[str, Any]) -> list[Text | Table]:
    source = config["data"]["chest_xray"]
    origin = (
        "Rendered for this study (data.chest_xray is null)." if source is None else f"Read from {source}."
    )
    held_out = images[(images["split"] == HELD_OUT) & (images["class_name"] == config["xray"]["class_name"])]
    counts = images.groupby(["split", "finding"], sort=False).size()
    blocks: list[Text | Table] = [
        Text(
            f"{origin} The models learned from the {config['xray']['class_name']} images of the training split "
            f"alone. The yardstick is {len(held_out):,} more of {held_out['patient'].nunique():,} other patients, "
            f"which no network has seen.{_patients(held_out)} No network has seen the test split either, but it is another "
            "distribution."
        ),
        Table(
            "X-rays of each split",
            ["split", "finding", "images"],
            [[str(split), str(finding), int(count)] for (split, finding), count in counts.items()],
        ),
    ]
    if not rejected.empty:
        shown = rejection_reasons(rejected).head(MOST_REASONS)
        caption = f"{len(rejected):,} X-rays were left out"
        blocks.append(Table(caption, list(shown.columns), shown.values.tolist()))
    return blocks


def _patients(held_out: pd.DataFrame) -> str:
    """A remark on images whose names tell no patient."""
    alone = int((held_out["patient"] == held_out["image"]).sum())
    if not alone:
        return ""
    return (
        f" The file names of {alone} of them tell no patient: if other images of these patients were learned from, "
        "the yardstick is too good."
    )
