"""Runs Snakemake as a user would, in a folder of its own, and shares one tiny finished study."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).parents[2]
TINY = Path(__file__).parent / "tiny.yaml"
ENVIRONMENT = {**os.environ, "COLUMNS": "200"}


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
    done = subprocess.run(
        command(folder, *arguments, **options),
        cwd=repository,
        env={**os.environ, **ENVIRONMENT},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return Run(done.returncode, done.stdout)


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


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Working directory that holds results/tiny, complete. Tests that change it work on a copy."""
    folder = tmp_path_factory.mktemp("tiny")
    succeed(folder)
    return folder
