"""LaS-GSA and its relatives: gradients estimated from queries, and steps along them.

LaS-GSA is limit-aware self-guiding gradient sliding (Yeh et al., ICCV 2021); RGF is random gradient-free estimation
(Nesterov and Spokoiny, Foundations of Computational Mathematics 2017); Prior-RGF mixes in a prior (Cheng et al.,
NeurIPS 2019, arXiv:1906.06919). Switches make each from one loop.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from snowdrift.attack.directions import Scale, orthogonal, scaled_by_room, unit
from snowdrift.attack.objective import Goal
from snowdrift.attack.queries import Attack, Query

_CHUNK = 64
_SLIDES = 100
_EXPLORED = 0.1  # share of the directions that go to all scales alike
_FOLLOWED = 0.3
_LENGTHEN = 1.3


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
        scales: what directions are drawn from; where there are several, the more often the steeper their slopes
            were.
        remeasure: whether the gradient's length is measured again for every estimate, or followed by the slopes.
        normalised: `difference` and `step` are root mean squares of a change, so they mean the same for every
            image and size; else the first is an L2 length and the second a factor of the estimate as it is.
        centred: take the mean off slopes and directions, because limit-aware directions all lean inwards, and what
            they have in common drowns what tells them apart. The published code does not.
        momentum: share of the estimates so far that a step keeps, each of them made of length 1 first (as Dong et al.,
            arXiv:1710.06081, do with gradients); 0 forgets them.
        adaptive: take back a step that made things worse and halve the next; lengthen it again where it helps.
        guarded_prior: turn a prior round where it points away from the goal, and cut off what of it leaves the
            box. The published code does neither.
        single: sum distances in 32 bits and scale directions by the smaller of the two rooms, so that a value at
            a limit stays there, as the published code does.
        iterations: steps at most; None goes on until the queries are spent.
    """

    prior: bool = True
    limit_aware: bool = True
    sliding: bool = True
    directions: int = 20
    norm_directions: int = 5
    difference: float = 0.0002
    step: float = 0.04
    scales: tuple[Scale, ...] = (Scale(4, 8), Scale(4, 16), Scale(4, 32), *(Scale(1, 2**n) for n in range(5)))
    remeasure: bool = False
    normalised: bool = True
    centred: bool = True
    momentum: float = 0.0
    adaptive: bool = True
    guarded_prior: bool = True
    single: bool = False
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
    estimator = _Estimator(goal, settings, settings.difference * scale, random)
    reach, iteration, memory = settings.step * scale, 0, torch.zeros_like(image)
    while settings.iterations is None or iteration < settings.iterations:
        estimate = yield from estimator.estimate(image, output)
        length = float(estimate.norm())
        if not length > 0:
            return
        if settings.momentum:
            memory = settings.momentum * memory + estimate / length
            estimate, length = memory, float(memory.norm())
        move = estimate * (reach / length if settings.normalised else settings.step)
        candidate = _step(goal, image, move, settings.sliding)
        answer = (yield Query(candidate[None], candidate=True))[0]
        iteration += 1
        if settings.adaptive and bool(goal.distance(answer[None]) > goal.distance(output[None])):
            reach /= 2
        else:
            image, output = candidate, answer
            reach = min(_LENGTHEN * reach, settings.step * scale)


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


class _Estimator:
    """Estimates the gradient of the negative distance, and remembers at which scales it is steep.

    Args:
        goal: of the image.
        settings: which attack of the family.
        step: finite-difference step, an L2 length.
        random: CPU generator of all directions.
    """

    def __init__(self, goal: Goal, settings: GradientSettings, step: float, random: torch.Generator) -> None:
        self._goal, self._settings, self._step, self._random = goal, settings, step, random
        # Mean square slope along a unit direction of each scale: what one query is worth there. One scale without a
        # prior has nothing to weigh.
        self._steepness = torch.zeros(len(settings.scales), dtype=torch.float64)
        self._known = not settings.prior and len(settings.scales) == 1

    def estimate(self, image: Tensor, output: Tensor) -> Generator[Query, Tensor, Tensor]:
        """The gradient at `image`, whose output is known, as (3, h, w)."""
        settings = self._settings
        derivative = _Derivative(self._goal, image, output, self._step, settings.single)
        if not self._known:
            yield from self._measure(derivative, image)
            self._known = not settings.remeasure
        counts = self._shares()
        prior, along, share = None, 0.0, 0.0
        if settings.prior:
            prior, along = yield from self._prior(derivative, image, output)
        if prior is not None:
            # As long as the gradient would be if it were as steep everywhere as in the directions to be drawn.
            steepness = float((counts * self._steepness).sum()) / settings.directions
            norm = math.sqrt(steepness * image.numel())
            alpha = max(-1.0, min(1.0, along / norm)) if norm > 0 else 0.0
            share = mixing_weight(alpha, image.numel(), settings.directions)
            if share == 1.0:
                # The length decides nothing where steps are normalised; the published code steps by a length of 1.
                return prior
        return (yield from self._average(derivative, image, counts, prior, along, share))

    def _measure(self, derivative: "_Derivative", image: Tensor) -> Generator[Query, Tensor, None]:
        """How steep each scale is."""
        steepness = []
        for scale in self._settings.scales:
            spread = unit(scale.draw(self._settings.norm_directions, image, self._random))
            steepness.append((yield from derivative.of(spread)).square().mean())
        self._steepness = torch.stack(steepness).double().cpu()

    def _shares(self) -> Tensor:
        """(scales,) how many of an estimate's directions each gives, drawn by steepness; none is forgotten."""
        scales, total = len(self._settings.scales), float(self._steepness.sum())
        even = torch.full((scales,), 1 / scales, dtype=torch.float64)
        chances = (1 - _EXPLORED) * self._steepness / total + _EXPLORED * even if total > 0 else even
        drawn = torch.multinomial(
            chances, self._settings.directions, replacement=True, generator=self._random
        )
        return torch.bincount(drawn, minlength=scales)

    def _draw(self, counts: Tensor, image: Tensor) -> Tensor:
        pairs = zip(self._settings.scales, counts.tolist(), strict=True)
        return torch.cat([scale.draw(count, image, self._random) for scale, count in pairs if count])

    def _prior(
        self, derivative: "_Derivative", image: Tensor, output: Tensor
    ) -> Generator[Query, Tensor, tuple[Tensor | None, float]]:
        """A guess by one query, how the output answers a step along its residual, and the derivative along it."""
        goal = self._goal
        residual = unit((goal.original - output)[None])
        answer = (yield Query(image + self._step * residual))[0] - output
        if not float(answer.norm()) > 0:
            return None, 0.0
        prior = unit(answer[None])
        along = float((yield from derivative.of(prior))[0])
        if self._settings.guarded_prior:
            if along < 0:
                prior, along = -prior, -along
            blocked = ((prior > 0) & (image >= goal.upper)) | ((prior < 0) & (image <= goal.lower))
            if blocked.any() and not blocked.all():
                prior = unit(prior.masked_fill(blocked, 0))
                along = float((yield from derivative.of(prior))[0])
        return prior[0], along

    def _average(
        self,
        derivative: "_Derivative",
        image: Tensor,
        counts: Tensor,
        prior: Tensor | None,
        along: float,
        share: float,
    ) -> Generator[Query, Tensor, Tensor]:
        """The mean of slope times direction over random directions into which the prior is mixed."""
        settings = self._settings
        products, sum_of_directions, slopes = torch.zeros_like(image), torch.zeros_like(image), []
        for part in _chunks(counts):
            drawn = self._draw(part, image)
            if settings.limit_aware:
                drawn = scaled_by_room(drawn, self._goal, image, both_ways=settings.single)
            drawn = unit(drawn if prior is None else orthogonal(drawn, prior))
            mixed = drawn if prior is None else math.sqrt(share) * prior + math.sqrt(1 - share) * drawn
            slope = yield from derivative.of(mixed)
            products += torch.einsum("n,nchw->chw", slope.to(drawn.dtype), drawn)
            sum_of_directions += drawn.sum(0)
            slopes.append(slope)
        together = torch.cat(slopes)
        mean = float(together.mean())
        self._follow(counts, (together - mean).square().cpu() / (1 - share))
        if settings.centred:
            # The prior's part of the mean slope is known without the directions' part in it.
            products, mean = products - mean * sum_of_directions, math.sqrt(share) * along
        estimate = math.sqrt(1 - share) * products / settings.directions
        return estimate if prior is None else estimate + math.sqrt(share) * mean * prior

    def _follow(self, counts: Tensor, squares: Tensor) -> None:
        """Move the steepness of each scale towards the square slopes that it has just shown."""
        for scale, own in enumerate(squares.double().split(counts.tolist())):
            if len(own):
                self._steepness[scale] += _FOLLOWED * (own.mean() - self._steepness[scale])


class _Derivative:
    """Directional derivatives of the negative distance at one image, by forward differences."""

    def __init__(self, goal: Goal, image: Tensor, output: Tensor, step: float, single: bool) -> None:
        self._image, self._step = image, step
        self._distance = goal.distance_in_single if single else goal.distance
        self._here = self._distance(output[None])

    def of(self, directions: Tensor) -> Generator[Query, Tensor, Tensor]:
        """(n,) derivatives along (n, 3, h, w) unit directions."""
        parts = []
        for chunk in directions.split(_CHUNK):
            ahead = self._distance((yield Query(self._image + self._step * chunk)))
            parts.append((self._here - ahead) / self._step)
        return torch.cat(parts)


def _chunks(counts: Tensor) -> list[Tensor]:
    """(scales,) counts in parts of at most `_CHUNK` directions, which are all that are held at once."""
    owners = torch.repeat_interleave(torch.arange(len(counts)), counts)
    return [torch.bincount(part, minlength=len(counts)) for part in owners.split(_CHUNK)]


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
