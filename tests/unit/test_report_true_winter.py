"""The page's answer on true winter, and the pictures beside it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_samples import without_videos
from test_report_page import SCHEMA, cross_domain

from snowdrift.report.blocks import Table, Text
from snowdrift.report.figures.true_winter import distances, draw_triples, paired_triples, unpaired_triples
from snowdrift.report.sections.true_winter import (
    TrueWinterFiles,
    opening,
    scores_on_true_winter,
    shares_of_gap,
    true_winter_section,
)
from snowdrift.settings.config import complete_config

SCORES = {"original": 0.1, "winter": 0.5, "mixed": 0.7, "oracle": 0.9}


def table() -> pd.DataFrame:
    """The study's own rows, and those of four detectors on true winter."""
    row = cross_domain().iloc[:3].assign(test_domain="true_winter")
    more = [row.assign(train_domain=name, map50=score) for name, score in SCORES.items()]
    return pd.concat([cross_domain(), *more])


def frames(**columns) -> pd.DataFrame:
    ids = [f"v{number}/{frame}" for number in range(3) for frame in range(2)]
    plain = {"frame_id": ids, "video": [name[:2] for name in ids], "image": [f"{name}.png" for name in ids]}
    return pd.DataFrame(plain | {"split": ["train"] * 2 + ["test"] * 4, "status": "ok", "boxes": 1} | columns)


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Folders of the three versions, of grey pictures with 40, 180 and 200 of 255 levels."""
    folders = tuple(tmp_path / name for name in ("root", "winter", "true"))
    for folder, level in zip(folders, (40, 180, 200), strict=True):
        for image in frames()["image"]:
            (folder / image).parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (32, 18), level).save(folder / image)
    return folders


@pytest.fixture
def files(tmp_path: Path) -> TrueWinterFiles:
    frames().to_parquet(tmp_path / "true_frames.parquet")
    rejected = {
        "frame_id": ["a", "b"],
        "file": ["a", "b"],
        "reason": ["empty", "the translator learned its style from it"],
    }
    pd.DataFrame(rejected).to_csv(tmp_path / "true_rejected.csv", index=False)
    Image.new("RGB", (40, 30)).save(tmp_path / "sheet.jpg")
    pd.DataFrame({"frame_id": ["a"], "original": [90.0], "winter": [31.0]}).to_csv(
        tmp_path / "d.csv", index=False
    )
    return TrueWinterFiles(
        tmp_path / "true_frames.parquet",
        tmp_path / "true_rejected.csv",
        tmp_path / "sheet.jpg",
        tmp_path / "d.csv",
    )


def config(folder: str | None = None, **sets) -> dict:
    data = {"true_winter": {"folder": folder, "train": 1, "val": 1}} if folder else {"vfp290k": None}
    sets = sets or {"oracle": {"true_winter": 1}}
    given = {"data": data, "demo": {"videos": 58}, "training_sets": sets, "test_sets": ["true_winter"]}
    return complete_config(given, SCHEMA)


def test_the_answer_has_every_detector_and_the_share_of_the_gap(files: TrueWinterFiles):
    section = true_winter_section(files, table(), without_videos(table()), config(), {})
    (scores,) = (block for block in section.blocks if isinstance(block, Table))
    assert [(row[0], row[1][:7], row[-2][:8], row[-1][:5]) for row in scores.rows] == [
        ("original", "0.100 (", "", ""),
        ("winter", "0.500 (", "+0.400 (", "50% ("),
        ("mixed", "0.700 (", "+0.600 (", "75% ("),
        ("oracle", "0.900 (", "+0.800 (", ""),
    ]
    text = " ".join(block.text for block in section.blocks if isinstance(block, Text))
    assert "4 pictures of 2 videos, rendered for this study" in text
    assert (
        "90 of 255 levels" in section.blocks[-1].caption and "translation by 31" in section.blocks[-1].caption
    )


def test_the_page_opens_with_the_answer_or_with_what_is_missing():
    said = opening(table(), without_videos(table()), config())
    for score, name in ((0.1, "original,"), (0.7, "mixed and"), (0.9, "oracle.")):
        assert re.search(rf"{score:.3f} \(0\.\d+ to 0\.\d+\) trained on {name}", said)
    assert "Of the gap, mixed closes 75% (" in said and "95% intervals over 6 test videos" in said
    grouped = config() | {"splits": config()["splits"] | {"group": "(scene)"}}
    assert "over 6 groups of test videos" in opening(table(), without_videos(table()), grouped)
    grouped["data"]["true_winter"]["folder"] = "snow"
    assert "over 6 test videos" in opening(table(), without_videos(table()), grouped)
    without = opening(cross_domain(), without_videos(cross_domain()), complete_config({}, SCHEMA))
    assert "cannot be answered here" in without


@pytest.mark.parametrize(
    ("mixed", "spread", "said"),
    [
        (0.7, 0.01, "So synthetic snow helps here: +0.600 ("),
        (0.05, 0.001, "So synthetic snow does harm here: -0.050 ("),
        (0.12, 0.2, "The intervals decide nothing here: +0.020 ("),
    ],
)
def test_the_page_says_of_synthetic_snow_no_more_than_the_videos_do(mixed: float, spread: float, said: str):
    rows = table()
    there = (rows["train_domain"] == "mixed") & (rows["test_domain"] == "true_winter")
    rows.loc[there, "map50"] = mixed
    assert said in opening(rows, without_videos(rows, spread=spread), config())


def test_detectors_that_learned_nothing_decide_nothing():
    rows = table()
    rows.loc[rows["test_domain"] == "true_winter", "map50"] /= 100
    assert "learned too little to tell" in opening(rows, without_videos(rows), config())


def test_a_class_that_stands_for_several_is_explained(files: TrueWinterFiles):
    study = config("own", winterised={"cyclegan": 1})
    study["data"]["true_winter"]["map"] = {"person": ["normal", "fallen"]}
    rows = table()
    rows.loc[(rows["test_domain"] == "true_winter") & (rows["class_name"] != "all"), "class_name"] = "person"
    section = true_winter_section(files, rows, without_videos(rows), study, {})
    assert "person does not tell normal and fallen apart" in section.blocks[0].text
    (shown,) = (block for block in section.blocks if isinstance(block, Table))
    assert "of it person" in shown.header and "of it normal" not in shown.header


def test_pictures_that_were_left_out_are_counted_on_the_page(files: TrueWinterFiles):
    text = true_winter_section(files, table(), without_videos(table()), config("own"), {}).blocks[0].text
    assert "of own." in text and "1 pictures that the generator learned its style from are left out" in text


def test_a_study_without_true_winter_says_what_it_cannot_answer():
    (block,) = true_winter_section(
        None, cross_domain(), without_videos(cross_domain()), complete_config({}, SCHEMA), {}
    ).blocks
    assert "cannot answer whether synthetic snow makes a detector work in winter" in block.text
    assert "data.true_winter.folder" in block.text


def test_without_an_oracle_no_share_is_given(files: TrueWinterFiles):
    scores = table()[table()["train_domain"] != "oracle"]
    quarter = config(quarter={"original": 0.75, "cyclegan": 0.25})
    section = true_winter_section(files, scores, without_videos(scores), quarter, {})
    (rows,) = (block.rows for block in section.blocks if isinstance(block, Table))
    assert {row[-1] for row in rows} == {"", "not decided"}
    assert any(
        "how much there is to win is not known" in getattr(block, "text", "") for block in section.blocks
    )


def test_a_gap_that_the_videos_leave_open_is_not_divided_by():
    close = table().assign(map50=lambda rows: rows["map50"].where(rows["train_domain"] != "oracle", 0.11))
    for scores, spread, given in ((table(), 0.002, True), (table(), 0.5, False), (close, 0.02, False)):
        found = scores_on_true_winter(scores, without_videos(scores, spread))
        share = shares_of_gap(found, "oracle")["mixed"]
        assert (share is not None) == given
    assert shares_of_gap(found, None)["mixed"] is None


def test_pairs_are_test_frames_that_are_there_in_all_versions(roots: tuple[Path, Path, Path], tmp_path: Path):
    rejected = frames(status=["ok"] * 5 + ["rejected"])
    triples = paired_triples(frames(), frames().iloc[:5], rejected, roots)
    assert [triple.frame_id for triple in triples] == ["v1/0", "v1/1", "v2/0"]
    measured = distances(triples)
    assert np.allclose(measured[["original", "winter"]], [160, 20], atol=0.5)
    draw_triples(triples, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 3 * 400


def test_other_scenes_are_put_beside_the_frames(roots: tuple[Path, Path, Path]):
    others = frames(frame_id=[f"w/{number}" for number in range(6)])
    triples = unpaired_triples(frames(), frames(), others, roots)
    assert len(triples) == 3 and all(" beside w/" in triple.frame_id for triple in triples)
    assert distances([]).empty
