"""A normal distribution along the principal components of the images: a baseline, and a model in one file."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState
from snowdrift.xray.generators.base import GenerativeModel, check_losses
from snowdrift.xray.images import to_float


@dataclass(frozen=True)
class PCASettings:
    """The config's section `xray.pca`.

    Attributes:
        image_size: side of an image in pixels, at least 4.
        channels: 1 or 3.
        latent_size: components, at least 1, fewer than images, and no more than an image has values.
    """

    image_size: int
    channels: int
    latent_size: int

    def __post_init__(self) -> None:
        for name, value, right in (
            ("image_size", self.image_size, self.image_size >= 4),  # as the variance of sharpness needs
            ("channels", self.channels, self.channels in (1, 3)),
            ("latent_size", self.latent_size, self.latent_size >= 1),
        ):
            if not right:
                raise SnowdriftError(f"xray.pca.{name}: {value} is out of range", "see PCASettings in pca.py")

    @property
    def epochs(self) -> int:
        """One look at the images is enough."""
        return 1


class Components(nn.Linear):
    """(n, latent_size) of unit variance to (n, channels, image_size, image_size)."""

    def __init__(self, settings: PCASettings) -> None:
        self.shape = (settings.channels, settings.image_size, settings.image_size)
        super().__init__(settings.latent_size, settings.channels * settings.image_size**2)

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        return super().forward(latents).view(-1, *self.shape)


class PCA(GenerativeModel):
    """Makes images whose mean and covariance, along the first components, are those of the real ones."""

    name = "pca"
    settings_type = PCASettings
    settings: PCASettings
    network: Components

    def __init__(self, settings: PCASettings, *, seed: int, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.network = Components(settings).to(device)

    @torch.no_grad()
    def train(
        self,
        images: Tensor,
        *,
        seed: int,
        after_epoch: Callable[[Mapping[str, float]], None] = lambda row: None,
        state: JobState | None = None,
    ) -> pd.DataFrame:
        """See `GenerativeModel.train`; done at once, so `seed` and `state` are not needed.

        Loss column: unexplained, the share of the variance that the components leave out.
        """
        started, count = time.monotonic(), self.settings.latent_size
        flat = to_float(images).flatten(1)
        most = min(len(flat) - 1, flat.shape[1])
        if count > most:
            raise SnowdriftError(
                f"xray.pca.latent_size is {count}, and {len(images)} images of {flat.shape[1]} values allow {most}",
                f"lower xray.pca.latent_size to {most} or less",
            )
        mean = flat.mean(0)
        _, lengths, directions = torch.linalg.svd(flat - mean, full_matrices=False)
        deviations = lengths[:count] / (len(images) - 1) ** 0.5
        self.network.weight.copy_((deviations[:, None] * directions[:count]).T)
        self.network.bias.copy_(mean)
        kept, total = lengths[:count].square().sum(), lengths.square().sum().clamp_min(1e-12)
        row = {
            "epoch": 1,
            "unexplained": 1 - float(kept / total),
            "seconds": round(time.monotonic() - started, 2),
        }
        check_losses(self.name, row)
        after_epoch(row)
        return pd.DataFrame([row])
