"""Networks as they learn fastest on the CPU: the same results but for rounding, with fewer multiplications.

A 3x3 convolution's gradient with respect to its input is such a convolution itself, of the padded gradient with the
kernels turned round, so both go the way that inference goes. For the gradient with respect to the kernels, Winograd's
F(4x4, 3x3) is run backwards: the transformed input times the transformed gradient is the transformed kernels' gradient.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad

from snowdrift.snow.networks.fast_convolution import (
    FEW_OUTPUTS,
    KERNEL_TRANSFORM,
    MIN_CHANNELS,
    TILE,
    padding_of,
    replace_layers,
    transforms,
    winograd_convolution,
    winograd_product,
    winograd_tiles,
)


def accelerate(network: nn.Module) -> None:
    """Replace layers, in place, by ones with the same parameters, the same names and the same results.

    Where a network is not on the CPU in 32 bits, they compute as before.
    """
    replace_layers(network, _Convolution)


class _Convolution(nn.Module):
    """A convolution that `is_plain`."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias, self.padding = convolution.weight, convolution.bias, padding_of(convolution)

    def forward(self, images: Tensor) -> Tensor:
        outputs, channels, side, _ = self.weight.shape
        if self.padding:
            # Between blurs there are many pixels of few channels, whose tiles are moved more slowly than multiplied.
            return conv2d(images, self.weight, self.bias, padding=self.padding)
        if images.device.type == "cpu" and images.dtype == torch.float32:
            if side == 3 and channels >= MIN_CHANNELS:
                convolved: Tensor = _Winograd.apply(images, self.weight, self.bias)
                return convolved
            if side > 3 and outputs < FEW_OUTPUTS:
                return _by_rows(images, self.weight, self.bias)
        return conv2d(images, self.weight, self.bias)


class _Winograd(torch.autograd.Function):
    """A 3x3 convolution: (n, c, h, w), (o, c, 3, 3), (o,) to (n, o, h - 2, w - 2)."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        tiles, ctx.shape = winograd_tiles(images), images.shape
        ctx.save_for_backward(tiles, weight)
        return winograd_product(tiles, transform_kernels(weight), bias, images.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        tiles, weight = ctx.saved_tensors
        of_images, of_weight, of_bias = ctx.needs_input_grad
        return (
            _image_gradient(weight, gradient) if of_images else None,
            _weight_gradient(tiles, gradient) if of_weight else None,
            gradient.sum((0, 2, 3)) if of_bias else None,
        )


def transform_kernels(weight: Tensor) -> Tensor:
    """`winograd_weight` in single precision, for kernels that change with every step: (36, o, c)."""
    return (_kernel_transform() @ weight.reshape(-1, 9).T).view(36, *weight.shape[:2])


def _image_gradient(weight: Tensor, gradient: Tensor) -> Tensor:
    """(o, c, 3, 3) of the kernels, and (n, o, h, w) of their convolution, to (n, c, h + 2, w + 2)."""
    turned = transform_kernels(weight.flip(2, 3).transpose(0, 1))
    return winograd_convolution(pad(gradient, (2, 2, 2, 2)), turned, None)


def _weight_gradient(tiles: Tensor, gradient: Tensor) -> Tensor:
    """(36, c, n * tiles) of the images, and (n, o, h, w) of their convolution, to (o, c, 3, 3)."""
    outputs, height, width = gradient.shape[1:]
    down, right = -height % TILE, -width % TILE
    if down or right:
        gradient = pad(gradient, (0, right, 0, down))
    parts = gradient.unflatten(3, (-1, TILE)).unflatten(2, (-1, TILE)).permute(3, 5, 1, 0, 2, 4)
    parts = transforms()[1].T @ parts.reshape(TILE**2, -1)
    products = torch.bmm(parts.view(36, outputs, -1), tiles.transpose(1, 2))
    return (_kernel_transform().T @ products.view(36, -1)).T.reshape(outputs, -1, 3, 3)


@cache
def _kernel_transform() -> Tensor:
    """(36, 9): the transform of kernels in both dimensions at once."""
    rows = torch.tensor(KERNEL_TRANSFORM, dtype=torch.float64)
    return torch.kron(rows, rows).float()


def _by_rows(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`fast_convolution.row_convolution`, for learning."""
    outputs, channels, side, _ = weight.shape
    columns = weight.permute(3, 0, 1, 2).reshape(side * outputs, channels, side, 1)
    summed: Tensor = _ShiftedSum.apply(conv2d(images, columns).unflatten(1, (side, outputs)))
    return summed if bias is None else summed + bias[:, None, None]


class _ShiftedSum(torch.autograd.Function):
    """(n, k, o, h, w) to (n, o, h, w - k + 1): part i, moved to the left by i, summed."""

    @staticmethod
    def forward(ctx: Any, parts: Tensor) -> Tensor:
        ctx.shape = parts.shape
        width = parts.shape[-1] - parts.shape[1] + 1
        summed = parts[:, 0, ..., :width].clone()
        for shift in range(1, parts.shape[1]):
            summed += parts[:, shift, ..., shift : shift + width]
        return summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        parts = gradient.new_zeros(ctx.shape)
        for shift in range(ctx.shape[1]):
            parts[:, shift, ..., shift : shift + gradient.shape[-1]] = gradient
        return parts
