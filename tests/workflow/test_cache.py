"""Studies that share a cache train the same network once."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import TINY, succeed

OTHER = """
study: other
detector: {epochs: 3}
winterize: {quality: 80}
"""


def test_two_studies_with_the_same_pictures_and_settings_train_the_snow_generator_once(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(tmp_path / "cache"))
    first, second = folder / "results/tiny", folder / "results/other"
    shutil.rmtree(first / "snow/cyclegan/snapshots")
    succeed(folder, "results/tiny/snow/cyclegan/snapshots", "--cache")
    assert (first / "snow/cyclegan/snapshots").resolve().is_relative_to(tmp_path / "cache")

    (tmp_path / "other.yaml").write_text(OTHER)
    configs = (TINY, tmp_path / "other.yaml")
    text = succeed(folder, "results/other/snow/cyclegan/generator.pth", "--cache", configs=configs)
    assert "Symlinking output file results/other/snow/cyclegan/losses.csv from cache" in text
    assert (second / "logs/train_cyclegan.log").read_text() == ""
    assert (second / "snow/cyclegan/generator.pth").read_bytes() == (
        first / "snow/cyclegan/generator.pth"
    ).read_bytes()
    assert re.search(r"all \d+ results and 0 winter frames", succeed(folder, "verify", configs=configs))

    # Another setting is another key; what is trained again takes nothing from the cache that others need.
    (tmp_path / "more.yaml").write_text("cyclegan: {lambda_identity: 0.7}\n")
    target = "results/other/snow/cyclegan/losses.csv"
    text = succeed(folder, target, "--cache", configs=(*configs, tmp_path / "more.yaml"))
    assert "Moving output file results/other/snow/cyclegan/losses.csv to cache" in text
    assert "device: cpu" in (second / "logs/train_cyclegan.log").read_text()
    assert re.search(r"all \d+ results and 24 winter frames", succeed(folder, "verify"))
