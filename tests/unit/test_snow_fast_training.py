"""The fast step against the reference's order of operations, and its layers against plain ones."""

import importlib
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from snowdrift.snow.networks.fast_training import _Convolution, accelerate
from snowdrift.snow.networks.resnet import ResnetGenerator
from snowdrift.snow.translators.cyclegan.training import CycleGAN

CPU = torch.device("cpu")
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
reference = importlib.import_module("training_step")


def pair() -> tuple[CycleGAN, "reference.ReferenceStep"]:
    """Both, from one start; wide enough for the fast layers, and with pools that soon are full."""
    model = CycleGAN(reference.settings(24, 1, 16, 1, discriminator_filters=8, pool_size=5), 0, CPU)
    return model, reference.ReferenceStep(model)


def pictures(step: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A summer and a winter batch, (2, 1, 3, 24, 24)."""
    random = torch.Generator().manual_seed(step)
    return (torch.rand((2, 1, 3, 24, 24), generator=random) * 2 - 1).to(dtype)


def take_over(model: CycleGAN, other: "reference.ReferenceStep") -> None:
    """Give the model all of the other's state."""
    for name, network in other.networks.items():
        model.networks[name].load_state_dict(network.state_dict())
    for own, others in (
        (model.generator_optimiser, other.generators),
        (model.discriminator_optimiser, other.discriminators),
    ):
        own.load_state_dict(deepcopy(others.state_dict()) | _groups(own))
    for pool, others in zip((model.winter_pool, model.summer_pool), other.pools, strict=True):
        pool.load_state_dict(others.state_dict())
    model.random.set_state(other.pools[0].generator.get_state())


def _groups(optimiser: torch.optim.Optimizer) -> dict[str, list]:
    return {"param_groups": optimiser.state_dict()["param_groups"]}


def largest_difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().item() for name in one)


def test_the_references_losses_are_matched_to_1e_4_along_its_first_200_steps():
    """Each step from the reference's own state: rounding alone makes two GANs part within ten."""
    model, other = pair()
    assert sum(isinstance(layer, _Convolution) for layer in model.g_a.modules()) == 4
    differences = []
    for step in range(200):
        take_over(model, other)
        batch = pictures(step)
        differences.append(largest_difference(model.step(*batch), other.step(*batch)))
    print(f"largest difference of a loss: {max(differences):.1e}")
    assert max(differences) < 1e-4


def test_in_double_precision_both_go_the_same_way_by_themselves():
    model, _ = pair()
    for network in model.networks.values():
        network.double()
    other = reference.ReferenceStep(model)
    differences = [
        largest_difference(model.step(*batch), other.step(*batch))
        for batch in (pictures(step, torch.float64) for step in range(30))
    ]
    print(f"largest difference of a loss: {max(differences):.1e}")
    assert max(differences) < 1e-9


@pytest.mark.parametrize(
    ("outputs", "channels", "side", "size"),
    [(64, 64, 3, (14, 11)), (72, 64, 3, (6, 6)), (3, 16, 7, (13, 17))],
)
def test_layers_have_the_results_and_gradients_of_plain_ones(outputs, channels, side, size):
    random = torch.Generator().manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(channels, outputs, side), nn.InstanceNorm2d(outputs), nn.Tanh())
    fast = deepcopy(plain)
    accelerate(fast)
    assert isinstance(fast[0], _Convolution) and isinstance(fast[1], nn.GroupNorm)
    images = torch.rand((2, channels, *size), generator=random) - 0.5
    slopes = torch.rand((2, outputs, *(edge - side + 1 for edge in size)), generator=random) - 0.5

    def gradients(network: nn.Module, dtype: torch.dtype) -> list[Tensor]:
        leaf = images.to(dtype).requires_grad_()
        result = network.to(dtype)(leaf)
        (result * slopes.to(dtype)).sum().backward()
        return [result.detach(), leaf.grad, network[0].weight.grad]

    for expected, found in zip(gradients(plain, torch.float64), gradients(fast, torch.float32), strict=True):
        assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
    # The norm takes away what a bias adds: its gradient is rounding, which no two ways share.
    assert fast[0].bias.grad.abs().max() < 1e-4


def test_weights_keep_their_names():
    network = ResnetGenerator(16, 2)
    names = list(network.state_dict())
    accelerate(network)
    assert list(network.state_dict()) == names
