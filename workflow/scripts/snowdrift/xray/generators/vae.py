"""Variational autoencoder (Kingma and Welling, ICLR 2014, arXiv:1312.6114) of fully connected layers."""

import copy
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState, Stateful, Training
from snowdrift.runtime.seeds import derive_seed
from snowdrift.xray.generators.base import GenerativeModel, check_losses
from snowdrift.xray.images import to_float

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VAESettings:
    """The config's section `xray.vae`.

    Attributes:
        image_size: side of an image in pixels.
        channels: 1 or 3.
        hidden_size: width of the hidden layer, both ways.
        latent_size: length of the latent vector.
        batch_size: images per training step.
        epochs: passes over the training images, at most.
        learning_rate: of Adam.
        validation: share of the *training* images kept back to stop by, in (0, 1).
        patience: epochs without a better validation loss after which training stops.
    """

    image_size: int
    channels: int
    hidden_size: int
    latent_size: int
    batch_size: int
    epochs: int
    learning_rate: float
    validation: float
    patience: int


class Encoder(nn.Module):
    """(n, pixels) to the mean and the log variance of q(z|x), each (n, latent_size)."""

    def __init__(self, pixels: int, hidden: int, latent: int) -> None:
        super().__init__()
        # One step of Adam moves the sum over 10,000 pixels far; the layer norm bounds it.
        self.hidden = nn.Sequential(nn.Linear(pixels, hidden), nn.LayerNorm(hidden), nn.ReLU(inplace=True))
        self.mean, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        hidden = self.hidden(images)
        return self.mean(hidden), self.log_variance(hidden)


class Decoder(nn.Module):
    """(n, latent_size) to the mean image of p(x|z), (n, channels, image_size, image_size) in [-1, 1]."""

    def __init__(self, settings: VAESettings) -> None:
        super().__init__()
        self.shape = (settings.channels, settings.image_size, settings.image_size)
        self.model = nn.Sequential(
            nn.Linear(settings.latent_size, settings.hidden_size),
            nn.ReLU(inplace=True),
            nn.Linear(settings.hidden_size, math.prod(self.shape)),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        images: Tensor = self.model(latents).view(-1, *self.shape)
        return images


class VAE(GenerativeModel):
    """The study's VAE, 10000-256-20 at 100 px, with a Gaussian likelihood whose width is learned.

    The study put a softmax before a binary cross-entropy, which is no likelihood of an image. Here
    p(x|z) = N(decoder(z), sigma^2) with one sigma for all pixels (Rybkin et al., ICML 2021, arXiv:2006.13202),
    so that no weight between reconstruction and divergence has to be chosen. A sample is the decoder's mean.
    """

    name = "vae"
    settings_type = VAESettings
    settings: VAESettings

    def __init__(self, settings: VAESettings, *, seed: int, device: torch.device) -> None:
        self.settings, self.device = settings, device
        pixels = settings.channels * settings.image_size**2
        random = torch.Generator().manual_seed(derive_seed(seed, "weights"))
        self.encoder = _initialised(Encoder(pixels, settings.hidden_size, settings.latent_size), random)
        self.network = _initialised(Decoder(settings), random)
        self.encoder.to(device)
        self.network.to(device)
        self.log_sigma = nn.Parameter(torch.zeros((), device=device))

    def train(
        self,
        images: Tensor,
        *,
        seed: int,
        after_epoch: Callable[[Mapping[str, float]], None] = lambda row: None,
        state: JobState | None = None,
    ) -> pd.DataFrame:
        """See `GenerativeModel.train`; stops early and keeps the weights of the best validation loss.

        Loss columns, in nats per pixel: loss = reconstruction + divergence, the negative evidence lower bound
        on the images learned from; validation: the same on those kept back.
        """
        learned_from, held_out = self._split(images, derive_seed(seed, "validation"))
        optimiser = torch.optim.Adam(self._parameters(), lr=self.settings.learning_rate, fused=True)
        order = torch.Generator().manual_seed(derive_seed(seed, "order"))
        noise = torch.Generator().manual_seed(derive_seed(seed, "noise"))
        best = copy.deepcopy(self.network)
        training = Training(state, self._parts(best, optimiser), [order, noise])
        rows = (training.restore() or {"rows": []})["rows"]
        with self._clear_errors():
            while len(rows) < self.settings.epochs and not self._has_stalled(rows):
                started = time.monotonic()
                parts = self._train_epoch(learned_from, optimiser, order, noise)
                validation = self._validate(held_out, derive_seed(seed, "validation", "noise"))
                rows.append(self._row(len(rows) + 1, parts, validation, started))
                after_epoch(rows[-1])
                if _best_epoch(rows) == len(rows):
                    best.load_state_dict(self.network.state_dict())
                if training.due:
                    training.save({"rows": rows})
        self.network.load_state_dict(best.state_dict())
        logger.info("keeps the weights of epoch %d", _best_epoch(rows))
        return pd.DataFrame(rows)

    def _has_stalled(self, rows: list[dict[str, float]]) -> bool:
        if len(rows) - _best_epoch(rows) < self.settings.patience:
            return False
        logger.info("no better validation loss for %d epochs: stops", self.settings.patience)
        return True

    def _parts(self, best: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Stateful]:
        """All that an epoch changes, but for random numbers."""
        return {
            "encoder": self.encoder,
            "decoder": self.network,
            "sigma": nn.ParameterList([self.log_sigma]),
            "best": best,
            "optimiser": optimiser,
        }

    def _split(self, images: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        count = round(self.settings.validation * len(images))
        if not 0 < count < len(images):
            raise SnowdriftError(
                f"xray.vae.validation: {self.settings.validation:g} of {len(images)} training images is {count}; "
                "at least one is needed to stop by, and one to learn from",
                "raise xray.vae.validation, or give more training images",
            )
        shuffled = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
        flat = to_float(images).flatten(1)
        held, kept = (flat[chosen.sort().values].to(self.device) for chosen in shuffled.tensor_split([count]))
        return kept, held

    def _parameters(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.network.parameters(), self.log_sigma]

    def _train_epoch(
        self,
        images: Tensor,
        optimiser: torch.optim.Optimizer,
        order: torch.Generator,
        noise: torch.Generator,
    ) -> Tensor:
        """One pass; (2,) mean reconstruction and divergence per pixel."""
        self.network.train()
        total = torch.zeros(2, device=self.device)
        for batch in torch.randperm(len(images), generator=order).split(self.settings.batch_size):
            parts = self._losses(images[batch.to(self.device)], noise)
            optimiser.zero_grad(set_to_none=True)
            parts.sum().backward()
            optimiser.step()
            total += parts.detach() * len(batch)
        return total / len(images)

    @torch.no_grad()
    def _validate(self, images: Tensor, seed: int) -> float:
        """The loss on images kept back, always with the same noise."""
        self.network.eval()
        noise = torch.Generator().manual_seed(seed)
        batches = images.split(256)
        return sum(float(self._losses(batch, noise).sum()) * len(batch) for batch in batches) / len(images)

    def _losses(self, images: Tensor, noise: torch.Generator) -> Tensor:
        """(2,): -log p(x|z) and KL(q(z|x) || N(0, 1)) of (n, pixels) images, in nats per pixel."""
        mean, log_variance = self.encoder(images)
        drawn = torch.randn(mean.shape, generator=noise).to(self.device)
        decoded = self.network(mean + drawn * torch.exp(0.5 * log_variance)).flatten(1)
        variance = torch.exp(2 * self.log_sigma)
        reconstruction = 0.5 * ((images - decoded).square().mean() / variance + math.log(2 * math.pi))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return torch.stack([reconstruction + self.log_sigma, divergence / images.shape[1]])

    def _row(self, epoch: int, parts: Tensor, validation: float, started: float) -> dict[str, float]:
        reconstruction, divergence = parts.tolist()
        row = {
            "epoch": epoch,
            "loss": reconstruction + divergence,
            "reconstruction": reconstruction,
            "divergence": divergence,
            "validation": validation,
            "seconds": round(time.monotonic() - started, 2),
        }
        check_losses(self.name, row)
        logger.info(
            "epoch %d/%d in %.1f s: loss %.4f nats per pixel, validation %.4f, sigma %.3f",
            *(epoch, self.settings.epochs, row["seconds"], row["loss"], validation),
            float(self.log_sigma.detach().exp()),
        )
        return row


def _best_epoch(rows: list[dict[str, float]]) -> int:
    """The first epoch with the least validation loss; 0 before any."""
    return int(min(rows, key=lambda row: row["validation"])["epoch"]) if rows else 0


@torch.no_grad()
def _initialised(network: nn.Module, random: torch.Generator) -> nn.Module:
    """Weights by Glorot and Bengio (AISTATS 2010), biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=random)
            module.bias.zero_()
    return network
