"""A study of people on real photographs, with people in snow as true winter, if this machine has some."""

import os
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY, snakemake, succeed

REAL = os.environ.get("SNOWDRIFT_REAL_DATA")
CONFIG = REPOSITORY / "tests/workflow/people.yaml"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not REAL, reason="SNOWDRIFT_REAL_DATA names no folder with people/ and DAWN/"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    data = {"vfp290k": f"{REAL}/people/data.yaml", "dawn": f"{REAL}/DAWN"}
    data["true_winter"] = {"folder": f"{REAL}/people/snow"}
    (folder / "paths.yaml").write_text(yaml.safe_dump({"data": data}))
    succeed(folder, configs=(CONFIG, folder / "paths.yaml"))
    assert "Nothing to be done" in succeed(folder, configs=(CONFIG, folder / "paths.yaml"))
    return folder / "results/people"


def test_every_detector_is_tested_on_people_in_real_snow(results: Path):
    table = pd.read_csv(results / "detection/cross_domain.csv")
    overall = table[table["class_name"] == "all"].set_index(["train_domain", "test_domain"])
    assert len(overall) == 3 * 3
    counts = overall.xs("original")[["images", "instances"]].T.to_dict("list")
    assert counts == {"original": [43, 160], "winter": [43, 160], "true_winter": [35, 136]}
    matches = pd.read_parquet(results / "detection/matches/mixed-seed0.parquet")
    assert matches.groupby("test_domain", observed=True)["video"].nunique()["true_winter"] == 35


def test_the_page_says_that_so_short_a_training_decides_nothing(results: Path):
    page = (results / "report.html").read_text()
    assert "mAP50 on winter that no translator made" in page
    assert (
        "learned too little to tell: none of them finds people in true winter" in page
        or "decide nothing" in page
    )


def test_one_folder_is_both_style_and_test(tmp_path: Path):
    """20 of its 35 photographs are learned from, so the other 15 are tested on; of all 35 none is left."""
    snow = f"{REAL}/people/snow"
    data = {"vfp290k": f"{REAL}/people/data.yaml", "dawn": f"{snow}/images", "true_winter": {"folder": snow}}
    for count in (20, 35):
        both = {"data": data, "study": f"both{count}", "cyclegan": {"style_images": count}}
        (tmp_path / f"{count}.yaml").write_text(yaml.safe_dump(both))
    target = "results/both20/data/true_winter/frames.parquet"
    succeed(tmp_path, target, configs=(CONFIG, tmp_path / "20.yaml"))
    frames = pd.read_parquet(tmp_path / target)
    style = pd.read_csv(tmp_path / "results/both20/snow/training_style.csv")
    assert frames["status"].value_counts().to_dict() == {"rejected": 20, "ok": 15}
    assert not {*frames.loc[frames["status"] == "ok", "digest"]} & {*style["digest"]}
    run = snakemake(tmp_path, target.replace("20", "35"), configs=(CONFIG, tmp_path / "35.yaml"))
    assert (
        run.status
        and "no picture is left to test on" in run.text
        and "lower cyclegan.style_images" in run.text
    )
