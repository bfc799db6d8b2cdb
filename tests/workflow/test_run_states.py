"""What a run says when it ends, and what `make watch` makes of it: finished, failed, stopped, killed."""

import os
import signal
import subprocess
import time
from pathlib import Path

from conftest import ENVIRONMENT, REPOSITORY, command, snakemake

from snowdrift.operation.runs import read_run
from snowdrift.operation.watch import read_jobs, state

PROFILE = str(REPOSITORY / "profiles/default")


def states(folder: Path) -> str:
    study = folder / "results/tiny"
    return state(study, read_jobs([study]))


def signalled(folder: Path, number: signal.Signals) -> str:
    """The output of a run to which, and to whose jobs, a signal is sent as soon as a job is on."""
    log = folder.with_suffix(".log")
    with (
        log.open("w") as stream,
        subprocess.Popen(
            command(folder, "data", profile=PROFILE),
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        while not ((known := read_run(folder / "results/tiny")) and known[0].running):
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        assert "now render_" in states(folder)
        os.killpg(process.pid, number)
    return log.read_text()


def test_ctrl_c_ends_with_one_line_and_the_same_command_goes_on(tmp_path: Path):
    folder = tmp_path / "work"
    folder.mkdir()
    text = signalled(folder, signal.SIGINT)
    assert "Traceback" not in text and "Error" not in text, text
    last = text.strip().splitlines()[-1]
    assert "Stopped: the same command goes on where it was: snakemake data" in last
    assert "tiny: stopped: " in states(folder)

    signalled(folder, signal.SIGKILL)
    assert "tiny: died without a word: " in states(folder)
    assert snakemake(folder, "--unlock", profile=PROFILE).status == 0

    run = snakemake(folder, "data", profile=PROFILE)
    assert run.status == 0, run.text
    assert "Finished: all lies in results/tiny" in run.text.strip().splitlines()[-1]
    assert "tiny: finished: " in states(folder)


def test_what_the_user_has_to_mend_is_tried_and_printed_once(tmp_path: Path):
    folder = tmp_path / "work"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights/broken.pth").write_bytes(b"no weights")
    run = snakemake(
        folder,
        "results/tiny/snow/cyclegan/shards/0.parquet",
        "--config",
        "cyclegan={pretrained: weights/broken.pth}",
        profile=PROFILE,
    )
    assert run.status == 1
    assert run.text.count("choose_generator/cyclegan: Error: ") == 1, run.text
    assert "Failed in choose_generator/cyclegan: read results/tiny/logs/" in run.text.strip().splitlines()[-1]
    assert "tiny: failed in choose_generator/cyclegan" in states(folder)


def test_results_are_verified_while_the_data_are_away(tmp_path: Path):
    call = ["--config", "data={vfp290k: /nowhere}"]
    assert "/nowhere: there is no such folder" in snakemake(tmp_path, "data", "-n", *call).text
    run = snakemake(tmp_path, "verify", "-n", *call)
    assert run.status == 0 and "there is no such folder" not in run.text, run.text
