"""A CycleGAN training step against one in the reference's order of operations, interleaved in one run.

    PYTHONPATH=workflow/scripts python benchmarks/training_step.py --size 128 --threads 1

The reference's order: every picture by itself through plain layers, in six calls of the generators, which translate,
restore and repeat it; then each discriminator's real and generated pictures, in two backward passes; Adam as torch
sets it up. Both learn from the same pictures, from the same start. With `--cut`, steps of CUT and of FastCUT of the
same size are compared with the CycleGAN's instead; on the CPU in CPU time, which other jobs disturb less.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import torch
from measure import Side, generator_work, interleaved, limit_of, print_machine, print_ratios, seconds_of
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from snowdrift.snow.networks.resnet import PatchDiscriminator, ResnetGenerator
from snowdrift.snow.translators.cut.training import CUT
from snowdrift.snow.translators.cut.training import TrainingSettings as CutSettings
from snowdrift.snow.translators.cyclegan.pool import ImagePool
from snowdrift.snow.translators.cyclegan.training import CycleGAN, TrainingSettings
from snowdrift.snow.unpaired_training import UnpairedSettings

CUTS = {
    "CUT": {"lambda_contrast": 1.0, "identity": True, "flip": False, "sampling": "blurred"},
    "CUT, strided": {"lambda_contrast": 1.0, "identity": True, "flip": False, "sampling": "strided"},
    "FastCUT": {"lambda_contrast": 10.0, "identity": False, "flip": True, "sampling": "blurred"},
}
"""What the authors' two settings have of their own."""


class ReferenceStep:
    """The same training in the order of the reference's `optimize_parameters`, with plain layers and optimisers.

    Args:
        model: whose weights and random numbers it starts from; not changed.
    """

    def __init__(self, model: CycleGAN) -> None:
        settings = self.settings = model.settings
        self.networks: dict[str, nn.Module] = {}
        for name, network in model.networks.items():
            plain: nn.Module = (
                ResnetGenerator(settings.filters, settings.blocks)
                if name.startswith("G")
                else PatchDiscriminator(settings.discriminator_filters)
            )
            plain.load_state_dict(network.state_dict())
            first = next(network.parameters())
            self.networks[name] = plain.to(first.device, first.dtype)
        g_a, g_b, d_a, d_b = self.networks.values()
        rate, betas = settings.learning_rate, (0.5, 0.999)
        self.generators = torch.optim.Adam([*g_a.parameters(), *g_b.parameters()], rate, betas)
        self.discriminators = torch.optim.Adam([*d_a.parameters(), *d_b.parameters()], rate, betas)
        random = torch.Generator()
        random.set_state(model.random.get_state())
        self.pools = [ImagePool(settings.pool_size, random) for _ in range(2)]

    def step(self, summer: Tensor, winter: Tensor) -> dict[str, Tensor]:
        """One step; the losses by `CycleGAN.step`'s names."""
        settings, (g_a, g_b, d_a, d_b) = self.settings, self.networks.values()
        fake_winter = g_a(summer)
        again_summer = g_b(fake_winter)
        fake_summer = g_b(winter)
        again_winter = g_a(fake_summer)
        for network in (d_a, d_b):
            network.requires_grad_(False)
        self.generators.zero_grad()
        cycle, identity = settings.lambda_cycle, settings.lambda_cycle * settings.lambda_identity
        losses = {
            "identity_a": identity * l1_loss(g_a(winter), winter),
            "identity_b": identity * l1_loss(g_b(summer), summer),
            "generator_ab": _distance(d_a(fake_winter), 1),
            "generator_ba": _distance(d_b(fake_summer), 1),
            "cycle_a": cycle * l1_loss(again_summer, summer),
            "cycle_b": cycle * l1_loss(again_winter, winter),
        }
        sum(losses.values()).backward()
        self.generators.step()
        for network in (d_a, d_b):
            network.requires_grad_(True)
        self.discriminators.zero_grad()
        for name, network, real, fake, pool in zip(
            "ab", (d_a, d_b), (winter, summer), (fake_winter, fake_summer), self.pools, strict=True
        ):
            shown = pool.exchange(fake.detach())
            loss = 0.5 * (_distance(network(real), 1) + _distance(network(shown), 0))
            loss.backward()
            losses[f"discriminator_{name}"] = loss
        self.discriminators.step()
        return {name: loss.detach() for name, loss in losses.items()}


def _distance(scores: Tensor, goal: float) -> Tensor:
    return mse_loss(scores, torch.full_like(scores, goal))


def settings(size: int, batch_size: int, filters: int, blocks: int, **others) -> TrainingSettings:
    """The study's settings at another size."""
    given = {
        "resize": "square",
        "load_size": size,
        "crop_size": size,
        "batch_size": batch_size,
        "precision": "float32",
        "filters": filters,
        "blocks": blocks,
        "discriminator_filters": filters,
        "epochs": 100,
        "decay_epochs": 100,
        "learning_rate": 2e-4,
        "lambda_cycle": 10.0,
        "lambda_identity": 0.5,
        "pool_size": 50,
        "upsampling": "transposed",
        "snapshot_every": 20,
    }
    return TrainingSettings(**given | others)


def main() -> None:
    """Print the medians of both, their ratio with its range, and the share of this machine's limit."""
    options = _options()
    print_machine()
    print(
        f"{options.size} px, batch {options.batch}, {options.filters} filters, {options.blocks} blocks, "
        f"{options.threads} thread(s), {options.device}, {options.precision}, {options.rounds} rounds"
    )
    if options.cut:
        sides = {name: Side(_prepare, name, options) for name in ("snowdrift", *CUTS)}
        print_costs(interleaved(sides, options.rounds))
        return
    limit = limit_of(options.device, options.threads)
    sides = {name: Side(_prepare, name, options) for name in ("reference's order", "snowdrift")}
    print_ratios(interleaved(sides, options.rounds), "step", _work(options), limit)


def print_costs(seconds: Mapping[str, Sequence[float]]) -> None:
    """Print medians, and what a step costs in steps of the first side."""
    first = next(iter(seconds.values()))
    for name, own in seconds.items():
        costs = [other / one for one, other in zip(first, own, strict=True)]
        print(
            f"  {name:<12} {1000 * statistics.median(own):8.1f} ms a step   costs {statistics.median(costs):.2f} "
            f"({min(costs):.2f} to {max(costs):.2f})",
            flush=True,
        )


def _prepare(name: str, options: argparse.Namespace) -> Callable[[], float]:
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    chosen = settings(
        options.size, options.batch, options.filters, options.blocks, precision=options.precision
    )
    learner: CycleGAN | CUT | ReferenceStep
    if name in CUTS:
        shared = {field.name: getattr(chosen, field.name) for field in fields(UnpairedSettings)}
        learner = CUT(CutSettings(**shared, **CUTS[name]), 0, device)
    else:
        model = CycleGAN(chosen, 0, device)
        learner = model if name == "snowdrift" else ReferenceStep(model)
    torch.backends.cudnn.benchmark = name == "reference's order"  # as the reference sets it
    torch.backends.cudnn.allow_tf32 = not options.no_tf32
    random = torch.Generator().manual_seed(0)
    shape = (2, options.batch, 3, options.size, options.size)

    def step() -> None:
        learner.step(*pictures)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def measure() -> float:
        nonlocal pictures
        pictures = (torch.rand(shape, generator=random) * 2 - 1).to(device)
        if not options.cut or device.type == "cuda":
            return seconds_of(step)
        started = time.process_time()
        step()
        return time.process_time() - started

    pictures = torch.empty(0)
    return measure


def _work(options: argparse.Namespace) -> float:
    """Floating-point operations of a step by direct convolutions, those of the discriminators left out: 5 %.

    Six times a generator, and backwards twice as much as forwards.
    """
    return 18 * options.batch * generator_work(options.filters, options.blocks, options.size, options.size)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", help="of Snowdrift's step on a GPU")
    parser.add_argument("--cut", action="store_true", help="CUT's steps against the CycleGAN's")
    parser.add_argument("--no-tf32", action="store_true", help="32 bits without TF32 on a GPU, on both sides")
    return parser.parse_args()


if __name__ == "__main__":
    main()
