"""Weight files in the layouts of the CycleGAN's authors and of CUT's: `<epoch>_net_<network>.pth`.

In a CycleGAN, G_A makes winter from summer and G_B summer from winter; D_A judges winter images, D_B summer ones. G is
CUT's generator. Either kind of training can have either kind of generator, so that files are told apart by their keys.
"""

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.weights import read_weights, write_weights
from snowdrift.snow.networks.antialiased import AntialiasedGenerator
from snowdrift.snow.networks.resnet import ResnetGenerator

NETWORKS = ("G_A", "G_B", "D_A", "D_B")
_HINT = (
    "give a `*_net_G_A.pth` file of the reference CycleGAN, which holds model.{1,4,7}, model.{10...}.conv_block.{1,5} "
    "(or .6 with dropout) and three more, each with .weight and .bias, 48 tensors with 9 blocks; or a "
    "`*_net_G.pth` file of CUT or FastCUT with blurs: model.{1,4,8}, model.{12...}.conv_block.{1,5} and "
    "three more convolutions likewise, and four blurs (.filt)"
)
_FIRST_BLOCKS = (10, 12)
"""Where the residual blocks begin, without blurs and with them."""
# Written by reference checkpoints from before PyTorch 0.4; instance norm has had no such buffers since.
_OBSOLETE = ("running_mean", "running_var", "num_batches_tracked")


def weight_file(folder: Path, epoch: int | str, network: str) -> Path:
    """`<folder>/<epoch>_net_<network>.pth`, the reference's name for a snapshot."""
    return folder / f"{epoch}_net_{network}.pth"


def save_network(network: nn.Module, path: Path | str) -> None:
    """Write the state dict, on the CPU, atomically."""
    write_weights(network.state_dict(), path)


def load_generator(path: Path | str) -> ResnetGenerator | AntialiasedGenerator:
    """Read a generator; its kind, filters, blocks and dropout are taken from the weights themselves.

    Returns:
        The network in evaluation mode, in float32, on the CPU.

    Raises:
        SnowdriftError: the file is missing, not a weight file, or of another architecture.
    """
    state = _read_state(Path(path))
    blocks = sorted(
        {int(found[1]) for key in state if (found := re.match(r"model\.(\d+)\.conv_block\.", key))}
    )
    first = state.get("model.1.weight")
    if first is None or first.ndim != 4 or not blocks or blocks[0] not in _FIRST_BLOCKS:
        raise SnowdriftError(f"{path}: not a ResNet generator; its first tensors: {_listing(state)}", _HINT)
    network: ResnetGenerator | AntialiasedGenerator
    if blocks[0] == _FIRST_BLOCKS[0]:
        dropout = f"model.{blocks[0]}.conv_block.6.weight" in state
        smoothed = f"model.{blocks[-1] + 1}.filt" in state
        network = ResnetGenerator(first.shape[0], len(blocks), dropout, smoothed)
    else:
        network = AntialiasedGenerator(first.shape[0], len(blocks))
    _check_tensors(path, state, network.state_dict())
    network.load_state_dict(state)
    return network.float().eval().requires_grad_(False)


def _read_state(path: Path) -> dict[str, Tensor]:
    state = read_weights(path, _HINT)
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise SnowdriftError(f"{path}: holds a {type(state).__name__} that is not a plain state dict", _HINT)
    return {str(key): value for key, value in state.items() if str(key).rpartition(".")[2] not in _OBSOLETE}


def _check_tensors(path: Path | str, state: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Every tensor there, none besides, each of the right shape and finite, and the blurs those that nobody learns."""
    faults = [f"{key} is missing" for key in expected if key not in state]
    faults += [f"{key} is not part of it" for key in state if key not in expected]
    for key in expected.keys() & state.keys():
        if state[key].shape != expected[key].shape:
            faults.append(f"{key} has shape {tuple(state[key].shape)}, expected {tuple(expected[key].shape)}")
        elif not torch.isfinite(state[key].float()).all():
            faults.append(f"{key} has values that are not finite")
        elif key.endswith(".filt") and not torch.allclose(state[key].float(), expected[key], atol=1e-3):
            faults.append(f"{key} is another blur than the fixed one")
    if faults:
        more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
        raise SnowdriftError(
            f"{path}: does not fit a ResNet generator: {'; '.join(sorted(faults)[:3])}{more}", _HINT
        )


def _listing(state: dict[str, Tensor]) -> str:
    return ", ".join(list(state)[:3]) or "none"
