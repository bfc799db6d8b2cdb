"""What all networks have in common that make pictures of pictures."""

from torch import nn


class Generator(nn.Module):
    """A network from pictures to pictures: (n, 3, h, w) in [-1, 1] to the same shape and range.

    Attributes:
        stride: both sides of its input must be multiples of this, or the output would be larger than the input.
        model: all of its layers.
    """

    stride: int
    model: nn.Sequential
