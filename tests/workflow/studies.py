"""Runs Snakemake as a user would, in a folder of its own, and shares one tiny finished study."""

import functools
import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import forked
import pandas as pd
import pytest

from snowdrift.detection.weights import read_weights

REPOSITORY = Path(__file__).parents[2]
TINY = Path(__file__).parent / "tiny.yaml"
WIDE = {"COLUMNS": "200"}
ENVIRONMENT = {**os.environ, **WIDE}
TIMES = ["seconds", "time"]

# Each run has its own times, which the page shows and which change the digests of the files that hold them.
ITS_OWN = ("logs/", "benchmarks/", "digests/", "report.html")


@dataclass(frozen=True)
class Run:
    """How a Snakemake call ended."""

    status: int
    text: str


def command(
    folder: Path, *arguments: str, configs: Sequence[Path] = (TINY,), profile: str = "none"
) -> list[str]:
    """The call of Snakemake, from a copy of the workflow, with `folder` as its working directory."""
    call = [sys.executable, "-m", "snakemake", *arguments, "--directory", str(folder), "--cores", "2"]
    call += ["--workflow-profile", profile, "--show-failed-logs"]
    return [*call, "--configfile", *map(str, configs)] if configs else call


def snakemake(folder: Path, *arguments: str, repository: Path = REPOSITORY, **options) -> Run:
    """Run `command` to its end, on the workflow of `repository`."""
    _, _, _, *call = command(folder, *arguments, **options)
    return Run(*forked.run(call, repository, {**os.environ, **WIDE}))


def succeed(folder: Path, *arguments: str, **options) -> str:
    """`snakemake`, which must end well; its output."""
    run = snakemake(folder, *arguments, **options)
    assert run.status == 0, run.text
    return run.text


def as_yolo(rendered: Path, boxes: pd.DataFrame, folder: Path) -> None:
    """Lay the rendered frames out as a user's own set: images/<video>/, labels/<video>/."""
    for picture in rendered.glob("*/images/*.jpg"):
        video = picture.parts[-3]
        for kind in ("images", "labels"):
            (folder / kind / video).mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder / "images" / video)
        rows = boxes[boxes["frame_id"] == f"{video}/{picture.stem}"].drop(columns="frame_id")
        lines = [" ".join([str(int(row[0])), *map(str, row[1:])]) for row in rows.itertuples(index=False)]
        (folder / "labels" / video / f"{picture.stem}.txt").write_text("\n".join(lines))


def fingerprint(study: Path) -> dict[str, str]:
    """A digest of every file below results/tiny; of weights that Ultralytics dates, the tensors count."""
    results = study / "results/tiny"
    digests = {}
    for path in results.rglob("*"):
        name = path.relative_to(results).as_posix()
        if path.is_file() and not name.startswith(ITS_OWN) and path.name != ".snakemake_timestamp":
            digests[name] = hashlib.sha256(content(path, study)).hexdigest()
    return digests


def content(path: Path, study: Path) -> bytes:
    """What must be equal in two runs of the same study, in whatever folder."""
    if path.suffix == ".csv":
        table = pd.read_csv(path, dtype=str, skipinitialspace=True)
        return table.drop(columns=TIMES, errors="ignore").to_csv().encode()
    if path.suffix == ".pt":
        return b"".join(value.numpy().tobytes() for value in read_weights(path).values())
    return path.read_bytes().replace(str(study).encode(), b"")


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Working directory that holds results/tiny, complete. Tests that change it work on a copy."""
    return _finish(tmp_path_factory.getbasetemp())


# Folders of tests have the fixture each to themselves, and share what it makes.
@functools.cache
def _finish(temporary: Path) -> Path:
    folder = temporary / "tiny"
    folder.mkdir()
    succeed(folder)
    return folder
