"""A small U-Net that tells noise from image at a given time (as in Ho et al., NeurIPS 2020, arXiv:2006.11239)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    interpolate,
    pixel_shuffle,
    pixel_unshuffle,
    scaled_dot_product_attention,
    silu,
)

# The largest maps have half the image's side: a CPU has no time for more.
PATCH = 2
_MULTIPLES = (1, 2, 4)
_GROUPS = 8


class UNet(nn.Module):
    """(n, channels, side, side) images and (n,) times in [0, 1] to as many images, all 0 before it has learned.

    Maps have 1/2, 1/4 and 1/8 of the side and `width` times 1, 2 and 4 channels; the smallest attend to each other.

    Args:
        channels: of the images.
        width: channels of the largest maps, a multiple of 8.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.width, sizes = width, [width * multiple for multiple in _MULTIPLES]
        inner, time = channels * PATCH**2, 4 * width
        self.time = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time), nn.SiLU())
        self.enter = nn.Conv2d(inner, width, 3, padding=1)
        befores = [width, *sizes[:-1]]
        self.down = nn.ModuleList(
            ResidualBlock(before, size, time) for before, size in zip(befores, sizes, strict=True)
        )
        self.middle = nn.ModuleList([ResidualBlock(sizes[-1], sizes[-1], time) for _ in range(2)])
        self.attention = Attention(sizes[-1])
        self.up = nn.ModuleList(
            ResidualBlock(2 * size, before, time) for before, size in zip(befores, sizes, strict=True)
        )
        self.leave = nn.Sequential(nn.GroupNorm(_GROUPS, width), nn.SiLU(), _silent(width, inner))

    def forward(self, images: Tensor, times: Tensor) -> Tensor:
        """See the class."""
        time = self.time(_waves(times, self.width))
        maps = self.enter(pixel_unshuffle(images, PATCH))
        kept = []
        for level, block in enumerate(self.down):
            maps = block(interpolate(maps, scale_factor=0.5, mode="area") if level else maps, time)
            kept.append(maps)
        first, last = self.middle
        maps = last(self.attention(first(maps, time)), time)
        for level in reversed(range(len(kept))):
            maps = self.up[level](torch.cat([maps, kept[level]], 1), time)
            maps = interpolate(maps, scale_factor=2.0) if level else maps
        return pixel_shuffle(self.leave(maps), PATCH)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; the time scales and shifts the maps between them (FiLM, arXiv:1709.07871)."""

    def __init__(self, inputs: int, outputs: int, time: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(_GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.time, self.norm = nn.Linear(time, 2 * outputs), nn.GroupNorm(_GROUPS, outputs)
        self.second = _silent(outputs, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, maps: Tensor, time: Tensor) -> Tensor:
        """(n, inputs, h, w) maps and (n, time) features to (n, outputs, h, w)."""
        scale, shift = self.time(time)[:, :, None, None].chunk(2, 1)
        inside = self.norm(self.first(maps)) * (1 + scale) + shift
        result: Tensor = self.shortcut(maps) + self.second(silu(inside))
        return result


class Attention(nn.Module):
    """Every place of (n, width, h, w) maps looks at all others, in one head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ask = nn.Sequential(nn.GroupNorm(_GROUPS, width), nn.Conv2d(width, 3 * width, 1))
        self.answer = _silent(width, width, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        query, key, value = self.ask(maps).flatten(2).transpose(1, 2).chunk(3, 2)
        seen = scaled_dot_product_attention(query, key, value).transpose(1, 2)
        result: Tensor = maps + self.answer(seen.unflatten(2, maps.shape[2:]))
        return result


def _silent(inputs: int, outputs: int, size: int = 3) -> nn.Conv2d:
    """A convolution that gives 0 until it learns, so that a deep network starts as a shallow one."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _waves(times: Tensor, width: int) -> Tensor:
    """(n,) times in [0, 1] as (n, width) sines and cosines of 1 to 1,000 radians."""
    rates = torch.exp(torch.linspace(0, math.log(1000), width // 2, device=times.device))
    angles = times[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
