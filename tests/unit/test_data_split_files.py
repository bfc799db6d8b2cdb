"""Splits that a dataset's owners publish as a file."""

import json
from collections import Counter
from pathlib import Path

import layout_sets as sets
import pytest

from snowdrift.data.index import Reading, index_frames
from snowdrift.data.split_files import read_split_file
from snowdrift.data.tables import read_frames
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import write_table

LISTS = {"train": ["A", "B"], "val": ["C"], "test": ["D"]}
DAY = {"train": ["B"], "val": ["D"], "test": ["A"]}


def write(folder: Path, content) -> Path:
    path = folder / "benchmark.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def refused(path: Path, key: str | None = None) -> SnowdriftError:
    with pytest.raises(SnowdriftError) as caught:
        read_split_file(path, key)
    return caught.value


def test_the_only_key_needs_no_name_and_one_of_several_does(tmp_path):
    assert read_split_file(write(tmp_path, {"benchmark": LISTS}), None) == LISTS
    both = write(tmp_path, {"night": LISTS, "day": DAY})
    assert read_split_file(both, "day") == DAY
    error = refused(both)
    assert "has several keys: night, day" in error.message and "{key: night}" in error.hint
    assert f"`splits.key`: {both} has no key 'dawn'; it has night, day" in refused(both, "dawn").message


def test_names_are_compared_in_one_unicode_form(tmp_path):
    apart, whole = "cafe\u0301", "caf\u00e9"
    path = write(tmp_path, {"k": {**LISTS, "val": [apart]}})
    assert read_split_file(path, None)["val"] == [whole]
    assert (
        f"'{whole}' in val and in test"
        in refused(write(tmp_path, {"k": {**LISTS, "val": [apart], "test": [whole]}})).message
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "cannot be read as JSON"),
        ("train: [A]", "cannot be read as JSON"),
        ('{"k": {"train": ["A"],', "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ([LISTS], "it holds no keys"),
        ({}, "it holds no keys"),
        ("null", "it holds no keys"),
        (LISTS, "has several keys"),
        ({"k": ["A"]}, "'k' does not hold train, val and test"),
        ({"k": {"train": ["A"], "test": ["D"]}}, "'k' does not hold train, val and test"),
        ({"k": {**LISTS, "valid": ["E"]}}, "'k' does not hold train, val and test"),
        ({"k": {**LISTS, "val": "C"}}, "'val' of 'k' is no list of names"),
        ({"k": {**LISTS, "val": 12}}, "'val' of 'k' is no list of names"),
        ({"k": {**LISTS, "val": [1738]}}, "'val' of 'k' is no list of names"),
        ({"k": {**LISTS, "val": [""]}}, "'val' of 'k' is no list of names"),
        ({"k": {**LISTS, "train": []}}, "'train' of 'k' names no video"),
        ({"k": {**LISTS, "test": []}}, "'test' of 'k' names no video"),
        ({"k": {**LISTS, "test": ["A"]}}, "'k' has the video 'A' in train and in test"),
        ({"k": {**LISTS, "val": ["C", "C"]}}, "'k' has the video 'C' in val twice"),
    ],
)
def test_a_fault_of_the_file_is_one_clear_line(tmp_path, content, fault: str):
    path = write(tmp_path, content)
    error = refused(path)
    assert error.message.startswith(f"config key `splits.file`: {path}: ")
    assert fault in error.message and "\n" not in error.message
    assert error.hint


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    assert "there is no such file" in refused(tmp_path / "nowhere.json").message
    assert "is not a file" in refused(tmp_path).message
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as JSON" in refused(tmp_path / "binary.json").message


@pytest.fixture
def frames_of(tmp_path):
    """The split of each video, by lists from a file."""
    drawn = sets.draw(tmp_path / "drawn")

    def index(lists, group: str | None = None, layout: str = "vfp290k") -> dict[str, str]:
        writer = {"vfp290k": sets.write_vfp290k, "yolo": sets.write_roboflow}[layout]
        tables = index_frames(
            writer(drawn, tmp_path / layout),
            reading=Reading(layout, sets.CLASSES),
            splits=lists,
            split_file="benchmark.json",
            group=group,
            seed=0,
            max_rejected=0.0,
            rejected=tmp_path / "rejected.csv",
        )
        write_table(tables.frames, tmp_path / "frames.parquet")
        frames = read_frames(tmp_path / "frames.parquet")
        return dict(zip(frames["video"], frames["split"], strict=True))

    return index


def test_videos_that_the_file_does_not_name_are_not_used(frames_of):
    assert frames_of(DAY) == {"A": "test", "B": "train", "C": "unused", "D": "val"}


def test_the_file_takes_the_place_of_splits_that_the_dataset_brings(frames_of):
    lists = {"train": ["D"], "val": ["B"], "test": ["C"]}
    assert frames_of(lists, group="([A-Z])_", layout="yolo") == {
        "A": "unused",
        "B": "val",
        "C": "test",
        "D": "train",
    }


@pytest.mark.parametrize(
    ("lists", "fault"),
    [
        ({**LISTS, "val": ["E"]}, "splits.file: benchmark.json: val: the dataset has no usable video 'E'"),
        ({**LISTS, "test": ["D", "E", "F", "G"]}, "no usable video 'E', nor 2 others that it names"),
    ],
)
def test_a_video_that_is_not_there_is_an_error(frames_of, lists, fault: str):
    with pytest.raises(SnowdriftError) as caught:
        frames_of(lists)
    assert fault in caught.value.message
    assert "a copy of the file without it" in caught.value.hint and "4 videos" in caught.value.hint


def test_a_scene_in_two_splits_of_the_file_is_an_error(frames_of):
    together = frames_of({"train": ["A", "B"], "val": ["C"], "test": ["D"]}, group="([A-Z])/images")
    assert Counter(together.values()) == {"train": 2, "val": 1, "test": 1}
    with pytest.raises(SnowdriftError) as caught:
        frames_of({"train": ["A"], "val": ["C"], "test": ["B"]}, group="(images)")
    assert (
        "splits.file: benchmark.json: the group 'images' of 'C' is in train and in val"
        in caught.value.message
    )
