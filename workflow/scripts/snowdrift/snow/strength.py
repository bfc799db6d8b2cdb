"""How strong the winter of a video is, for translators that do not learn it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Strength:
    """Settings of such a translator. Each video draws its own strength between the two, from 0 (none) to 1.

    Attributes:
        least: the least strength.
        most: the most of it.
    """

    least: float
    most: float

    def draw(self, random: np.random.Generator) -> np.float32:
        """The strength of one video."""
        return np.float32(random.uniform(self.least, self.most))
