"""What a study's run is at: one small file, written by the Snakemake that runs it, which `operation.watch` shows.

`Recorder` and `LastWord` hang on Snakemake's own logger, whose records carry what happens (`event`), so that nothing is
read out of texts. Snakemake is not imported for it.
"""

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from snowdrift.runtime.errors import IN_VAIN
from snowdrift.runtime.progress import HEARTBEAT

FILE = "logs/run.json"
"""Of the last run, below a study's results."""
SILENCE = HEARTBEAT + 80.0
"""Seconds without a sign of life after which what runs on another machine counts as dead: a heartbeat, the minute for
which a shared folder may show its former state, and some for clocks that differ."""
FINISHED, FAILED, STOPPED = "finished", "failed", "stopped"


@dataclass
class Run:
    """One run of a study.

    Attributes:
        command: that goes on with it.
        host, pid, birth: of its Snakemake; see `birth_of`.
        started, ended: seconds since 1970.
        end: how it ended, FINISHED, FAILED or STOPPED; None while it runs, or if it was killed.
        plan: names of all its jobs, in an order in which they can run.
        expected: seconds that a job of each rule is expected to take.
        running: when each job that runs was started.
        done: seconds that each finished job took.
        failed: the log of each job that failed last.
    """

    command: str
    host: str
    pid: int
    birth: str | None
    started: float
    plan: list[str]
    expected: dict[str, float]
    running: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    end: str | None = None
    ended: float | None = None

    def waiting(self) -> list[str]:
        """The jobs that have not begun, or begin again; the next one first."""
        return [name for name in self.plan if name not in self.done and name not in self.running]

    def lives(self, silent: float) -> bool:
        """Whether its Snakemake still works, `silent` seconds after its last sign of life."""
        if self.end is not None:
            return False
        if self.host == socket.gethostname():
            return birth_of(self.pid) == self.birth is not None
        return silent < SILENCE

    def seconds_left(self, now: float, known: Mapping[str, float]) -> float | None:
        """What the rest is expected to take; None until anything is known.

        A job counts as others of its rule took, or else as was expected before the run, corrected by how far that was
        off for the jobs that have ended; those that run as they say themselves (`known`). They are shared among as many
        as ran side by side so far.
        """
        took: dict[str, list[float]] = {}
        for name, seconds in self.done.items():
            took.setdefault(_rule(name), []).append(seconds)
        guessed = sum(self.expected.get(_rule(name), 0.0) for name in self.done)
        spent = sum(self.done.values())
        if not guessed or not spent:
            return None

        def whole(name: str) -> float:
            alike = took.get(_rule(name))
            return sum(alike) / len(alike) if alike else self.expected.get(_rule(name), 0.0) * spent / guessed

        runs = {
            name: known.get(name, max(0.0, whole(name) - (now - began)))
            for name, began in self.running.items()
        }
        passed = spent + sum(now - began for began in self.running.values())
        side_by_side = max(1.0, passed / max(now - self.started, 1e-3))
        rest = sum(runs.values()) + sum(map(whole, self.waiting()))
        return max([rest / side_by_side, *runs.values()])


def ends(study: Path, run: Run) -> str:
    """How a run ended, and what its user does next, in one line."""
    if run.end == FINISHED:
        report = study / "report.html"
        return "finished: " + (f"the report is {report}" if report.is_file() else f"all lies in {study}")
    if run.end == FAILED:
        name, log = next(iter(run.failed.items()), ("a job", ""))
        read = f"read {log}, mend it, and " if log else ""
        return f"failed in {name}: {read}the same command goes on: {run.command}"
    if run.end == STOPPED:
        return f"stopped: the same command goes on where it was: {run.command}"
    return f"died without a word: give `{run.command} --unlock`, then the same command goes on without `--unlock`"


def read_run(study: Path) -> tuple[Run, float] | None:
    """The last run below a study's results, and the seconds since its last sign of life; None where none was noted."""
    path = study / FILE
    try:
        return Run(**json.loads(path.read_text(encoding="utf-8"))), time.time() - path.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None


def birth_of(pid: int) -> str | None:
    """What tells a process from a later one of the same number; None where there is none."""
    found = _process(pid)
    return found[19] if found else None  # when it started, in clock ticks since the machine did


def _process(pid: int | str) -> list[str] | None:
    """What Linux says of a process, from its state on: see proc(5); None where it has ended."""
    try:
        found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if found[0] == "Z" else found


class Recorder(logging.Handler):
    """Keeps the file of a run up to date, and tells how it ended."""

    def __init__(
        self,
        study: Path,
        command: str,
        jobs: Mapping[int, tuple[str, str | None]],
        expected: Mapping[str, float],
        give_up: Callable[[str], None],
    ) -> None:
        """Begin the file.

        Args:
            study: its results.
            command: the one that goes on with this run.
            jobs: rule and log of each job of the plan by Snakemake's number for it, in an order in which they can run.
            expected: seconds that a job of each rule is expected to take.
            give_up: called with a rule whose fault another attempt would not mend.
        """
        super().__init__()
        self.study, self._give_up = study, give_up
        self._names = {number: _name(study, rule, log) for number, (rule, log) in jobs.items()}
        self._logs = {number: log for number, (_, log) in jobs.items()}
        pid = os.getpid()
        plan = list(self._names.values())
        used = {rule: expected[rule] for rule in map(_rule, plan) if rule in expected}
        self.run = Run(command, socket.gethostname(), pid, birth_of(pid), time.time(), plan, used)
        self._over = threading.Event()
        self._write()
        threading.Thread(target=self._beat, name="run", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Note what has happened to a job."""
        kind, run = str(getattr(getattr(record, "event", None), "value", "")), self.run
        number = getattr(record, "jobid", getattr(record, "job_id", None))
        if not isinstance(number, int) or number not in self._names:
            return
        name = self._names[number]
        if kind == "job_info":
            run.running[name] = time.time()
            run.failed.pop(name, None)
        elif kind == "job_finished":
            run.done[name] = time.time() - run.running.pop(name, time.time())
        elif kind == "job_error":
            run.running.pop(name, None)
            run.failed[name] = self._logs[number] or ""
            if _in_vain(run.failed[name]):
                self._give_up(_rule(name))
        else:
            return
        self._write()

    def close_run(self, end: str) -> str:
        """Note how it ended, and say so in one line."""
        self._over.set()
        run = self.run
        run.end, run.ended = end, time.time()
        run.running.clear()
        self._write()
        words = ends(self.study, run)
        return words[0].upper() + words[1:]

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT):
            with suppress(OSError):
                os.utime(self.study / FILE)

    def _write(self) -> None:
        path = self.study / FILE
        with suppress(OSError):  # a full disk: the jobs say so
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}")
            temporary.write_text(json.dumps(asdict(self.run)), encoding="utf-8")
            os.replace(temporary, path)


class LastWord(logging.Filter):
    """Lets a terminal's log say no more after a run's last line, nor what its jobs say when the user stops them."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        return not self.silent or getattr(record, "last_word", False)


class Interrupt:
    """Ctrl-C for a whole run: its jobs end without a word of their own.

    Jobs begin with the signal ignored (`SHELL_PREFIX`), since it might come while they import torch; once they work
    they listen (`runtime.job`), so it is sent until none is left.
    """

    SHELL_PREFIX = "set -euo pipefail; trap '' INT; "
    """What has to stand before every job's command."""

    def __init__(self, last_word: LastWord, say: Callable[[str], None]) -> None:
        self._last_word, self._say, self._former = last_word, say, signal.getsignal(signal.SIGINT)
        self.happened = False
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.happened:  # a second one would end in a traceback of Snakemake's
            return
        self.happened = self._last_word.silent = True
        threading.Thread(target=self._end_jobs, name="interrupt", daemon=True).start()
        if callable(self._former):
            self._former(number, frame)

    def _end_jobs(self) -> None:
        began, said = time.monotonic(), False
        while children := _descendants(os.getpid()):
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGINT)
            time.sleep(0.5)
            if not said and time.monotonic() - began > 2:
                said = True
                self._say("Stopping: jobs that have just been started take some seconds to end")


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        if stat := _process(path.name):
            children.setdefault(int(stat[1]), []).append(int(path.name))
    found: list[int] = []
    unseen = [pid]
    while unseen:
        below = children.get(unseen.pop(), [])
        found += below
        unseen += below
    return found


def _name(study: Path, rule: str, log: str | None) -> str:
    """The job's name, as its progress has it."""
    with suppress(ValueError):
        return Path(log or "").relative_to(study / "logs").with_suffix("").as_posix()
    return rule


def _rule(name: str) -> str:
    return name.split("/")[0]


def _in_vain(log: str) -> bool:
    try:
        return IN_VAIN in Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
