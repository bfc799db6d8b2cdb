"""Weight files in the reference implementation's layout: `<epoch>_net_G_A.pth` and its siblings.

G_A makes winter from summer and G_B summer from winter; D_A judges winter images, D_B summer ones.
"""

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.weights import read_weights, write_weights
from snowdrift.snow.networks.resnet import ResnetGenerator

NETWORKS = ("G_A", "G_B", "D_A", "D_B")
_EXPECTED = (
    "a state dict of the reference ResNet generator: model.{1,4,7}, model.{10...}.conv_block.{1,5} (or .6 with "
    "dropout) and three more convolutions, each with .weight and .bias; 48 tensors with 9 blocks"
)
_HINT = f"give a `*_net_G_A.pth` file, which holds {_EXPECTED}"
# Written by reference checkpoints from before PyTorch 0.4; instance norm has had no such buffers since.
_OBSOLETE = ("running_mean", "running_var", "num_batches_tracked")


def weight_file(folder: Path, epoch: int | str, network: str) -> Path:
    """`<folder>/<epoch>_net_<network>.pth`, the reference's name for a snapshot."""
    return folder / f"{epoch}_net_{network}.pth"


def save_network(network: nn.Module, path: Path | str) -> None:
    """Write the state dict, on the CPU, atomically."""
    write_weights(network.state_dict(), path)


def load_generator(path: Path | str) -> ResnetGenerator:
    """Read a generator; filters, blocks and dropout are taken from the weights themselves.

    Returns:
        The network in evaluation mode, in float32, on the CPU.

    Raises:
        SnowdriftError: the file is missing, not a weight file, or of another architecture.
    """
    state = read_state(Path(path), _HINT)
    blocks = sorted(
        {int(found[1]) for key in state if (found := re.match(r"model\.(\d+)\.conv_block\.", key))}
    )
    first = state.get("model.1.weight")
    if first is None or first.ndim != 4 or not blocks or blocks != list(range(10, 10 + len(blocks))):
        raise SnowdriftError(f"{path}: not a ResNet generator; its first tensors: {listing(state)}", _HINT)
    dropout = f"model.{blocks[0]}.conv_block.6.weight" in state
    network = ResnetGenerator(filters=first.shape[0], blocks=len(blocks), dropout=dropout)
    check_tensors(path, state, network.state_dict(), _HINT)
    network.load_state_dict(state)
    return network.float().eval().requires_grad_(False)


def read_state(path: Path, hint: str) -> dict[str, Tensor]:
    """Read a state dict of a network, without buffers that nobody reads.

    Raises:
        SnowdriftError: the file is missing, not a weight file, or holds something else.
    """
    state = read_weights(path, hint)
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise SnowdriftError(f"{path}: holds a {type(state).__name__} that is not a plain state dict", hint)
    return {str(key): value for key, value in state.items() if str(key).rpartition(".")[2] not in _OBSOLETE}


def check_tensors(path: Path | str, state: dict[str, Tensor], expected: dict[str, Tensor], hint: str) -> None:
    """Make sure that every tensor is there, none besides, each of the right shape and finite.

    Raises:
        SnowdriftError: names the first that is not.
    """
    faults = [f"{key} is missing" for key in expected if key not in state]
    faults += [f"{key} is not part of it" for key in state if key not in expected]
    for key in expected.keys() & state.keys():
        if state[key].shape != expected[key].shape:
            faults.append(f"{key} has shape {tuple(state[key].shape)}, expected {tuple(expected[key].shape)}")
        elif not torch.isfinite(state[key].float()).all():
            faults.append(f"{key} has values that are not finite")
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise SnowdriftError(
            f"{path}: does not fit a ResNet generator: {'; '.join(sorted(faults)[:3])}{more}", hint
        )


def listing(state: dict[str, Tensor]) -> str:
    """The first tensors of a state dict, for messages."""
    return ", ".join(list(state)[:3]) or "none"
