"""What an attack may do to an image, and how well it has done."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

SUCCESS = 0.75
"""The study's score from which on a translation counts as nullified."""

MEANINGFUL = 0.02
"""Root mean square of what a translator changes, in [-1, 1], below which there is nothing to nullify."""


class Budget(NamedTuple):
    """How far an image may be changed, and when that was enough.

    Attributes:
        epsilon: most that a value may change; it stays within [-1, 1].
        success: score from which on the translation counts as nullified.
    """

    epsilon: float
    success: float = SUCCESS

    def bounds(self, original: Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest allowed values, shaped as `original`."""
        return (original - self.epsilon).clamp(-1, 1), (original + self.epsilon).clamp(-1, 1)


@dataclass(frozen=True)
class Goal:
    """The image to protect, and what the translator makes of it.

    Attributes:
        original: (3, h, w) in [-1, 1].
        translation: the generator's output for it, (3, h, w).
        lower: lowest allowed values.
        upper: highest allowed values.
        success: score that is enough.
    """

    original: Tensor
    translation: Tensor
    lower: Tensor
    upper: Tensor
    success: float

    @classmethod
    def of(cls, original: Tensor, translation: Tensor, budget: Budget) -> "Goal":
        """The goal for one image within a budget."""
        return cls(original, translation, *budget.bounds(original), budget.success)

    @property
    def translation_energy(self) -> float:
        """Squared L2 length of what the translator changes."""
        return float((self.translation - self.original).double().square().sum())

    @property
    def is_attackable(self) -> bool:
        """Whether the translator changes the image enough for a score to mean anything."""
        return self.translation_energy >= MEANINGFUL**2 * self.original.numel()

    def distance(self, outputs: Tensor) -> Tensor:
        """(n,) float64 squared L2 distances of (n, 3, h, w) outputs from the original; what attacks lower."""
        return (outputs - self.original).double().square().flatten(1).sum(1)

    def distance_in_single(self, outputs: Tensor) -> Tensor:
        """The same in 32 bits, in which sums of many values lose what a small step changes."""
        return (outputs - self.original).square().flatten(1).sum(1)

    def score(self, outputs: Tensor) -> Tensor:
        """(n,) share of the translation that is gone: 1 is an output equal to the original, 0 no effect."""
        return 1 - self.distance(outputs) / max(self.translation_energy, torch.finfo(torch.float64).tiny)

    def project(self, images: Tensor) -> Tensor:
        """The nearest allowed images."""
        return images.clamp(self.lower, self.upper)
