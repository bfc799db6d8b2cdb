"""Which devices a job computes on."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from snowdrift.runtime.errors import SnowdriftError, is_out_of_memory
from snowdrift.runtime.leases import lease, visible_devices

logger = logging.getLogger(__name__)


@contextmanager
def leased_devices(
    requested: str, count: int = 1, granted: int | None = None
) -> Iterator[list[torch.device]]:
    """Turn the config's `device` into devices that no other job computes on until the block ends.

    It has to come before anything starts CUDA, which reads CUDA_VISIBLE_DEVICES once: inside the block that names
    the leased devices alone, and torch counts them from 0.

    Args:
        requested: auto, cpu or cuda. `auto` takes the CPU where there is no GPU.
        count: how many GPUs the job needs.
        granted: how many Snakemake has counted for it (`resources.gpu`), which it lowers to its limit without a word.

    Yields:
        `count` CUDA devices, or the CPU alone.

    Raises:
        SnowdriftError: `cuda` and no usable GPU, fewer GPUs than `count`, or one that fails; see `run_ranks` for how
            one of several is found to fail.
    """
    if requested != "cpu" and granted is not None and 0 < granted < count:
        raise SnowdriftError(
            f"a job needs {count} GPUs, and --resources gpu={granted} gives it {granted}",
            f"give --resources gpu={count} or more, or lower `gpus` in the config",
        )
    if requested == "cuda" and granted == 0:
        raise SnowdriftError(
            "device: cuda was asked for, and --resources gpu=0 allows no GPU",
            "give --resources gpu=N, or set `device: auto`",
        )
    names = [] if requested == "cpu" or granted == 0 else list(visible_devices())
    if count > 1 and any(name.startswith("MIG-") for name in names):
        raise SnowdriftError(
            f"a job needs {count} GPUs, and here they are slices of GPUs (MIG), of which it can use one",
            "set `gpus` to 1 in the config, or let CUDA_VISIBLE_DEVICES name whole GPUs",
        )
    if names:
        with lease(names, count) as leased, _environment("CUDA_VISIBLE_DEVICES", ",".join(leased)):
            if torch.cuda.device_count() == count and torch.cuda.is_available():
                devices = [torch.device("cuda", index) for index in range(count)]
                # Several devices get a process each. This one must not start CUDA on them: a GPU in the compute mode
                # EXCLUSIVE_PROCESS takes one process alone.
                if count == 1:
                    check_kernels(devices[0])
                logger.info("device: %s, asked for: %s", ", ".join(leased), requested)
                yield devices
                return
        logger.warning(
            "torch cannot use %s: is the driver older than torch's CUDA? `device: auto` goes on on the CPU",
            ", ".join(leased),
        )
    elif requested != "cpu" and granted != 0 and torch.cuda.is_available():
        raise SnowdriftError(
            "torch sees a GPU here, but neither nvidia-smi nor Slurm says which this job may use",
            "let CUDA_VISIBLE_DEVICES name the devices to use (0,1), or set `device: cpu`",
        )
    if requested == "cuda":
        raise SnowdriftError(
            "device: cuda was asked for, but torch sees no CUDA device here",
            "set `device: auto` to fall back to the CPU, or check the driver and CUDA_VISIBLE_DEVICES",
        )
    logger.debug("device: cpu, asked for: %s", requested)  # the run has said so already, see `leases.advise`
    yield [torch.device("cpu")]


def check_kernels(device: torch.device) -> None:
    """Compute once on a leased device, in the process that is to use it.

    Raises:
        SnowdriftError: torch cannot: it counts cards, too, that are too old for its kernels, or out of order.
    """
    try:
        torch.ones(1, device=device).add(1).item()
    except RuntimeError as error:
        name = os.environ["CUDA_VISIBLE_DEVICES"].split(",")[device.index]
        raise SnowdriftError(
            f"torch cannot compute on {name}: {str(error).strip().splitlines()[0]}",
            "let CUDA_VISIBLE_DEVICES name other GPUs, or none (CUDA_VISIBLE_DEVICES=) to compute on the CPU",
        ) from error


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    former = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if former is None:
            del os.environ[name]
        else:
            os.environ[name] = former


@contextmanager
def full_precision() -> Iterator[None]:
    """Let a GPU's convolutions compute in 32 bits, where torch takes TF32's 10-bit mantissas unasked."""
    cudnn = torch.backends.cudnn
    former, cudnn.allow_tf32 = cudnn.allow_tf32, False
    try:
        yield
    finally:
        cudnn.allow_tf32 = former


@contextmanager
def memory_limit(what: str, hint: str) -> Iterator[None]:
    """Turn memory that runs out, the device's or the machine's, inside the block into an error that a user can mend.

    Args:
        what: what did not fit, at the start of a sentence.
        hint: which settings make it smaller.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise SnowdriftError(f"{what} does not fit into the memory", hint) from error
