"""Random directions in which an image is probed: at several scales, within the room that is left, of length 1."""

from typing import NamedTuple

import torch
from torch import Tensor

from snowdrift.attack.objective import Goal


class Scale(NamedTuple):
    """What is drawn again and what is repeated in a direction.

    Attributes:
        period: side in pixels of the pattern that is drawn; a generator answers much the same wherever a pattern
            comes back with its stride.
        block: side in pixels of the squares within which the pattern is repeated; each square has its own. With
            period 1 a block is of one colour, so that the direction is smooth.
    """

    period: int
    block: int

    def draw(self, count: int, image: Tensor, random: torch.Generator) -> Tensor:
        """(count, c, h, w) Gaussian directions for a (c, h, w) image."""
        rows, columns = self._blocks(image)
        period, repeats = self.period, self.block // self.period
        drawn = torch.randn((count, image.shape[0], rows, 1, period, columns, 1, period), generator=random)
        whole = drawn.expand(-1, -1, -1, repeats, -1, -1, repeats, -1)
        whole = whole.reshape(count, image.shape[0], rows * self.block, columns * self.block)
        return whole[..., : image.shape[1], : image.shape[2]].to(image.device)

    def _blocks(self, image: Tensor) -> tuple[int, int]:
        return -(-image.shape[1] // self.block), -(-image.shape[2] // self.block)


EVERY_VALUE = Scale(1, 1)


def scaled_by_room(directions: Tensor, goal: Goal, image: Tensor, *, both_ways: bool = False) -> Tensor:
    """Scaled by the room left: a value at its limit can go one way alone, and would be clipped the other way.

    With `both_ways` it is the room in the narrower way, so that a value at a limit stays where it is.
    """
    above, below = goal.upper - image, image - goal.lower
    room = torch.minimum(above, below) + 1e-5 if both_ways else torch.where(directions > 0, above, below)
    return directions * room


def orthogonal(directions: Tensor, prior: Tensor) -> Tensor:
    """Without what they have in common with a (c, h, w) direction of length 1."""
    along = (directions * prior).flatten(1).sum(1)[:, None, None, None]
    rest: Tensor = directions - along * prior
    return rest


def unit(directions: Tensor) -> Tensor:
    """(n, c, h, w), each of L2 length 1; zeros stay zeros."""
    lengths = directions.flatten(1).norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
    scaled: Tensor = directions / lengths[:, None, None, None]
    return scaled
