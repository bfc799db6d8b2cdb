"""Weight files: written so that equal weights are equal bytes, and read without running what is in them."""

import io
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import atomic_path


def write_weights(content: Mapping[str, Any], path: Path | str) -> None:
    """Write tensors, numbers and texts with `torch.save`, tensors on the CPU, atomically."""
    on_cpu = {name: _on_cpu(value) for name, value in content.items()}
    # Through memory, because torch writes a file's own name into it: equal weights shall be equal bytes.
    buffer = io.BytesIO()
    torch.save(on_cpu, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def read_weights(path: Path | str, hint: str) -> Any:
    """Read a torch file that holds nothing but tensors, numbers, texts and containers of them, onto the CPU.

    Args:
        path: the file.
        hint: what the user is to give instead where it cannot be read.

    Raises:
        SnowdriftError: no such file, or not one that `torch.load(weights_only=True)` reads.
    """
    path = Path(path)
    if not path.is_file():
        raise SnowdriftError(f"{path}: there is no such weight file", hint)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # the unpickler stumbles over foreign bytes in any of its lines
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SnowdriftError(f"{path}: cannot be read as torch weights: {reason}", hint) from error


def load_weights(network: nn.Module, state: Any, path: Path | str, hint: str) -> None:
    """Put a state dict, read from `path`, into a network.

    Raises:
        SnowdriftError: it is of another architecture, or no state dict.
    """
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        # torch's first line is a heading; the next names the first tensor that does not fit.
        reason = textwrap.shorten(" ".join(str(error).splitlines()[:2]), 200)
        raise SnowdriftError(f"{path}: does not fit: {reason}", hint) from error


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu().contiguous()
    return {name: _on_cpu(part) for name, part in value.items()} if isinstance(value, Mapping) else value
