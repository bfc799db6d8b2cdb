"""All scores of several sets of images, and which of them each score calls better."""

import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.scores.by_features import feature_scores, standard, standard_without
from snowdrift.scores.copies import Closest, closest_training, copy_threshold
from snowdrift.scores.features import Extractor, Features
from snowdrift.scores.inception_score import inception_score, split_scores, upper_bound
from snowdrift.scores.least import LEAST_REDRAWS, least_images
from snowdrift.scores.reference import Part, Reference
from snowdrift.scores.roles import BASELINE, MODEL, SPLIT, TRAINING, UNDECIDED, YARDSTICK
from snowdrift.scores.sharpness import sharpness
from snowdrift.scores.two_sample import real_trial, trial, two_sample_test
from snowdrift.scores.xray_classifier import ClassifierSettings
from snowdrift.statistics.intervals import (
    LEVEL,
    Area,
    Difference,
    Drawn,
    Share,
    joint_level,
    of_one_set,
    of_redraws,
)

logger = logging.getLogger(__name__)
STUDY_SCORE = "study_inception_score"
COMPARED = {
    STUDY_SCORE: True,
    "inception_gap": False,
    "fid": False,
    "kid": False,
    "precision": True,
    "coverage": True,
    "distance_ratio": True,
    "near_copies": False,
    "auc": False,
    "sharpness": True,
}
"""Scores, and whether more of one is better. Of sharpness and distances the verdict says only which has more."""

_SHARES = ("precision", "near_copies")  # of single images, so Wilson's interval is right
_LIMITS = {"inception_score": (1.0, math.inf), "coverage": (0.0, 1.0)} | dict.fromkeys(
    ("inception_gap", "distance_ratio", "sharpness", "fid"), (0.0, math.inf)
)
_DIFFERENCE = ("difference", "low", "high")

Estimate = Drawn | Share | Area
Redraws = dict[str, list[float]]
"""Each score of each redraw."""


class SampleSet(NamedTuple):
    """Images to score.

    Attributes:
        name: a model's, or `real` and so on.
        role: of `scores.roles`.
        images: (n, 1 or 3, h, w) uint8, of one size in all sets. Its redraws are as many sets of the yardstick's number
            as there are.
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
        neighbours: for precision and coverage.
        two_sample: the network that learns to tell real from generated images.
    """

    study_images: int
    study_splits: int
    neighbours: int
    two_sample: ClassifierSettings


class Scores(NamedTuple):
    """Three tables; their columns are those of `_row`, `_comparison` and `_neighbour_rows`."""

    scores: pd.DataFrame
    comparisons: pd.DataFrame
    neighbours: pd.DataFrame


def score_sets(
    sets: Sequence[SampleSet],
    reference: Reference,
    extractors: Sequence[Extractor],
    settings: ScoreSettings,
    *,
    seed: int,
    device: torch.device,
) -> Scores:
    """Score every set against the training images, once by each extractor.

    All scores but the study's are of sets of one number of images, that of the yardstick. A generator's intervals are
    over its redraws: they cover the drawing of images, not a second training. Of real images there are no redraws; how
    much sets of them differ by chance is read off the training images, whose patients are cut into sets, each scored
    against the others. These have a row of their own. Intervals of comparisons hold for all comparisons of an
    extractor at once (Bonferroni).

    Args:
        sets: what to score; the first is the yardstick.
        reference: the images that the models were trained on.
        extractors: what to look with.
        settings: see there.
        seed: of the order of patients, and of the two-sample test.
        device: where its network trains.

    Raises:
        SnowdriftError: images of different sizes, or too few of them for a score.
    """
    _check_sets(sets, reference.images, settings)
    size = len(sets[0].images)
    parts = reference.parts(size, seed)
    closest = {part.name: closest_training(part.images, reference.images) for part in sets}
    threshold = copy_threshold(closest[sets[0].name])
    pictures = {part.name: _picture_scores(part.images, closest[part.name], threshold, size) for part in sets}
    pictures[TRAINING] = _of_training_pictures(reference.images, parts, threshold)
    areas = _areas(sets, reference, settings.two_sample, seed, device)
    roles = {part.name: part.role for part in sets} | {TRAINING: SPLIT}
    scores, comparisons = [], []
    for extractor in extractors:
        seen = {part.name: extractor.extract(part.images) for part in sets}
        real = extractor.extract(reference.images)
        redraws = _feature_redraws(seen, real, parts, size, settings.neighbours)
        seen[TRAINING] = _taken(real, parts[0].own)
        estimates = {
            name: _study_score(seen[name].logits, settings)
            | _estimates(redraws[name] | pictures[name], redraws[TRAINING] | pictures[TRAINING], size)
            | {"auc": areas[name]}
            for name in roles
        }
        scores += [
            _row(name, role, extractor.name, size, len(redraws[name]["fid"]), estimates[name])
            | _bounds(seen[name].logits, size, settings)
            for name, role in roles.items()
        ]
        comparisons += _compare(extractor.name, estimates, roles)
        logger.info("scored %d sets of images by the %s extractor", len(sets), extractor.name)
    return Scores(
        pd.DataFrame(scores),
        pd.DataFrame(comparisons, columns=["extractor", "score", "first", "second", *_DIFFERENCE, "verdict"]),
        pd.concat(
            [_neighbour_rows(name, found, threshold) for name, found in closest.items()], ignore_index=True
        ),
    )


def _check_sets(sets: Sequence[SampleSet], reference: Tensor, settings: ScoreSettings) -> None:
    sides = {part.name: tuple(part.images.shape[-2:]) for part in sets}
    sides["the training images"] = tuple(reference.shape[-2:])
    if len(set(sides.values())) > 1:
        listing = ", ".join(f"{name} {height}x{width}" for name, (height, width) in sides.items())
        raise SnowdriftError(
            f"scores compare images of one size; got {listing}", "resize them to one side first"
        )
    least = least_images(settings.study_splits, settings.neighbours)
    if (size := len(sets[0].images)) < least:
        raise SnowdriftError(
            f"{sets[0].name}: {size} images are too few to score; at least {least} are needed",
            "give more images, or lower scores.study_splits and scores.neighbours",
        )
    for name, images, wanted in [
        *((part.name, part.images, size) for part in sets[1:]),
        ("the training images", reference, LEAST_REDRAWS * size),
    ]:
        if len(images) < wanted:
            raise SnowdriftError(
                f"{name}: {len(images)} images are too few to score; {wanted} are needed beside {size} held-out ones",
                "give more images, or lower xray.held_out",
            )


def _cuts(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count - size + 1, size)]


def _picture_scores(images: Tensor, closest: Closest, threshold: float, size: int) -> Redraws:
    """What needs no extractor; the real images are their own training images."""
    values, copies = sharpness(images), closest.correlation > threshold
    cuts = _cuts(len(images), size)
    return {
        "sharpness": [float(np.median(values[cut])) for cut in cuts],
        "near_copies": [float(copies[cut].mean()) for cut in cuts],
    }


def _of_training_pictures(images: Tensor, parts: Sequence[Part], threshold: float) -> Redraws:
    found = [
        _picture_scores(
            images[part.own], closest_training(images[part.own], images[part.rest]), threshold, len(part.own)
        )
        for part in parts
    ]
    return {score: [values[score][0] for values in found] for score in found[0]}


def _areas(
    sets: Sequence[SampleSet],
    reference: Reference,
    settings: ClassifierSettings,
    seed: int,
    device: torch.device,
) -> dict[str, Area]:
    """What the two-sample test makes of each set; of the yardstick and the training images it is real against real."""
    yardstick = sets[0]
    trials = {part.name: trial(reference, yardstick.images, part.images) for part in sets[1:]}
    trials[yardstick.name] = real_trial(reference, yardstick.images, seed)
    areas = {name: two_sample_test(each, settings, seed=seed, device=device) for name, each in trials.items()}
    logger.info(
        "areas under the curve: %s", ", ".join(f"{name} {area.value:.3f}" for name, area in areas.items())
    )
    return areas | {TRAINING: areas[yardstick.name]}


def _feature_redraws(
    seen: Mapping[str, Features], real: Features, parts: Sequence[Part], size: int, neighbours: int
) -> dict[str, Redraws]:
    """The scores of every set and of the training images; the first set is the yardstick."""
    wanted = inception_score(next(iter(seen.values())).logits)
    all_real = standard(real.features, [part.own for part in parts], neighbours)
    found = {
        name: [feature_scores(_taken(own, cut), all_real, wanted) for cut in _cuts(len(own.features), size)]
        for name, own in seen.items()
    }
    found[TRAINING] = [
        feature_scores(
            _taken(real, part.own), standard_without(real.features, parts, number, neighbours), wanted
        )
        for number, part in enumerate(parts)
    ]
    return {
        name: {score: [values[score] for values in redraws] for score in redraws[0]}
        for name, redraws in found.items()
    }


def _taken(features: Features, which: slice | np.ndarray) -> Features:
    return Features(features.features[which], features.logits[which])


def _study_score(logits: np.ndarray, settings: ScoreSettings) -> dict[str, Estimate]:
    """The Inception Score as the study had it: of few images, whose parts are its redraws."""
    few = _study_images(len(logits), settings)
    limits = (1.0, float(upper_bound(few, logits.shape[1], settings.study_splits)))
    return {STUDY_SCORE: of_redraws([*split_scores(logits[:few], settings.study_splits)], limits)}


def _study_images(count: int, settings: ScoreSettings) -> int:
    return min(settings.study_images, count) // settings.study_splits * settings.study_splits


def _estimates(redraws: Redraws, training: Redraws, size: int) -> dict[str, Estimate]:
    """Each score with its interval; a set that is there once varies as those of the training images do."""
    found: dict[str, Estimate] = {}
    for score, values in redraws.items():
        limits = _LIMITS.get(score, (-math.inf, math.inf))
        if score in _SHARES:
            found[score] = Share(round(sum(values) * size), len(values) * size)
        elif len(values) > 1:
            found[score] = of_redraws(values, limits)
        else:
            found[score] = of_one_set(values[0], training[score], limits)
    return found


def _row(
    name: str, role: str, extractor: str, size: int, redraws: int, estimates: Mapping[str, Estimate]
) -> dict[str, Any]:
    """One row a set and extractor: n_images of each of so many redraws, and each score with its interval."""
    row = {"model": name, "role": role, "extractor": extractor, "n_images": size, "redraws": redraws}
    for score, estimate in estimates.items():
        low, high = estimate.interval(LEVEL)
        row |= {score: estimate.value, f"{score}_low": low, f"{score}_high": high}
    return row


def _bounds(logits: np.ndarray, size: int, settings: ScoreSettings) -> dict[str, int]:
    few, classes = _study_images(len(logits), settings), logits.shape[1]
    return {
        "study_images": few,
        f"{STUDY_SCORE}_bound": upper_bound(few, classes, settings.study_splits),
        "inception_score_bound": upper_bound(size, classes),
    }


def _compare(
    extractor: str, estimates: Mapping[str, Mapping[str, Estimate]], roles: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One row for each score and pair: models with each other, with baselines and with real images, and real images."""
    named = {
        role: [name for name in estimates if roles[name] == role] for role in (YARDSTICK, MODEL, BASELINE)
    }
    others = [*named[BASELINE], *named[YARDSTICK]]
    pairs = [
        *itertools.combinations(named[MODEL], 2),
        *itertools.product(named[MODEL], others),
        *itertools.product(named[YARDSTICK], [TRAINING]),
    ]
    level = joint_level(LEVEL, len(pairs) * len(COMPARED))
    return [
        _comparison(
            extractor,
            score,
            (first, second),
            _difference(estimates[first][score], estimates[second][score], level),
        )
        for score in COMPARED
        for first, second in pairs
    ]


def _difference(first: Any, second: Any, level: float) -> Difference:
    """First less second; of areas, how well each is told from real images, whichever side was taken for real."""
    if isinstance(first, Area) and isinstance(second, Area):
        return first.told_apart.difference(second.told_apart, level)
    difference: Difference = first.difference(second, level)
    return difference


def _comparison(extractor: str, score: str, pair: tuple[str, str], difference: Difference) -> dict[str, Any]:
    if difference.low <= 0 <= difference.high:
        verdict = UNDECIDED
    else:
        verdict = pair[0] if (difference.value > 0) == COMPARED[score] else pair[1]
    names = {"extractor": extractor, "score": score, "first": pair[0], "second": pair[1]}
    return {**names, **dict(zip(_DIFFERENCE, difference, strict=True)), "verdict": verdict}


def _neighbour_rows(name: str, closest: Closest, threshold: float) -> pd.DataFrame:
    """One row an image of the set; `training_image` is an index into the reference."""
    return pd.DataFrame(
        {
            "model": name,
            "sample": np.arange(len(closest.nearest)),
            "training_image": closest.nearest,
            "correlation": closest.correlation,
            "threshold": threshold,
            "near_copy": closest.correlation > threshold,
        }
    )
