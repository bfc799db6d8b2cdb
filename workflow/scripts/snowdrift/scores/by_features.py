"""The scores that one extractor's features give a set of images, beside the images that the generators learned from."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snowdrift.scores.features import Features
from snowdrift.scores.fid import frechet_distance
from snowdrift.scores.inception_score import inception_score
from snowdrift.scores.kid import kernel_distance
from snowdrift.scores.precision_coverage import ball_radii, coverage, inside, mean_distance
from snowdrift.scores.reference import Part


class Standard(NamedTuple):
    """What sets of images are compared with.

    Attributes:
        features: (m, d) of real images.
        radii: (m,) of the balls around them.
        sets: equally large parts of them, features and radii, for coverage.
        spread: the mean distance of two of the images.
    """

    features: np.ndarray
    radii: np.ndarray
    sets: list[tuple[np.ndarray, np.ndarray]]
    spread: float


def standard(features: np.ndarray, sets: Sequence[np.ndarray], neighbours: int) -> Standard:
    """All images, (m, d), and sets of them by their indices."""
    return Standard(
        features,
        ball_radii(features, neighbours),
        [(features[own], ball_radii(features[own], neighbours)) for own in sets],
        mean_distance(features),
    )


def standard_without(features: np.ndarray, parts: Sequence[Part], number: int, neighbours: int) -> Standard:
    """The images of all patients but those of one part, which can so be compared with them."""
    rest = parts[number].rest
    sets = [np.flatnonzero(np.isin(rest, part.own)) for part in parts if part is not parts[number]]
    return standard(features[rest], [own for own in sets if len(own) > neighbours], neighbours)


def feature_scores(fake: Features, real: Standard, real_inception_score: float) -> dict[str, float]:
    """Each score of one set of images.

    Args:
        fake: of n images.
        real: what they are compared with.
        real_inception_score: that of n held-out real images. The gap is the distance between logarithms: of a class
            that the classifier knows, real images score little more than 1, and more would be no better.
    """
    score = inception_score(fake.logits)
    return {
        "inception_score": score,
        "inception_gap": abs(math.log(score / real_inception_score)),
        "fid": frechet_distance(fake.features, real.features),
        "kid": kernel_distance(fake.features, real.features),
        "precision": float(inside(fake.features, real.features, real.radii).mean()),
        "coverage": float(np.mean([coverage(fake.features, *part) for part in real.sets])),
        "distance_ratio": mean_distance(fake.features) / real.spread,
    }
