"""One job's work on several devices: a process for each, joined by torch.distributed.

The processes are new ones, neither forked, since CUDA and OpenMP do not survive it where they have started, nor
spawned by multiprocessing, which would run Snakemake's script again from its first line.
"""

import logging
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from snowdrift.runtime.devices import check_kernels
from snowdrift.runtime.errors import SnowdriftError

logger = logging.getLogger(__name__)

_PACKAGES = Path(__file__).parents[2]
_SECONDS_FOR_THE_CAUSE = 2.0


@dataclass(frozen=True)
class Ranks:
    """The place of this process among those that share a job's work; alone unless told otherwise.

    Attributes:
        rank: 0, 1, ...
        world_size: of all.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes what all have in common."""
        return self.rank == 0

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, in one exchange."""
        if self.world_size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.world_size
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def gather(self, tensor: Tensor) -> Tensor:
        """All processes' tensors of one shape (n, ...), in the processes' order, as (world_size * n, ...)."""
        if self.world_size == 1:
            return tensor
        tensor = tensor.contiguous()  # what is exchanged is memory, whatever order its strides give it
        parts = [torch.empty_like(tensor) for _ in range(self.world_size)]
        dist.all_gather(parts, tensor)
        return torch.cat(parts)

    def own_part(self, items: Tensor) -> Tensor:
        """What of (world_size * n, ...) is this process's: the opposite of `gather`."""
        return items.chunk(self.world_size)[self.rank]

    def wait_for_all(self) -> None:
        """Go on when every process has come here."""
        if self.world_size > 1:
            dist.barrier()


def run_ranks(work: Callable[..., Any], devices: Sequence[torch.device], *arguments: Any) -> Any:
    """Call `work(ranks, device, *arguments)` once for each device, at the same time.

    With one device it is called right here; with more, each call has a process of its own and its share of this
    one's threads, and log lines of the first, and warnings of all, go to this process's log. They end with this
    process, however that ends.

    Args:
        work: a function that a new process can import by its name.
        devices: all of one kind.
        arguments: anything that can be pickled.

    Returns:
        What the first call returned.

    Raises:
        SnowdriftError: one of the processes died, or its device is one that torch cannot compute on.
        Exception: what ended a call; the other processes are ended then.
    """
    if len(devices) == 1:
        return work(Ranks(), devices[0], *arguments)
    with ExitStack() as stack:
        meeting = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "meeting"
        processes = [stack.enter_context(_Process(index, len(devices))) for index in range(len(devices))]
        threads = max(1, torch.get_num_threads() // len(devices))
        for process, device in zip(processes, devices, strict=True):
            process.send((work, process.ranks, device, meeting, threads, arguments))
        logger.info("%d processes: %s", len(processes), ", ".join(str(process.id) for process in processes))
        return _collect(processes)


class _Process:
    """A process that serves one call, killed at the block's end if it still runs."""

    def __init__(self, index: int, count: int) -> None:
        self.ranks = Ranks(index, count)
        self.connection, others = Pipe()
        paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
        with others:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-c"),
                    f"from snowdrift.runtime.ranks import serve; serve({others.fileno()})",
                ],
                pass_fds=[others.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            )
        self.id = self._process.pid

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self.connection.close()

    def send(self, call: tuple[Any, ...]) -> None:
        """Give it its call; where it has died already, `receive` says so."""
        try:
            _send(self.connection, call)
        except (BrokenPipeError, ConnectionResetError):
            return

    def receive(self) -> Any:
        """Its next message, or the error that stands for its death."""
        try:
            return _receive(self.connection)
        except (EOFError, ConnectionResetError):
            status = self._process.wait()
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            return SnowdriftError(
                f"process {self.ranks.rank + 1} of {self.ranks.world_size} (number {self.id}) {how}",
                "look above for its own last words, and whether the machine ran out of memory; "
                "then run again, and the work goes on",
            )


def _collect(processes: Sequence[_Process]) -> Any:
    """The first process's result when all have ended well; else raise what tells most of the cause."""
    running = {process.connection: process for process in processes}
    errors: list[Exception] = []
    result, end = None, float("inf")
    while running and time.monotonic() < end:
        ready = wait(list(running), None if not errors else max(0.0, end - time.monotonic()))
        for connection in [each for each in running if each in ready]:
            message = running[connection].receive()
            if isinstance(message, logging.LogRecord):
                logging.getLogger(message.name).handle(message)
                continue
            ranks = running.pop(connection).ranks
            if isinstance(message, Exception):
                # Where one has failed, the others fail at their next exchange, perhaps before its news are here.
                errors.append(message)
                end = min(end, time.monotonic() + _SECONDS_FOR_THE_CAUSE)
            elif ranks.is_main:
                (result,) = message
        if any(isinstance(error, SnowdriftError | OSError) for error in errors):
            break
    for error in sorted(errors, key=lambda error: not isinstance(error, SnowdriftError | OSError)):
        raise error
    return result


def serve(descriptor: int) -> None:
    """Serve one call of `run_ranks` in a process that it has started."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process
    connection = Connection(descriptor)
    work, ranks, device, meeting, threads, arguments = _receive(connection)
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    _forward_log(connection, logging.INFO if ranks.is_main else logging.WARNING)
    torch.set_num_threads(threads)
    try:
        _join(ranks, device, meeting)
        message: tuple[Any] | Exception = (work(ranks, device, *arguments),)
        dist.destroy_process_group()
    except (SnowdriftError, OSError) as error:
        message = error
    except Exception as error:  # any other need not be one that can be pickled
        message = RuntimeError(
            f"process {ranks.rank + 1} of {ranks.world_size}: {error}\n{traceback.format_exc()}"
        )
    _send(connection, message)


def _send(connection: Connection, message: Any) -> None:
    # Not `connection.send`, which hands tensors over by shared memory that goes with the sender.
    connection.send_bytes(pickle.dumps(message))


def _receive(connection: Connection) -> Any:
    return pickle.loads(connection.recv_bytes())


def _join(ranks: Ranks, device: torch.device, meeting: Path) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)
        check_kernels(device)
    else:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all processes are on this machine
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=dist.FileStore(str(meeting), ranks.world_size),  # type: ignore[attr-defined]  # public, but not in `__all__`
        rank=ranks.rank,
        world_size=ranks.world_size,
        timeout=timedelta(hours=3),  # for the others, while the first alone reads through a data set
        device_id=device if device.type == "cuda" else None,
    )


def _end_with_parent(connection: Connection) -> None:
    """Wait until the parent's end is closed, which it is when the parent is no more."""
    try:
        connection.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _forward_log(connection: Connection, level: int) -> None:
    handler = _Forward()
    handler.connection = connection
    log = logging.getLogger("snowdrift")
    log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False


class _Forward(logging.Handler):
    """Sends records, with their text filled in, to the parent's log."""

    connection: Connection

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args, record.exc_info = self.format(record), None, None
        _send(self.connection, record)
