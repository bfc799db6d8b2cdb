"""How a study stands, and every running job, live in the terminal: `python -m snowdrift.operation.watch results/demo`.

It reads the files of `operation.runs` and `runtime.progress` and nothing else, so it works on any machine that sees the
results folder.
"""

import argparse
import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from snowdrift.operation.runs import FILE, SILENCE, Run, ends, read_run
from snowdrift.runtime.progress import FOLDER

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
    """The jobs that run, or have died without a word, in the given study folders; those that began first come first.

    What died before the run that is going on now is that run's to make, and left out.
    """
    jobs = []
    for study in studies:
        known = read_run(study)
        since = known[0].started if known and known[0].lives(known[1]) else 0.0
        for path in (study / FOLDER).rglob("*.json"):
            with suppress(OSError, ValueError):  # it has just ended, or what lies there is no progress
                content = json.loads(path.read_text(encoding="utf-8"))
                if not path.name.startswith(".") and {"job", "host", "pid", "started"} <= content.keys():
                    job = Job(study.name, content, time.time() - path.stat().st_mtime)
                    if job.lives or content["started"] >= since:
                        jobs.append(job)
    return sorted(jobs, key=lambda job: job.content["started"])


def state(study: Path, jobs: Sequence[Job] = ()) -> str:
    """How a study stands, in one line; `jobs` are those of its jobs that show themselves."""
    known = read_run(study)
    if known is None:
        report = study / "report.html"
        page = f"; its report is {report}" if report.is_file() else ""
        return f"{study.name}: nothing is known of a run{page}"
    run, silent = known
    done = f"{len(run.done)} of {len(run.plan)} jobs done"
    if run.lives(silent):
        return f"{study.name}: " + "; ".join([done, *_now(run, jobs), *_older_report(study)])
    if run.end is None or run.ended is None:
        when = f"{duration(silent)} ago at the latest"
    else:
        when = f"{time.strftime('%d %B %H:%M', time.localtime(run.ended))}, after {duration(run.ended - run.started)}"
    return f"{study.name}: {ends(study, run)} ({when}, with {done})"


def _states(studies: Sequence[Path], jobs: Sequence[Job]) -> list[str]:
    """Of all studies; of one whose jobs alone are known they say it all."""
    own = {study: [job for job in jobs if job.study == study.name] for study in studies}
    return [state(study, shown) for study, shown in own.items() if not shown or read_run(study)]


def _now(run: Run, jobs: Sequence[Job]) -> Iterator[str]:
    """What runs, what is next, and the time left for the whole."""
    waiting = run.waiting()
    if run.running:
        yield f"now {_named(list(run.running))}"
    if waiting:
        yield f"next {waiting[0]}"
    known = {job.content["job"]: job.content.get("seconds_left") for job in jobs}
    left = run.seconds_left(time.time(), {name: left for name, left in known.items() if left is not None})
    if left is not None and (waiting or run.running):
        yield f"about {duration(max(left, 1))} left for all"


def _named(names: Sequence[str]) -> str:
    """Jobs of one rule are counted where there are several."""
    rules: dict[str, list[str]] = {}
    for name in names:
        rules.setdefault(name.split("/")[0], []).append(name)
    return ", ".join(alike[0] if len(alike) == 1 else f"{len(alike)} {rule}" for rule, alike in rules.items())


def _older_report(study: Path) -> Iterator[str]:
    report = study / "report.html"
    if report.is_file():
        yield f"the report of an earlier run is {report}"


def line(job: Job) -> str:
    """A job in one line, for a log."""
    percent = f"{job.share:.0%}" if "total" in job.content else ""
    parts = [job.content.get("stage"), _count(job), percent, _pace(job), _time(job), _values(job)]
    return f"{job.study}: {job.content['job']}: " + _join(*parts)


def picture(
    jobs: Sequence[Job], studies: Sequence[Path], height: int | None = None, width: int = 80
) -> RenderableType:
    """How each study stands, and its jobs as bars, two lines each, in `width` columns.

    Where that takes more than `height` lines, the jobs of one rule are one bar, and the last bars are left out.
    """
    if not studies:
        return Text("there is no study in results yet")
    heads = _states(studies, jobs)
    taken = sum(-(-len(head) // width) for head in heads)
    rest = _bars(jobs, None if height is None else max(2, height - taken))
    return Group(*map(Text, heads), *rest)


def _bars(jobs: Sequence[Job], height: int | None) -> list[RenderableType]:
    if not jobs:
        return []
    rows = list(map(_row, jobs))
    if height is None or 2 * len(rows) <= height:
        return [_table(rows)]
    rules: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        rules.setdefault((job.study, job.content["job"].split("/")[0]), []).append(job)
    rows = [_row(alike[0]) if len(alike) == 1 else _fold(rule, alike) for rule, alike in rules.items()]
    if 2 * len(rows) <= height:
        return [_table(rows)]
    fit = (height - 1) // 2
    return [_table(rows[:fit]), Text(f"and {sum(row.jobs for row in rows[fit:])} more")]


class _Row(NamedTuple):
    """What is shown of a job, or of all jobs of a rule."""

    jobs: int
    name: str
    detail: str
    bar: ProgressBar
    values: str
    counted: str
    pace: str
    alarm: bool


def _row(job: Job) -> _Row:
    pulse = not job.content.get("total") and job.lives
    return _Row(
        jobs=1,
        name=f"{job.study}: {job.content['job']}",
        detail=_join(job.content.get("stage"), _elsewhere([job])),
        bar=ProgressBar(total=1.0, completed=job.share, pulse=pulse),
        values=_values(job),
        counted=_count(job),
        pace=_join(_pace(job), _time(job)),
        alarm=not job.lives,
    )


def _fold(rule: tuple[str, str], jobs: Sequence[Job]) -> _Row:
    """The jobs of a rule as one; what is counted is what most of them count."""
    counted = Counter(filter(None, map(_counted, jobs)))
    what = counted.most_common(1)[0][0] if counted else None
    stage, unit = what or ("", "")
    alike = [job for job in jobs if what and _counted(job) == what]
    done, total = (sum(job.content[key] for job in alike) for key in ("done", "total"))
    alive = [job for job in jobs if job.lives]
    slowest = max(alive, key=lambda job: job.content.get("seconds_left") or 0.0, default=None)
    died = len(jobs) - len(alive)
    return _Row(
        jobs=len(jobs),
        name=f"{rule[0]}: {rule[1]}: {len(jobs)} jobs",
        detail=_join(stage, _elsewhere(jobs)),
        bar=ProgressBar(total=1.0, completed=min(1.0, done / total) if total else 0.0),
        values="",
        counted=f"{done:,.0f} of {total:,.0f} {unit}" if what else "",
        pace=_join(_time(slowest) if slowest else "", f"{died} died: run again" if died else ""),
        alarm=died > 0,
    )


def _counted(job: Job) -> tuple[str, str] | None:
    """Stage and unit; None before the first report."""
    return (job.content["stage"], job.content["unit"]) if "total" in job.content else None


def _table(rows: Sequence[_Row]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, min_width=10)
    table.add_column(justify="right", no_wrap=True)
    for row in rows:
        name = Text(row.name, style="bold", overflow="ellipsis")
        name.append(f"\n  {row.detail}", style="not bold dim")
        bar = Group(row.bar, Text(row.values, style="dim", overflow="ellipsis", no_wrap=True))
        table.add_row(name, bar, Text(f"{row.counted}\n{row.pace}", style="red" if row.alarm else ""))
    return table


def _join(*parts: str | None) -> str:
    return ", ".join(filter(None, parts))


def _elsewhere(jobs: Sequence[Job]) -> str:
    """The machine or machines, where it is not this one."""
    hosts = {job.content["host"] for job in jobs}
    if len(hosts) > 1:
        return f"on {len(hosts)} machines"
    return f"on {hosts.pop()}" if hosts != {socket.gethostname()} else ""


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
    """Those below results/ that have run here; the last one comes last."""
    found = {path.parents[1]: path.stat().st_mtime for path in Path("results").glob(f"*/{FILE}")}
    found |= {path.parent: time.time() for path in Path("results").glob(f"*/{FOLDER}")}
    return sorted(found, key=lambda study: found[study])


def live(given: Sequence[Path], console: Console) -> Live:
    """What is running in the given study folders, or in all below results/, for as long as the block lasts."""

    def look() -> RenderableType:
        studies = given or _all_studies()
        return picture(read_jobs(studies), studies, console.height, console.width)

    return Live(get_renderable=look, console=console, refresh_per_second=1 / _SECONDS_BETWEEN_LOOKS)


def _watch(given: Sequence[Path], console: Console) -> None:
    with live(given, console):
        while True:
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _print_lines(given: Sequence[Path], *, once: bool) -> None:
    while True:
        studies = given or _all_studies()
        jobs = read_jobs(studies)
        for text in [*_states(studies, jobs), *map(line, jobs)] or ["there is no study in results yet"]:
            print(time.strftime("%H:%M:%S"), text)
        sys.stdout.flush()
        if once:
            return
        time.sleep(_SECONDS_BETWEEN_LINES)


def main(arguments: Sequence[str] | None = None) -> None:
    """Watch until Ctrl-C: bars in a terminal, elsewhere a line for each study and job every half minute."""
    parser = argparse.ArgumentParser(prog="python -m snowdrift.operation.watch", description=main.__doc__)
    parser.add_argument(
        "studies", nargs="*", type=Path, help="such as results/demo; all below results/ if none"
    )
    parser.add_argument("--once", action="store_true", help="print one line for each study and job, and end")
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
