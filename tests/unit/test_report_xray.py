"""The report's X-ray section and its figures: what is called better, and what is said when nothing is."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from snowdrift.report.blocks import Table, Text
from snowdrift.report.figures.xray_plots import plot_scores, plot_training
from snowdrift.report.figures.xray_sheets import CELL, COPY, draw_neighbours, draw_sheet
from snowdrift.report.sections.xray import XrayFiles, ranking, xray_section
from snowdrift.scores.roles import UNDECIDED
from snowdrift.scores.score_sets import COMPARED

MODELS = ["gan", "dcgan", "vae"]
BASELINES = ["untrained", "pca"]
ROLES = (
    dict.fromkeys(MODELS, "model")
    | {"real": "yardstick", "training": "split"}
    | dict.fromkeys(BASELINES, "baseline")
)
CONFIG = {
    "xray": {"samples": 40, "class_name": "NORMAL", "models": MODELS},
    "data": {"chest_xray": "data/xray"},
}


def scores(extractors=("xray_classifier",)):
    rows = []
    for extractor, (place, (name, role)) in itertools.product(extractors, enumerate(ROLES.items())):
        row = {"model": name, "role": role, "extractor": extractor, "n_images": 100, "redraws": 10}
        for score in (*COMPARED, "inception_score"):
            row |= {score: 1.5 + place / 10, f"{score}_low": 1.2, f"{score}_high": 2.1}
        row |= {"study_images": 30, "study_inception_score_bound": 3, "inception_score_bound": 100}
        rows.append(row)
    return pd.DataFrame(rows)


def comparisons(extractors=("xray_classifier",), **decided):
    """All undecided, but for scores given with what is better than everything else."""
    pairs = [
        *itertools.combinations(MODELS, 2),
        *itertools.product(MODELS, [*BASELINES, "real"]),
        ("real", "training"),
    ]
    rows = []
    for extractor, score, (first, second) in itertools.product(extractors, COMPARED, pairs):
        winner = decided.get(score)
        verdict = winner if winner in (first, second) else UNDECIDED
        rows.append((extractor, score, first, second, 0.1, -0.1, 0.3, verdict))
    columns = ["extractor", "score", "first", "second", "difference", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def files(tmp_path):
    images = pd.DataFrame({"split": ["train", "held_out", "test"], "finding": ["normal", "normal", "normal"]})
    images = images.assign(class_name="NORMAL", image=["a", "b", "c"], patient=["p", "b", "q"])
    images.to_parquet(tmp_path / "images.parquet")
    rejected = {"file": ["a.jpeg", "b.jpeg"], "reason": ["same content as another: c.jpeg"] * 2}
    pd.DataFrame(rejected).to_csv(tmp_path / "rejected.csv", index=False)
    scores().to_csv(tmp_path / "scores.csv", index=False)
    comparisons().to_csv(tmp_path / "comparisons.csv", index=False)
    rows = [("xray_classifier", True, "trained on these X-rays"), ("inception", False, "no route to host")]
    pd.DataFrame(rows, columns=["extractor", "used", "detail"]).to_csv(
        tmp_path / "extractors.csv", index=False
    )
    losses = pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5], "seconds": 1})
    losses.to_csv(tmp_path / "losses.csv", index=False)
    for name in ("sheet", "neighbours"):
        Image.new("RGB", (30, 20)).save(tmp_path / f"{name}.png")
    return XrayFiles(
        images=tmp_path / "images.parquet",
        rejected=tmp_path / "rejected.csv",
        scores=tmp_path / "scores.csv",
        comparisons=tmp_path / "comparisons.csv",
        extractors=tmp_path / "extractors.csv",
        sheet=tmp_path / "sheet.png",
        neighbours_picture=tmp_path / "neighbours.png",
        losses=[tmp_path / "losses.csv"] * len(MODELS),
    )


def words(files):
    section = xray_section(files, CONFIG)
    return " ".join(block.text for block in section.blocks if isinstance(block, Text))


def test_nothing_is_called_useful_where_nothing_is_decided(files):
    text = words(files)
    for model in MODELS:
        assert f"{model} beats every baseline by no score; no score tells it from real images." in text
    assert "held-out patients score as training patients do among each other, by every score" in text
    assert "decide no pair of models, so it cannot rank them" in text
    assert "Inception Score of 30 images each" in text
    assert "40 images each, which can be 3 at most" in text


def test_what_the_intervals_decide_is_said_for_each_extractor(files):
    both = ("xray_classifier", "inception")
    scores(both).to_csv(files.scores, index=False)
    found = {"xray_classifier": {"kid": "vae", "sharpness": "gan"}, "inception": {"coverage": "dcgan"}}
    pd.concat([comparisons((name,), **decided) for name, decided in found.items()]).to_csv(
        files.comparisons, index=False
    )
    text = words(files)
    first, second = (
        text.index("xray_classifier extractor, held-out"),
        text.index("inception extractor, held-out"),
    )
    assert "vae beats every baseline by KID" in text[first:second]
    assert "dcgan beats every baseline by coverage" in text[second:]
    assert text.count("beats every baseline by no score") == 4
    assert "at most, by the inception extractor" in text


def test_to_beat_one_baseline_is_not_enough(files):
    table = comparisons(kid="vae")
    table.loc[(table["score"] == "kid") & (table["second"] == "pca"), "verdict"] = UNDECIDED
    table.to_csv(files.comparisons, index=False)
    assert "vae beats every baseline by no score" in words(files)


def test_a_better_model_is_not_taken_for_real_images(files):
    comparisons(kid="vae").to_csv(files.comparisons, index=False)
    assert "gan beats every baseline by no score; no score tells it from real images." in words(files)


def test_every_score_that_exposes_a_model_is_named(files):
    comparisons(coverage="real", near_copies="real", sharpness="real").to_csv(files.comparisons, index=False)
    text = words(files)
    assert "gan beats every baseline by no score; real images beat it by coverage, near-copies." in text
    assert "held-out patients differ from training patients in coverage, near-copies, sharpness" in text


def test_a_study_ranking_that_is_decided_is_said_to_be(files):
    comparisons(study_inception_score="gan").to_csv(files.comparisons, index=False)
    assert "decide 2 of 3 pairs (gan above dcgan, vae; dcgan and vae undecided)" in words(files)


def test_one_model_alone_is_compared_with_baselines_and_real_images(files):
    table, one = comparisons(kid="gan"), scores()
    table[~table["first"].isin(MODELS[1:]) & ~table["second"].isin(MODELS)].to_csv(
        files.comparisons, index=False
    )
    one[~one["model"].isin(MODELS[1:])].to_csv(files.scores, index=False)
    assert "gan beats every baseline by KID" in words(files)


def test_extractors_left_out_and_equal_images_are_named(files):
    section = xray_section(files, CONFIG)
    assert "Left out: inception. no route to host." in words(files)
    tables = [block for block in section.blocks if isinstance(block, Table)]
    assert [list(row)[:2] for table in tables for row in table.rows if "same content" in str(row[0])] == [
        ["same content as another", 2]
    ]
    assert "Read from data/xray" in words(files)
    assert "1 more of 1 other patients" in words(files)
    assert "file names of 1 of them tell no patient" in words(files)


def test_a_ranking_names_winners_and_what_is_open():
    assert ranking(comparisons(kid="dcgan"), "kid", MODELS) == "dcgan above gan, vae; gan and vae undecided"


@pytest.mark.parametrize("negative", [False, True])
def test_scores_of_two_extractors_are_plotted_the_same_way_twice(tmp_path, negative):
    table = scores(("xray_classifier", "inception"))
    if negative:
        table["kid"] = -0.001
    for name in ("a.svg", "b.svg"):
        plot_scores(table, tmp_path / name)
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert len(text) > 10_000


def test_losses_of_every_model_are_plotted(tmp_path):
    adversarial = pd.DataFrame(
        {"epoch": [1, 2], "generator": [1.0, 2.0], "real_score": [0.5, 0.6], "seconds": 1}
    )
    other = pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 0.5], "seconds": 1})
    plot_training({"gan": adversarial, "vae": other}, tmp_path / "losses.png")
    picture = np.asarray(Image.open(tmp_path / "losses.png").convert("L"))
    assert (picture < 128).any()


def test_the_sheet_has_a_block_for_real_images_and_each_model(tmp_path):
    for index in range(7):
        Image.new("L", (64, 64), 40 * index).save(tmp_path / f"{index}.png")
    paths = sorted(tmp_path.glob("*.png"))
    draw_sheet(paths, {"gan": paths[:3], "vae": paths[:3]}, tmp_path / "sheet.png")
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.width > 2 * 6 * CELL
    assert sheet.height > 2 * CELL


def test_near_copies_are_framed_and_others_are_not(tmp_path):
    Image.new("L", (64, 64), 90).save(tmp_path / "real.png")
    rows = [("gan", 0, "real.png", 0.97, 0.95, True), ("gan", 1, "real.png", 0.9, 0.95, False)]
    columns = ["model", "sample", "training_image", "correlation", "threshold", "near_copy"]
    samples = {"gan": torch.full((2, 1, 8, 8), 90, dtype=torch.uint8)}
    framed = []
    for table in (pd.DataFrame(rows, columns=columns), pd.DataFrame(rows[1:], columns=columns)):
        draw_neighbours(table, samples, tmp_path, tmp_path / "pairs.png")
        colours = {colour for _, colour in Image.open(tmp_path / "pairs.png").getcolors(100_000)}
        framed.append(tuple(bytes.fromhex(COPY[1:])) in colours)
    assert framed == [True, False]
