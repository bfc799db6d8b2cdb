"""Instance norm with what follows it, as Triton kernels: features are read twice and written once.

Torch's own way on a GPU takes the features to another order of dimensions and back, and gives activation, sum and
padding a pass each: four fifths of the time of a picture in 16 bits (docs/benchmarks.md). Triton comes with torch for
Linux, and compiles where it runs, for which it needs a C compiler there. Import this module only where that works; see
`fused_norm.kernels_work`.

All tensors are `channels_last`, so that one pixel's channels lie side by side. A program has a block of pixels and a
block of channels of one picture. Sums are taken in 32 bits, in an order that the shape alone decides.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from snowdrift.snow.networks.fused_norm import EPSILON

PIXELS, CHANNELS = 64, 64
"""Of a program's block, at most."""
_PROGRAMS = 512
"""That share the sums of one tensor: some four for each multiprocessor of a large card."""


@triton.jit
def _shift_and_scale(features, sums, channels, valid, size, depth, epsilon: tl.constexpr):
    """Mean and inverse deviation of a picture's channels, from sums relative to its first pixel.

    What is summed is near 0 that way, so that the variance is no small difference of large numbers.
    """
    pivot = tl.load(features + channels, mask=valid, other=0.0).to(tl.float32)
    shift = tl.load(sums + channels, mask=valid, other=0.0) / size
    variance = tl.load(sums + depth + channels, mask=valid, other=1.0) / size - shift * shift
    # No maximum, which would turn what is not a number into one.
    variance = tl.where(variance < 0, 0.0, variance)
    return pivot + shift, 1.0 / tl.sqrt(variance + epsilon)


@triton.jit
def _sum_features(features, sums, size, steps, depth, pixel_block: tl.constexpr, channel_block: tl.constexpr):
    """Sums and sums of squares, relative to the first pixel: (n, h, w, c) to (n, parts, 2, c)."""
    part, picture = tl.program_id(0), tl.program_id(1).to(tl.int64)
    channels = tl.program_id(2) * channel_block + tl.arange(0, channel_block)
    valid = channels < depth
    features += picture * size * depth
    pivot = tl.load(features + channels, mask=valid, other=0.0).to(tl.float32)[None, :]
    total = tl.zeros((pixel_block, channel_block), tl.float32)
    squares = tl.zeros((pixel_block, channel_block), tl.float32)
    for step in range(steps):
        pixels = (part * steps + step) * pixel_block + tl.arange(0, pixel_block)
        inside = (pixels < size)[:, None] & valid[None, :]
        values = tl.load(features + pixels[:, None] * depth + channels[None, :], mask=inside, other=0.0)
        values = tl.where(inside, values.to(tl.float32) - pivot, 0.0)
        total += values
        squares += values * values
    sums += (picture * tl.num_programs(0) + part) * 2 * depth + channels
    tl.store(sums, tl.sum(total, 0), mask=valid)
    tl.store(sums + depth, tl.sum(squares, 0), mask=valid)


@triton.jit
def _apply(
    features, sums, skip, result, height, width, slope,
    padding: tl.constexpr, around: tl.constexpr, depth, epsilon: tl.constexpr,
    pixel_block: tl.constexpr, channel_block: tl.constexpr,
):  # fmt: skip
    """Norm, activation, sum and padding; `around` below 0 is for no `skip`."""
    picture = tl.program_id(1).to(tl.int64)
    pixels = tl.program_id(0) * pixel_block + tl.arange(0, pixel_block)
    channels = tl.program_id(2) * channel_block + tl.arange(0, channel_block)
    size, wide = height * width, width + 2 * padding
    padded = (height + 2 * padding) * wide
    valid = channels < depth
    inside = (pixels < padded)[:, None] & valid[None, :]
    # The pixel inside that is seen here by reflection at the outermost pixels.
    rows, columns = tl.abs(pixels // wide - padding), tl.abs(pixels % wide - padding)
    rows, columns = height - 1 - tl.abs(height - 1 - rows), width - 1 - tl.abs(width - 1 - columns)
    features += picture * size * depth
    mean, scale = _shift_and_scale(
        features, sums + picture * 2 * depth, channels, valid, size, depth, epsilon
    )
    seen = features + (rows * width + columns)[:, None] * depth + channels[None, :]
    values = (tl.load(seen, mask=inside, other=0.0).to(tl.float32) - mean[None, :]) * scale[None, :]
    values = tl.where(values > 0, values, slope * values)
    if around >= 0:
        skip_width = width + 2 * around
        skip += picture * (height + 2 * around) * skip_width * depth
        others = (rows + around) * skip_width + columns + around
        values += tl.load(skip + others[:, None] * depth + channels[None, :], mask=inside, other=0.0).to(
            tl.float32
        )
    result += picture * padded * depth
    tl.store(result + pixels[:, None] * depth + channels[None, :], values, mask=inside)


@triton.jit
def _gathered(gradient, rows, columns, channels, inside, height, width, depth, padding: tl.constexpr):
    """The gradient at pixels inside, summed over where the padding shows them."""
    wide = width + 2 * padding
    here = ((rows + padding) * wide + columns + padding)[:, None] * depth + channels[None, :]
    total = tl.load(gradient + here, mask=inside, other=0.0).to(tl.float32)
    if padding > 0:
        for index in tl.static_range(1, 9):
            # Each of both is the pixel itself (0), or seen across the near (1) or the far edge (2).
            down, right = index // 3, index % 3
            row, column = rows, columns
            shown = inside
            if down == 1:
                row = -rows
                shown = shown & ((rows >= 1) & (rows <= padding))[:, None]
            if down == 2:
                row = 2 * (height - 1) - rows
                shown = shown & ((rows >= height - 1 - padding) & (rows <= height - 2))[:, None]
            if right == 1:
                column = -columns
                shown = shown & ((columns >= 1) & (columns <= padding))[:, None]
            if right == 2:
                column = 2 * (width - 1) - columns
                shown = shown & ((columns >= width - 1 - padding) & (columns <= width - 2))[:, None]
            there = ((row + padding) * wide + column + padding)[:, None] * depth + channels[None, :]
            total += tl.load(gradient + there, mask=shown, other=0.0).to(tl.float32)
    return total


@triton.jit
def _sum_gradients(
    features, sums, gradient, results, height, width, steps, slope,
    padding: tl.constexpr, depth, epsilon: tl.constexpr,
    pixel_block: tl.constexpr, channel_block: tl.constexpr,
):  # fmt: skip
    """Sums of the normalised values' gradient, and of its product with them: to (n, parts, 2, c)."""
    part, picture = tl.program_id(0), tl.program_id(1).to(tl.int64)
    channels = tl.program_id(2) * channel_block + tl.arange(0, channel_block)
    size = height * width
    valid = channels < depth
    features += picture * size * depth
    gradient += picture * (height + 2 * padding) * (width + 2 * padding) * depth
    mean, scale = _shift_and_scale(
        features, sums + picture * 2 * depth, channels, valid, size, depth, epsilon
    )
    total = tl.zeros((pixel_block, channel_block), tl.float32)
    products = tl.zeros((pixel_block, channel_block), tl.float32)
    for step in range(steps):
        pixels = (part * steps + step) * pixel_block + tl.arange(0, pixel_block)
        inside = (pixels < size)[:, None] & valid[None, :]
        values = tl.load(features + pixels[:, None] * depth + channels[None, :], mask=inside, other=0.0)
        values = (values.to(tl.float32) - mean[None, :]) * scale[None, :]
        rows, columns = pixels // width, pixels % width
        slopes = _gathered(gradient, rows, columns, channels, inside, height, width, depth, padding)
        slopes = tl.where(values > 0, slopes, slope * slopes)
        total += slopes
        products += tl.where(inside, slopes * values, 0.0)
    results += (picture * tl.num_programs(0) + part) * 2 * depth + channels
    tl.store(results, tl.sum(total, 0), mask=valid)
    tl.store(results + depth, tl.sum(products, 0), mask=valid)


@triton.jit
def _apply_gradients(
    features, sums, gradient, means, result, skip, height, width, slope,
    padding: tl.constexpr, around: tl.constexpr, depth, epsilon: tl.constexpr,
    pixel_block: tl.constexpr, channel_block: tl.constexpr,
):  # fmt: skip
    """The features' gradient, and inside its padding that of what was added."""
    picture = tl.program_id(1).to(tl.int64)
    pixels = tl.program_id(0) * pixel_block + tl.arange(0, pixel_block)
    channels = tl.program_id(2) * channel_block + tl.arange(0, channel_block)
    size = height * width
    valid = channels < depth
    inside = (pixels < size)[:, None] & valid[None, :]
    rows, columns = pixels // width, pixels % width
    features += picture * size * depth
    gradient += picture * (height + 2 * padding) * (width + 2 * padding) * depth
    means += picture * 2 * depth + channels
    mean, scale = _shift_and_scale(
        features, sums + picture * 2 * depth, channels, valid, size, depth, epsilon
    )
    here = pixels[:, None] * depth + channels[None, :]
    values = (tl.load(features + here, mask=inside, other=0.0).to(tl.float32) - mean[None, :]) * scale[
        None, :
    ]
    slopes = _gathered(gradient, rows, columns, channels, inside, height, width, depth, padding)
    if around >= 0:
        skip_width = width + 2 * around
        skip += picture * (height + 2 * around) * skip_width * depth
        others = (rows + around) * skip_width + columns + around
        tl.store(skip + others[:, None] * depth + channels[None, :], slopes, mask=inside)
    slopes = tl.where(values > 0, slopes, slope * slopes)
    constant = tl.load(means, mask=valid, other=0.0) / size
    linear = tl.load(means + depth, mask=valid, other=0.0) / size
    slopes = (slopes - constant[None, :] - values * linear[None, :]) * scale[None, :]
    tl.store(result + picture * size * depth + here, slopes, mask=inside)


class Normalised(torch.autograd.Function):
    """`fused_norm.normalised` by kernels, with its gradients for features and skip."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, slope: float, padding: int, skip: Tensor | None) -> Tensor:
        """Two passes over the features: for their moments, and for the rest."""
        features = features.contiguous(memory_format=torch.channels_last)
        count, channels, height, width = features.shape
        grid, steps, blocks = _programs(features)
        parts = features.new_empty((count, grid[0], 2, channels), dtype=torch.float32)
        _sum_features[grid](features, parts, height * width, steps, channels, *blocks)
        sums = parts.sum(1)
        result = _empty(features, height + 2 * padding, width + 2 * padding)
        if skip is not None:
            skip = skip.contiguous(memory_format=torch.channels_last)
        skip_padding = -1 if skip is None else (skip.shape[2] - height) // 2
        _apply[_blocks(result)](
            *(features, sums, features if skip is None else skip, result, height, width, slope),
            *(padding, skip_padding, channels, EPSILON, *blocks),
        )
        ctx.save_for_backward(features, sums)
        ctx.slope, ctx.padding, ctx.skip_padding = slope, padding, skip_padding
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Likewise: two means of the normalised values' gradient, and what is left without them."""
        features, sums = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        count, channels, height, width = features.shape
        grid, steps, blocks = _programs(features)
        parts = features.new_empty((count, grid[0], 2, channels), dtype=torch.float32)
        _sum_gradients[grid](
            *(features, sums, gradient, parts, height, width, steps, ctx.slope),
            *(ctx.padding, channels, EPSILON, *blocks),
        )
        result, around = torch.empty_like(features), ctx.skip_padding
        skip = None if around < 0 else _empty(features, height + 2 * around, width + 2 * around).zero_()
        _apply_gradients[_blocks(features)](
            *(features, sums, gradient, parts.sum(1), result, features if skip is None else skip),
            *(height, width, ctx.slope, ctx.padding, around, channels, EPSILON, *blocks),
        )
        return result, None, None, skip


def _programs(features: Tensor) -> tuple[tuple[int, int, int], int, tuple[int, int]]:
    """For sums over pixels: the grid of programs, the blocks that each takes, and the size of a block."""
    count, channels, height, width = features.shape
    blocks = PIXELS, min(CHANNELS, triton.next_power_of_2(channels))
    across, needed = triton.cdiv(channels, blocks[1]), triton.cdiv(height * width, PIXELS)
    steps = triton.cdiv(needed, max(1, _PROGRAMS // (count * across)))
    return (triton.cdiv(needed, steps), count, across), steps, blocks


def _blocks(images: Tensor) -> tuple[int, int, int]:
    """The grid in which each program has one block of pixels."""
    count, channels, height, width = images.shape
    return triton.cdiv(height * width, PIXELS), count, triton.cdiv(channels, CHANNELS)


def _empty(like: Tensor, height: int, width: int) -> Tensor:
    shape = (*like.shape[:2], height, width)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
