"""Readers of the tables, and the names of winter frames."""

import pandas as pd
import pytest

from snowdrift.data.tables import FRAME_COLUMNS, read_frames, winter_name, winter_names

ROWS = [
    ("A/1", "A", "A", "A/images/1.jpg", 64, 48, "train", 1, "ok", "d1"),
    ("A/2", "A", "A", "A/images/2.jpg", 0, 0, "train", 0, "rejected", ""),
    ("B/1", "B", "B", "B/images/1.png", 64, 48, "test", 0, "ok", "d2"),
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "frames.parquet"
    pd.DataFrame(ROWS, columns=FRAME_COLUMNS).to_parquet(path)
    return path


def test_rejected_frames_are_left_out(table):
    frames = read_frames(table)
    assert frames["frame_id"].tolist() == ["A/1", "B/1"]
    assert list(frames.index) == [0, 1]


def test_one_split(table):
    assert read_frames(table, "test")["frame_id"].tolist() == ["B/1"]
    assert read_frames(table, "val").empty


@pytest.mark.parametrize(
    ("image", "image_format", "expected"),
    [
        ("A/images/x.jpg", "jpeg", "A/images/x.jpg"),
        ("VFP290K/A/images/x.JPG", "jpeg", "A/images/x.JPG"),
        ("images/A/x.jpeg", "jpeg", "A/images/x.jpeg"),
        ("images/A/x.v2.png", "jpeg", "A/images/x.v2.jpg"),
        ("A/images/x.jpg", "png", "A/images/x.png"),
        ("images/A/x.PNG", "png", "A/images/x.PNG"),
    ],
)
def test_winter_name(image, image_format, expected):
    assert winter_name("A", image, image_format) == expected


def test_winter_names(table):
    assert winter_names(read_frames(table), "jpeg") == ["A/images/1.jpg", "B/images/1.jpg"]
