"""The whole study on real photographs, where this machine has some."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY, succeed
from PIL import Image

REAL = os.environ.get("SNOWDRIFT_REAL_DATA")
CONFIG = REPOSITORY / "tests/workflow/real.yaml"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not REAL, reason="SNOWDRIFT_REAL_DATA names no folder with VFP290K/ and DAWN/"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    paths = {"vfp290k": f"{REAL}/VFP290K", "dawn": f"{REAL}/DAWN"}
    (folder / "paths.yaml").write_text(yaml.safe_dump({"data": paths}))
    succeed(folder, configs=(CONFIG, folder / "paths.yaml"))
    return folder / "results/real"


def test_every_real_frame_is_read_and_has_a_winter_version_of_its_size(results: Path):
    frames = pd.read_parquet(results / "data/frames.parquet").set_index("frame_id")
    assert len(frames) == len(list(Path(f"{REAL}/VFP290K").glob("*/images/*.jpg")))
    assert (frames["status"] == "ok").all()
    manifest = pd.concat(pd.read_parquet(path) for path in (results / "snow/cyclegan/shards").iterdir())
    manifest = manifest.set_index("frame_id").loc[frames.index]
    assert manifest[["width", "height"]].equals(frames[["width", "height"]].astype(manifest["width"].dtype))


def test_the_generator_changes_real_photographs_towards_snow(results: Path):
    """Brighter on average, as the snow photographs are; and not the same picture for every frame."""
    manifest = pd.concat(
        pd.read_parquet(path) for path in sorted((results / "snow/cyclegan/shards").iterdir())
    )
    chosen = manifest.iloc[:: len(manifest) // 40]
    originals = [_mean(Path(f"{REAL}/VFP290K") / image) for image in chosen["image"]]
    winters = [_mean(results / "snow/cyclegan/frames" / image) for image in chosen["image"]]
    assert np.mean(winters) > np.mean(originals)
    assert np.std(winters) > 1


def test_all_three_models_are_scored_on_both_domains(results: Path):
    table = pd.read_csv(results / "detection/cross_domain.csv")
    overall = table[table["class_name"] == "all"]
    assert len(overall) == 6
    assert overall["map50"].between(0, 1).all()
    assert (overall["images"] == 12).all()
    # The photographs show no fallen person: the table says so instead of inventing a score.
    assert table.loc[table["class_name"] == "fallen", "map50"].isna().all()
    assert (results / "report.html").stat().st_size > 100_000


def test_the_attack_undoes_more_of_the_winter_of_real_photographs_than_plain_estimation(results: Path):
    summary = pd.read_csv(results / "attack/summary.csv").set_index("method")
    assert (summary["images"] == 4).all()
    assert summary.loc["las_gsa", "mean_score"] > 1.5 * summary.loc["rgf", "mean_score"] > 0
    assert summary.loc["las_gsa", "mean_score"] < summary.loc["las_gsa", "mean_ceiling"]


def test_a_standard_set_of_real_photographs_is_indexed_by_naming_its_data_yaml(tmp_path: Path):
    data = {"vfp290k": f"{REAL}/people/data.yaml", "dawn": f"{REAL}/DAWN", "class_names": ["person"]}
    (tmp_path / "people.yaml").write_text(yaml.safe_dump({"data": data, "chapters": []}))
    succeed(tmp_path, "results/real/data/frames.parquet", configs=(CONFIG, tmp_path / "people.yaml"))
    frames = pd.read_parquet(tmp_path / "results/real/data/frames.parquet")
    assert (frames["status"] == "ok").all()
    assert frames["split"].value_counts().to_dict() == {"train": 226, "test": 43, "val": 38}
    assert frames.groupby("split")["boxes"].sum().to_dict() == {"train": 803, "test": 160, "val": 108}


def _mean(path: Path) -> float:
    return float(np.array(Image.open(path).convert("L")).mean())
