"""The attacks by their names in the config."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from snowdrift.attack.directions import EVERY_VALUE
from snowdrift.attack.gradient_free import GradientSettings, gradient_attack
from snowdrift.attack.names import CEILINGS
from snowdrift.attack.objective import Goal
from snowdrift.attack.queries import Attack
from snowdrift.attack.square import square_attack

LAS_GSA, LAS_GSA_PUBLISHED, SQUARE = "las_gsa", "las_gsa_published", "square"

_SEED_WORDS = {LAS_GSA: "default", LAS_GSA_PUBLISHED: "published", "no_momentum": "default"}
"""What the random numbers of an attack are drawn for; those of a renamed one stay what they were.

`no_momentum` is what `default` was, and draws what it drew."""

_LAS_GSA = GradientSettings(momentum=0.7)
# Random gradient-free estimation in the same loop, with the same steps: every value drawn alike, and without a prior
# or, as `prior_rgf`, with LaS-GSA's.
_RGF = replace(
    _LAS_GSA,
    momentum=0.0,
    prior=False,
    limit_aware=False,
    sliding=False,
    scales=(EVERY_VALUE,),
    remeasure=True,
)

GRADIENT_METHODS: Mapping[str, GradientSettings] = {
    LAS_GSA: _LAS_GSA,
    # LaS-GSA as its authors' code has it, with the settings of the study.
    LAS_GSA_PUBLISHED: GradientSettings(
        directions=1000,
        norm_directions=30,
        difference=0.001,
        step=1.0,
        scales=(EVERY_VALUE,),
        remeasure=True,
        normalised=False,
        centred=False,
        adaptive=False,
        guarded_prior=False,
        single=True,
        iterations=100,
    ),
    "rgf": _RGF,
    "prior_rgf": replace(_RGF, prior=True),
    # What each part of `las_gsa` is worth: all but that part.
    "no_momentum": replace(_LAS_GSA, momentum=0.0),
    "no_prior": replace(_LAS_GSA, prior=False),
    "no_limits": replace(_LAS_GSA, limit_aware=False),
    "no_sliding": replace(_LAS_GSA, sliding=False),
    "no_scales": replace(_LAS_GSA, scales=(EVERY_VALUE,)),
}

WHITE_BOX: Mapping[str, float] = dict(zip(CEILINGS, (0.0, 0.9), strict=True))
"""Attacks that see the generator's gradients, with their momentum."""


def start_attack(method: str, goal: Goal, limit: int, random: torch.Generator) -> Attack:
    """Begin a black-box attack on one image.

    Args:
        method: a key of `GRADIENT_METHODS`, or `square`.
        goal: of the image.
        limit: queries that the image may cost.
        random: CPU generator of all that the attack draws.
    """
    if method == SQUARE:
        return square_attack(goal, limit, random)
    return gradient_attack(goal, GRADIENT_METHODS[method], random)


def seed_word(method: str) -> str:
    """The word that an attack's random numbers are drawn for."""
    return _SEED_WORDS.get(method, method)


def as_published(method: str) -> bool:
    """Whether the attack hands out its last image instead of its best, and goes on after success."""
    return method == LAS_GSA_PUBLISHED
