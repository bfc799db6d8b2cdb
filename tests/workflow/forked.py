"""Snakemake in forks of one process that has imported it, which takes 3 seconds: the tests call it some 150 times."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
# With what Snakemake imports when it is called. A name that is not there would only cost time.
_CONTEXT.set_forkserver_preload(
    ["snakemake.cli", "snakemake.report", "snakemake_executor_plugin_slurm", "pandas"]
)


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """The exit status and the output of `python -m snakemake` with these arguments, called in `folder`."""
    with tempfile.NamedTemporaryFile() as output:
        process = _CONTEXT.Process(target=_call, args=([*arguments], folder, {**environment}, output.name))
        process.start()
        process.join()
        return process.exitcode, Path(output.name).read_text()


def _call(arguments: list[str], folder: Path, environment: dict[str, str], output: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # Without the folders that pytest adds: a fresh interpreter does not have them.
    sys.path[:] = [
        str(folder),
        *(path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix))),
    ]
    with open(output, "wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from snakemake.cli import main

    sys.argv = ["snakemake", *arguments]
    main(arguments)
