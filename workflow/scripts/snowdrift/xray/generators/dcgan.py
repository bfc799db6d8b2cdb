"""DCGAN: transposed convolutions against strided ones (Radford et al., ICLR 2016, arXiv:1511.06434)."""

import math

from torch import Tensor, nn

from snowdrift.xray.generators.adversarial import AdversarialModel, AdversarialSettings


class Generator(nn.Module):
    """(n, latent_size) to (n, channels, image_size, image_size) in [-1, 1], doubling the side from 4 px on.

    The first map has filters * image_size / 8 channels; each doubling of the side halves them.
    """

    def __init__(self, settings: AdversarialSettings) -> None:
        super().__init__()
        doublings = int(math.log2(settings.image_size)) - 2
        wide = settings.filters * 2 ** (doublings - 1)
        layers = _up(settings.latent_size, wide, stride=1, padding=0)
        for _ in range(doublings - 1):
            layers += _up(wide, wide // 2, stride=2, padding=1)
            wide //= 2
        layers += [nn.ConvTranspose2d(wide, settings.channels, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        images: Tensor = self.model(latents[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """(n, channels, image_size, image_size) to (n,) logits, halving the side down to 4 px."""

    def __init__(self, settings: AdversarialSettings) -> None:
        super().__init__()
        wide = settings.filters
        layers: list[nn.Module] = [
            nn.Conv2d(settings.channels, wide, 4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for _ in range(int(math.log2(settings.image_size)) - 3):
            layers += [
                nn.Conv2d(wide, 2 * wide, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(2 * wide),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            wide *= 2
        self.model = nn.Sequential(*layers, nn.Conv2d(wide, 1, 4, bias=False), nn.Flatten(0))

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.model(images)
        return logits


def _up(inputs: int, outputs: int, *, stride: int, padding: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(inputs, outputs, 4, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


class DCGAN(AdversarialModel):
    """The study's DCGAN: three equal channels, 64 px, batches of 128."""

    name = "dcgan"
    generator_type = Generator
    discriminator_type = Discriminator
