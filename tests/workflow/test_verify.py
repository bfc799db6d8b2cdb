"""Flipped bytes in finished results: each is found and named, and only the stage that made it runs again."""

import random
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from conftest import snakemake, succeed

from snowdrift.runtime.digests import find_damage
from snowdrift.snow.verify import find_winter_damage

FLIPS = 100


@pytest.fixture
def copied(tiny_study: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that a test may damage."""
    return Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))


@contextmanager
def flipped(path: Path, position: float) -> Iterator[None]:
    """The file with one bit turned, at this part of its length; afterwards as it was."""
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[int(position * len(whole))] ^= 1
    path.write_bytes(damaged)
    try:
        yield
    finally:
        path.write_bytes(whole)


def damaged_files(study: Path) -> set[Path]:
    """What `verify` finds."""
    found = {damage.file for damage in find_damage(study, 2)[1]}
    shards = set((study / "snow/cyclegan/shards").glob("*.parquet")) - found
    return found | {damage.file for damage in find_winter_damage(sorted(shards), 2)[1]}


def test_each_of_100_flipped_bytes_anywhere_in_the_results_is_named(copied: Path):
    study = copied / "results/tiny"
    undeclared = re.compile(r"logs/|benchmarks/|state/|data/\w+\.files|xray/images\.files|detection/models/")
    results = [
        path
        for path in sorted(study.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.stat().st_size and not path.name.startswith(".")
        if not undeclared.match(path.relative_to(study).as_posix())
    ]
    results += [
        path
        for name in ("results.csv", "weights/best.pt")
        for path in study.glob(f"detection/models/*/{name}")
    ]
    assert len(results) > 250
    assert damaged_files(study) == set()
    generator = random.Random(0)
    for path in generator.sample(results, FLIPS):
        with flipped(path, generator.random()):
            assert path in damaged_files(study), path


def run_jobs(text: str) -> dict[str, int]:
    """The jobs of a run, by rule."""
    jobs = re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)
    return {rule: int(count) for rule, count in jobs if rule not in ("all", "total")}


def repair(folder: Path, outputs: list[str]) -> dict[str, int]:
    """Remove these outputs and make them again, as the hint says; the jobs that ran."""
    for path in outputs:
        shutil.rmtree(folder / path) if (folder / path).is_dir() else (folder / path).unlink()
    return run_jobs(succeed(folder, *outputs))


def test_only_what_made_damaged_results_runs_again(copied: Path):
    assert re.search(r"all \d+ results and 24 winter frames are as they were made", succeed(copied, "verify"))
    study = Path("results/tiny")
    frame = (
        study
        / "snow/cyclegan/frames"
        / pd.read_parquet(copied / study / "snow/cyclegan/shards/1.parquet")["image"][0]
    )
    others = [
        "data/boxes.parquet",
        "digests/index_style.csv",
        "snow/cyclegan/snapshots/1_net_D_A.pth",
        "xray/vae/images/01.png",
    ]
    victims = [study / name for name in others]
    whole = {path: (copied / path).read_bytes() for path in (frame, *victims)}
    (copied / frame).write_bytes(whole[frame][:100])
    for path in victims:
        (copied / path).write_bytes(whole[path][:-20] + bytes([whole[path][-20] ^ 1]) + whole[path][-19:])
    run = snakemake(copied, "verify", "--config", "seed=0")
    assert run.status != 0
    assert "5 files are not as they were made" in run.text
    assert f"{frame}: truncated, 100 of {len(whole[frame])} bytes are left" in run.text
    for path in victims:
        assert f"{path}: altered" in run.text
    assert "Traceback" not in run.text
    repairs = dict.fromkeys(
        re.findall(r"rm -rf (.*) && snakemake \1 --configfile \S+ --config seed=0", run.text)
    )
    made = [repair(copied, shlex.split(outputs)) for outputs in repairs]
    rules = ("index_frames", "index_style", "train_cyclegan", "winterize_shard", "sample_xray")
    assert made == [{rule: 1} for rule in rules]
    assert all((copied / path).read_bytes() == content for path, content in whole.items())
    # The training's losses tell other times than before.
    assert run_jobs(succeed(copied)) == {"plot_losses": 1, "make_report": 1}
