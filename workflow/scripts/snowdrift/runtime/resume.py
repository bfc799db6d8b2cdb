"""What a long job keeps, so that it goes on where it was killed.

Snakemake deletes a failed job's declared outputs and its log. A job that can resume gets a folder that is neither,
as the param `state`, and keeps there either a snapshot of everything (`save`, `load`), or a line for each finished
item (`append`, `items`), and files that it makes on the way (`folder`):

    state = job_state(snakemake.log[0], snakemake.params, files=[...], pictures=[...], minutes=10)
    for item in items[len(state.items()):]: ...; state.append(result)
    write_outputs(state.items())
    state.finish()
"""

import fcntl
import hashlib
import json
import logging
import os
import random
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from snowdrift.runtime.errors import PassingError
from snowdrift.runtime.files import atomic_folder, digest_file
from snowdrift.runtime.libraries import installed
from snowdrift.runtime.results import FINISHED
from snowdrift.runtime.weights import read_weights

logger = logging.getLogger(__name__)

_LIBRARIES = ("numpy", "cv2", "PIL", "torch", "ultralytics")
_SECONDS_FOR_A_DYING_JOB = 10.0


class JobState:
    """The state of one job, kept only for the key that it was saved with.

    Opening it removes what another key left, and locks the folder until this process ends: what a killed Snakemake
    has left running must not work on the same state.

    Args:
        folder: of this job alone, made if need be; no declared output of it.
        key: of everything that decides the job's result, see `job_key`.
        minutes: between two snapshots, for `due`; 0 makes every moment one.

    Attributes:
        folder: for snapshots, items and the job's own files; gone with the state.

    Raises:
        PassingError: another process still works on the same job.
    """

    def __init__(self, folder: Path | str, key: str, minutes: float = 0) -> None:
        self._top, self.folder = Path(folder), Path(folder) / key
        self._seconds, self._saved = 60 * minutes, time.monotonic()
        self._top.mkdir(parents=True, exist_ok=True)
        _lock(self._top / "lock")
        for path in set(self._top.iterdir()) - {self.folder, self._top / "lock"}:
            if path.is_dir():
                logger.info("%s: state of other settings, data or code: removed", path)
                shutil.rmtree(path)
            else:
                path.unlink()
        self.folder.mkdir(exist_ok=True)

    @property
    def due(self) -> bool:
        """Whether it is time for the next snapshot."""
        return time.monotonic() - self._saved >= self._seconds

    def save(self, content: Mapping[str, Any]) -> None:
        """Write a snapshot: tensors, numbers, texts, and containers of them.

        It takes the former's place in one step, when it is on the disk; a crash on the way leaves the former.
        """
        temporary = self.folder / "snapshot.tmp"
        try:
            _write_durably(content, temporary)
            path = self.folder / _snapshot_name(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        for former in self._snapshots() - {path}:
            former.unlink()
        self._saved = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The last snapshot, tensors on the CPU; None where there is none, or none that is whole."""
        for path in self._snapshots():  # two after a crash in `save`: either leads to the same result
            if path.name == _snapshot_name(path):
                logger.info("continues from %s", path)
                content: dict[str, Any] = read_weights(path, "remove it: the job then starts again")
                return content
            logger.warning("%s: not whole, so it is not used", path)
        return None

    def append(self, item: Mapping[str, Any]) -> None:
        """Write down a finished item: numbers, texts, and lists and dicts of them."""
        # The line break comes first, so that a line that was cut short spoils no other.
        with open(self._items, "a", encoding="utf-8") as stream:
            stream.write(f"\n{json.dumps(item)}")

    def items(self) -> list[dict[str, Any]]:
        """The items written down so far, in their order; a line that was cut short is left out."""
        if not self._items.exists():
            return []
        lines = self._items.read_text(encoding="utf-8", errors="replace").splitlines()
        return [item for line in lines if (item := _parse(line)) is not None]

    def publish(self, name: str, target: Path) -> None:
        """Copy a folder that was made on the way to where it is declared; it stays here, see `finish`."""
        with atomic_folder(target) as temporary:
            shutil.copytree(self.folder / name, temporary, dirs_exist_ok=True)

    def finish(self) -> None:
        """Say that the job's outputs are written. See `results.remove_finished` for what comes then."""
        (self._top / FINISHED).touch()

    def _snapshots(self) -> set[Path]:
        return set(self.folder.glob("snapshot-*.pth"))

    @property
    def _items(self) -> Path:
        return self.folder / "items.jsonl"


def job_state(
    log_file: Path | str,
    params: Mapping[str, Any],
    *,
    files: Iterable[Path | str],
    pictures: Iterable[Path] = (),
    minutes: float = 0,
) -> JobState:
    """The state of the job with this log, `<study>/logs/<job>.log`, in `<study>/state/<job>`; see `job_key`.

    No param names the folder: it would tell apart what two studies can share.
    """
    log_file = Path(log_file)
    logs = next(folder for folder in log_file.parents if folder.name == "logs")
    folder = logs.with_name("state") / log_file.relative_to(logs).with_suffix("")
    return JobState(folder, job_key(params, files=files, pictures=pictures), minutes)


def job_key(params: Mapping[str, Any], *, files: Iterable[Path | str], pictures: Iterable[Path] = ()) -> str:
    """A digest of everything that decides a job's result, 16 hex digits.

    The number of threads and the device that `device: auto` finds are not among them, as they are none of
    Snakemake's reasons to run a finished job again.

    Args:
        params: the job's params, the digest of its code among them.
        files: input tables and weights; their content counts.
        pictures: the many files that the tables list; they count by name, size and time of change.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps([dict(params.items()), installed(_LIBRARIES)], sort_keys=True).encode())
    for path in files:
        digest.update(digest_file(path).encode())
    for path in pictures:
        digest.update(f"{path}\n{_identity(path)}\n".encode())
    return digest.hexdigest()[:16]


def _identity(path: Path) -> str:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return "missing"  # the job itself says so more clearly
    return f"{status.st_size} {status.st_mtime_ns}"


class Stateful(Protocol):
    """A network, an optimiser, or anything else with a state of its own."""

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...  # noqa: D102


class Training:
    """A training that goes on as if it had never been interrupted.

    Args:
        state: where its snapshots are kept; None keeps none.
        parts: all that learns or makes it learn, by name.
        generators: the training's own random numbers.
    """

    def __init__(
        self, state: JobState | None, parts: Mapping[str, Stateful], generators: Sequence[torch.Generator]
    ) -> None:
        self._state, self._parts, self._generators = state, parts, generators

    def restore(self) -> dict[str, Any] | None:
        """Put everything back to where the last snapshot was taken; the `progress` that was saved with it."""
        content = self._state.load() if self._state else None
        if content is None:
            return None
        for name, part in self._parts.items():
            part.load_state_dict(content["parts"][name])
        restore_random_state(content["random"], *self._generators)
        progress: dict[str, Any] = content["progress"]
        return progress

    def save(self, progress: Mapping[str, Any]) -> None:
        """Take a snapshot of everything, and of numbers, texts and tensors that say how far it is."""
        if self._state:
            parts = {name: part.state_dict() for name, part in self._parts.items()}
            random = random_state(*self._generators)
            self._state.save({"progress": dict(progress), "parts": parts, "random": random})

    @property
    def due(self) -> bool:
        """See `JobState.due`."""
        return self._state is not None and self._state.due


def random_state(*generators: torch.Generator) -> dict[str, Any]:
    """Where the given generators are in their sequences, and the global ones of Python, numpy and torch.

    Fit for `JobState.save`. Of CUDA's generators, the current device's is taken, where CUDA is in use.
    """
    of_numpy = np.random.get_state(legacy=False)
    keys, position = of_numpy["state"]["key"], of_numpy["state"]["pos"]
    return {
        "python": random.getstate(),
        "numpy": (
            of_numpy["bit_generator"],
            torch.from_numpy(keys.astype(np.int64)),
            *(position, of_numpy["has_gauss"], of_numpy["gauss"]),
        ),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        "generators": [generator.get_state() for generator in generators],
    }


def restore_random_state(state: Mapping[str, Any], *generators: torch.Generator) -> None:
    """Put the generators, given in the same order, and the global ones back to where they were."""
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
    for generator, saved in zip(generators, state["generators"], strict=True):
        generator.set_state(saved)


def _snapshot_name(path: Path) -> str:
    """A name that tells whether the file is whole."""
    return f"snapshot-{digest_file(path)[:16]}.pth"


def _write_durably(content: Mapping[str, Any], path: Path) -> None:
    try:
        with open(path, "wb") as stream:
            torch.save(dict(content), stream)
            os.fsync(stream.fileno())
    except (OSError, RuntimeError) as error:
        # torch turns a full disk into an error of its own; neither says where.
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        raise OSError(cause.errno, cause.strerror, str(path)) from None


def _lock(path: Path) -> None:
    """Hold the file until this process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    patience = time.monotonic() + _SECONDS_FOR_A_DYING_JOB
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > patience:
                owner = os.read(descriptor, 20).decode() or "?"
                raise PassingError(
                    f"{path}: process {owner} still works on this job",
                    f"wait for its end, or end it (kill {owner}); then run again, and the work goes on",
                ) from None
            time.sleep(0.2)
        except OSError as error:
            logger.warning("%s: no lock (%s): see to it that no other process runs this job", path, error)
            break
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


def _parse(line: str) -> dict[str, Any] | None:
    try:
        item = json.loads(line)
    except ValueError:
        return None
    return item if isinstance(item, dict) else None
