"""A DCGAN for few images: differentiable augmentation (Zhao et al., NeurIPS 2020, arXiv:2006.10738).

Its discriminator sees every image, real or generated, only after random changes, so it cannot learn the few real
ones by heart. Gradients pass through the changes to the generator, which therefore does not learn to draw them.
"""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from snowdrift.xray.generators.adversarial import AdversarialModel
from snowdrift.xray.generators.dcgan import Discriminator, Generator

_SHIFT = 1 / 8  # of the side, either way, at most
_HOLE = 1 / 2  # of the side, rounded to an even number of pixels


def augment(images: Tensor) -> Tensor:
    """Change brightness, contrast, place, and cut out a square: each image by a draw of its own.

    As the paper's `color,translation,cutout`, without saturation, which gray images have none of. What comes in from
    beyond the border, and the hole, is 0, a middle gray.

    Args:
        images: (n, c, h, w) float in [-1, 1].

    Returns:
        As many, which may leave [-1, 1]. Randomness comes from torch's global generator, as that of dropout does.
    """
    return _cut_out(_shift(_recolour(images)))


def _recolour(images: Tensor) -> Tensor:
    """Add up to half a unit, then stretch by 0.5 to 1.5 round the mean."""
    brightness, contrast = torch.rand(2, len(images), 1, 1, 1, device=images.device)
    images = images + brightness - 0.5
    mean = images.mean((1, 2, 3), keepdim=True)
    recoloured: Tensor = mean + (images - mean) * (contrast + 0.5)
    return recoloured


def _shift(images: Tensor) -> Tensor:
    """Move by whole pixels, both ways."""
    sides = torch.tensor(images.shape[-1:-3:-1], device=images.device)
    most = (sides * _SHIFT).round()
    pixels = (
        ((2 * torch.rand(len(images), 2, device=images.device) - 1) * (most + 0.5)).round().clamp(-most, most)
    )
    places = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    places[:, :, 2] = 2 * pixels / sides
    grid = affine_grid(places, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="nearest", align_corners=False)


def _cut_out(images: Tensor) -> Tensor:
    """Set a square to 0, whose centre lies anywhere in the image."""
    size = images.shape[-1]
    half = round(size * _HOLE / 2)
    centres = torch.randint(size, (2, len(images), 1), device=images.device)
    away = torch.arange(size, device=images.device) - centres
    rows, columns = (-half <= away) & (away < half)
    hole = rows[:, :, None] & columns[:, None, :]
    return images.masked_fill(hole[:, None], 0.0)


class AugmentedDiscriminator(Discriminator):
    """The DCGAN's, of augmented images: (n, channels, image_size, image_size) to (n,) logits."""

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        return super().forward(augment(images))


class AugmentedDCGAN(AdversarialModel):
    """The study's DCGAN with an augmented discriminator; `ema` averages its generator's weights."""

    name = "dcgan_augmented"
    generator_type = Generator
    discriminator_type = AugmentedDiscriminator
