"""How far a job is: one small file for as long as it runs, which `snowdrift.operation.watch` shows.

A job's code says `report(...)` as often as it likes, which only takes note. A thread writes the latest report, at most
once a second, and touches the file now and then, so that a reader on any machine sees that the job lives. Progress is
for the eye alone: where it cannot be written, the job goes on without.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, SupportsFloat, TypeVar

FOLDER = "progress"
"""Name of the folder in a study's results where running jobs show how far they are."""
HEARTBEAT = 10.0
"""Seconds after which a file is touched that has nothing new to say."""
_SECONDS_BETWEEN_WRITES = 1.0
_VARIABLE = "SNOWDRIFT_PROGRESS"
"""Environment variable with the file of this job, for processes that a job starts."""

Item = TypeVar("Item")


class _Report(NamedTuple):
    stage: str
    done: float
    total: float
    unit: str
    values: Mapping[str, SupportsFloat | str]
    time: float


@contextmanager
def shown(log_file: Path | str) -> Iterator[None]:
    """Show the job with this log, `<study>/logs/<job>.log`, in `<study>/progress/<job>.json` until the block ends.

    The file is an object with: job, host, pid, started (seconds since 1970), and, after the first report, stage, done,
    total, unit, rate (units a second), seconds_left, values.
    """
    path = _file(Path(log_file))
    if path is None:
        yield
        return
    global _current
    _current = writer = _Writer(path)
    os.environ[_VARIABLE] = str(path)
    writer.start()
    try:
        yield
    finally:
        del os.environ[_VARIABLE]
        _current = None
        writer.end()


def report(
    stage: str, done: float, total: float, unit: str, values: Mapping[str, SupportsFloat | str] | None = None
) -> None:
    """Say how far this job is; nothing happens outside of one.

    Args:
        stage: what is being done. A new one starts a new rate and time left.
        done: units finished, those before an interruption among them.
        total: units of the stage.
        unit: plural noun.
        values: the last losses, and other things worth watching. Tensors are read when they are written, so that a
            GPU need not be waited for.
    """
    if writer := _writer():
        writer.note(_Report(stage, done, total, unit, values or {}, time.monotonic()))


def track(items: Iterable[Item], stage: str, total: int, unit: str) -> Iterator[Item]:
    """The same items, each reported as done when the next one is asked for."""
    for done, item in enumerate(items):
        report(stage, done, total, unit)
        yield item
    report(stage, total, total, unit)


class _Writer(threading.Thread):
    """Writes a job's latest report, in the process that made it."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="progress", daemon=True)
        self.path, self.pid = path, os.getpid()
        self._report: _Report | None = None
        self._first: _Report | None = None  # of the stage
        self._ended = threading.Event()
        self._fixed = {
            "job": path.relative_to(_study(path) / FOLDER).with_suffix("").as_posix(),
            "host": socket.gethostname(),
            "pid": self.pid,
            "started": time.time(),
        }

    def note(self, report: _Report) -> None:
        """Take the report for the latest."""
        first = self._first
        if first is None or report.stage != first.stage or report.done < first.done:
            self._first = report
        self._report = report
        if self.ident is None:
            self.start()

    def run(self) -> None:
        """Write until the job ends."""
        written: tuple[float, _Report | None] = (float("-inf"), None)
        while not self._ended.is_set():
            latest, now = self._report, time.monotonic()
            # A full disk, a folder that has gone, or a value that cannot be read.
            with suppress(OSError, RuntimeError):
                if latest is not written[1] or not self.path.exists():
                    self._write(latest)
                    written = now, latest
                elif now - written[0] >= HEARTBEAT:
                    os.utime(self.path)
                    written = now, latest
            self._ended.wait(_SECONDS_BETWEEN_WRITES)

    def end(self) -> None:
        """Remove the file, and folders that are empty then."""
        self._ended.set()
        self.join()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
            for folder in self.path.parents:
                folder.rmdir()
                if folder.name == FOLDER:
                    break

    def _write(self, report: _Report | None) -> None:
        content = self._fixed | (self._progress(report) if report else {})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}")
        temporary.write_text(json.dumps(content), encoding="utf-8")
        os.replace(temporary, self.path)

    def _progress(self, report: _Report) -> dict[str, Any]:
        first = self._first or report
        seconds, rate = report.time - first.time, None
        if seconds > 0 and report.done > first.done:
            rate = (report.done - first.done) / seconds
        return {
            "stage": report.stage,
            "done": report.done,
            "total": report.total,
            "unit": report.unit,
            "rate": rate,
            "seconds_left": (report.total - report.done) / rate if rate else None,
            "values": {
                name: value if isinstance(value, str) else float(value)
                for name, value in report.values.items()
            },
        }


_current: _Writer | None = None
"""Of this process, or of the one that it was forked from."""


def _writer() -> _Writer | None:
    """This process's writer; None outside of a job."""
    global _current
    path = os.environ.get(_VARIABLE)
    if path is None:
        return None
    if _current is None or _current.pid != os.getpid():
        _current = _Writer(Path(path))
    return _current


def _file(log_file: Path) -> Path | None:
    log_file = log_file.absolute()
    for folder in log_file.parents:
        if folder.name == "logs":
            return folder.with_name(FOLDER) / log_file.relative_to(folder).with_suffix(".json")
    return None


def name_of(log_file: Path | str) -> str:
    """The name of the job with this log, such as winterize_shard/3; empty where the log is none of a study's."""
    path = _file(Path(log_file))
    return path.relative_to(_study(path) / FOLDER).with_suffix("").as_posix() if path else ""


def _study(path: Path) -> Path:
    return next(folder.parent for folder in path.parents if folder.name == FOLDER)
