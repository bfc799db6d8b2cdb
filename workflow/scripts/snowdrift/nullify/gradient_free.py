"""LaS-GSA and its relatives: gradients estimated from queries, and steps along them.

LaS-GSA is limit-aware self-guiding gradient sliding; RGF is random gradient-free estimation (Nesterov and Spokoiny,
Foundations of Computational Mathematics 2017); Prior-RGF mixes in a prior (Cheng et al., NeurIPS 2019,
arXiv:1906.06919). Switches make each from one loop.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from snowdrift.nullify.objective import Goal
from snowdrift.nullify.queries import Attack, Query

_CHUNK = 64
_SLIDES = 100


@dataclass(frozen=True)
class GradientSettings:
    """One attack of the family.

    Attributes:
        prior: guess the gradient from how the output answers a step along its own residual.
        limit_aware: scale random directions by the room that each value has left.
        sliding: spend the length that the box cut off a step along the box.
        directions: random directions for one estimate.
        norm_directions: random directions for the gradient's length.
        difference: finite-difference step.
        step: length of a step, or factor of the raw gradient.
        period: repeat random directions with this period in pixels, the generator's stride; 1 draws every value.
        block: side in pixels within which they repeat; each block is drawn anew.
        normalised: `difference` and `step` are root mean squares of a change, so they mean the same for every
            image and size; else the first is an L2 length and the second a factor of the estimate as it is.
        centred: take the mean off slopes and directions, because limit-aware directions all lean inwards, and what
            they have in common drowns what tells them apart. The published code does not.
        adaptive: take back a step that made things worse and halve the next; lengthen it again where it helps.
        central: two queries a direction instead of one.
        guarded_prior: turn a prior round where it points away from the goal, and cut off what of it leaves the
            box. The published code does neither.
        iterations: steps at most; None goes on until the queries are spent.
    """

    prior: bool = True
    limit_aware: bool = True
    sliding: bool = True
    directions: int = 20
    norm_directions: int = 5
    period: int = 4
    block: int = 32
    difference: float = 0.005
    step: float = 0.01
    normalised: bool = True
    centred: bool = True
    adaptive: bool = True
    central: bool = False
    guarded_prior: bool = True
    iterations: int | None = None


def gradient_attack(goal: Goal, settings: GradientSettings, random: torch.Generator) -> Attack:
    """Step along estimated gradients, each step inside the box.

    Args:
        goal: of the image.
        settings: which attack of the family.
        random: CPU generator of all directions.
    """
    image, output = goal.original, goal.translation
    scale = math.sqrt(image.numel()) if settings.normalised else 1.0
    reach, iteration = settings.step * scale, 0
    while settings.iterations is None or iteration < settings.iterations:
        estimate = yield from _estimate(goal, image, output, settings, settings.difference * scale, random)
        length = float(estimate.norm())
        if not length > 0:
            return
        move = estimate * (reach / length if settings.normalised else settings.step)
        candidate = _step(goal, image, move, settings.sliding)
        answer = (yield Query(candidate[None], candidate=True))[0]
        iteration += 1
        if settings.adaptive and bool(goal.distance(answer[None]) > goal.distance(output[None])):
            reach /= 2
        else:
            image, output, reach = candidate, answer, min(1.3 * reach, settings.step * scale)


def mixing_weight(alpha: float, dimensions: int, directions: int) -> float:
    """Prior-RGF's optimal share of a prior in each direction (Cheng et al. 2019, equation 18).

    Args:
        alpha: cosine between prior and gradient.
        dimensions: of the image.
        directions: for one estimate.
    """
    square, most = alpha**2, dimensions + 2 * directions - 2
    if square < 1 / most:
        return 0.0
    if square > (2 * directions - 1) / most:
        return 1.0
    return (
        (1 - square)
        * (square * most - 1)
        / (2 * square * dimensions * directions - square**2 * dimensions * most - 1)
    )


def _estimate(
    goal: Goal,
    image: Tensor,
    output: Tensor,
    settings: GradientSettings,
    step: float,
    random: torch.Generator,
) -> Generator[Query, Tensor, Tensor]:
    """The gradient of the negative distance at `image`, whose output is known."""
    derivative = _Derivative(goal, image, output, step, settings.central)
    prior, along, share = None, 0.0, 0.0
    if settings.prior:
        prior = yield from _prior(goal, image, output, step)
    if prior is not None:
        along = float((yield from derivative.of(prior[None]))[0])
        if settings.guarded_prior:
            prior, along = yield from _guarded(prior, along, derivative, goal, image)
        spread = _unit(_draw(settings.norm_directions, image, settings, random))
        dimensions = _dimensions(image, settings)
        norm = math.sqrt(float((yield from derivative.of(spread)).square().mean()) * dimensions)
        alpha = max(-1.0, min(1.0, along / norm)) if norm > 0 else 0.0
        share = mixing_weight(alpha, dimensions, settings.directions)
        if share == 1.0:
            return prior * norm
    products, sum_of_directions, slopes = torch.zeros_like(image), torch.zeros_like(image), []
    for first in range(0, settings.directions, _CHUNK):
        drawn = _draw(min(_CHUNK, settings.directions - first), image, settings, random)
        if settings.limit_aware:
            drawn = _within_limits(drawn, goal, image)
        drawn = _unit(drawn if prior is None else _orthogonal(drawn, prior))
        mixed = drawn if prior is None else math.sqrt(share) * prior + math.sqrt(1 - share) * drawn
        part = yield from derivative.of(mixed)
        products += torch.einsum("n,nchw->chw", part.to(drawn.dtype), drawn)
        sum_of_directions += drawn.sum(0)
        slopes.append(part)
    mean = float(torch.cat(slopes).mean())
    if settings.centred:
        # The prior's part of the mean slope is known without the directions' part in it.
        products, mean = products - mean * sum_of_directions, math.sqrt(share) * along
    estimate = math.sqrt(1 - share) * products / settings.directions
    return estimate if prior is None else estimate + math.sqrt(share) * mean * prior


class _Derivative:
    """Directional derivatives of the negative distance at one image."""

    def __init__(self, goal: Goal, image: Tensor, output: Tensor, step: float, central: bool) -> None:
        self._goal, self._image, self._step, self._central = goal, image, step, central
        self._here = goal.distance(output[None])

    def of(self, directions: Tensor) -> Generator[Query, Tensor, Tensor]:
        """(n,) derivatives along (n, 3, h, w) unit directions."""
        parts = []
        for chunk in directions.split(_CHUNK):
            ahead = self._goal.distance((yield Query(self._image + self._step * chunk)))
            if self._central:
                behind = self._goal.distance((yield Query(self._image - self._step * chunk)))
                parts.append((behind - ahead) / (2 * self._step))
            else:
                parts.append((self._here - ahead) / self._step)
        return torch.cat(parts)


def _prior(goal: Goal, image: Tensor, output: Tensor, step: float) -> Generator[Query, Tensor, Tensor | None]:
    """One query: how the output answers a step along what separates it from the original."""
    residual = _unit((goal.original - output)[None])
    answer = (yield Query(image + step * residual))[0] - output
    return _unit(answer[None])[0] if float(answer.norm()) > 0 else None


def _guarded(
    prior: Tensor, along: float, derivative: _Derivative, goal: Goal, image: Tensor
) -> Generator[Query, Tensor, tuple[Tensor, float]]:
    """The prior towards the goal, without the values that are at their limit, and the derivative along it."""
    if along < 0:
        prior, along = -prior, -along
    blocked = ((prior > 0) & (image >= goal.upper)) | ((prior < 0) & (image <= goal.lower))
    if not blocked.any() or blocked.all():
        return prior, along
    inside = _unit(prior.masked_fill(blocked, 0)[None])
    return inside[0], float((yield from derivative.of(inside))[0])


def _within_limits(drawn: Tensor, goal: Goal, image: Tensor) -> Tensor:
    """Scaled by the room left: a value at its limit can go one way alone, and would be clipped the other way."""
    return torch.where(drawn > 0, drawn * (goal.upper - image), drawn * (image - goal.lower))


def _orthogonal(drawn: Tensor, prior: Tensor) -> Tensor:
    along = (drawn * prior).flatten(1).sum(1)[:, None, None, None]
    return drawn - along * prior


def _step(goal: Goal, image: Tensor, move: Tensor, sliding: bool) -> Tensor:
    """The clipped step; sliding repeats what is left of its length until the box lets nothing more through."""
    length = float(move.norm())
    reached = goal.project(image + move)
    for _ in range(_SLIDES if sliding else 0):
        left = 1 - float((reached - image).norm()) / length
        if left < 1e-3:
            break
        further = goal.project(reached + left * move)
        if torch.equal(further, reached):
            break
        reached = further
    return reached


def _draw(count: int, image: Tensor, settings: GradientSettings, random: torch.Generator) -> Tensor:
    """(count, 3, h, w) Gaussian directions, repeated with the period within each block."""
    rows, columns, period = *_blocks(image, settings), settings.period
    repeats = settings.block // period
    tiles = torch.randn((count, image.shape[0], rows, 1, period, columns, 1, period), generator=random)
    grid = tiles.expand(-1, -1, -1, repeats, -1, -1, repeats, -1)
    whole = grid.reshape(count, image.shape[0], rows * settings.block, columns * settings.block)
    return whole[..., : image.shape[1], : image.shape[2]].to(image.device)


def _blocks(image: Tensor, settings: GradientSettings) -> tuple[int, int]:
    return -(-image.shape[1] // settings.block), -(-image.shape[2] // settings.block)


def _dimensions(image: Tensor, settings: GradientSettings) -> int:
    """Of the space that directions are drawn from."""
    return math.prod(_blocks(image, settings)) * image.shape[0] * settings.period**2


def _unit(directions: Tensor) -> Tensor:
    lengths = directions.flatten(1).norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
    return directions / lengths[:, None, None, None]
