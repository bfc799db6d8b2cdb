"""The Square attack (Andriushchenko et al., ECCV 2020, arXiv:1912.00049) on the nullifying objective."""

import math

import torch
from torch import Tensor

from snowdrift.attack.objective import Goal
from snowdrift.attack.queries import Attack, Query

# The paper's schedule: the share of pixels in a square halves at these shares of the 10,000 queries it is tuned for.
_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)

_REDRAWS = 20


def square_attack(goal: Goal, limit: int, random: torch.Generator, first_share: float = 0.05) -> Attack:
    """Random squares at the budget's corners, kept where they help; one query each.

    Args:
        goal: of the image.
        limit: queries that the schedule is spread over.
        random: CPU generator.
        first_share: of pixels in the first squares.
    """
    channels, height, width = goal.original.shape
    stripes = _signs((channels, 1, width), random).to(goal.original.device)
    image = torch.where(stripes.expand(channels, height, width) > 0, goal.upper, goal.lower)
    best = float(goal.distance((yield Query(image[None], candidate=True)))[0])
    query = 1
    while True:
        halvings = sum(query > share * limit for share in _HALVINGS)
        side = round(math.sqrt(first_share * 0.5**halvings * height * width))
        candidate = _with_square(goal, image, max(1, min(side, height, width)), random)
        distance = float(goal.distance((yield Query(candidate[None], candidate=True)))[0])
        query += 1
        if distance < best:
            image, best = candidate, distance


def _with_square(goal: Goal, image: Tensor, side: int, random: torch.Generator) -> Tensor:
    channels, height, width = image.shape
    top, left = (int(torch.randint(0, end - side + 1, (), generator=random)) for end in (height, width))
    place = (slice(None), slice(top, top + side), slice(left, left + side))
    changed = image.clone()
    for _ in range(_REDRAWS):  # colours that are there already would spend a query on nothing
        signs = _signs((channels, 1, 1), random).to(image.device)
        changed[place] = torch.where(signs > 0, goal.upper[place], goal.lower[place])
        if not torch.equal(changed, image):
            break
    return changed


def _signs(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=random) * 2 - 1
