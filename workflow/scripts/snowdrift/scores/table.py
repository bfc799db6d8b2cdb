"""All scores of several sets of images, and which model each of them calls better."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed
from snowdrift.scores.coverage import coverage
from snowdrift.scores.features import Extractor, Features
from snowdrift.scores.frechet import frechet_distance
from snowdrift.scores.inception_score import inception_score_estimate, upper_bound
from snowdrift.scores.intervals import Difference, Estimate, Share
from snowdrift.scores.kernel import kernel_distance_estimate
from snowdrift.scores.least import least_images
from snowdrift.scores.memorisation import Neighbours, copy_threshold, nearest_other, nearest_training
from snowdrift.scores.roles import MODEL, UNDECIDED
from snowdrift.scores.sharpness import sharpness_estimate

logger = logging.getLogger(__name__)
LEVEL = 0.95
# Score and whether more of it is better; of sharpness the verdict says only which is sharper.
COMPARED = {
    "study_inception_score": True,
    "inception_score": True,
    "kid": False,
    "precision": True,
    "recall": True,
    "sharpness": True,
}


class SampleSet(NamedTuple):
    """Images to score.

    Attributes:
        name: a model's, or `real` and so on.
        role: of `scores.roles`.
        images: (n, 1 or 3, h, w) uint8, of one size in all sets.
    """

    name: str
    role: str
    images: Tensor


@dataclass(frozen=True)
class ScoreSettings:
    """The config's section `scores`, and the study's number of samples.

    Attributes:
        study_images: the first so many images are scored as the study scored its own.
        study_splits: parts that the study's Inception Score is averaged over.
        replicates: resampled sets for an interval.
        neighbours: for precision and recall.
    """

    study_images: int
    study_splits: int
    replicates: int
    neighbours: int


class Scores(NamedTuple):
    """Three tables; their columns are those of `_score_row`, `_comparison` and `_neighbour_rows`."""

    scores: pd.DataFrame
    comparisons: pd.DataFrame
    neighbours: pd.DataFrame


class _Scored(NamedTuple):
    """One set by one extractor: plain columns, and what comparisons need of its scores."""

    row: dict[str, Any]
    estimates: dict[str, Estimate | Share]
    nearest: Neighbours


def score_sets(
    sets: Sequence[SampleSet],
    reference: Tensor,
    extractors: Sequence[Extractor],
    settings: ScoreSettings,
    *,
    seed: int,
) -> Scores:
    """Score every set against the training images, once by each extractor.

    Intervals are at 95 % and cover the drawing of images, not a second training. Those of comparisons hold
    for all pairs of a score at once (Bonferroni).

    Args:
        sets: what to score.
        reference: (n, 1 or 3, h, w) uint8, the images that the models were trained on.
        extractors: what to look with.
        settings: see there.
        seed: of all resampling.

    Raises:
        SnowdriftError: images of different sizes, or too few of them for a score.
    """
    _check_sets(sets, reference, settings)
    scores, comparisons, neighbours = [], [], []
    for extractor in extractors:
        real = extractor.extract(reference)
        others = nearest_other(real.features).distance
        matched = min(len(part.images) for part in sets)
        scored = {part.name: _score(part, extractor, real, others, matched, settings, seed) for part in sets}
        scores += [part.row for part in scored.values()]
        models = [part.name for part in sets if part.role == MODEL]
        comparisons += _compare(extractor.name, {name: scored[name].estimates for name in models})
        for name, part in scored.items():
            neighbours.append(_neighbour_rows(name, extractor.name, part.nearest, copy_threshold(others)))
        logger.info("scored %d sets of images by the %s extractor", len(sets), extractor.name)
    return Scores(
        pd.DataFrame(scores),
        pd.DataFrame(comparisons, columns=["extractor", "score", "first", "second", *_DIFFERENCE, "verdict"]),
        pd.concat(neighbours, ignore_index=True),
    )


_DIFFERENCE = ("difference", "low", "high")


def _check_sets(sets: Sequence[SampleSet], reference: Tensor, settings: ScoreSettings) -> None:
    sides = {part.name: tuple(part.images.shape[-2:]) for part in sets}
    sides["the training images"] = tuple(reference.shape[-2:])
    if len(set(sides.values())) > 1:
        listing = ", ".join(f"{name} {height}x{width}" for name, (height, width) in sides.items())
        raise SnowdriftError(
            f"scores compare images of one size; got {listing}", "resize them to one side first"
        )
    least = least_images(settings.study_splits, settings.neighbours)
    for name, images in [*((part.name, part.images) for part in sets), ("the training images", reference)]:
        if len(images) < least:
            raise SnowdriftError(
                f"{name}: {len(images)} images are too few to score; at least {least} are needed",
                "give more images, or lower scores.study_splits and scores.neighbours",
            )


def _score(
    part: SampleSet,
    extractor: Extractor,
    real: Features,
    others: np.ndarray,
    matched: int,
    settings: ScoreSettings,
    seed: int,
) -> _Scored:
    fake = extractor.extract(part.images)
    seed_of = [derive_seed(seed, "scores", part.name, extractor.name, score) for score in COMPARED]
    seeds = dict(zip(COMPARED, seed_of, strict=True))
    few = min(settings.study_images, len(part.images)) // settings.study_splits * settings.study_splits
    covered = coverage(fake.features, real.features, settings.neighbours)
    estimates: dict[str, Estimate | Share] = {
        "study_inception_score": inception_score_estimate(
            fake.logits[:few], settings.study_splits, settings.replicates, seeds["study_inception_score"]
        ),
        "inception_score": inception_score_estimate(
            fake.logits, 1, settings.replicates, seeds["inception_score"]
        ),
        "kid": kernel_distance_estimate(
            fake.features,
            real.features,
            replicates=settings.replicates,
            seed=seeds["kid"],
            real_seed=derive_seed(seed, "scores", "reference", extractor.name),
        ),
        "precision": covered.precision,
        "recall": covered.recall,
        "sharpness": sharpness_estimate(part.images, settings.replicates, seeds["sharpness"]),
    }
    nearest = nearest_training(fake.features, real.features)
    classes = fake.logits.shape[1]
    row = {
        "model": part.name,
        "role": part.role,
        "extractor": extractor.name,
        "n_images": len(part.images),
        "study_images": few,
        **_columns("study_inception_score", estimates),
        "study_inception_score_bound": upper_bound(few, classes, settings.study_splits),
        **_columns("inception_score", estimates),
        "inception_score_bound": upper_bound(len(part.images), classes),
        "fid": frechet_distance(fake.features, real.features),
        "fid_matched": frechet_distance(fake.features[:matched], real.features),
        "fid_matched_images": matched,
        **_columns("kid", estimates),
        **_columns("precision", estimates),
        **_columns("recall", estimates),
        # 1 would be as close as training images come to each other.
        "nearest_distance": float(np.median(nearest.distance) / np.median(others)),
        "near_copies": float((nearest.distance < copy_threshold(others)).mean()),
        **_columns("sharpness", estimates),
    }
    return _Scored(row, estimates, nearest)


def _columns(score: str, estimates: dict[str, Estimate | Share]) -> dict[str, float]:
    low, high = estimates[score].interval(LEVEL)
    return {score: estimates[score].value, f"{score}_low": low, f"{score}_high": high}


def _compare(extractor: str, models: dict[str, dict[str, Estimate | Share]]) -> list[dict[str, Any]]:
    """One row for each score and pair of models."""
    pairs = list(itertools.combinations(models, 2))
    level = 1 - (1 - LEVEL) / max(len(pairs), 1)
    return [
        _comparison(extractor, score, pair, models[pair[0]][score].difference(models[pair[1]][score], level))
        for score in COMPARED
        for pair in pairs
    ]


def _comparison(extractor: str, score: str, pair: tuple[str, str], difference: Difference) -> dict[str, Any]:
    """The difference is that of logarithms for Inception Scores."""
    if difference.low <= 0 <= difference.high:
        verdict = UNDECIDED
    else:
        verdict = pair[0] if (difference.value > 0) == COMPARED[score] else pair[1]
    names = {"extractor": extractor, "score": score, "first": pair[0], "second": pair[1]}
    return {**names, **dict(zip(_DIFFERENCE, difference, strict=True)), "verdict": verdict}


def _neighbour_rows(name: str, extractor: str, nearest: Neighbours, threshold: float) -> pd.DataFrame:
    """One row an image of the set; `training_image` is an index into the reference."""
    return pd.DataFrame(
        {
            "model": name,
            "extractor": extractor,
            "sample": np.arange(len(nearest.index)),
            "training_image": nearest.index,
            "distance": nearest.distance,
            "threshold": threshold,
            "near_copy": nearest.distance < threshold,
        }
    )
