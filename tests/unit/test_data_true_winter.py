"""True winter: its classes, its splits, and that nothing is tested on that the translator has seen."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snowdrift.data.index import FrameIndex
from snowdrift.data.true_winter import Classes, index_true_winter
from snowdrift.runtime.errors import SnowdriftError

STUDY = ["normal", "fallen"]
SAME = Classes(STUDY, {}, STUDY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three videos of two pictures, each with a box of every of the first three classes."""
    root = tmp_path / "winter"
    for number, video in enumerate(("a", "b", "c")):
        for picture in range(2):
            path = root / f"images/{video}/{picture}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([number, picture]).integers(0, 256, (24, 32, 3), np.uint8)
            Image.fromarray(pixels).save(path)
            label = root / f"labels/{video}/{picture}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text("".join(f"{name} 0.5 0.5 0.2 0.{2 + name}\n" for name in range(2)))
    return root


def index(folder: Path, **options) -> FrameIndex:
    settings = {
        "layout": "yolo",
        "classes": SAME,
        "splits": {"train": 0, "val": 0},
        "seed": 0,
        "max_rejected": 0.0,
        "rejected": folder.parent / "rejected.csv",
    }
    return index_true_winter(folder, **{**settings, **options})


def test_all_videos_that_are_not_trained_on_are_tested_on(folder: Path):
    assert set(index(folder).frames["split"]) == {"test"}
    frames = index(folder, splits={"train": ["b"], "val": 1}).frames
    by_split = frames.groupby("split")["video"].unique().map(list).to_dict()
    assert by_split["train"] == ["b"] and sorted(by_split["val"] + by_split["test"]) == ["a", "c"]


def test_splits_of_the_frames_leave_videos_unused(folder: Path):
    frames = index(folder, splits={"train": 1, "val": ["a"], "test": ["c"]}).frames
    assert frames.groupby("split")["video"].nunique().to_dict() == {"test": 1, "train": 1, "val": 1}
    assert "unused" in set(index(folder, splits={"train": 1, "val": 0, "test": 1}).frames["split"])


def test_classes_become_those_of_the_study(folder: Path):
    turned = index(
        folder, classes=Classes(["lying", "standing"], {"lying": "fallen", "standing": "normal"}, STUDY)
    )
    assert turned.boxes["class_id"].tolist() == [1, 0] * 6
    together = index(folder, classes=Classes(["person", "car"], {"person": STUDY[::-1], "car": None}, STUDY))
    assert together.boxes["class_id"].tolist() == [1] * 6
    fewer = index(folder, classes=Classes(["fallen", "car"], {"car": None}, STUDY))
    assert fewer.boxes["class_id"].tolist() == [1] * 6
    assert set(fewer.frames["boxes"]) == {1}, "the numbers of boxes are those of the kept ones"


def test_pictures_that_the_translator_has_seen_are_left_out(folder: Path, caplog: pytest.LogCaptureFixture):
    digests = index(folder).frames["digest"]
    with caplog.at_level(logging.INFO):
        frames, _, rejected = index(folder, seen=[*digests[:2], "0" * 64])
    assert frames["status"].tolist() == ["rejected"] * 2 + ["ok"] * 4
    assert rejected["frame_id"].tolist() == frames["frame_id"][:2].tolist()
    assert set(rejected["reason"]) == {"the translator learned its style from it"}
    assert "2 pictures left out" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": {"train": 2, "val": 1}}, r"data\.true_winter: no video to test on"),
        ({"splits": {"train": 9, "val": 1}}, r"data\.true_winter: train 9"),
        ({"splits": {"train": ["z"], "val": 1}}, r"data\.true_winter\.train: .*'z'"),
        (
            {"classes": Classes(["a", "b"], {"a": None, "b": None}, STUDY)},
            "none of its 6 test pictures has a box",
        ),
    ],
)
def test_what_cannot_be_tested_on_is_named(folder: Path, options: dict, message: str):
    with pytest.raises(SnowdriftError, match=message):
        index(folder, **options)


def test_nothing_but_style_pictures_names_the_key_to_lower(folder: Path):
    with pytest.raises(SnowdriftError, match="no picture is left to test on") as caught:
        index(folder, seen=index(folder).frames["digest"])
    assert "lower cyclegan.style_images" in caught.value.hint


def test_a_folder_that_is_not_there_is_named_with_its_own_key(tmp_path: Path):
    with pytest.raises(SnowdriftError, match=r"data\.true_winter\.folder: .*nowhere"):
        index(tmp_path / "nowhere")


def test_one_video_is_enough_to_test_on(folder: Path):
    for video in ("a", "b"):
        for path in (*folder.glob(f"*/{video}/*"), *folder.glob(f"*/{video}")):
            path.unlink() if path.is_file() else path.rmdir()
    assert index(folder).frames["video"].unique().tolist() == ["c"]
    with pytest.raises(SnowdriftError, match="no video to test on"):
        index(folder, splits={"train": 1, "val": 0})
