"""Instance norm with what follows it in one step, for a GPU: activation, a block's sum, the next layer's padding.

Torch has no instance norm for `channels_last`, the order in memory in which a GPU convolves fastest: it takes features
to the other order and back, which costs more than the convolutions do (docs/benchmarks.md).
"""

import logging
from collections.abc import Iterator, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from snowdrift.snow.networks.resnet import ResnetBlock

logger = logging.getLogger(__name__)

EPSILON = 1e-5
"""What `nn.InstanceNorm2d` adds to the variance."""

_Place = tuple[nn.Module, str]  # a layer's parent, and its name there


def fuse(network: nn.Module, *, without_bias: bool = False) -> None:
    """Replace norms and what follows them, in place: the same results but for rounding, the same state-dict keys.

    Dropout is left out, so a network that has some is for inference alone.

    Args:
        network: a generator or a discriminator, best in memory order `channels_last`.
        without_bias: whether to drop the biases that a norm takes away again; they leave the state dict.
    """
    places = list(_places(network))
    for number, (parent, name) in enumerate(places):
        if isinstance(getattr(parent, name), nn.InstanceNorm2d):
            setattr(parent, name, _FusedNorm(*_absorbed(places[number + 1 :])))
            if without_bias:
                getattr(*places[number - 1]).bias = None
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ResnetBlock):
                setattr(parent, name, _FusedBlock(child))


def _places(network: nn.Module) -> Iterator[_Place]:
    """Where the layers are that have none inside them, in the order in which they compute."""
    for name, child in network.named_children():
        if any(True for _ in child.children()):
            yield from _places(child)
        else:
            yield network, name


def _absorbed(following: Sequence[_Place]) -> tuple[float, int]:
    """Take away the layers that a norm computes, too: the slope of negative values, and the padding."""
    slope, padding = 1.0, 0
    for place in following:
        layer = getattr(*place)
        if isinstance(layer, nn.ReLU | nn.LeakyReLU):
            slope = getattr(layer, "negative_slope", 0.0)
        elif isinstance(layer, nn.ReflectionPad2d):
            padding = layer.padding[0]
        elif not isinstance(layer, nn.Dropout):
            break
        setattr(*place, nn.Identity())
    return slope, padding


class _FusedNorm(nn.Module):
    """See `normalised`."""

    def __init__(self, slope: float, padding: int) -> None:
        super().__init__()
        self.slope, self.padding = slope, padding

    def forward(self, features: Tensor, skip: Tensor | None = None) -> Tensor:
        return normalised(features, self.slope, self.padding, skip)


class _FusedBlock(nn.Module):
    """A `ResnetBlock` of features that are padded already."""

    def __init__(self, block: ResnetBlock) -> None:
        super().__init__()
        self.conv_block = block.conv_block

    def forward(self, features: Tensor) -> Tensor:
        *layers, norm = self.conv_block
        inner = features
        for layer in layers:
            inner = layer(inner)
        result: Tensor = norm(inner, features)
        return result


def normalised(features: Tensor, slope: float = 1.0, padding: int = 0, skip: Tensor | None = None) -> Tensor:
    """Instance norm, activation, sum, reflection padding, in this order.

    Args:
        features: (n, c, h, w).
        slope: factor of negative values after the norm: 0 is ReLU, 1 no activation.
        padding: pixels on each side, fewer than h and w.
        skip: (n, c, h + 2q, w + 2q) to add but for its outermost q pixels.

    Returns:
        (n, c, h + 2 * padding, w + 2 * padding), in memory order `channels_last`.
    """
    if kernels_work(features.device):
        from snowdrift.snow.networks.norm_kernels import Normalised  # where Triton is

        result: Tensor = Normalised.apply(features, slope, padding, skip)
        return result
    return by_torch(features, slope, padding, skip)


def by_torch(features: Tensor, slope: float, padding: int, skip: Tensor | None) -> Tensor:
    """`normalised` from torch's operators, none of which changes the order in memory."""
    height, width = features.shape[-2:]
    wide = torch.promote_types(features.dtype, torch.float32)
    mean = features.mean((2, 3), keepdim=True, dtype=wide)
    squares = torch.linalg.vector_norm(features, dim=(2, 3), keepdim=True, dtype=wide).square()
    scale = (squares / (height * width) - mean.square()).clamp_min(0).add(EPSILON).rsqrt()
    shift = (-mean * scale).to(features.dtype)
    result = torch.addcmul(shift, features, scale.to(features.dtype))
    if slope != 1:
        result = leaky_relu(result, slope, inplace=True)
    if skip is not None:
        top, left = (skip.shape[2] - height) // 2, (skip.shape[3] - width) // 2
        result = result.add_(skip[:, :, top : top + height, left : left + width])
    return _reflected(result, padding) if padding else result


def _reflected(features: Tensor, padding: int) -> Tensor:
    """Torch's own padding by reflection would return the other order in memory."""
    pixels = features.permute(0, 2, 3, 1)
    for dimension in (1, 2):
        size = pixels.shape[dimension]
        seen = torch.arange(-padding, size + padding, device=features.device).abs()
        pixels = pixels.index_select(dimension, size - 1 - (size - 1 - seen).abs())
    return pixels.permute(0, 3, 1, 2)


@cache
def kernels_work(device: torch.device) -> bool:
    """Whether Triton compiles the fused kernels for this device, and they give what torch's operators give."""
    if device.type != "cuda":
        return False
    try:
        _check_kernels(device)
    except Exception as error:  # Triton's, the compiler's and the driver's errors have no class in common
        logger.warning(
            "Triton cannot be used, which makes networks slower on this GPU: %s. Hint: it needs a C compiler (CC)",
            str(error).strip().partition("\n")[0],
        )
        return False
    return True


def _check_kernels(device: torch.device) -> None:
    from snowdrift.snow.networks.norm_kernels import Normalised

    random = torch.Generator().manual_seed(0)
    for dtype, error in ((torch.float32, 1e-4), (torch.float16, 2e-2)):
        features, skip = (
            torch.randn((2, 24, *size), generator=random).to(device, dtype) for size in ((9, 13), (11, 15))
        )
        found = Normalised.apply(features, 0.2, 3, skip)
        if not torch.allclose(found, by_torch(features, 0.2, 3, skip), rtol=error, atol=error):
            raise RuntimeError("its results are wrong")
