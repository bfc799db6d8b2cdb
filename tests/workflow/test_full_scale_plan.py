"""The study at full scale, planned: time and memory must not grow with the frames.

Seconds are those of the CPU, because other work on the machine slows the clock's.
"""

import re
import time
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY
from plan import RESULTS, SIZES, call_snakemake, make_finished_study

from snowdrift.data.tables import read_frames
from snowdrift.runtime.files import read_table

VIDEOS, LENGTH = SIZES["294,713"]
SECONDS, MEGABYTES = 10, 300
TABLE_SECONDS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the finished study lies."""
    folder = tmp_path_factory.mktemp("full")
    make_finished_study(folder, VIDEOS, LENGTH)
    return folder


def test_the_tables_of_all_frames_and_boxes_are_read_in_2_seconds(folder: Path):
    began = time.process_time()
    frames = read_frames(folder / RESULTS / "data/frames.parquet")
    boxes = read_table(folder / RESULTS / "data/boxes.parquet")
    seconds = time.process_time() - began
    print(f"{len(frames)} frames and {len(boxes)} boxes read in {seconds:.2f} s")
    assert (len(frames), len(boxes)) == (VIDEOS * LENGTH, 2 * VIDEOS * LENGTH)
    assert seconds < TABLE_SECONDS


def test_the_whole_study_is_planned_in_10_seconds_and_300_megabytes(folder: Path):
    plan = call_snakemake(folder, "--dry-run", "--forceall")
    shards = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["winterize"]["shards"]
    assert re.search(rf"^winterize_shard +{shards}$", plan.text, flags=re.MULTILINE)
    assert plan.cpu_seconds < SECONDS
    assert plan.megabytes < MEGABYTES


def test_a_finished_study_is_found_finished_in_10_seconds_and_300_megabytes(folder: Path):
    plan = call_snakemake(folder)
    assert "Nothing to be done" in plan.text
    assert plan.cpu_seconds < SECONDS
    assert plan.megabytes < MEGABYTES
