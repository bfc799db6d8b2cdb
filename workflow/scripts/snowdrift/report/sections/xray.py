"""The report's section on the X-ray chapter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from snowdrift.report.blocks import Figure, Section, Table, Text
from snowdrift.report.charts.xray import losses_chart, scores_chart
from snowdrift.report.figures.pictures import data_uri
from snowdrift.report.tables import MOST_REASONS, read_rejected, rejection_reasons
from snowdrift.runtime.files import read_table
from snowdrift.scores.roles import BASELINE, MODEL, TRAINING, UNDECIDED, YARDSTICK
from snowdrift.xray.patients import HELD_OUT

STUDY_SAMPLES = 30
_COLUMNS = ("fid", "kid", "precision", "coverage", "distance_ratio", "near_copies", "auc", "sharpness")
STUDY_SCORE = "study_inception_score"
SCORE_NAMES = {
    STUDY_SCORE: "the study's Inception Score",
    "inception_gap": "Inception Score's gap to real images",
    "fid": "FID",
    "kid": "KID",
    "precision": "precision",
    "coverage": "coverage",
    "distance_ratio": "distances between images (the more varied)",
    "near_copies": "near-copies",
    "auc": "the two-sample test",
    "sharpness": "sharpness (the sharper)",
}
"""Scores that are compared."""
QUALITY = ["inception_gap", "fid", "kid", "precision", "coverage", "auc"]
"""Those by which a model can be useful: more of the others is not better, or every baseline has the best of them."""


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
        "X-rays: what generated ones are worth, and how sure that is",
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
            *_comparison_tables(scores, comparisons),
            Figure(
                data_uri(files.neighbours_picture),
                "Samples and the training images nearest to them",
                "Above, the samples that are most like a training image; below, that image. The figure is their best "
                "correlation over small shifts. Samples that are more like a training image than any held-out patient "
                "is count as near-copies and are framed.",
                wide=True,
            ),
            losses_chart(dict(zip(config["xray"]["models"], map(read_table, files.losses), strict=True))),
            *_data(read_table(files.images), read_rejected(files.rejected), config),
        ],
    )


def ranking(comparisons: pd.DataFrame, score: str, models: Sequence[str]) -> str:
    """What one score decides between the models, by one extractor.

    Args:
        comparisons: rows of `xray/comparisons.csv` of one extractor.
        score: one of `SCORE_NAMES`.
        models: their names.

    Returns:
        For instance `vae above gan, dcgan; gan and dcgan undecided`.
    """
    rows = _among(comparisons[comparisons["score"] == score], models)
    beaten: dict[str, list[str]] = {}
    for row in rows[rows["verdict"] != UNDECIDED].itertuples():
        beaten.setdefault(row.verdict, []).append(row.second if row.verdict == row.first else row.first)
    strongest_first = sorted(beaten.items(), key=lambda item: -len(item[1]))
    parts = [f"{winner} above {', '.join(losers)}" for winner, losers in strongest_first]
    parts += [
        f"{row.first} and {row.second} undecided" for row in rows[rows["verdict"] == UNDECIDED].itertuples()
    ]
    return "; ".join(parts)


def _among(comparisons: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    return comparisons[comparisons["first"].isin(names) & comparisons["second"].isin(names)]


def _named(scores: pd.DataFrame, role: str) -> list[str]:
    return [*scores.loc[scores["role"] == role, "model"].unique()]


def _answer(scores: pd.DataFrame, comparisons: pd.DataFrame, config: Mapping[str, Any]) -> list[Text]:
    """Whether the yardstick holds, what the models are worth by it, and whether the study's 30 images were enough."""
    models, baselines = _named(scores, MODEL), _named(scores, BASELINE)
    texts = [
        "A model is called useful by a score only where it beats every baseline "
        f"({', '.join(baselines)}), and one set is told from another only where the interval of their difference says "
        "so, over all comparisons of an extractor at once."
    ]
    (real,) = _named(scores, YARDSTICK)
    for extractor, rows in comparisons.groupby("extractor", sort=False):
        texts.append(_yardstick(rows, extractor, real))
        texts += [_worth(rows, model, baselines, real) for model in models]
    if not models:
        return [Text(" ".join(texts))]
    return [Text(" ".join(texts)), Text(_study(scores, comparisons, config["xray"]["samples"], models))]


def _yardstick(comparisons: pd.DataFrame, extractor: str, real: str) -> str:
    """Whether held-out patients score as training patients do, who were scored against the others."""
    rows = comparisons[(comparisons["first"] == real) & (comparisons["second"] == TRAINING)]
    apart = [SCORE_NAMES[row.score] for row in rows[rows["verdict"] != UNDECIDED].itertuples()]
    if apart:
        return (
            f"By the features of the {extractor} extractor, held-out patients differ from training patients in "
            f"{', '.join(apart)}: do not trust these."
        )
    return (
        f"By the features of the {extractor} extractor, held-out patients score as training patients do among "
        "each other, by every score."
    )


def _worth(comparisons: pd.DataFrame, model: str, baselines: Sequence[str], real: str) -> str:
    """By which scores a model beats all baselines, and by which real images beat it."""
    own = comparisons[(comparisons["first"] == model) & comparisons["score"].isin(SCORE_NAMES)]
    against = own[own["second"].isin(baselines) & own["score"].isin(QUALITY)]
    beats = (against["verdict"] == model).groupby(against["score"], sort=False).all()
    useful = [SCORE_NAMES[score] for score, every in beats.items() if every]
    lost = own[(own["second"] == real) & (own["verdict"] == real) & (own["score"] != STUDY_SCORE)]
    exposed = [SCORE_NAMES[score] for score in lost["score"] if score != "sharpness"]
    good = f"beats every baseline by {', '.join(useful)}" if useful else "beats every baseline by no score"
    bad = f"real images beat it by {', '.join(exposed)}" if exposed else "no score tells it from real images"
    return f"{model} {good}; {bad}."


def _study(scores: pd.DataFrame, comparisons: pd.DataFrame, samples: int, learned: Sequence[str]) -> str:
    """Whether the Inception Scores of as few images as the study had decide anything; by its network if known."""
    names = list(scores["extractor"].unique())
    extractor = "inception" if "inception" in names else names[0]
    own, rows = scores[scores["extractor"] == extractor], comparisons[comparisons["extractor"] == extractor]
    models = own[own["role"] == MODEL]
    figures = ", ".join(
        f"{row.model} {row.study_inception_score:.2f} "
        f"({row.study_inception_score_low:.2f} to {row.study_inception_score_high:.2f})"
        for row in models.itertuples()
    )
    bound = int(models["study_inception_score_bound"].max())
    study = _among(rows[rows["score"] == STUDY_SCORE], learned)
    decided = int((study["verdict"] != UNDECIDED).sum())
    verdict = (
        "its intervals decide no pair of models, so it cannot rank them"
        if decided == 0
        else f"its intervals decide {decided} of {len(study)} pairs ({ranking(rows, STUDY_SCORE, learned)})"
    )
    return (
        f"The study ranked its models by the Inception Score of {STUDY_SAMPLES} images each; its text calls DCGAN the "
        f"best, the table of its notebook GAN. Scored in the same way, {samples} images each, which can be {bound} "
        f"at most, by the {extractor} extractor ({figures}), {verdict}."
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
                [
                    "model",
                    "as in the study",
                    "at most",
                    "of one set",
                    "at most",
                    "gap to real",
                    "images",
                    "sets",
                ],
                [
                    [
                        row.model,
                        _between(row, STUDY_SCORE),
                        int(row.study_inception_score_bound),
                        _between(row, "inception_score"),
                        int(row.inception_score_bound),
                        _between(row, "inception_gap"),
                        int(row.n_images),
                        int(row.redraws),
                    ]
                    for row in own.itertuples()
                ],
            )
        )
        tables.append(
            Table(
                f"Distances, coverage, variety, copies and sharpness with 95 % intervals, {extractor} extractor. "
                "Distances: 1 is as far from each other as training images are. AUC of the two-sample "
                "test: 0.5 is perfect",
                ["model", "FID", "KID", "precision", "coverage", "distances", "copies", "AUC", "sharpness"],
                [[row.model, *(_between(row, score) for score in _COLUMNS)] for row in own.itertuples()],
            )
        )
    return tables


def _comparison_tables(scores: pd.DataFrame, comparisons: pd.DataFrame) -> list[Table]:
    models = _named(scores, MODEL)
    if len(models) < 2:
        return []
    return [
        Table(
            f"What each score decides between the models, {extractor} extractor (95 % for all comparisons together)",
            ["score", "verdict"],
            [[name, ranking(rows, score, models)] for score, name in SCORE_NAMES.items()],
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
            f"which no network has seen.{_patients(held_out)} No network has seen the test split either, but it is "
            "another distribution."
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
