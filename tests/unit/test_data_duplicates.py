"""The same picture is never in two splits, whatever its name."""

import shutil
from pathlib import Path

import pytest
from test_data_annotations import write_videos
from test_layouts import LISTS, index

from snowdrift.runtime.errors import SnowdriftError


def copy(place: Path) -> None:
    shutil.copy(place / "images/A/00000.jpg", place / "images/D/other.jpg")
    (place / "labels/D/other.txt").touch()


def link(place: Path) -> None:
    (place / "images/D/other.jpg").symlink_to(place / "images/A/00000.jpg")
    (place / "labels/D/other.txt").touch()


def link_folder(place: Path) -> None:
    for kind in ("images", "labels"):
        shutil.rmtree(place / kind / "D")
        (place / kind / "D").symlink_to(place / kind / "A", target_is_directory=True)


@pytest.mark.parametrize("share", [copy, link, link_folder])
def test_equal_pictures_in_two_splits_are_an_error_that_names_both(tmp_path: Path, share):
    place = write_videos(tmp_path)
    share(place)
    with pytest.raises(SnowdriftError, match="have the same content as one in another split") as caught:
        index(place, "yolo", LISTS)
    assert "images/A/00000.jpg (train) and images/D/" in caught.value.message
    assert "splits.group" in caught.value.hint
    together = {"train": ["A", "D"], "val": ["C"], "test": ["B"]}
    assert index(place, "yolo", together).rejected.empty


def test_equal_pictures_in_one_split_are_a_warning(tmp_path: Path, caplog):
    place = write_videos(tmp_path)
    shutil.copy(place / "images/A/00000.jpg", place / "images/B/other.jpg")
    assert index(place, "yolo", LISTS).rejected.empty
    assert "1 pictures have the same content as another one of their split" in caplog.text
    assert "images/A/00000.jpg and images/B/other.jpg" in caplog.text


def test_a_set_of_one_picture_is_for_a_trial_and_warned_of(tmp_path: Path, caplog):
    place = write_videos(tmp_path)
    for picture in place.rglob("*.jpg"):
        if picture != place / "images/A/00000.jpg":
            shutil.copy(place / "images/A/00000.jpg", picture)
    assert index(place, "yolo", LISTS).rejected.empty
    assert "all videos hold the same pictures" in caplog.text
