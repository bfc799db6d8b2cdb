"""True winter: its classes, its splits, and that nothing is tested on that the translator has seen."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from snowdrift.data.index import FrameIndex, Reading
from snowdrift.data.true_winter import Classes, index_true_winter
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file

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


def index(folder: Path, turn: str = "reject", **options) -> FrameIndex:
    settings = {
        "classes": SAME,
        "splits": {"train": 0, "val": 0},
        "seed": 0,
        "max_rejected": 0.0,
        "rejected": folder.parent / "rejected.csv",
    }
    settings |= options
    reading = Reading("yolo", settings["classes"].own, turn=turn, upright=folder.parent / "upright")
    return index_true_winter(folder, reading=reading, **settings)


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


def copy(folder: Path, source: str, target: str) -> None:
    shutil.copy(folder / f"images/{source}.png", folder / f"images/{target}.png")


@pytest.mark.parametrize(("train", "val", "pair"), [("a", "b", "train"), ("b", "a", "val")])
def test_a_picture_in_two_splits_is_an_error_that_names_both(folder: Path, train: str, val: str, pair: str):
    copy(folder, "a/0", "c/1")
    with pytest.raises(
        SnowdriftError, match="1 pictures have the same content as one in another split"
    ) as caught:
        index(folder, splits={"train": [train], "val": [val]})
    assert f"images/a/0.png ({pair}) and images/c/1.png (test)" in caught.value.message
    assert "data.true_winter.train and data.true_winter.val" in caught.value.hint
    assert "splits" not in caught.value.hint.replace("one split", "")


def test_equal_pictures_of_one_split_are_a_warning(folder: Path, caplog: pytest.LogCaptureFixture):
    copy(folder, "a/0", "c/1")
    assert set(index(folder).frames["status"]) == {"ok"}
    assert "1 pictures have the same content as another one of their split" in caplog.text


def test_a_picture_that_the_translator_has_seen_is_in_no_split(folder: Path):
    copy(folder, "a/0", "c/1")
    seen = index(folder).frames["digest"].iloc[:1]
    assert (
        index(folder, splits={"train": ["a"], "val": ["b"]}, seen=seen).frames["status"].eq("ok").sum() == 4
    )


def frame(digest: str, split: str) -> pd.DataFrame:
    """A study's frame of this content, among others that are no picture of true winter."""
    rows = [
        ("A/images/1.jpg", split, digest),
        ("B/images/1.jpg", "train", "1" * 64),
        ("C.jpg", "test", "2" * 64),
    ]
    return pd.DataFrame(rows, columns=["image", "split", "digest"])


@pytest.mark.parametrize(
    ("video", "split", "refused"),
    [
        ("c", "train", True),
        ("c", "val", True),
        ("c", "test", False),
        ("c", "unused", False),
        ("a", "train", False),
        ("a", "test", True),
        ("b", "test", True),
    ],
)
def test_a_picture_that_is_a_frame_of_another_split_is_an_error(
    folder: Path, video: str, split: str, refused: bool
):
    splits = {"train": ["a"], "val": ["b"]}
    table = index(folder, splits=splits).frames
    row = table[table["video"] == video].iloc[0]
    frames = frame(row["digest"], split)
    if not refused:
        assert len(index(folder, splits=splits, frames=frames).frames) == 6
        return
    with pytest.raises(
        SnowdriftError, match=r"data\.true_winter: 1 pictures have the same content"
    ) as caught:
        index(folder, splits=splits, frames=frames)
    assert (
        f"{row['image']} of data.true_winter.folder ({row['split']}) and A/images/1.jpg of data.vfp290k ({split})"
        in caught.value.message
    )
    assert "`splits`" in caught.value.hint


def test_what_the_annotations_hold_twice_or_as_polygons_is_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    twice = folder / "labels/a/0.txt"
    twice.write_text(twice.read_text() * 2)
    (folder / "labels/b/0.txt").write_text("0 0.1 0.1 0.4 0.1 0.4 0.5\n")
    with caplog.at_level(logging.INFO):
        index(folder, splits={"train": ["c"], "val": 0})
    for said in (
        "2 boxes were listed twice and are counted once",
        "1 polygons became the boxes round them",
        "train: 1 videos, 2 frames, 4 boxes",
        "test: 2 videos, 4 frames, 7 boxes",
    ):
        assert said in caplog.text


def test_a_split_without_boxes_is_warned_of_with_its_own_key(folder: Path, caplog: pytest.LogCaptureFixture):
    for label in folder.glob("labels/a/*"):
        label.write_text("")
    index(folder, splits={"train": ["a"], "val": ["b"]})
    assert "data.true_winter.train: not one of its frames has a box to detect" in caplog.text


def turn(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()
    picture.getexif()[274] = 6
    picture.save(path, exif=picture.getexif())


def test_turned_pictures_are_read_as_those_of_the_frames(folder: Path):
    turn(folder / "images/c/0.png")
    with pytest.raises(SnowdriftError, match="is stored turned"):
        index(folder)
    frames, boxes, rejected = index(folder, turn="upright")
    row = frames[frames["frame_id"] == "c/0"].iloc[0]
    assert rejected.empty and (row["width"], row["height"]) == (24, 32)
    assert row["image"] == "../upright/c/0.png" and (folder / row["image"]).is_file()
    assert boxes.loc[boxes["frame_id"] == "c/0", "box_width"].tolist() == pytest.approx([0.2, 0.3])
    pixels = index(folder, turn="upright_pixels").boxes
    assert pixels.loc[pixels["frame_id"] == "c/0", "box_width"].tolist() == pytest.approx([0.2, 0.2])


def test_a_turned_picture_that_the_translator_has_seen_is_left_out(folder: Path):
    turn(folder / "images/c/0.png")
    seen = [digest_file(folder / "images/c/0.png")]
    assert index(folder, turn="upright", seen=seen).rejected["frame_id"].tolist() == ["c/0"]
