"""Generator and discriminator of CycleGAN, as Zhu et al. describe them (ICCV 2017, arXiv:1703.10593, appendix 7.2).

Parameter names and shapes equal those of the authors' PyTorch implementation, so that weight files go in and
out. That is why the layers sit in one flat `model` sequence: the position in it is part of a weight's name.
"""

import torch
from torch import Tensor, nn

from snowdrift.snow.networks.blurs import SmoothedTransposed
from snowdrift.snow.networks.generator import Generator


def _normalised(convolution: nn.Module, channels: int) -> list[nn.Module]:
    """Convolution, instance norm without parameters or running statistics, ReLU."""
    return [convolution, nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]


class ResnetBlock(nn.Module):
    """Two reflection-padded 3x3 convolutions with a skip connection (He et al., arXiv:1512.03385).

    Args:
        channels: number of input and of output channels.
        dropout: put a dropout layer of rate 0.5 between the two. It has no weights, but it moves the second
            convolution's name from `conv_block.5` to `conv_block.6`; the snow generators are made without.
    """

    def __init__(self, channels: int, dropout: bool = False) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normalised(nn.Conv2d(channels, channels, 3), channels),
            *([nn.Dropout(0.5)] if dropout else []),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape."""
        result: Tensor = features + self.conv_block(features)
        return result


class ResnetGenerator(Generator):
    """Image-to-image generator: encode to a quarter of the side, residual blocks, decode (Johnson et al. 2016).

    Args:
        filters: channels after the first convolution; 64 in the paper. They double twice.
        blocks: residual blocks; 9 in the paper for 256 px and above, 6 below.
        dropout: see `ResnetBlock`.
        smoothed: whether a fixed blur follows each transposed convolution, which no reference has; see
            `blurs.SmoothedTransposed`. Its weights have two tensors more, `filt`.
    """

    stride = 4

    def __init__(
        self, filters: int = 64, blocks: int = 9, dropout: bool = False, smoothed: bool = False
    ) -> None:
        super().__init__()
        self.filters, self.blocks = filters, blocks
        wide = 4 * filters
        layers = [nn.ReflectionPad2d(3), *_normalised(nn.Conv2d(3, filters, 7), filters)]
        for channels in (filters, 2 * filters):
            down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
            layers += _normalised(down, 2 * channels)
        layers += [ResnetBlock(wide, dropout) for _ in range(blocks)]
        for channels in (wide, wide // 2):
            half = channels // 2
            if smoothed:
                up: nn.Module = SmoothedTransposed(channels, half)
            else:
                up = nn.ConvTranspose2d(channels, half, 3, stride=2, padding=1, output_padding=1)
            layers += _normalised(up, half)
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(filters, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)


class PatchDiscriminator(nn.Module):
    """Scores overlapping 70x70 patches as real (1) or generated (0): "PatchGAN" (Isola et al., arXiv:1611.07004).

    Args:
        filters: channels after the first convolution; 64 in the paper. They double three times.
    """

    def __init__(self, filters: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(3, filters, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for factor, stride in ((1, 2), (2, 2), (4, 1)):
            layers += [
                nn.Conv2d(factor * filters, 2 * factor * filters, 4, stride=stride, padding=1),
                nn.InstanceNorm2d(2 * factor * filters),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers.append(nn.Conv2d(8 * filters, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1] to unbounded scores (n, 1, h/8 - 2, w/8 - 2)."""
        result: Tensor = self.model(images)
        return result


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw weights of convolutions and linear layers from N(0, 0.02) and set biases to 0, as the paper does."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.weight.normal_(0.0, 0.02, generator=generator)
            if module.bias is not None:
                module.bias.zero_()
