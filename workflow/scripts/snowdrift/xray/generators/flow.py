"""Flow matching (Lipman et al., ICLR 2023, arXiv:2210.02747): from noise to an image along straight lines.

A network learns the velocity at which noise turns into images: on the line from a noise z to an image x, at the place
(1 - t) z + t x, it is x - z. To make an image is to follow the velocity from a noise at t = 0 to t = 1, here in a few
steps of Heun's method (Karras et al., NeurIPS 2022, arXiv:2206.00364). Times are drawn from a logit-normal
distribution, most in the middle, where the velocity is hardest to tell (Esser et al., ICML 2024, arXiv:2403.03206).
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState, Stateful, Training
from snowdrift.runtime.seeds import derive_seed
from snowdrift.xray.generators.base import GenerativeModel, check_batch, check_losses
from snowdrift.xray.generators.unet import UNet
from snowdrift.xray.images import to_float

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FlowSettings:
    """The config's section `xray.flow`.

    Attributes:
        image_size: side of an image in pixels, a power of two from 16.
        channels: 1 or 3.
        width: channels of the U-Net's largest maps, a multiple of 8.
        batch_size: images per training step.
        epochs: passes over the images.
        learning_rate: of Adam at the start; it falls to 0 by half a cosine.
        ema: decay per step of the averaged network that makes the images; 0 uses the last weights.
        steps: of Heun's method from noise to image, each of two passes through the network.
    """

    image_size: int
    channels: int
    width: int
    batch_size: int
    epochs: int
    learning_rate: float
    ema: float
    steps: int

    def __post_init__(self) -> None:
        if self.width % 8:
            raise SnowdriftError(
                f"xray.flow.width: {self.width} is no multiple of 8", "see FlowSettings in flow.py"
            )

    @property
    def latent_size(self) -> int:
        """An image starts as noise of its own shape."""
        return self.channels * self.image_size**2


class Integrator(nn.Module):
    """(n, latent_size) noise to (n, channels, image_size, image_size), along the velocity that `velocity` tells."""

    def __init__(self, settings: FlowSettings) -> None:
        super().__init__()
        self.shape = (settings.channels, settings.image_size, settings.image_size)
        self.steps = settings.steps
        self.velocity: nn.Module = UNet(settings.channels, settings.width)

    def forward(self, noise: Tensor) -> Tensor:
        """See the class."""
        images, size = noise.view(-1, *self.shape), 1 / self.steps
        for step in range(self.steps):
            start = self._velocity(images, step * size)
            end = self._velocity(images + size * start, (step + 1) * size)
            images = images + size * (start + end) / 2
        return images

    def _velocity(self, images: Tensor, time: float) -> Tensor:
        velocity: Tensor = self.velocity(images, images.new_full((len(images),), time))
        return velocity


class Flow(GenerativeModel):
    """Makes images of noise, along velocities that a U-Net has learned and an average of its weights tells."""

    name = "flow"
    settings_type = FlowSettings
    settings: FlowSettings
    network: Integrator

    def __init__(self, settings: FlowSettings, *, seed: int, device: torch.device) -> None:
        self.settings, self.device = settings, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "weights"))
            self.network = Integrator(settings).to(device)

    def train(
        self,
        images: Tensor,
        *,
        seed: int,
        after_epoch: Callable[[Mapping[str, float]], None] = lambda row: None,
        state: JobState | None = None,
    ) -> pd.DataFrame:
        """See `GenerativeModel.train`. Loss column: velocity, the mean squared error of a value's velocity."""
        settings = self.settings
        check_batch(self.name, settings.batch_size, images)
        learned = self.network.velocity
        averaged = AveragedModel(learned, multi_avg_fn=get_ema_multi_avg_fn(settings.ema))
        self.network.velocity = averaged.module
        optimiser = torch.optim.Adam(learned.parameters(), lr=settings.learning_rate, fused=True)
        schedule = CosineAnnealingLR(optimiser, settings.epochs)
        order = torch.Generator().manual_seed(derive_seed(seed, "order"))
        noise = torch.Generator().manual_seed(derive_seed(seed, "noise"))
        data = images.to(self.device)
        parts: dict[str, Stateful] = {
            "learned": learned,
            "averaged": averaged,
            "optimiser": optimiser,
            "schedule": schedule,
        }
        training = Training(state, parts, [order, noise])
        rows = (training.restore() or {"rows": []})["rows"]
        with self._clear_errors():
            for epoch in range(len(rows) + 1, settings.epochs + 1):
                started, total = time.monotonic(), torch.zeros((), device=self.device)
                for batch in torch.randperm(len(data), generator=order).split(settings.batch_size):
                    loss = _loss(learned, to_float(data[batch.to(self.device)]), noise)
                    optimiser.zero_grad(set_to_none=True)
                    loss.backward()
                    optimiser.step()
                    averaged.update_parameters(learned)
                    total += loss.detach() * len(batch)
                schedule.step()
                rows.append(self._row(epoch, float(total) / len(data), started))
                after_epoch(rows[-1])
                if training.due:
                    training.save({"rows": rows})
        return pd.DataFrame(rows)

    def _row(self, epoch: int, loss: float, started: float) -> dict[str, float]:
        row = {"epoch": epoch, "velocity": loss, "seconds": round(time.monotonic() - started, 2)}
        check_losses(self.name, row)
        logger.info("epoch %d/%d in %.1f s: velocity %.4f", epoch, self.settings.epochs, row["seconds"], loss)
        return row


def _loss(network: nn.Module, images: Tensor, random: torch.Generator) -> Tensor:
    """The mean squared error of the velocities of (n, c, h, w) images, each at a time and from a noise of its own."""
    noise = torch.randn(images.shape, generator=random).to(images.device)
    times = torch.randn(len(images), generator=random).sigmoid().to(images.device)
    part = times[:, None, None, None]
    velocity = network((1 - part) * noise + part * images, times)
    error: Tensor = (velocity - (images - noise)).square().mean()
    return error
