"""The list of studies, and the removal of one."""

import os
from pathlib import Path

import pytest

from snowdrift.operation.runs import FINISHED, Recorder
from snowdrift.operation.studies import listing, remove
from snowdrift.runtime.errors import SnowdriftError


def add(results: Path, name: str) -> tuple[Path, Recorder]:
    study = results / name
    (study / "state/train").mkdir(parents=True)
    (study / "weights.pth").write_bytes(b"0" * 2_000_000)
    os.link(study / "weights.pth", study / "state/train/same.pth")
    return study, Recorder(study, "snakemake", {0: ("all", None)}, {}, print)


def test_each_study_has_size_date_and_state(tmp_path: Path):
    assert "Hint: make demo" in listing(tmp_path)[0]
    study, recorder = add(tmp_path, "rain")
    add(tmp_path, "demo")
    recorder.close_run(FINISHED)
    demo, rain = listing(tmp_path)
    assert demo.strip().startswith("2.0 MB  20") and demo.endswith("demo: 0 of 1 jobs done; next all")
    assert f"rain: finished: all lies in {study}" in rain


def test_a_study_is_removed_with_its_state_and_nothing_else(tmp_path: Path):
    study, recorder = add(tmp_path, "rain")
    add(tmp_path, "demo")
    (tmp_path / "outside.jpg").write_bytes(b"mine")
    (study / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    with pytest.raises(SnowdriftError, match="a run of it is going on"):
        remove("rain", tmp_path)
    recorder.close_run(FINISHED)
    assert remove("rain", tmp_path) == f"removed {study} (2.0 MB)"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "outside.jpg"]


@pytest.mark.parametrize("name", ["", "..", ".", "../results", "demo/state", "rain"])
def test_what_is_no_study_is_not_removed(tmp_path: Path, name: str):
    add(tmp_path / "results", "demo")
    with pytest.raises(SnowdriftError, match="there is no such study"):
        remove(name, tmp_path / "results")
    assert (tmp_path / "results/demo/weights.pth").exists()
