"""GPUs for one job at a time: a lock file for each device, held until the process ends. Without torch.

Snakemake counts GPUs but names none, and other studies and users do not ask it. So a job takes the locks of as many
devices as it needs before CUDA starts. The kernel frees the locks of a process that has died, however it died.
"""

import hashlib
import logging
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from snowdrift.runtime.errors import PassingError, SnowdriftError
from snowdrift.runtime.lock_files import LockFile, open_folder
from snowdrift.runtime.progress import report

FOLDER = "/tmp/snowdrift-devices"
"""Where the lock files lie. Not below TMPDIR, which differs between users and jobs of one machine."""
FOLDER_VARIABLE = "SNOWDRIFT_LOCKS"
_POLL = 0.2  # seconds between two looks at locks that others hold, at most
_DRIVER = "mend the driver (after its update: reboot), or set `device: cpu`"
_NO_GPU = ("No devices were found", "couldn't communicate with the NVIDIA driver")  # the latter: a login node
_GPU = re.compile(r"GPU \d+: (?P<model>.*) \(UUID: (?P<name>GPU-[^)]+)\)")
_SLICE = re.compile(r"\s+(?P<model>MIG .*?)\s+Device .*\(UUID: (?P<name>MIG-[^)]+)\)")

logger = logging.getLogger(__name__)


def visible_devices() -> dict[str, str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them, each with its model where known.

    They are those of CUDA_VISIBLE_DEVICES where it is set, and else all of the machine, but for a job of Slurm's,
    which has none that Slurm did not give it. Where nvidia-smi is there, every name is a UUID, so that a device has
    one name for all. An index counts as nvidia-smi counts.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None and "SLURM_JOB_ID" in os.environ:
        return {}
    machine = machine_devices()
    if given is None:
        return {name: model for devices in machine for name, model in devices.items()}
    found: dict[str, str] = {}
    for entry in given.split(","):
        device = _look_up(entry.strip(), machine)
        if device is None:  # CUDA ignores what comes after it too
            break
        found |= device
    return found


def smallest_memory(names: Iterable[str]) -> float | None:
    """Memory in MB of the smallest of these GPUs; None where nvidia-smi does not say, as of a slice of one."""
    program, wanted = shutil.which("nvidia-smi"), ",".join(names)
    if program is None or not wanted:
        return None
    command = [program, f"--id={wanted}", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True)
    sizes = done.stdout.split()
    if done.returncode or not sizes or not all(size.isdigit() for size in sizes):
        return None
    return min(map(float, sizes)) * 1024**2 / 1e6  # it counts in MiB


def machine_devices() -> list[dict[str, str]]:
    """What nvidia-smi lists, GPU by GPU: the UUID and model of it, or those of the slices that it is cut into."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PassingError(f"{program} does not answer: {error}", _DRIVER) from error
    said = (done.stdout + done.stderr).strip()
    # Days on the CPU for want of a reboot are worse than an error. Without the driver there is no GPU to wait for.
    if done.returncode and not any(reason in said for reason in _NO_GPU):
        raise SnowdriftError(f"{program} ends with status {done.returncode}: {said}", _DRIVER)
    return parse_listing(done.stdout)


def parse_listing(listing: str) -> list[dict[str, str]]:
    """See `machine_devices`; `listing` is what `nvidia-smi -L` prints."""
    gpus: list[tuple[dict[str, str], dict[str, str]]] = []
    for line in listing.splitlines():
        if match := _GPU.match(line):
            gpus.append(({match["name"]: match["model"]}, {}))
        elif gpus and (match := _SLICE.match(line)):
            gpus[-1][1][match["name"]] = match["model"]
    return [slices or whole for whole, slices in gpus]


def _look_up(entry: str, machine: Sequence[Mapping[str, str]]) -> dict[str, str] | None:
    """The device that an entry of CUDA_VISIBLE_DEVICES names; None where it names none."""
    if not entry.isdigit() and not entry.startswith(("GPU-", "MIG-")):
        return None
    if not machine:  # no nvidia-smi: the entry is all that is known
        return {entry: ""}
    if entry.isdigit():
        # Of a GPU cut into slices, CUDA takes the first.
        return dict([next(iter(machine[int(entry)].items()))]) if int(entry) < len(machine) else None
    # A UUID may be cut short.
    known = {name: model for devices in machine for name, model in devices.items() if name.startswith(entry)}
    return known if len(known) == 1 else {entry: ""}


def advise(requested: str, limit: int | None) -> str | None:
    """What a user has to know of this machine's GPUs before jobs start; None where all is as it should be.

    Args:
        requested: the config's `device`: auto, cpu or cuda.
        limit: N of Snakemake's `--resources gpu=N`; None without.
    """
    if requested == "cpu":
        return None
    count = len(visible_devices())
    if count and limit is None:
        return (
            f"There are {count} GPUs here, and no limit to the jobs that compute on them: jobs that find none free "
            f"start, and wait. Hint: --resources gpu={count}"
        )
    if count and limit is not None and limit > count:
        return f"--resources gpu={limit} is more than the GPUs that can be used here. Hint: --resources gpu={count}"
    if requested == "auto" and not (count and limit):
        return "No GPU is to be used here: everything runs on the CPU."
    return None


@contextmanager
def lease(pool: Iterable[str], count: int) -> Iterator[list[str]]:
    """Hold `count` devices of `pool` inside the block, and wait for them where others do.

    All are taken at once or none, so that no two jobs wait for each other. Of the jobs that wait for one pool, one has
    the turn: a job that needs several devices is not passed for ever by jobs that need one.

    In a job of Slurm's, only jobs that run within it are kept apart: its devices are its own, and their names may
    mean others elsewhere.

    Raises:
        SnowdriftError: the pool is too small, or the lock files cannot be used.
    """
    names = sorted(
        set(pool)
    )  # in one order everywhere, so that pools that overlap do not take turns in failing
    if count > len(names):
        raise SnowdriftError(
            f"a job needs {count} GPUs, and only {len(names)} can be used here: {', '.join(names) or 'none'}",
            "lower `gpus` in the config, or let CUDA_VISIBLE_DEVICES name more",
        )
    scope = f"slurm-{os.environ['SLURM_JOB_ID']}-" if "SLURM_JOB_ID" in os.environ else ""
    everyone = hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    try:
        folder = open_folder(Path(os.environ.get(FOLDER_VARIABLE) or FOLDER))
        locks = {name: _lock(folder / f"{scope}{name.replace('/', '-')}") for name in names}
        leased = _wait(locks, _lock(folder / f"{scope}turn-{everyone}"), count)
    except OSError as error:
        raise SnowdriftError(
            f"{error.filename or FOLDER}: cannot be locked: {error.strerror or error}",
            f"let {FOLDER_VARIABLE} name a folder of this machine that every user of its GPUs may write to",
        ) from error
    try:
        yield leased
    finally:
        for name in leased:
            locks[name].remove()


def _lock(path: Path) -> LockFile:
    return LockFile(path.with_name(f"{path.name}.lock"), _holder)


def _wait(locks: Mapping[str, LockFile], turn: LockFile, count: int) -> list[str]:
    started, said = time.monotonic(), False
    try:
        while not ((turn.held or turn.take()) and _take(list(locks.values()), count)):
            if not said:
                logger.info("waiting for %d of %d GPUs: %s", count, len(locks), _held(locks))
                report("waiting for GPUs", 0, count, "GPUs")
                said = True
            time.sleep(_POLL * random.uniform(0.5, 1))
    finally:
        if turn.held:
            turn.remove()
    if said:
        logger.info("waited %.0f s", time.monotonic() - started)
    return [name for name, lock in locks.items() if lock.held]


def _take(locks: Sequence[LockFile], count: int) -> bool:
    """Take the first `count` locks that are free, or none where there are fewer."""
    taken: list[LockFile] = []
    for place, lock in enumerate(locks):
        if len(taken) == count or len(taken) + len(locks) - place < count:
            break
        if lock.take():
            taken.append(lock)
    if len(taken) == count:
        return True
    for lock in taken:
        lock.release()
    return False


def _held(locks: Mapping[str, LockFile]) -> str:
    """Who holds which device, and what to do where it is a job of the same run."""
    holders = {}
    for name, lock in locks.items():
        if lock.take():
            lock.release()
        else:
            with suppress(OSError):
                holders[name] = lock.read_note()
    text = "; ".join(f"{name} is held by {holder or 'another process'}" for name, holder in holders.items())
    if any(holder.endswith(_place()) for holder in holders.values()):
        text += (
            f". Hint: give Snakemake --resources gpu={len(locks)}, and it starts no more GPU jobs than that"
        )
    return text or "others were first"


def _holder() -> str:
    """This process in words: its number, its script without what Snakemake puts before the name, and its folder."""
    return f"process {os.getpid()} ({re.sub(r'^tmp[^.]*[.]', '', Path(sys.argv[0]).name)}{_place()}"


def _place() -> str:
    return f" in {os.getcwd()})"
