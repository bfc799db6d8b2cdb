"""Convolutions of stride 1 that need fewer multiplications than the direct one, for the CPU and without gradients.

One of them, `row_convolution`, serves a GPU in 16 bits as well.

Winograd's minimal filtering (Lavin and Gray, CVPR 2016, arXiv:1509.09308) computes a tile of outputs of a 3x3
convolution in a transformed space where it is a product of matrices: F(4x4, 3x3) multiplies a quarter as often as the
direct convolution. NNPACK, which comes inside torch for x86 and ARM, has F(6x6, 3x3), and for larger kernels
Fourier transforms; torch reaches it by a private operator alone, so that it is used only where a check has just shown
that it is there and right.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

logger = logging.getLogger(__name__)

# Below these the transforms cost more than they save (measured on AVX-512; docs/benchmarks.md).
MIN_CHANNELS = 64
MIN_NNPACK_PIXELS = 24 * 24
FEW_OUTPUTS = 8

TILE = 4
_INPUT_TRANSFORM = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL_TRANSFORM = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_OUTPUT_TRANSFORM = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


class FastConvolution(nn.Module):
    """Stands in for a convolution that `is_plain`, and chooses the fastest way at each call.

    Args:
        convolution: whose weight and bias it shares; they must not change any more.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        if not is_plain(convolution):
            raise ValueError(f"{convolution}: not of stride 1 without dilation and groups")
        self.weight, self.bias, self.padding = convolution.weight, convolution.bias, padding_of(convolution)
        self._transformed: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) to (n, o, h - k + 1, w - k + 1), or to the same size with padding."""
        outputs, channels, side, _ = self.weight.shape
        if self.padding:
            images = pad(images, (self.padding,) * 4)
        if images.device.type != "cpu" or images.dtype != torch.float32 or torch.is_grad_enabled():
            return conv2d(images, self.weight, self.bias)
        few, winograd = outputs < FEW_OUTPUTS and side > 3, side == 3 and channels >= MIN_CHANNELS
        if (few or winograd) and images.shape[-2] * images.shape[-1] >= MIN_NNPACK_PIXELS and nnpack_works():
            return nnpack_convolution(images, self.weight, self.bias)
        if few:
            return row_convolution(images, self.weight, self.bias)
        if winograd:
            if self._transformed is None:
                self._transformed = winograd_weight(self.weight)
            return winograd_convolution(images, self._transformed, self.bias)
        return conv2d(images, self.weight, self.bias)


def replace_layers(network: nn.Module, convolution: Callable[[nn.Conv2d], nn.Module]) -> None:
    """Put `convolution(layer)` in the place of every convolution that `is_plain`, and faster norms in theirs.

    Instance norm without parameters is group norm with one channel a group, whose kernel takes a third of the time or
    less.
    """
    for name, child in network.named_children():
        if is_plain(child):
            setattr(network, name, convolution(child))
        elif isinstance(child, nn.InstanceNorm2d):
            channels = child.num_features
            setattr(network, name, nn.GroupNorm(channels, channels, child.eps, affine=False))
        else:
            replace_layers(child, convolution)


def is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution of stride 1 without dilation and groups, and with padding only if it is 3x3."""
    if not isinstance(module, nn.Conv2d) or module.kernel_size[0] != module.kernel_size[1]:
        return False
    padded = module.kernel_size == (3, 3) and module.padding == (1, 1) and module.padding_mode == "zeros"
    plain = (module.stride, module.dilation, module.groups) == ((1, 1), (1, 1), 1)
    return plain and (padded or module.padding == (0, 0))


class RowConvolution(nn.Module):
    """Stands in for the generator's last convolution, as `row_convolution`, which suits a GPU in 16 bits.

    Tensor cores compute at least 32 outputs at a time, of which a picture's three channels fill a tenth. The direct
    convolution of k x 1 has k times as many outputs, and a k-th of the multiplications for each.

    Args:
        convolution: whose weight and bias it shares, and which `has_few_outputs`; they must not change any more.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) to (n, o, h - k + 1, w - k + 1)."""
        return row_convolution(images, self.weight, self.bias)


def padding_of(convolution: nn.Conv2d) -> int:
    """The pixels that a convolution that `is_plain` adds on each side."""
    return int(convolution.padding[0])


def has_few_outputs(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution that `is_plain`, larger than 3x3, and has too few outputs to go direct."""
    return is_plain(module) and module.kernel_size[0] > 3 and module.out_channels < FEW_OUTPUTS


@cache
def nnpack_works() -> bool:
    """Whether this torch has NNPACK's convolution on this machine, and it gives what the direct one gives."""
    try:
        if not torch._nnpack_available():  # which initialises it, too
            raise RuntimeError("not for this processor")
        random = torch.Generator().manual_seed(0)
        for outputs, channels, side in ((16, 32, 3), (3, 16, 7)):
            images = torch.rand((2, channels, 25, 31), generator=random) - 0.5
            weight = torch.rand((outputs, channels, side, side), generator=random) - 0.5
            bias = torch.rand(outputs, generator=random)
            expected = conv2d(images, weight, bias)
            error = (nnpack_convolution(images, weight, bias) - expected).abs().max()
            if not error < 1e-4 * expected.abs().max():
                raise RuntimeError("its results are wrong")
    except (
        AttributeError,
        RuntimeError,
        TypeError,
    ) as error:  # another torch, or a CPU that NNPACK does not know
        logger.info("NNPACK cannot be used, which makes this slower by half: %s", error)
        return False
    return True


@torch.no_grad()
def nnpack_convolution(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution by NNPACK, which is fastest for one image at a time. Only where `nnpack_works`.

    Args:
        images: (n, c, h, w) float32, on the CPU.
        weight: (o, c, k, k).
        bias: (o,).
    """
    # It reads memory in the order of the dimensions, whatever the strides say.
    images, weight = images.contiguous(), weight.contiguous()
    outputs = [torch._nnpack_spatial_convolution(each, weight, bias, [0, 0]) for each in images.split(1)]
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


@torch.no_grad()
def winograd_weight(weight: Tensor) -> Tensor:
    """(o, c, 3, 3) kernels to (36, o, c), for `winograd_convolution`."""
    transform = torch.tensor(KERNEL_TRANSFORM, dtype=torch.float64)
    outputs, channels = weight.shape[:2]
    transformed = torch.einsum("ik,ockl,jl->ijoc", transform, weight.double(), transform)
    return transformed.reshape(-1, outputs, channels).float().contiguous()


@torch.no_grad()
def winograd_convolution(images: Tensor, transformed: Tensor, bias: Tensor | None) -> Tensor:
    """The 3x3 convolution by F(4x4, 3x3), from public operators.

    Args:
        images: (n, c, h, w) float32, on the CPU.
        transformed: (36, o, c) from `winograd_weight`.
        bias: (o,).

    Returns:
        (n, o, h - 2, w - 2).
    """
    return winograd_product(winograd_tiles(images), transformed, bias, images.shape)


def winograd_tiles(images: Tensor) -> Tensor:
    """(n, c, h, w) to the transforms of its tiles, (36, c, n * tiles)."""
    count, channels, height, width = images.shape
    rows, columns = _tiles(images.shape)
    down, right = rows * TILE + 2 - height, columns * TILE + 2 - width
    if down or right:
        images = pad(images, (0, right, 0, down))
    # Every tile's transform is a convolution over one channel; its 36 outputs come first for the matrix products.
    tiles = conv2d(images.reshape(count * channels, 1, *images.shape[-2:]), transforms()[0], stride=TILE)
    return tiles.view(count, channels, 36, rows * columns).permute(2, 1, 0, 3).reshape(36, channels, -1)


def winograd_product(tiles: Tensor, transformed: Tensor, bias: Tensor | None, shape: Sequence[int]) -> Tensor:
    """`winograd_convolution` of images of that shape, from their `winograd_tiles`."""
    count, _, height, width = shape
    rows, columns = _tiles(shape)
    products, back = torch.bmm(transformed, tiles), transforms()[1]
    outputs = (back @ products.view(36, -1)).view(TILE, TILE, -1, count, rows, columns)
    outputs = outputs.permute(3, 2, 4, 0, 5, 1).reshape(count, -1, TILE * rows, TILE * columns)
    outputs = outputs[..., : height - 2, : width - 2]
    return outputs if bias is None else outputs.add_(bias[:, None, None])


def _tiles(shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of tiles that the convolution of images of that shape (n, c, h, w) has."""
    return -(-(shape[-2] - 2) // TILE), -(-(shape[-1] - 2) // TILE)


@cache
def transforms() -> tuple[Tensor, Tensor]:
    """The transforms of tiles in both dimensions at once: (36, 1, 6, 6) there and (16, 36) back."""
    into, back = (torch.tensor(rows, dtype=torch.float32) for rows in (_INPUT_TRANSFORM, _OUTPUT_TRANSFORM))
    return torch.kron(into, into).view(36, 1, 6, 6), torch.kron(back, back)


@torch.no_grad()
def row_convolution(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution in columns first, then summed along rows: for outputs too few to fill a vector register.

    Args:
        images: (n, c, h, w).
        weight: (o, c, k, k), of which k x o are the outputs of one direct convolution of k x 1.
        bias: (o,).
    """
    outputs, channels, side, _ = weight.shape
    columns = weight.permute(3, 0, 1, 2).reshape(side * outputs, channels, side, 1)
    parts: Sequence[Tensor] = conv2d(images, columns).unflatten(1, (side, outputs)).unbind(1)
    width = images.shape[-1] - side + 1
    summed = parts[0][..., :width].clone()
    for shift, part in enumerate(parts[1:], 1):
        summed += part[..., shift : shift + width]
    return summed if bias is None else summed + bias[:, None, None]
