"""What `submit`, `status` and `cancel` say to a scheduler. Slurm's commands are tested; the others nobody has run yet.

SNOWDRIFT_SCHEDULER chooses one. Yours is missing, or your site wants other options: a class of its own is all it takes.
"""

import getpass
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(".snakemake/cluster")
"""Logs of jobs, and what is known of them; below Snakemake's working directory."""


class Job(NamedTuple):
    """What a job asks for. `queue`, `account` and `extra` are resources too, for `--default-resources`."""

    script: str
    name: str
    log: str
    threads: int
    megabytes: int
    minutes: int
    gpus: int
    queue: str
    account: str
    extra: str


class Slurm:
    """Slurm; its own profile, profiles/slurm, does more."""

    ids = ("squeue", "--me", "--noheader", "--format=%A")
    cancel = ("scancel",)

    def submit(self, job: Job) -> list[str]:
        """The command that submits a job; it prints the job's id."""
        command = ["sbatch", "--parsable", "--requeue", f"--job-name={job.name}", f"--output={job.log}"]
        command += [f"--cpus-per-task={job.threads}", f"--mem={job.megabytes}M", f"--time={job.minutes}"]
        command += ["--nodes=1", f"--gpus={job.gpus}"] if job.gpus else []
        return command + _given("--partition=", job.queue) + _given("--account=", job.account)


class PBS:
    """PBS Professional and OpenPBS."""

    ids = ("qselect", "-u", getpass.getuser())
    cancel = ("qdel",)

    def submit(self, job: Job) -> list[str]:
        """See `Slurm.submit`."""
        select = f"select=1:ncpus={job.threads}:mem={job.megabytes}mb"
        select += f":ngpus={job.gpus}" if job.gpus else ""
        command = [
            "qsub",
            "-V",
            "-S",
            "/bin/sh",
            "-N",
            job.name[:15],
            "-j",
            "oe",
            "-o",
            job.log,
            "-l",
            select,
        ]
        command += ["-l", f"walltime={job.minutes // 60}:{job.minutes % 60:02}:00"]
        return command + _given("-q", job.queue) + _given("-A", job.account)


class LSF:
    """IBM Spectrum LSF."""

    ids = ("bjobs", "-noheader", "-o", "jobid")
    cancel = ("bkill",)

    def submit(self, job: Job) -> list[str]:
        """See `Slurm.submit`."""
        memory = f"{job.megabytes}MB"
        command = [
            "bsub",
            "-r",
            "-J",
            job.name,
            "-o",
            job.log,
            "-n",
            str(job.threads),
            "-W",
            str(job.minutes),
        ]
        command += ["-M", memory, "-R", f"span[hosts=1] rusage[mem={memory}]"]
        command += ["-gpu", f"num={job.gpus}"] if job.gpus else []
        return command + _given("-q", job.queue) + _given("-P", job.account)


class SGE:
    """Grid Engine and its successors; the parallel environment and the name of the GPU resource differ by site."""

    ids = ("qstat", "-u", getpass.getuser())
    cancel = ("qdel",)

    def submit(self, job: Job) -> list[str]:
        """See `Slurm.submit`."""
        command = ["qsub", "-terse", "-V", "-S", "/bin/sh", "-cwd", "-r", "y"]
        command += ["-N", job.name, "-j", "y", "-o", job.log]
        command += ["-pe", "smp", str(job.threads), "-l", f"h_rt={60 * job.minutes}"]
        # For each thread. A limit of addresses, as h_vmem is, would not let CUDA start: it reserves many.
        memory = "mem_free" if job.gpus else "h_vmem"
        command += ["-l", f"{memory}={job.megabytes // job.threads}M"]
        command += ["-l", f"gpu={job.gpus}"] if job.gpus else []
        return command + _given("-q", job.queue) + _given("-P", job.account)


SCHEDULERS = {"slurm": Slurm, "pbs": PBS, "lsf": LSF, "sge": SGE}


def scheduler() -> "Slurm | PBS | LSF | SGE":
    """The one that SNOWDRIFT_SCHEDULER names."""
    name = os.environ.get("SNOWDRIFT_SCHEDULER", "")
    if name not in SCHEDULERS:
        sys.exit(f"SNOWDRIFT_SCHEDULER is {name!r}\nHint: export SNOWDRIFT_SCHEDULER={'|'.join(SCHEDULERS)}")
    return SCHEDULERS[name]()


def first_id(text: str) -> str:
    """The job's id in what a command prints on submission: the first word with a number, such as 7 or 7.server."""
    found = re.search(r"\d[\w.\[\]-]*", text)
    if not found:
        sys.exit(f"no job's id in {text!r}")
    return found[0]


def queued() -> "set[str] | None":
    """The ids of all of this user's jobs that wait or run; None if the scheduler does not answer."""
    done = subprocess.run(scheduler().ids, capture_output=True, text=True)
    if done.returncode != 0 and "No unfinished job" not in done.stderr:  # LSF's way of saying none
        return None
    return {words[0] for line in done.stdout.splitlines() if (words := line.split())}


def _given(option: str, value: str) -> list[str]:
    if not value:
        return []
    return [option + value] if option.endswith("=") else [option, value]
