"""Runs that are killed, that find the disk full, or read-only: they go on, and end as if nothing had happened.

SNOWDRIFT_KILLED_STUDIES=25 kills 25 tiny studies 3 times each; without it, it is one study.
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path

import pytest
from conftest import ENVIRONMENT, REPOSITORY, TINY, Run, command, fingerprint, snakemake, succeed

STUDIES = int(os.environ.get("SNOWDRIFT_KILLED_STUDIES", "1"))
KILLS, SECONDS = 3, (5, 40)
PROFILE = str(REPOSITORY / "profiles/default")


def kill_when(
    condition: Callable[[], bool], folder: Path, *arguments: str, configs: tuple[Path, ...] = (TINY,)
) -> str | None:
    """Run Snakemake and kill it and all its jobs once `condition` holds; its output, None if it ended before."""
    log = folder.with_suffix(".log")
    with (
        open(log, "w") as stream,
        subprocess.Popen(
            command(folder, *arguments, configs=configs, profile=PROFILE),
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        while not condition():
            if process.poll() is not None:
                assert process.returncode == 0, log.read_text()
                return None
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    # What Snakemake asks of its user after its own sudden death.
    succeed(folder, "--unlock", configs=configs, profile=PROFILE)
    return log.read_text()


def after(seconds: float) -> Callable[[], bool]:
    """A condition that holds from then on."""
    moment = time.monotonic() + seconds
    return lambda: time.monotonic() > moment


@pytest.mark.parametrize("seed", range(STUDIES))
def test_a_study_killed_at_random_moments_ends_like_an_undisturbed_one(
    tiny_study: Path, tmp_path: Path, seed: int
):
    expected = fingerprint(tiny_study)
    moments = random.Random(seed)
    study = tmp_path / "study"
    study.mkdir()
    for _ in range(KILLS):
        kill_when(after(moments.uniform(*SECONDS)), study)
    succeed(study, profile=PROFILE)
    assert fingerprint(study) == expected
    assert (study / "results/tiny/report.html").is_file()
    shutil.rmtree(study)


LONG = """
cyclegan: {{epochs: 20, decay_epochs: 20, snapshot_every: 8, learning_rate: {rate}}}
xray: {{gan: {{epochs: 150, learning_rate: {rate}}}}}
"""
TRAININGS = ("results/tiny/snow/cyclegan/losses.csv", "results/tiny/xray/gan/weights.pth")


def epochs(text: str, total: int) -> list[int]:
    """The epochs that a training of `total` epochs says it has finished, in the order of its lines."""
    lines = [line.split(f"/{total} in ")[0] for line in text.splitlines() if f"/{total} in " in line]
    return [int(line.rpartition(" ")[2]) for line in lines]


def test_killed_trainings_go_on_where_they_were_and_never_from_other_settings(
    tiny_study: Path, tmp_path: Path
):
    configs = {}
    for name, rate in (("mine", 0.0002), ("other", 0.001)):
        configs[name] = (TINY, tmp_path / f"{name}.yaml")
        configs[name][1].write_text(LONG.format(rate=rate))
    straight, killed = (
        Path(shutil.copytree(tiny_study, tmp_path / name, symlinks=True)) for name in ("straight", "killed")
    )
    succeed(straight, *TRAININGS, configs=configs["mine"])

    def snapshots() -> set[Path]:
        # A folder may be removed while it is looked through, which only this glob takes calmly.
        return set(map(Path, glob(f"{killed}/results/tiny/state/**/snapshot-*.pth", recursive=True)))

    def both(old: set[Path]) -> bool:
        """Both have one that is new; for a moment, a training has its last two."""
        return len({path.parent for path in snapshots() - old}) == 2

    assert kill_when(lambda: both(set()), killed, *TRAININGS, configs=configs["other"])
    old = snapshots()
    first = kill_when(lambda: both(old), killed, *TRAININGS, configs=configs["mine"])
    assert first
    assert first.count("state of other settings, data or code: removed") == 2
    assert not old & snapshots()
    second = succeed(killed, *TRAININGS, configs=configs["mine"], profile=PROFILE)
    assert second.count("continues from") == 2
    for total in (40, 150):
        again = set(epochs(first, total)) & set(epochs(second, total))
        assert len(again) <= 1, again
        assert sorted({*epochs(first, total), *epochs(second, total)}) == list(range(1, total + 1))
    assert fingerprint(killed) == fingerprint(straight)


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], text=True, capture_output=True)
    if done.returncode:
        pytest.skip(f"this user may not mount: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tiny_study: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished study, with results/tiny on a disk of its own that has 1 MB left."""
    study = tmp_path / "study"
    disk = study / "results/tiny"
    disk.mkdir(parents=True)
    mount("-t", "tmpfs", "tmpfs", str(disk))
    try:
        shutil.copytree(tiny_study, study, symlinks=True, dirs_exist_ok=True)
        usage = shutil.disk_usage(disk)
        mount("-o", f"remount,size={usage.used + 1_000_000}", str(disk))
        yield study
    finally:
        subprocess.run(["umount", disk], check=True)


def assert_clear(run: Run, line: str) -> None:
    assert run.status != 0
    assert line in run.text
    assert "Hint: " in run.text
    assert "Traceback" not in run.text


def test_a_full_disk_ends_in_a_clear_line_and_the_run_goes_on_with_more_space(
    small_disk: Path, tmp_path: Path
):
    wide = (TINY, tmp_path / "wide.yaml")
    wide[1].write_text("xray: {vae: {hidden_size: 256}}\n")
    weights = "results/tiny/xray/vae/weights.pth"
    run = snakemake(small_disk, weights, configs=wide)
    assert_clear(run, "snapshot.tmp: No space left on device")
    mount("-o", "remount,size=100m", str(small_disk / "results/tiny"))
    succeed(small_disk, weights, configs=wide, profile=PROFILE)
    assert (small_disk / weights).is_file()
    assert not (small_disk / "results/tiny/state").exists()


def test_a_read_only_results_folder_is_named_and_the_run_goes_on_once_it_is_writable(small_disk: Path):
    disk, sheet = small_disk / "results/tiny", small_disk / "results/tiny/snow/contact_sheet.jpg"
    whole = sheet.read_bytes()
    sheet.unlink()
    mount("-o", "remount,ro", str(disk))
    # Where a file of the job is still there, Snakemake names that.
    run = snakemake(small_disk, "snow")
    assert run.status != 0 and "Traceback" not in run.text
    assert "Write-protected output files for rule contact_sheet" in run.text
    mount("-o", "remount,rw", str(disk))
    (disk / "digests/contact_sheet.csv").unlink()
    shutil.rmtree(disk / "snow/pairs")
    mount("-o", "remount,ro", str(disk))
    assert_clear(snakemake(small_disk, "snow"), "results/tiny: results cannot be written there: Read-only")
    mount("-o", "remount,rw", str(disk))
    succeed(small_disk, "snow", profile=PROFILE)
    assert sheet.read_bytes() == whole
