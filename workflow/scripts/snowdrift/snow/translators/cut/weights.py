"""Weight files of CUT in its authors' layout: `<epoch>_net_G.pth`."""

import re
from pathlib import Path

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.snow.networks.antialiased import AntialiasedGenerator
from snowdrift.snow.translators.cyclegan.weights import check_tensors, listing, read_state

_HINT = (
    "give a `*_net_G.pth` file of CUT or FastCUT with anti-aliased sampling: model.{1,4,8}, "
    "model.{12...}.conv_block.{1,5} and three more convolutions, each with .weight and .bias, and four blurs (.filt)"
)


def load_antialiased(path: Path | str) -> AntialiasedGenerator:
    """Read a generator; filters and blocks are taken from the weights themselves.

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
    if first is None or first.ndim != 4 or not blocks or blocks != list(range(12, 12 + len(blocks))):
        raise SnowdriftError(
            f"{path}: not an anti-aliased generator; its first tensors: {listing(state)}", _HINT
        )
    network = AntialiasedGenerator(first.shape[0], len(blocks))
    check_tensors(path, state, network.state_dict(), _HINT)
    network.load_state_dict(state)
    return network.float().eval().requires_grad_(False)
