"""The CycleGAN of Zhu et al. (ICCV 2017, arXiv:1703.10593): its settings, losses and one step."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from snowdrift.runtime.graphs import Repeated
from snowdrift.runtime.ranks import Ranks
from snowdrift.runtime.resume import Stateful
from snowdrift.runtime.seeds import derive_seed
from snowdrift.snow.networks.fast_training import accelerate
from snowdrift.snow.networks.fused_norm import fuse, kernels_work
from snowdrift.snow.networks.resnet import PatchDiscriminator, ResnetGenerator, initialise
from snowdrift.snow.translators.cyclegan.pool import ImagePool
from snowdrift.snow.translators.cyclegan.weights import NETWORKS, save_network, weight_file
from snowdrift.snow.unpaired_training import UnpairedSettings, adam

_GENERATOR_LOSSES = ("identity_a", "identity_b", "cycle_a", "cycle_b", "generator_ab", "generator_ba")
_DISCRIMINATOR_LOSSES = ("discriminator_a", "discriminator_b")


@dataclass(frozen=True)
class TrainingSettings(UnpairedSettings):
    """The config's `cyclegan` section, as far as training reads it.

    Attributes:
        lambda_cycle: weight of the cycle loss, both ways.
        lambda_identity: weight of the identity loss, as a share of `lambda_cycle`; 0 leaves it out.
        pool_size: generated images that each discriminator remembers.
        upsampling: of the generators, `transposed` as in the reference, or `smoothed` by a blur after it.
    """

    lambda_cycle: float
    lambda_identity: float
    pool_size: int
    upsampling: str

    section = "cyclegan"


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
        fused = kernels_work(device)
        random = torch.Generator().manual_seed(derive_seed(seed, "weights"))
        self.networks: dict[str, nn.Module] = {}
        for name in NETWORKS:
            network = _network(name, settings)
            initialise(network, random)
            if device.type == "cpu":
                accelerate(network)
            elif fused:
                fuse(network)
            # The order of dimensions in which tensor cores take pictures.
            order = torch.channels_last if fused or self._in_16_bits else torch.preserve_format
            self.networks[name] = network.to(device).to(memory_format=order)
        self.g_a, self.g_b, self.d_a, self.d_b = (self.networks[name] for name in NETWORKS)
        self.generator_optimiser = adam(settings.learning_rate, self.g_a, self.g_b)
        self.discriminator_optimiser = adam(settings.learning_rate, self.d_a, self.d_b)
        self.random = torch.Generator().manual_seed(derive_seed(seed, "pools"))
        self.winter_pool = ImagePool(settings.pool_size, self.random)
        self.summer_pool = ImagePool(settings.pool_size, self.random)
        # The graphs of both computations share one memory, since they take turns.
        memory = torch.cuda.graph_pool_handle() if device.type == "cuda" else None
        self._learn_to_generate = Repeated(self._generator_gradients, memory)
        self._learn_to_judge = Repeated(self._discriminator_gradients, memory)

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
        judged = self._learn_to_judge(summer, winter, *fakes)
        self._update(self.discriminator_optimiser)
        losses |= zip(_DISCRIMINATOR_LOSSES, judged, strict=True)
        self.ranks.average_(list(losses.values()))
        return losses

    def _arithmetic(self) -> torch.autocast:
        """Where convolutions compute in 16 bits, if any do; losses and their sums keep 32."""
        # Torch's own graphed functions refuse its cache of rounded weights: each use in a graph must round them again.
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._in_16_bits, cache_enabled=False)

    def _exchange(self, pool: ImagePool, fakes: Tensor) -> Tensor:
        """Let the pool see the generated images of all processes, and take this one's part of what it gives."""
        return self.ranks.own_part(pool.exchange(self.ranks.gather(fakes.detach())))

    def _update(self, optimiser: torch.optim.Optimizer) -> None:
        """Step along the gradient of the whole batch: each process's losses are means over parts of equal size."""
        gradients = [p.grad for group in optimiser.param_groups for p in group["params"]]
        self.ranks.average_(gradients)
        optimiser.step()

    def _step_generators(self, summer: Tensor, winter: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        fake_winter, fake_summer, *losses = self._learn_to_generate(summer, winter)
        self._update(self.generator_optimiser)
        return fake_winter, fake_summer, dict(zip(_GENERATOR_LOSSES, losses, strict=True))

    def _generator_gradients(self, summer: Tensor, winter: Tensor) -> tuple[Tensor, ...]:
        """Give the generators' parameters gradients; generated winter and summer, and `_GENERATOR_LOSSES`."""
        for discriminator in (self.d_a, self.d_b):
            discriminator.requires_grad_(False)
        self.generator_optimiser.zero_grad(set_to_none=True)
        with self._arithmetic():
            fake_winter, *to_winter = self._translate(self.g_a, self.g_b, self.d_a, summer, winter)
            fake_summer, *to_summer = self._translate(self.g_b, self.g_a, self.d_b, winter, summer)
        losses = [loss for pair in zip(to_winter, to_summer, strict=True) for loss in pair]
        sum(losses[1:], losses[0]).backward()
        for discriminator in (self.d_a, self.d_b):
            discriminator.requires_grad_(True)
        return tuple(
            each.detach() for each in (fake_winter.to(summer.dtype), fake_summer.to(winter.dtype), *losses)
        )

    def _translate(
        self, there: nn.Module, back: nn.Module, judge: nn.Module, source: Tensor, target: Tensor
    ) -> tuple[Tensor, ...]:
        """Images of the target domain made from the source's; their identity, cycle and adversarial losses."""
        settings = self.settings
        cycle, identity = settings.lambda_cycle, settings.lambda_cycle * settings.lambda_identity
        if identity > 0:
            # One call for translation and identity: instance norm keeps the images of a batch apart.
            fake, same = there(torch.cat([source, target])).chunk(2)
            identity_loss = identity * l1_loss(same, target)
        else:
            fake, identity_loss = there(source), source.new_zeros(())
        cycle_loss = cycle * l1_loss(back(fake), source)
        return fake, identity_loss, cycle_loss, _adversarial_loss(judge(fake), real=True)

    def _discriminator_gradients(
        self, summer: Tensor, winter: Tensor, fake_winter: Tensor, fake_summer: Tensor
    ) -> tuple[Tensor, ...]:
        """Give the discriminators' parameters gradients; `_DISCRIMINATOR_LOSSES`."""
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        with self._arithmetic():
            of_winter = _discriminator_loss(self.d_a, winter, fake_winter)
            of_summer = _discriminator_loss(self.d_b, summer, fake_summer)
        (of_winter + of_summer).backward()
        return of_winter.detach(), of_summer.detach()

    def sheet_row(self, image: Tensor, *, summer: bool) -> list[Tensor]:
        """A picture, (1, 3, h, w), its translation, and the translation's way back."""
        there, back = (self.g_a, self.g_b) if summer else (self.g_b, self.g_a)
        translated = there(image)
        return [image, translated, back(translated)]

    def save(self, folder: Path, epoch: int | str) -> None:
        """Write the four networks as `<epoch>_net_<name>.pth`."""
        for name, network in self.networks.items():
            save_network(network, weight_file(folder, epoch, name))


def _network(name: str, settings: TrainingSettings) -> nn.Module:
    """One of the four networks, without its first weights."""
    if name.startswith("D"):
        return PatchDiscriminator(settings.discriminator_filters)
    return ResnetGenerator(settings.filters, settings.blocks, smoothed=settings.upsampling == "smoothed")


def _adversarial_loss(scores: Tensor, *, real: bool) -> Tensor:
    """Least-squares GAN (Mao et al., arXiv:1611.04076): mean squared distance to 1 (real) or 0 (generated)."""
    return mse_loss(scores, torch.ones_like(scores) if real else torch.zeros_like(scores))


def _discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Half the sum of both sides, which slows the discriminator relative to the generator (section 7.1)."""
    real_scores, fake_scores = discriminator(torch.cat([real, fake])).chunk(2)
    return 0.5 * (_adversarial_loss(real_scores, real=True) + _adversarial_loss(fake_scores, real=False))
