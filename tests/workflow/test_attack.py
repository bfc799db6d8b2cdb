"""The attack chapter through Snakemake: what it leaves, and a second generator."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import TINY, snakemake, succeed
from PIL import Image

CONFIG = yaml.safe_load(TINY.read_text())["attack"]
CEILINGS = ["pgd", "momentum_pgd"]


@pytest.fixture
def copied(tiny_study: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that a test may damage."""
    return Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))


def test_every_method_has_its_rows_and_pictures(tiny_study: Path):
    attack = tiny_study / "results/tiny/attack"
    rows, summary = pd.read_csv(attack / "results.csv"), pd.read_csv(attack / "summary.csv")
    methods = [*CEILINGS, *CONFIG["methods"]]
    assert summary["method"].tolist() == methods
    assert len(rows) == CONFIG["images"] * len(methods)
    black_box = rows[~rows["method"].isin(CEILINGS)]
    assert (black_box["spent"] <= CONFIG["queries"]).all()
    assert (rows["linf"] <= rows["epsilon"] + 1e-6).all()
    frames = pd.read_parquet(tiny_study / "results/tiny/data/frames.parquet").set_index("frame_id")
    assert set(frames.loc[rows["image"].unique(), "split"]) == {"test"}
    for row in rows.itertuples():
        (picture,) = attack.glob(f"pictures/*/{row.image}/{row.method}_protected.png")
        original = np.asarray(Image.open(picture.with_name("original.png")), int)
        # The box, in levels, and half of one for rounding each of the two.
        assert np.abs(np.asarray(Image.open(picture), int) - original).max() <= 0.1 * 127.5 + 1


def test_the_report_has_the_chapter(tiny_study: Path):
    page = (tiny_study / "results/tiny/report.html").read_text()
    section = page[page.index('<section id="attack">') :]
    section = section[: section.index("</section>")]
    assert section.count("<img") == 1
    assert section.count('class="chart"') == 1
    assert "The ceiling" in section


def test_a_second_generator_is_read_and_fewer_photographs_than_shards_do_no_harm(
    copied: Path, tmp_path: Path
):
    shutil.copy(copied / "results/tiny/snow/cyclegan/snapshots/1_net_G_A.pth", copied / "second.pth")
    (tmp_path / "two.yaml").write_text(
        "attack: {transfer: second.pth, images: 9, shards: 9, methods: [square], queries: 100}\n"
    )
    succeed(copied, "attack", configs=(TINY, tmp_path / "two.yaml"))
    rows = pd.read_csv(copied / "results/tiny/attack/results.csv")
    assert rows["score_transfer"].notna().all()
    assert rows["image"].nunique() < 9


def test_a_second_generator_that_is_none_is_named_before_anything_runs(copied: Path, tmp_path: Path):
    (tmp_path / "two.yaml").write_text("attack: {transfer: nowhere.pth}\n")
    run = snakemake(copied, "attack", "-n", configs=(TINY, tmp_path / "two.yaml"))
    assert run.status != 0
    assert "config key `attack.transfer`: nowhere.pth: there is no such file" in run.text
