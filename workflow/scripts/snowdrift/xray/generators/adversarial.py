"""Adversarial training of an image generator (Goodfellow et al., NeurIPS 2014, arXiv:1406.2661)."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from snowdrift.runtime.resume import JobState, Stateful, Training
from snowdrift.runtime.seeds import derive_seed
from snowdrift.xray.generators.base import GenerativeModel, check_batch, check_losses
from snowdrift.xray.images import to_float

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AdversarialSettings:
    """The config's section of a GAN.

    Attributes:
        image_size: side of an image in pixels, a power of two from 16.
        channels: 1 or 3.
        latent_size: length of the vector that an image is made from.
        filters: channels of the layers at the largest size.
        batch_size: images per training step.
        epochs: passes over the images.
        learning_rate: of Adam with betas 0.5 and 0.999, for both networks.
        ema: decay per step of the averaged generator that makes the images; 0 uses the last weights.
    """

    image_size: int
    channels: int
    latent_size: int
    filters: int
    batch_size: int
    epochs: int
    learning_rate: float
    ema: float


class AdversarialModel(GenerativeModel):
    """A generator and a discriminator that learn against each other; subclasses bring the two networks.

    Attributes:
        generator_type: made from the settings; (n, latent_size) to images in [-1, 1].
        discriminator_type: made from the settings; images in [-1, 1] to (n,) logits, high for real.
        weight_deviation: standard deviation of the initial weights; None keeps the size of the signal from
            layer to layer, which networks without batch normalisation need (He et al., ICCV 2015,
            arXiv:1502.01852).
    """

    settings_type = AdversarialSettings
    settings: AdversarialSettings
    generator_type: ClassVar[type[nn.Module]]
    discriminator_type: ClassVar[type[nn.Module]]
    weight_deviation: ClassVar[float | None] = 0.02

    def __init__(self, settings: AdversarialSettings, *, seed: int, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.generator = type(self).generator_type(settings)
        self.discriminator = type(self).discriminator_type(settings)
        random = torch.Generator().manual_seed(derive_seed(seed, "weights"))
        for network in (self.generator, self.discriminator):
            initialise(network, random, type(self).weight_deviation)
            network.to(device)
        self.network = self.generator

    def train(
        self,
        images: Tensor,
        *,
        seed: int,
        after_epoch: Callable[[Mapping[str, float]], None] = lambda row: None,
        state: JobState | None = None,
    ) -> pd.DataFrame:
        """See `GenerativeModel.train`.

        Loss columns: generator, discriminator (binary cross-entropy in nats); real_score, fake_score: the mean
        chance of being real that the discriminator gives to real and to generated images.
        """
        settings = self.settings
        check_batch(self.name, settings.batch_size, images)
        averaged = self._averaged()
        self.network = averaged.module if averaged else self.generator
        optimisers = [self._adam(self.generator), self._adam(self.discriminator)]
        order = torch.Generator().manual_seed(derive_seed(seed, "order"))
        noise = torch.Generator().manual_seed(derive_seed(seed, "noise"))
        data = images.to(self.device)
        training = Training(state, self._parts(averaged, *optimisers), [order, noise])
        rows = (training.restore() or {"rows": []})["rows"]
        with self._clear_errors():
            for epoch in range(len(rows) + 1, settings.epochs + 1):
                started = time.monotonic()
                self.generator.train()
                batches = torch.randperm(len(data), generator=order).split(settings.batch_size)
                losses = []
                # A smaller last batch would upset batch normalisation; its images come in another epoch.
                for batch in batches[: len(data) // settings.batch_size]:
                    losses.append(self._step(to_float(data[batch.to(self.device)]), noise, *optimisers))
                    if averaged:
                        averaged.update_parameters(self.generator)
                rows.append(self._row(epoch, torch.stack(losses).mean(0), started))
                after_epoch(rows[-1])
                if training.due:
                    training.save({"rows": rows})
        return pd.DataFrame(rows)

    def _parts(
        self,
        averaged: AveragedModel | None,
        generator_optimiser: torch.optim.Optimizer,
        discriminator_optimiser: torch.optim.Optimizer,
    ) -> dict[str, Stateful]:
        """All that an epoch changes, but for random numbers."""
        parts: dict[str, Stateful] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimiser": generator_optimiser,
            "discriminator_optimiser": discriminator_optimiser,
        }
        return parts | {"averaged": averaged} if averaged else parts

    def _step(
        self,
        real: Tensor,
        noise: torch.Generator,
        generator_optimiser: torch.optim.Optimizer,
        discriminator_optimiser: torch.optim.Optimizer,
    ) -> Tensor:
        """One step of each network; (4,) losses and scores, on the device."""
        latents = torch.randn(len(real), self.settings.latent_size, generator=noise)
        fake = self.generator(latents.to(self.device))
        discriminator_optimiser.zero_grad(set_to_none=True)
        # Two passes, because batch normalisation would mix real and generated statistics in one.
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake.detach())
        discriminator_loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        discriminator_loss.backward()
        discriminator_optimiser.step()
        self.discriminator.requires_grad_(False)
        generator_optimiser.zero_grad(set_to_none=True)
        logits = self.discriminator(fake)
        generator_loss = binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        generator_loss.backward()
        generator_optimiser.step()
        self.discriminator.requires_grad_(True)
        scores = real_logits.detach().sigmoid().mean(), fake_logits.detach().sigmoid().mean()
        return torch.stack([generator_loss.detach(), discriminator_loss.detach(), *scores])

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(
            network.parameters(), lr=self.settings.learning_rate, betas=(0.5, 0.999), fused=True
        )

    def _averaged(self) -> AveragedModel | None:
        if self.settings.ema == 0:
            return None
        average = get_ema_multi_avg_fn(self.settings.ema)
        return AveragedModel(self.generator, multi_avg_fn=average, use_buffers=True)

    def _row(self, epoch: int, means: Tensor, started: float) -> dict[str, float]:
        names = ("generator", "discriminator", "real_score", "fake_score")
        row = {"epoch": epoch, **dict(zip(names, means.tolist(), strict=True))}
        row["seconds"] = round(time.monotonic() - started, 2)
        check_losses(self.name, row)
        logger.info(
            "epoch %d/%d in %.1f s: generator %.3f, discriminator %.3f, scores: real %.2f, generated %.2f",
            *(epoch, self.settings.epochs, row["seconds"], *means.tolist()),
        )
        return row


@torch.no_grad()
def initialise(network: nn.Module, random: torch.Generator, deviation: float | None) -> None:
    """Biases 0, batch norm scales from N(1, 0.02) (Radford et al., section 4), weights by `deviation`.

    Args:
        network: changed in place.
        random: what the weights are drawn from.
        deviation: see `AdversarialModel.weight_deviation`.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if deviation is None:
                nn.init.kaiming_normal_(module.weight, 0.2, nonlinearity="leaky_relu", generator=random)
            else:
                module.weight.normal_(0.0, deviation, generator=random)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.normal_(1.0, 0.02, generator=random)
        if isinstance(bias := getattr(module, "bias", None), Tensor):
            bias.zero_()
