"""Which device a job computes on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from snowdrift.runtime.errors import SnowdriftError


def choose_device(requested: str) -> torch.device:
    """Turn the config's `device` (auto, cpu or cuda) into a torch device.

    `auto` takes the first visible GPU, or the CPU where there is none, and logs which.

    Raises:
        SnowdriftError: `cuda` was asked for and this machine has no usable CUDA device.
    """
    available = torch.cuda.is_available()
    if requested == "cuda" and not available:
        raise SnowdriftError(
            "device: cuda was asked for, but torch sees no CUDA device here",
            "set `device: auto` to fall back to the CPU, or check the driver and CUDA_VISIBLE_DEVICES",
        )
    device = torch.device("cuda" if available and requested != "cpu" else "cpu")
    name = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    )
    logging.getLogger(__name__).info("device: %s (%s), asked for: %s", device, name, requested)
    return device


@contextmanager
def memory_limit(what: str, hint: str) -> Iterator[None]:
    """Turn a device that runs out of memory inside the block into an error that a user can mend.

    Args:
        what: what did not fit, at the start of a sentence.
        hint: which settings make it smaller.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise SnowdriftError(f"{what} does not fit into the device's memory", hint) from error
