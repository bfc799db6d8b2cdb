"""The X-ray chapter through Snakemake: what it leaves, what runs again, and what faulty X-rays say."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import TINY, snakemake, succeed
from PIL import Image

from snowdrift.scores.score_sets import COMPARED

CONFIG = yaml.safe_load(TINY.read_text())["xray"]
REDRAWS = yaml.safe_load(TINY.read_text())["scores"]["redraws"]
MODELS = ("gan", "dcgan", "vae")
REAL = os.environ.get("SNOWDRIFT_REAL_DATA")


@pytest.fixture
def copied(tiny_study: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that a test may damage."""
    return Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))


def test_every_model_leaves_its_samples_and_its_scores(tiny_study: Path):
    xray = tiny_study / "results/tiny/xray"
    held_out = pd.read_parquet(xray / "images.parquet").query(
        "split == 'held_out' and class_name == 'NORMAL'"
    )
    for model in MODELS:
        assert len(list((xray / model / "images").glob("*.png"))) == CONFIG["samples"]
        assert len(np.load(xray / model / "samples.npy")) == REDRAWS * len(held_out)
        assert (xray / model / "training/final.png").is_file()
        assert len(pd.read_csv(xray / model / "losses.csv")) == CONFIG[model]["epochs"]
    scores = pd.read_csv(xray / "scores.csv")
    assert scores["model"].tolist() == [
        "real",
        "test_split",
        *MODELS,
        "untrained",
        "pixel_mean",
        "pca",
        "training",
    ]
    numbers = scores.select_dtypes("number")
    assert np.isfinite(numbers).all(axis=None), numbers
    pairs = 3 + 3 * 4 + 1  # of models; of models with baselines and real images; of real images
    assert len(pd.read_csv(xray / "comparisons.csv")) == pairs * len(COMPARED)


def test_the_report_has_the_chapter(tiny_study: Path):
    page = (tiny_study / "results/tiny/report.html").read_text()
    section = page[page.index('<section id="xray">') :]
    section = section[: section.index("</section>")]
    assert section.count("<img") == 2
    assert section.count('class="chart"') == 2
    assert "held-out" in section
    assert len(section) < 2.5e6


def test_training_and_sampling_again_gives_the_same_bytes(copied: Path):
    xray = copied / "results/tiny/xray"
    before = {path: path.read_bytes() for path in (*xray.glob("*/samples.npy"), *xray.glob("*/weights.pth"))}
    assert len(before) == 2 * len(MODELS)
    succeed(copied, "xray", "--forcerun", "train_xray_generator")
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_change_of_one_model_trains_that_model_alone(copied: Path, tmp_path: Path):
    (tmp_path / "more.yaml").write_text("xray: {vae: {epochs: 3}}\n")
    text = succeed(copied, "-n", configs=(TINY, tmp_path / "more.yaml"))
    assert re.search(r"^train_xray_generator +1$", text, flags=re.MULTILINE)
    assert re.search(r"^make_report +1$", text, flags=re.MULTILINE)
    assert not re.search("^(train_xray_classifier|train_cyclegan) ", text, flags=re.MULTILINE)


def test_a_study_without_the_chapter_has_neither_its_jobs_nor_its_section(copied: Path, tmp_path: Path):
    (tmp_path / "without.yaml").write_text("chapters: []\n")
    configs = (TINY, tmp_path / "without.yaml")
    text = succeed(copied, "--forcerun", "make_report", configs=configs)
    assert "xray" not in text
    assert '<section id="xray">' not in (copied / "results/tiny/report.html").read_text()


def test_one_model_and_no_training_of_a_classifier_where_inception_alone_is_asked_for(tmp_path: Path):
    (tmp_path / "one.yaml").write_text("xray: {models: [vae]}\nscores: {extractors: [inception]}\n")
    text = succeed(tmp_path, "xray", "-n", configs=(TINY, tmp_path / "one.yaml"))
    assert re.search(r"^train_xray_generator +1$", text, flags=re.MULTILINE)
    assert "train_xray_classifier" not in text


def test_faulty_xrays_are_left_out_with_a_clear_line_each(copied: Path, tmp_path: Path):
    root = copied / "mine"
    shutil.copytree(copied / "results/tiny/data/rendered/chest_xray", root)
    folder = root / "train/NORMAL"
    Image.fromarray(np.zeros((30, 40), np.uint16)).save(folder / "deep.png")
    Image.new("RGBA", (40, 30)).save(folder / "alpha.png")
    Image.new("L", (1, 1)).save(folder / "dot.png")
    (tmp_path / "mine.yaml").write_text("data: {chest_xray: mine, max_rejected: 1.0}\nstudy: mine\n")
    configs = (TINY, tmp_path / "mine.yaml")
    text = succeed(copied, "results/mine/xray/images.parquet", configs=configs)
    for name in ("deep.png", "alpha.png", "dot.png"):
        assert f"left out: train/NORMAL/{name}: " in text
    (root / "val/EMPTY").mkdir(parents=True)
    run = snakemake(copied, "results/mine/xray/images.parquet", "--force", configs=configs)
    assert run.status != 0
    assert "EMPTY holds no picture" in run.text
    assert "Hint: fill the folder" in run.text
    assert "Traceback" not in run.text


SMALL = """
data: {chest_xray: SET}
study: real
xray:
  threads: 2
  samples: 30
  dcgan: {image_size: 32, filters: 16, batch_size: 32, epochs: 6}
  vae: {image_size: 32, hidden_size: 64, latent_size: 10, batch_size: 16, epochs: 6}
  models: [dcgan, vae]
scores:
  study_splits: 10
  classifier: {image_size: 32, filters: 16, epochs: 4, batch_size: 64}
"""


@pytest.mark.real_data
@pytest.mark.skipif(not REAL, reason="SNOWDRIFT_REAL_DATA names no folder with chest_xray/")
def test_real_xrays_are_learned_and_scored(tmp_path: Path):
    (tmp_path / "real.yaml").write_text(SMALL.replace("SET", f"{REAL}/chest_xray"))
    succeed(tmp_path, "xray", configs=(TINY, tmp_path / "real.yaml"))
    xray = tmp_path / "results/real/xray"
    images = pd.read_parquet(xray / "images.parquet")
    assert not images["digest"].duplicated().any()
    assert set(images["finding"]) == {"normal", "bacteria", "virus"}
    accuracy = pd.read_csv(xray / "classifier.csv").set_index("class_name")["accuracy"]
    assert accuracy["all"] > 0.5
    scores = pd.read_csv(xray / "scores.csv").set_index("model")
    # A few epochs have learned something. That the mean image still beats them is what the chapter's baselines are for.
    for model in ("dcgan", "vae"):
        assert scores.loc[model, "fid"] < scores.loc["untrained", "fid"] / 2
    assert scores.loc["vae", "sharpness_high"] < scores.loc["real", "sharpness_low"]
