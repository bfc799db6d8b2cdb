"""Every running job of a study, live in the terminal: `python -m snowdrift.watch results/demo`.

It reads the files of `runtime.progress` and nothing else, so it works on any machine that sees the results folder.
"""

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from snowdrift.runtime.progress import FOLDER, HEARTBEAT

SILENCE = HEARTBEAT + 80.0
"""Seconds without a sign of life after which a job on another machine counts as dead: a heartbeat, the minute for
which a shared folder may show its former state, and some for clocks that differ."""
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_LINES = 30.0


class Job(NamedTuple):
    """One job's progress file."""

    study: str
    content: dict[str, Any]
    """See `runtime.progress.shown`."""
    silent: float
    """Seconds since its last sign of life."""

    @property
    def lives(self) -> bool:
        """Whether it still runs: by its process where that is of this machine, else by its heartbeat."""
        if self.content["host"] == socket.gethostname() and not _exists(self.content["pid"]):
            return False
        return self.silent < SILENCE

    @property
    def share(self) -> float:
        """Of its stage that is done, 0 to 1; 0 before the first report."""
        total = self.content.get("total")
        return min(1.0, self.content["done"] / total) if total else 0.0


def read_jobs(studies: Sequence[Path]) -> list[Job]:
    """The jobs that run, or have died without a word, in the given study folders; those that began first come first."""
    jobs = []
    for study in studies:
        for path in (study / FOLDER).rglob("*.json"):
            with suppress(OSError, ValueError):  # it has just ended, or what lies there is no progress
                content = json.loads(path.read_text(encoding="utf-8"))
                if not path.name.startswith(".") and {"job", "host", "pid", "started"} <= content.keys():
                    jobs.append(Job(study.name, content, time.time() - path.stat().st_mtime))
    return sorted(jobs, key=lambda job: job.content["started"])


def line(job: Job) -> str:
    """A job in one line, for a log."""
    percent = f"{job.share:.0%}" if "total" in job.content else ""
    parts = [job.content.get("stage", ""), _count(job), percent, _pace(job), _time(job), _values(job)]
    return f"{job.study}: {job.content['job']}: " + ", ".join(filter(None, parts))


def picture(jobs: Sequence[Job], studies: Sequence[Path]) -> RenderableType:
    """All jobs as bars, two lines each."""
    if not jobs:
        return Text(f"nothing is running in {', '.join(map(str, studies)) or 'results'}")
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, min_width=10)
    table.add_column(justify="right", no_wrap=True)
    here = socket.gethostname()
    for job in jobs:
        host = "" if job.content["host"] == here else f"on {job.content['host']}"
        name = Text(f"{job.study}: {job.content['job']}", style="bold", overflow="ellipsis")
        name.append("\n  " + ", ".join(filter(None, [job.content.get("stage"), host])), style="not bold dim")
        bar = Group(_bar(job), Text(_values(job), style="dim", overflow="ellipsis", no_wrap=True))
        pace = ", ".join(filter(None, [_pace(job), _time(job)]))
        table.add_row(name, bar, Text(f"{_count(job)}\n{pace}", style="" if job.lives else "red"))
    return table


def _bar(job: Job) -> ProgressBar:
    known = job.content.get("total")
    return ProgressBar(total=1.0, completed=job.share, pulse=not known and job.lives)


def _count(job: Job) -> str:
    content = job.content
    return (
        f"{content['done']:,.0f} of {content['total']:,.0f} {content['unit']}" if "total" in content else ""
    )


def _pace(job: Job) -> str:
    rate = job.content.get("rate")
    if not rate:
        return ""
    return f"{rate:,.3g}/s" if rate >= 1 else f"{duration(1 / rate)} each"


def _time(job: Job) -> str:
    if not job.lives:
        return f"died {duration(job.silent)} ago: run again"
    left = job.content.get("seconds_left")
    return f"{duration(left)} left" if left else f"for {duration(time.time() - job.content['started'])}"


def _values(job: Job) -> str:
    values = job.content.get("values", {})
    return ", ".join(
        f"{name} {value if isinstance(value, str) else f'{value:.4g}'}" for name, value in values.items()
    )


def duration(seconds: float) -> str:
    """In words, to two units: 3 d 4 h, 2 h 5 min, 4 min 10 s, 12 s, 0.4 s."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def _all_studies() -> list[Path]:
    return sorted(path.parent for path in Path("results").glob(f"*/{FOLDER}"))


def _watch(given: Sequence[Path], console: Console) -> None:
    def look() -> RenderableType:
        studies = given or _all_studies()
        return picture(read_jobs(studies), studies)

    with Live(get_renderable=look, console=console, refresh_per_second=1 / _SECONDS_BETWEEN_LOOKS):
        while True:
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _print_lines(given: Sequence[Path], *, once: bool) -> None:
    while True:
        jobs = read_jobs(given or _all_studies())
        for text in map(line, jobs):
            print(time.strftime("%H:%M:%S"), text)
        if not jobs:
            print(time.strftime("%H:%M:%S"), "nothing is running")
        sys.stdout.flush()
        if once:
            return
        time.sleep(_SECONDS_BETWEEN_LINES)


def main(arguments: Sequence[str] | None = None) -> None:
    """Watch until Ctrl-C: bars in a terminal, elsewhere a line for each job every half minute."""
    parser = argparse.ArgumentParser(prog="python -m snowdrift.watch", description=main.__doc__)
    parser.add_argument(
        "studies", nargs="*", type=Path, help="such as results/demo; all below results/ if none"
    )
    parser.add_argument("--once", action="store_true", help="print one line for each job, and end")
    options = parser.parse_args(arguments)
    if missing := [study for study in options.studies if not study.is_dir()]:
        parser.error(f"{missing[0]}: there is no such folder. Hint: studies lie under results/")
    console = Console()
    with suppress(KeyboardInterrupt):
        if console.is_terminal and not options.once:
            _watch(options.studies, console)
        else:
            _print_lines(options.studies, once=options.once)


if __name__ == "__main__":
    main()
