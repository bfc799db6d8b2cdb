"""Contrastive unpaired translation, CUT and FastCUT (Park et al., ECCV 2020, arXiv:2007.15651): losses and one step.

A place in the winter frame shall look like the same place in the frame it was made of more than like any other place of
it: no second generator and no way back is needed.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, normalize

from snowdrift.runtime.ranks import Ranks
from snowdrift.runtime.resume import Stateful
from snowdrift.runtime.seeds import derive_seed
from snowdrift.snow.networks.antialiased import AntialiasedDiscriminator, AntialiasedGenerator
from snowdrift.snow.networks.fast_training import accelerate
from snowdrift.snow.networks.generator import Generator
from snowdrift.snow.networks.resnet import PatchDiscriminator, ResnetGenerator, initialise
from snowdrift.snow.translators.cyclegan.weights import save_network, weight_file
from snowdrift.snow.unpaired_training import UnpairedSettings, adam

PLACES = 256
"""Places of a picture that are compared in each layer, at most."""
WIDTH = 256
"""Of the perceptrons and of what they give."""
TEMPERATURE = 0.07
NETWORKS = ("G", "D", "F")


@dataclass(frozen=True)
class TrainingSettings(UnpairedSettings):
    """The config's `cut` section, as far as training reads it.

    Attributes:
        lambda_contrast: weight of the contrast loss; 1 in CUT, 10 in FastCUT.
        identity: whether winter pictures, translated, have to stay as they are, too, by the same contrast; CUT's way.
        flip: whether half of the batches are mirrored before the translation, and their features mirrored back;
            FastCUT's way.
        sampling: `blurred` (anti-aliased, as the authors have it) or `strided`, with the CycleGAN's networks.
    """

    lambda_contrast: float
    identity: bool
    flip: bool
    sampling: str

    section = "cut"


def compared_layers(sampling: str, blocks: int) -> tuple[int, ...]:
    """Places in the generator's `model` whose features are compared.

    They are the padded picture's own pixels, both convolutions on the way down, the first block, and the fifth or the
    last before it: 0, 4, 8, 12 and 16 of the authors' generator. Strides in place of blurs take two layers less.
    """
    second, first_block = (8, 12) if sampling == "blurred" else (7, 10)
    return tuple(dict.fromkeys((0, 4, second, first_block, first_block + min(4, blocks - 1))))


class Projection(nn.Module):
    """A perceptron of two layers for each compared layer, which ends on the unit sphere: `F` in the authors' files.

    Args:
        channels: of each layer's features.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        for number, each in enumerate(channels):
            perceptron = nn.Sequential(nn.Linear(each, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
            setattr(self, f"mlp_{number}", perceptron)

    def forward(self, features: list[Tensor], places: list[Tensor]) -> list[Tensor]:
        """Of each layer's (n, c, h, w) features those at some places, (p,), as (n, p, WIDTH) of length 1."""
        return [
            normalize(getattr(self, f"mlp_{number}")(each.flatten(2).transpose(1, 2)[:, where]), dim=2)
            for number, (each, where) in enumerate(zip(features, places, strict=True))
        ]


class CUT:
    """One generator, one discriminator, the projection, their optimisers and one training step.

    Several processes can share a step as `CycleGAN` describes; all draw the same places.

    Args:
        settings: network sizes, loss weights.
        seed: of weights and places.
        device: of this process.
        ranks: this process's place among those that share the steps.
    """

    def __init__(
        self, settings: TrainingSettings, seed: int, device: torch.device, ranks: Ranks | None = None
    ) -> None:
        self.settings, self.device, self.ranks = settings, device, ranks or Ranks()
        self._in_16_bits = settings.precision == "bfloat16" and device.type == "cuda"
        random = torch.Generator().manual_seed(derive_seed(seed, "weights"))
        filters = settings.filters
        self.layers = compared_layers(settings.sampling, settings.blocks)
        channels = (3, 2 * filters, *(4 * filters for _ in self.layers[2:]))
        blurred = settings.sampling == "blurred"
        kinds: tuple[type[Generator], type[nn.Module]] = (
            (AntialiasedGenerator, AntialiasedDiscriminator)
            if blurred
            else (ResnetGenerator, PatchDiscriminator)
        )
        self.generator = kinds[0](filters, settings.blocks)
        self.discriminator = kinds[1](settings.discriminator_filters)
        self.projection = Projection(channels)
        self.networks: dict[str, nn.Module] = dict(
            zip(NETWORKS, (self.generator, self.discriminator, self.projection), strict=True)
        )
        for network in self.networks.values():
            initialise(network, random)
            if device.type == "cpu":
                accelerate(network)
            network.to(device)
        rate = settings.learning_rate
        self.generator_optimiser = adam(rate, self.generator, self.projection)
        self.discriminator_optimiser = adam(rate, self.discriminator)
        self.random = torch.Generator().manual_seed(derive_seed(seed, "places"))

    @property
    def parts(self) -> dict[str, Stateful]:
        """All that `step` changes, but for `random`."""
        return {
            **self.networks,
            "generator_optimiser": self.generator_optimiser,
            "discriminator_optimiser": self.discriminator_optimiser,
        }

    def set_learning_rate(self, rate: float) -> None:
        """Set it in both optimisers."""
        for group in itertools.chain(
            self.generator_optimiser.param_groups, self.discriminator_optimiser.param_groups
        ):
            group["lr"] = rate

    def step(self, summer: Tensor, winter: Tensor) -> dict[str, Tensor]:
        """Train on one batch: first the discriminator, then the generator and the projection.

        Args:
            summer: (n, 3, h, w) in [-1, 1], this process's part of the batch.
            winter: the same shape.

        Returns:
            The whole batch's losses, weighted as they are summed, as scalars on the device.
        """
        mirrored = self.settings.flip and bool(torch.rand((), generator=self.random) < 0.5)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._in_16_bits):
            # What a frame and its winter have in common is asked of both halves of the batch in one pass.
            given = torch.cat([summer, winter]) if self.settings.identity else summer
            made, keys = self._translate(given, mirrored)
            judged = self._judge(winter, made[: len(summer)].detach().to(winter.dtype))
            losses = self._learn(made, keys, len(summer), mirrored)
        losses["discriminator"] = judged
        self.ranks.average_(list(losses.values()))
        return losses

    def _translate(self, given: Tensor, mirrored: bool) -> tuple[Tensor, list[Tensor]]:
        """The pictures' winter versions, and the pictures' own features, with which those of winter are compared."""
        if not mirrored:
            made, keys = self.generator.forward_with_features(given, self.layers)
            return made, [each.detach() for each in keys]
        with torch.no_grad():
            keys = self.generator.features(given, self.layers)
        return self.generator(given.flip(3)), keys

    def _judge(self, winter: Tensor, fake: Tensor) -> Tensor:
        """Let the discriminator learn; least squares (Mao et al., arXiv:1611.04076), half the sum of both sides."""
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        real_scores, fake_scores = self.discriminator(torch.cat([winter, fake])).chunk(2)
        loss = 0.5 * (
            mse_loss(real_scores, torch.ones_like(real_scores))
            + mse_loss(fake_scores, torch.zeros_like(fake_scores))
        )
        loss.backward()
        self._update(self.discriminator_optimiser)
        return loss.detach()

    def _learn(self, made: Tensor, keys: list[Tensor], frames: int, mirrored: bool) -> dict[str, Tensor]:
        """Let the generator and the projection learn; the first `frames` of the pictures are frames."""
        self.generator_optimiser.zero_grad(set_to_none=True)
        self.discriminator.requires_grad_(False)
        scores = self.discriminator(made[:frames])
        losses = {"adversarial": mse_loss(scores, torch.ones_like(scores))}
        contrasts = self._contrast(made, keys, mirrored).split(frames)
        weight = self.settings.lambda_contrast / len(contrasts)
        for name, contrast in zip(("contrast", "identity"), contrasts, strict=False):
            losses[name] = weight * contrast.mean()
        first, *others = losses.values()
        sum(others, first).backward()
        self.discriminator.requires_grad_(True)
        self._update(self.generator_optimiser)
        return {name: loss.detach() for name, loss in losses.items()}

    def _contrast(self, made: Tensor, keys: list[Tensor], mirrored: bool) -> Tensor:
        """The contrast loss of each picture, (n,): of all places, which is the one that the made place came from?"""
        queries = self.generator.features(made, self.layers)
        if mirrored:
            queries = [features.flip(3) for features in queries]
        places = [self._draw(features) for features in queries]
        asked = self.projection(queries, places)
        with torch.no_grad():
            known = self.projection(keys, places)
        per_layer = []
        # 16 bits would move similarities, which the temperature makes 14 times as large, by a twentieth.
        with torch.autocast(self.device.type, enabled=False):
            for query, key in zip(asked, known, strict=True):
                wide = torch.promote_types(query.dtype, torch.float32)
                likeness = torch.bmm(query.to(wide), key.to(wide).transpose(1, 2)) / TEMPERATURE
                right = torch.arange(likeness.shape[1], device=likeness.device).expand(len(likeness), -1)
                losses = cross_entropy(likeness.flatten(0, 1), right.flatten(), reduction="none")
                per_layer.append(losses.view(len(likeness), -1).mean(1))
        return torch.stack(per_layer).mean(0)

    def _draw(self, features: Tensor) -> Tensor:
        """Places of a layer, without a double."""
        count = features.shape[2] * features.shape[3]
        return torch.randperm(count, generator=self.random)[:PLACES].to(features.device)

    def _update(self, optimiser: torch.optim.Optimizer) -> None:
        """Step along the gradient of the whole batch: each process's losses are means over parts of equal size."""
        self.ranks.average_([p.grad for group in optimiser.param_groups for p in group["params"]])
        optimiser.step()

    def sheet_row(self, image: Tensor, *, summer: bool) -> list[Tensor]:
        """A content picture, (1, 3, h, w), and its translation; there is no way back from a style picture."""
        return [image, self.generator(image)] if summer else []

    def save(self, folder: Path, epoch: int | str) -> None:
        """Write generator and discriminator as `<epoch>_net_G.pth` and `<epoch>_net_D.pth`."""
        for name in NETWORKS[:2]:
            save_network(self.networks[name], weight_file(folder, epoch, name))
