"""The studies below results/: `python -m snowdrift.operation.studies [--remove STUDY]`.

One line for each, with its size, when it last changed, and how it stands; or one of them is removed.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from snowdrift.operation.runs import read_run
from snowdrift.operation.watch import read_jobs, state
from snowdrift.runtime.errors import SnowdriftError

RESULTS = Path("results")


def listing(results: Path = RESULTS) -> list[str]:
    """A line for each study."""
    studies = sorted(path for path in results.glob("*") if path.is_dir())
    if not studies:
        return [f"there is no study in {results} yet. Hint: make demo"]
    return [f"{_size(study):>9}  {_date(study)}  {state(study, read_jobs([study]))}" for study in studies]


def remove(name: str, results: Path = RESULTS) -> str:
    """Remove a study with its state, and nothing else; what was removed.

    Raises:
        SnowdriftError: there is no such study, or a run or a job of it is going on.
    """
    study = results / name
    if not name or Path(name).name != name or name == ".." or not study.is_dir():
        there = ", ".join(sorted(path.name for path in results.glob("*") if path.is_dir()))
        raise SnowdriftError(f"{study}: there is no such study", f"there are: {there or 'none'}")
    known = read_run(study)
    if (known and known[0].lives(known[1])) or any(job.lives for job in read_jobs([study])):
        raise SnowdriftError(f"{study}: a run of it is going on", "end it first: `make watch` shows it")
    size = _size(study)
    if study.is_symlink():
        shutil.rmtree(study.resolve())
        study.unlink()
    else:
        shutil.rmtree(study)
    return f"removed {study} ({size})"


def _size(study: Path) -> str:
    """What it takes on the disk; a file that several names share counts once, and a link as itself."""
    sizes: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(study):
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            sizes[found.st_dev, found.st_ino] = found.st_size
    size = sum(sizes.values())
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"


def _date(study: Path) -> str:
    known = read_run(study)
    moment = known[0].ended or known[0].started if known else study.stat().st_mtime
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def main(arguments: Sequence[str] | None = None) -> int:
    """List all studies, or remove one; 1 where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m snowdrift.operation.studies", description=main.__doc__)
    parser.add_argument("--remove", metavar="STUDY", help="its name, such as demo")
    options = parser.parse_args(arguments)
    try:
        lines = listing() if options.remove is None else [remove(options.remove)]
    except SnowdriftError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
