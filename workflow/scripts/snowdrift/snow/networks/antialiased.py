"""Generator and discriminator with anti-aliased sampling (Zhang, ICML 2019, arXiv:1904.11486), as CUT has them.

Names and shapes of the parameters equal those of the implementation by the authors of CUT (Park et al., ECCV 2020,
arXiv:2007.15651), so that weight files go in and out: convolutions of stride 1, with a fixed blur of stride 2 after
them on the way down and before them on the way up. A blur in place of a stride leaves no checkerboard.
"""

from torch import Tensor, nn

from snowdrift.snow.networks.blurs import BlurDown, BlurUp
from snowdrift.snow.networks.generator import Generator
from snowdrift.snow.networks.resnet import ResnetBlock


class AntialiasedGenerator(Generator):
    """`resnet.ResnetGenerator` with blurs in place of strides.

    Args:
        filters: channels after the first convolution; 64 in the paper.
        blocks: residual blocks; 9 in the paper.
    """

    stride = 4

    def __init__(self, filters: int = 64, blocks: int = 9) -> None:
        super().__init__()
        self.filters, self.blocks = filters, blocks
        wide = 4 * filters
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, filters, 7), *_normalised(filters)]
        for channels in (filters, 2 * filters):
            layers += [nn.Conv2d(channels, 2 * channels, 3, padding=1), *_normalised(2 * channels)]
            layers.append(BlurDown(2 * channels))
        layers += [ResnetBlock(wide) for _ in range(blocks)]
        for channels in (wide, wide // 2):
            layers += [BlurUp(channels), nn.Conv2d(channels, channels // 2, 3, padding=1)]
            layers += _normalised(channels // 2)
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(filters, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)


class AntialiasedDiscriminator(nn.Module):
    """`resnet.PatchDiscriminator`, which judges patches of 70x70, with blurs in place of strides.

    Args:
        filters: channels after the first convolution; 64 in the paper.
    """

    def __init__(self, filters: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, filters, 4, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        layers.append(BlurDown(filters))
        for factor in (1, 2, 4):
            channels = 2 * factor * filters
            layers.append(nn.Conv2d(factor * filters, channels, 4, padding=1))
            layers += [nn.InstanceNorm2d(channels), nn.LeakyReLU(0.2, inplace=True)]
            if factor < 4:
                layers.append(BlurDown(channels))
        layers.append(nn.Conv2d(8 * filters, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in [-1, 1] to unbounded scores of patches, (n, 1, ...)."""
        result: Tensor = self.model(images)
        return result


def _normalised(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]
