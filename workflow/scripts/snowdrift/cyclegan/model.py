"""The CycleGAN of Zhu et al. (ICCV 2017, arXiv:1703.10593): its settings, losses and one step."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from snowdrift.cyclegan.fast_training import accelerate
from snowdrift.cyclegan.networks import PatchDiscriminator, ResnetGenerator, initialise
from snowdrift.cyclegan.pool import ImagePool
from snowdrift.cyclegan.weights import NETWORKS, save_network, weight_file
from snowdrift.runtime.ranks import Ranks
from snowdrift.runtime.resume import Stateful
from snowdrift.runtime.seeds import derive_seed


@dataclass(frozen=True)
class TrainingSettings:
    """The config's `cyclegan` section, as far as training reads it.

    Attributes:
        resize, load_size, crop_size: see `data.Preprocessing`.
        batch_size: image pairs per step, of all devices together.
        precision: `float32` or `bfloat16`, of what a GPU computes; a CPU always takes the former.
        filters, blocks: of both generators.
        discriminator_filters: of both discriminators.
        epochs: passes over the content images at the full learning rate.
        decay_epochs: further passes over which it falls linearly towards 0.
        learning_rate: of Adam with betas 0.5 and 0.999.
        lambda_cycle: weight of the cycle loss, both ways.
        lambda_identity: weight of the identity loss, as a share of `lambda_cycle`; 0 leaves it out.
        pool_size: generated images that each discriminator remembers.
        snapshot_every: epochs between two snapshots; the last epoch always is one.
    """

    resize: str
    load_size: int
    crop_size: int
    batch_size: int
    precision: str
    filters: int
    blocks: int
    discriminator_filters: int
    epochs: int
    decay_epochs: int
    learning_rate: float
    lambda_cycle: float
    lambda_identity: float
    pool_size: int
    snapshot_every: int

    @property
    def total_epochs(self) -> int:
        """Epochs at the full rate and epochs of decay."""
        return self.epochs + self.decay_epochs

    def rate_factor(self, epoch: int) -> float:
        """Share of the learning rate in epoch 1, 2, ...: 1, then falling linearly, and above 0 to the end."""
        return 1.0 - max(0, epoch - self.epochs) / (self.decay_epochs + 1)

    def is_snapshot(self, epoch: int) -> bool:
        """Whether weights and samples are written after this epoch."""
        return epoch % self.snapshot_every == 0 or epoch == self.total_epochs


class CycleGAN:
    """Two generators, two discriminators, their optimisers and one training step.

    Domain A is summer (content), domain B winter (style). `g_a` makes winter, `g_b` makes summer; `d_a` judges
    winter images and `d_b` summer ones, which are the reference's names.

    Several processes can share a step, each with its part of the batch. All of them start with the same weights and
    random numbers, and exchange gradients, generated images and losses, so each always has the state of all.
    Gradients are averaged by hand, not by DistributedDataParallel, whose hooks expect one forward pass for each
    backward pass: here a generator has two, and the discriminators have some without gradients of their own.

    Args:
        settings: network sizes, loss weights.
        seed: of weights and pools.
        device: of this process.
        ranks: this process's place among those that share the steps.
    """

    def __init__(
        self, settings: TrainingSettings, seed: int, device: torch.device, ranks: Ranks | None = None
    ) -> None:
        self.settings, self.device, self.ranks = settings, device, ranks or Ranks()
        self._in_16_bits = settings.precision == "bfloat16" and device.type == "cuda"
        random = torch.Generator().manual_seed(derive_seed(seed, "weights"))
        self.networks: dict[str, nn.Module] = {}
        for name in NETWORKS:
            network: nn.Module
            if name.startswith("G"):
                network = ResnetGenerator(settings.filters, settings.blocks)
            else:
                network = PatchDiscriminator(settings.discriminator_filters)
            initialise(network, random)
            if device.type == "cpu":
                accelerate(network)
            # The order of dimensions in which tensor cores take 16-bit pictures.
            order = torch.channels_last if self._in_16_bits else torch.preserve_format
            self.networks[name] = network.to(device, memory_format=order)
        self.g_a, self.g_b, self.d_a, self.d_b = (self.networks[name] for name in NETWORKS)
        self.generator_optimiser = self._adam(self.g_a, self.g_b)
        self.discriminator_optimiser = self._adam(self.d_a, self.d_b)
        self.random = torch.Generator().manual_seed(derive_seed(seed, "pools"))
        self.winter_pool = ImagePool(settings.pool_size, self.random)
        self.summer_pool = ImagePool(settings.pool_size, self.random)

    @property
    def parts(self) -> dict[str, Stateful]:
        """All that `step` changes, but for `random`."""
        return {
            **self.networks,
            "generator_optimiser": self.generator_optimiser,
            "discriminator_optimiser": self.discriminator_optimiser,
            "winter_pool": self.winter_pool,
            "summer_pool": self.summer_pool,
        }

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        parameters = itertools.chain(*(network.parameters() for network in networks))
        # Fused: one pass over weights, gradients and moments instead of a dozen.
        return torch.optim.Adam(parameters, lr=self.settings.learning_rate, betas=(0.5, 0.999), fused=True)

    def set_learning_rate(self, rate: float) -> None:
        """Set it in both optimisers."""
        for optimiser in (self.generator_optimiser, self.discriminator_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = rate

    def step(self, summer: Tensor, winter: Tensor) -> dict[str, Tensor]:
        """Train on one batch: first the generators, then the discriminators.

        Args:
            summer: (n, 3, h, w) in [-1, 1], this process's part of the batch.
            winter: the same shape.

        Returns:
            The whole batch's losses, weighted as they are summed, as scalars on the device.
        """
        fake_winter, fake_summer, losses = self._step_generators(summer, winter)
        fakes = self._exchange(self.winter_pool, fake_winter), self._exchange(self.summer_pool, fake_summer)
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        with self._arithmetic():
            losses["discriminator_a"] = _discriminator_loss(self.d_a, winter, fakes[0])
            losses["discriminator_b"] = _discriminator_loss(self.d_b, summer, fakes[1])
        (losses["discriminator_a"] + losses["discriminator_b"]).backward()
        self._update(self.discriminator_optimiser)
        detached = {name: loss.detach() for name, loss in losses.items()}
        self.ranks.average_(list(detached.values()))
        return detached

    def _arithmetic(self) -> torch.autocast:
        """Where convolutions compute in 16 bits, if any do; losses and their sums keep 32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._in_16_bits)

    def _exchange(self, pool: ImagePool, fakes: Tensor) -> Tensor:
        """Let the pool see the generated images of all processes, and take this one's part of what it gives."""
        return self.ranks.own_part(pool.exchange(self.ranks.gather(fakes.detach())))

    def _update(self, optimiser: torch.optim.Optimizer) -> None:
        """Step along the gradient of the whole batch: each process's losses are means over parts of equal size."""
        gradients = [p.grad for group in optimiser.param_groups for p in group["params"]]
        self.ranks.average_(gradients)
        optimiser.step()

    def _step_generators(self, summer: Tensor, winter: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        for discriminator in (self.d_a, self.d_b):
            discriminator.requires_grad_(False)
        self.generator_optimiser.zero_grad(set_to_none=True)
        with self._arithmetic():
            fake_winter, fake_summer, losses = self._generate(summer, winter)
        sum(losses.values()).backward()
        self._update(self.generator_optimiser)
        for discriminator in (self.d_a, self.d_b):
            discriminator.requires_grad_(True)
        return fake_winter.to(summer.dtype), fake_summer.to(winter.dtype), losses

    def _generate(self, summer: Tensor, winter: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        settings = self.settings
        losses: dict[str, Tensor] = {}
        if settings.lambda_identity > 0:
            # One call for translation and identity: instance norm keeps the images of a batch apart.
            fake_winter, same_winter = self.g_a(torch.cat([summer, winter])).chunk(2)
            fake_summer, same_summer = self.g_b(torch.cat([winter, summer])).chunk(2)
            weight = settings.lambda_cycle * settings.lambda_identity
            losses["identity_a"] = weight * l1_loss(same_winter, winter)
            losses["identity_b"] = weight * l1_loss(same_summer, summer)
        else:
            fake_winter, fake_summer = self.g_a(summer), self.g_b(winter)
            losses["identity_a"] = losses["identity_b"] = summer.new_zeros(())
        losses["cycle_a"] = settings.lambda_cycle * l1_loss(self.g_b(fake_winter), summer)
        losses["cycle_b"] = settings.lambda_cycle * l1_loss(self.g_a(fake_summer), winter)
        losses["generator_ab"] = _adversarial_loss(self.d_a(fake_winter), real=True)
        losses["generator_ba"] = _adversarial_loss(self.d_b(fake_summer), real=True)
        return fake_winter, fake_summer, losses

    def save(self, folder: Path, epoch: int | str) -> None:
        """Write the four networks as `<epoch>_net_<name>.pth`."""
        for name, network in self.networks.items():
            save_network(network, weight_file(folder, epoch, name))


def _adversarial_loss(scores: Tensor, *, real: bool) -> Tensor:
    """Least-squares GAN (Mao et al., arXiv:1611.04076): mean squared distance to 1 (real) or 0 (generated)."""
    return mse_loss(scores, torch.ones_like(scores) if real else torch.zeros_like(scores))


def _discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Half the sum of both sides, which slows the discriminator relative to the generator (section 7.1)."""
    real_scores, fake_scores = discriminator(torch.cat([real, fake])).chunk(2)
    return 0.5 * (_adversarial_loss(real_scores, real=True) + _adversarial_loss(fake_scores, real=False))
