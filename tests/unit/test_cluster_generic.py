"""The commands of profiles/cluster-generic, with stand-ins for those of the schedulers."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROFILE = Path(__file__).parents[2] / "profiles/cluster-generic"
PROPERTIES = {
    "rule": "winterize_shard",
    "wildcards": {"shard": "3"},
    "threads": 4,
    "resources": {
        "mem_mb": 8000,
        "runtime": 90,
        "gpu": 1,
        "queue": "long",
        "account": 7,
        "extra": "--x 'a b'",
    },
}
SUBMISSIONS = {
    "slurm": (
        "sbatch",
        "12",
        ["--mem=8000M", "--time=90", "--nodes=1", "--gpus=1", "--partition=long", "--account=7"],
    ),
    "pbs": (
        "qsub",
        "12.head",
        ["/bin/sh", "select=1:ncpus=4:mem=8000mb:ngpus=1", "walltime=1:30:00", "long", "7"],
    ),
    "lsf": ("bsub", "Job <12> is submitted to queue <long>.", ["-W", "90", "num=1", "8000MB", "long", "7"]),
    "sge": (
        "qsub",
        "12",
        ["-terse", "-S", "/bin/sh", "h_rt=5400", "mem_free=2000M", "gpu=1", "smp", "4", "long", "7"],
    ),
}
QUEUES = {
    "slurm": ("squeue", "11\n12\n"),
    "pbs": ("qselect", "11.head\n12.head\n"),
    "lsf": ("bjobs", "11\n12\n"),
    "sge": ("qstat", "job-ID  prior\n-----------\n     11 0.55 x\n     12 0.55 y\n"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory of the commands, with room for stand-ins on the PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / ".snakemake/cluster").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SNOWDRIFT_SCHEDULER", "slurm")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stand_in(folder: Path, name: str, answer: str = "", status: int = 0) -> None:
    """A command that writes down what it is asked, and answers."""
    program = folder / "bin" / name
    program.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {folder}/asked\nprintf '%s' '{answer}'\nexit {status}\n"
    )
    program.chmod(0o755)


def call(name: str, *arguments: str) -> str:
    done = subprocess.run([PROFILE / name, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def state(folder: Path, job: str = "12") -> str:
    """The state that `status` prints, as of now."""
    (folder / ".snakemake/cluster/queued.json").unlink(missing_ok=True)
    return call("status", job)


def ended(folder: Path, status: int) -> None:
    (folder / ".snakemake/cluster/12.ended").write_text(f"{status}\n")


@pytest.mark.parametrize("scheduler", SUBMISSIONS)
def test_a_job_is_submitted_with_what_it_asks_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str
):
    monkeypatch.setenv("SNOWDRIFT_SCHEDULER", scheduler)
    program, answer, options = SUBMISSIONS[scheduler]
    stand_in(folder, program, answer)
    (folder / "job.sh").write_text(f"#!/bin/sh\n# properties = {json.dumps(PROPERTIES)}\ntrue\n")
    job = call("submit", "job.sh")
    asked = (folder / "asked").read_text().splitlines()
    assert job == ("12.head" if scheduler == "pbs" else "12")
    assert set(options) <= set(asked)
    assert asked[-3:] == ["--x", "a b", "job.sh"]

    stand_in(folder, *QUEUES[scheduler])
    assert state(folder, job) == "running"
    assert not list((folder / ".snakemake/cluster").glob("*.gone"))


def test_what_a_former_job_of_the_same_number_has_left_does_not_speak_for_the_new_one(folder: Path):
    cluster = folder / ".snakemake/cluster"
    for name in ("12.ended", "12.gone"):
        (cluster / name).write_text("0\n")
        os.utime(cluster / name, (1e9, 1e9))
    stand_in(folder, "sbatch", "12")
    (folder / "job.sh").write_text(f"#!/bin/sh\n# properties = {json.dumps(PROPERTIES)}\ntrue\n")
    assert call("submit", "job.sh") == "12"
    assert not list(cluster.glob("12.*"))
    stand_in(folder, "squeue", "12\n")
    assert state(folder) == "running"


def test_a_scheduler_that_refuses_or_is_not_named_ends_in_its_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (folder / "job.sh").write_text(f"#!/bin/sh\n# properties = {json.dumps(PROPERTIES)}\ntrue\n")
    stand_in(folder, "sbatch", status=1)
    for name, line in (("slurm", "exit status 1"), ("", "SNOWDRIFT_SCHEDULER is ''\nHint: export")):
        monkeypatch.setenv("SNOWDRIFT_SCHEDULER", name)
        done = subprocess.run([PROFILE / "submit", "job.sh"], capture_output=True, text=True)
        assert done.returncode != 0 and line in done.stderr


def test_what_a_job_has_left_decides_once_the_scheduler_is_done_with_it(folder: Path):
    stand_in(folder, "squeue", "12\n")
    ended(folder, 1)
    assert state(folder) == "running", "it may be on its way back into the queue"
    stand_in(folder, "squeue")
    assert state(folder) == "failed"
    (folder / "asked").unlink()
    ended(folder, 0)
    assert state(folder) == "success"
    assert not (folder / "asked").exists(), "no need to ask"


def test_a_job_is_not_given_up_while_nothing_is_known_of_it(folder: Path):
    stand_in(folder, "squeue", status=1)
    assert state(folder) == "running", "the scheduler is away"
    ended(folder, 1)
    assert state(folder) == "running"
    (folder / ".snakemake/cluster/12.ended").unlink()

    stand_in(folder, "squeue", "11\n")
    assert state(folder) == "running", "not listed yet"
    gone = folder / ".snakemake/cluster/12.gone"
    os.utime(gone, (time.time() - 100, time.time() - 100))
    assert state(folder) == "running"
    os.utime(gone, (time.time() - 130, time.time() - 130))
    assert state(folder) == "failed"
    stand_in(folder, "squeue", "12\n")
    assert state(folder) == "running" and not gone.exists(), "back again"


def test_one_question_to_the_scheduler_serves_many_jobs(folder: Path):
    stand_in(folder, "squeue", "11\n12\n")
    assert {call("status", "11"), call("status", "12")} == {"running"}
    assert (folder / "asked").read_text().split().count("--me") == 1


@pytest.mark.parametrize(("command", "expected"), [("exit 0", "success"), ("exit 3", "failed")])
def test_a_job_script_leaves_how_it_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, expected: str
):
    stand_in(folder, "squeue")
    ended(folder, 1)  # of a first start
    script = (PROFILE / "jobscript.sh").read_text().format(properties="{}", exec_job=command)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    done = subprocess.run(["sh", "-c", script])
    assert done.returncode == int(command.split()[1])
    assert state(folder) == expected


def test_jobs_are_cancelled_by_their_ids(folder: Path):
    stand_in(folder, "scancel")
    call("cancel", "11", "12")
    assert (folder / "asked").read_text().split() == ["11", "12"]
