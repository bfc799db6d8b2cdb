"""The study's "GAN": a small convolutional GAN that enlarges by interpolation, on one channel.

Interpolation and a convolution instead of a transposed convolution: Odena et al., Distill 2016, "Deconvolution and
checkerboard artifacts".
"""

import itertools

from torch import Tensor, nn

from snowdrift.xray.generators.adversarial import AdversarialModel, AdversarialSettings


class Generator(nn.Module):
    """(n, latent_size) to (n, channels, image_size, image_size) in [-1, 1].

    A linear layer makes 2 * filters maps of a quarter of the side. Two doublings by nearest neighbour follow,
    each with a convolution that halves the maps.
    """

    def __init__(self, settings: AdversarialSettings) -> None:
        super().__init__()
        self.side, self.wide = settings.image_size // 4, 2 * settings.filters
        self.project = nn.Linear(settings.latent_size, self.wide * self.side**2)
        self.model = nn.Sequential(
            nn.BatchNorm2d(self.wide),
            *_up(self.wide, settings.filters),
            *_up(settings.filters, max(settings.filters // 2, 1)),
            nn.Conv2d(max(settings.filters // 2, 1), settings.channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        images: Tensor = self.model(self.project(latents).view(-1, self.wide, self.side, self.side))
        return images


class Discriminator(nn.Module):
    """(n, channels, image_size, image_size) to (n,) logits: four strided convolutions with dropout, then linear.

    No batch norm: dropout keeps it from learning the few X-rays by heart.
    """

    def __init__(self, settings: AdversarialSettings) -> None:
        super().__init__()
        narrow = max(settings.filters // 4, 1)
        widths = [settings.channels, narrow, 2 * narrow, 4 * narrow, 8 * narrow]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride=2, padding=1),
                nn.LeakyReLU(0.2, inplace=True),
                nn.Dropout2d(0.25),
            ]
        head = nn.Linear(widths[-1] * (settings.image_size // 16) ** 2, 1)
        self.model = nn.Sequential(*layers, nn.Flatten(), head, nn.Flatten(0))

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.model(images)
        return logits


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Upsample(scale_factor=2),
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2, inplace=True),
    ]


class GAN(AdversarialModel):
    """The study's GAN: one channel, 64 px, batches of 100."""

    name = "gan"
    generator_type = Generator
    discriminator_type = Discriminator
    weight_deviation = None
