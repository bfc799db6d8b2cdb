"""Jobs that share devices, through Snakemake: leases keep them apart where nothing else does."""

import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import REPOSITORY, TINY, snakemake, succeed

# The devices are names only: a lease does not ask what they stand for, and these jobs do not compute.
DEVICES = {"CUDA_VISIBLE_DEVICES": "0,1"}
SNAKEFILE = """
rule all:
    input:
        expand("done/{job}", job=range(6)),

rule compute:
    output:
        touch("done/{job}"),
    retries: 1
    resources:
        gpu=1,
        attempt=lambda wildcards, attempt: attempt,
    script:
        "compute.py"
"""
# Each job leaves one line for each moment; the first attempt of job 0, which all others wait for, dies as by `kill -9`
# while it holds a device.
SCRIPT = """
import json, os, signal, sys, time
sys.path.append("{library}")
from snowdrift.runtime.leases import lease, visible_devices

job, attempt = snakemake.wildcards.job, snakemake.resources.attempt

def note(event, device):
    line = json.dumps(dict(event=event, device=device, job=job, attempt=attempt, time=time.monotonic()))
    with open("events", "a") as stream:
        stream.write(line + "\\n")

while job != "0" and not os.path.exists("events"):
    time.sleep(0.01)
with lease(visible_devices(), 1) as (device,):
    note("start", device)
    time.sleep(0.5)
    if job == "0" and attempt == 1:
        note("killed", device)
        os.kill(os.getpid(), signal.SIGKILL)
    note("end", device)
"""


def test_six_jobs_on_two_devices_are_never_two_on_one(tmp_path: Path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "compute.py").write_text(SCRIPT.replace("{library}", str(REPOSITORY / "workflow/scripts")))
    # No `--resources gpu=N`: Snakemake starts all six at once.
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "6"],
        cwd=tmp_path,
        env=os.environ | DEVICES | {"SNOWDRIFT_LOCKS": str(tmp_path / "locks")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    starts = [event for event in events if event["event"] == "start"]
    assert len(starts) == 7
    assert {(event["job"], event["attempt"]) for event in starts} == {("0", 1), ("0", 2)} | {
        (str(job), 1) for job in range(1, 6)
    }
    for device in ("0", "1"):
        there = sorted((e for e in events if e["device"] == device), key=lambda event: event["time"])
        assert [event["event"] == "start" for event in there] == [True, False] * (len(there) // 2)
        assert len(there) >= 4
    (killed,) = (event for event in events if event["event"] == "killed")
    after = min(e["time"] for e in starts if e["device"] == killed["device"] and e["time"] > killed["time"])
    print(f"the killed job's device had its next job after {after - killed['time']:.2f} s")
    assert after - killed["time"] < 1


def test_what_the_machine_lacks_is_said_once_before_jobs_start(tmp_path: Path, monkeypatch):
    own = tmp_path / "auto.yaml"
    own.write_text("device: auto\n")

    def run(devices: str, *arguments: str) -> str:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
        return succeed(tmp_path, "results/tiny/data/style.parquet", *arguments, configs=(TINY, own))

    assert run("").count("everything runs on the CPU") == 1
    text = run("0,1", "--forceall")
    assert "There are 2 GPUs here, and no limit" in text
    assert "--resources gpu=2" in text


def test_a_job_that_snakemake_would_cut_to_its_limit_is_refused_before_anything_runs(tmp_path: Path):
    own = tmp_path / "two.yaml"
    own.write_text("device: auto\ndetector: {gpus: 2}\n")
    plan = ["-n", "results/tiny/detection/cross_domain.csv", "--resources", "gpu=1"]
    run = snakemake(tmp_path, *plan, configs=(TINY, own))
    assert run.status != 0
    assert "`detector.gpus`: 2 GPUs for one job, and --resources gpu=1 allows 1" in run.text

    overwrite = ["--set-resources", "train_cyclegan:gpu=3"]
    run = snakemake(tmp_path, *plan[:-1], "gpu=2", *overwrite, configs=(TINY, own))
    assert run.status != 0
    assert "--set-resources train_cyclegan:gpu=3: 3 GPUs for one job, and --resources gpu=2" in run.text
