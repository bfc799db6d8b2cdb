"""Studies on a real Slurm of one node, through both cluster profiles: they end like the one on this machine alone.

SNOWDRIFT_SLURM=unpack fetches Debian's Slurm into .venv where it is not installed. SNOWDRIFT_SLURM_TARGETS=all runs the
whole tiny study through each, and not just the parts that have the kinds of jobs that there are.
"""

import itertools
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import GPUS, Slurm, Unavailable, slurm
from studies import REPOSITORY, TINY, command, fingerprint, tiny_study  # noqa: F401

TARGETS = os.environ.get("SNOWDRIFT_SLURM_TARGETS", "detection").split()
GENERIC_TARGETS = os.environ.get("SNOWDRIFT_SLURM_TARGETS", "snow").split()
SECONDS_WITHOUT_CONTROLLER = 12  # longer than Slurm's commands try for themselves
QUICK = ["--seconds-between-status-checks", "1", "--latency-wait", "10"]
QUICK_SLURM = [*QUICK, "--slurm-init-seconds-before-status-checks", "1"]
# GPU jobs get the stand-ins, of which torch knows nothing: they compute on the CPU, as those of the tiny study do.
WITH_GPUS = "device: auto\n"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    try:
        with slurm(tmp_path_factory.mktemp("slurm")) as cluster:
            yield cluster
    except Unavailable as reason:
        pytest.skip(f"no Slurm: {reason}")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder for a study whose jobs ask for GPUs."""
    (tmp_path / "gpus.yaml").write_text(WITH_GPUS)
    return tmp_path


def start(cluster: Slurm, study: Path, *arguments: str, profile: str, **environment: str) -> subprocess.Popen:
    """Snakemake on the cluster, with its output in study/out."""
    profile = str(REPOSITORY / "profiles" / profile)
    return subprocess.Popen(
        command(study, *arguments, configs=(TINY, study / "gpus.yaml"), profile=profile),
        cwd=REPOSITORY,
        env={**cluster.environment, **environment},
        stdout=open(study / "out", "w"),
        stderr=subprocess.STDOUT,
    )


def output(study: Path) -> str:
    return (study / "out").read_text()


def wait(run: subprocess.Popen, study: Path, condition: Callable[[], object]) -> None:
    """Wait until the condition holds, while the run goes on."""
    while not condition():
        assert run.poll() is None, output(study)
        time.sleep(0.1)


def assert_equal(study: Path, local: Path, *names: str) -> None:
    """All results of a study are those of the one that was made without a cluster; some of them are named."""
    made, expected = fingerprint(study), fingerprint(local)
    assert set(names) <= set(made)
    assert made == {name: expected[name] for name in made}


def test_a_study_on_slurm_outlives_a_killed_job_and_the_controller(
    cluster: Slurm,
    study: Path,
    tiny_study: Path,  # noqa: F811
):
    run = start(cluster, study, *TARGETS, *QUICK_SLURM, profile="slurm")
    log = study / "results/tiny/logs/train_cyclegan.log"
    wait(run, study, log.exists)
    # All that is not yet submitted waits for this job.
    listed = cluster.run("squeue", "--noheader", "--states=RUNNING", "--format=%A %k").splitlines()
    (training,) = [line.split()[0] for line in listed if line.endswith(" rule_train_cyclegan")]
    cluster.run("scancel", "--signal=STOP", training)
    cluster.kill_controller()
    time.sleep(SECONDS_WITHOUT_CONTROLLER)
    cluster.start_controller()
    wait(run, study, lambda: cluster.run("squeue", "--noheader", f"--job={training}"))
    cluster.run("scancel", "--signal=KILL", training)
    assert run.wait() == 0, output(study)
    assert f"SLURM-job '{training}' failed" in output(study)
    assert_equal(
        study,
        tiny_study,
        "detection/cross_domain.csv",
        "data/frames.parquet",
        "snow/cyclegan/shards/1.parquet",
    )
    # Each job has seen a GPU of Slurm's.
    used = re.findall("torch cannot use (.+?):", log.read_text())
    assert len(used) == 1 and used[0] in map(str, range(GPUS))


def test_a_study_through_cluster_generic_comes_to_the_same(
    cluster: Slurm,
    study: Path,
    tiny_study: Path,  # noqa: F811
):
    run = start(
        cluster, study, *GENERIC_TARGETS, *QUICK, profile="cluster-generic", SNOWDRIFT_SCHEDULER="slurm"
    )
    assert run.wait() == 0, output(study)
    assert_equal(
        study,
        tiny_study,
        "data/frames.parquet",
        "snow/cyclegan/shards/1.parquet",
        "snow/cyclegan/generator.pth",
    )


JOBS = """
rule all:
    input: expand("{job}", job=range(3))

rule job:
    output: "{job}"
    resources: gpu=1, mem_mb=100, runtime=5
    shell: "echo $CUDA_VISIBLE_DEVICES $(date +%s.%N) > {output}.new; sleep 2;"
           "echo $(cat {output}.new) $(date +%s.%N) > {output}"
"""


def test_jobs_on_slurm_share_no_gpu_and_use_all(cluster: Slurm, tmp_path: Path):
    (tmp_path / "Snakefile").write_text(JOBS)
    call = [*command(tmp_path, *QUICK_SLURM, configs=(), profile=str(REPOSITORY / "profiles/slurm"))]
    call += ["--snakefile", str(tmp_path / "Snakefile"), "--cores", "4"]
    done = subprocess.run(call, cwd=REPOSITORY, env=cluster.environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    spans = [(tmp_path / str(job)).read_text().split() for job in range(3)]
    assert {device for device, *_ in spans} == {str(number) for number in range(GPUS)}
    for device in range(GPUS):
        mine = sorted((float(begin), float(end)) for name, begin, end in spans if name == str(device))
        assert all(former[1] <= later[0] for former, later in itertools.pairwise(mine)), spans
