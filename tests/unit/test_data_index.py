"""The index: tables, faults, limits, both layouts, many workers, full scale."""

import hashlib
import logging
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from snowdrift.data.duplicates import refuse_shared
from snowdrift.data.index import CheckedChunk, Counts, Reading, index_frames, join, with_splits, write_index
from snowdrift.data.listing import FrameFiles
from snowdrift.data.tables import BOX_COLUMNS, FRAME_COLUMNS, REJECTED_COLUMNS, read_frames
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table

SIZE = (64, 48)
SPLITS = {"train": 1, "val": 1, "test": 1}
BOX = "<bndbox><xmin>16</xmin><ymin>12</ymin><xmax>48</xmax><ymax>36</ymax></bndbox>"


def xml(*names: str) -> str:
    things = "".join(f"<object><name>{name}</name>{BOX}</object>" for name in names)
    return f"<annotation><size><width>64</width><height>48</height></size>{things}</annotation>"


def add_frame(root: Path, video: str, number: int, names: tuple[str, ...] = ("0",)) -> tuple[Path, Path]:
    image = root / video / "images" / f"{video}_{number:05d}.jpg"
    note = root / video / "clean_xml" / f"{video}_{number:05d}.xml"
    for path in (image, note):
        path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([number, *video.encode()]).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    Image.fromarray(noise).save(image)
    note.write_text(xml(*names))
    return image, note


@pytest.fixture
def dataset(tmp_path) -> Path:
    root = tmp_path / "VFP"
    for video in ("C", "A", "B"):
        for number in range(3):
            add_frame(root, video, number, ("0", "1", "2") if number == 1 else ("0",))
    return root


def index(root: Path, layout="vfp290k", class_names=("normal", "fallen"), **options):
    settings = {
        "reading": Reading(layout, class_names),
        "splits": SPLITS,
        "group": None,
        "seed": 0,
        "max_rejected": 0.0,
        "rejected": root.parent / "rejected.csv",
        "workers": 1,
    }
    return index_frames(root, **{**settings, **options})


def test_tables_of_a_sound_dataset(dataset, caplog, reports):
    with caplog.at_level(logging.INFO):
        frames, boxes, rejected = index(dataset)
    assert list(frames) == FRAME_COLUMNS
    assert list(boxes) == BOX_COLUMNS
    assert list(rejected) == REJECTED_COLUMNS
    assert frames["frame_id"].tolist() == [
        f"{video}/{video}_0000{number}" for video in "ABC" for number in range(3)
    ]
    assert frames["image"][4] == "B/images/B_00001.jpg"
    assert set(zip(frames["width"], frames["height"], strict=True)) == {SIZE}
    assert frames["boxes"].tolist() == [1, 2, 1] * 3
    assert set(frames["status"]) == {"ok"}
    assert frames.groupby("video")["split"].nunique().tolist() == [1, 1, 1]
    assert set(frames["split"]) == {"train", "val", "test"}
    assert boxes[boxes["frame_id"] == "B/B_00001"].drop(columns="frame_id").to_numpy().tolist() == [
        [0, 0.5, 0.5, 0.5, 0.5],
        [1, 0.5, 0.5, 0.5, 0.5],
    ]
    assert rejected.empty
    assert "12 boxes read, 3 more of a dropped class left out" in caplog.text
    assert [each[:4] for each in reports] == [("checking frames", 9, 9, "frames")]


def test_every_fault_of_the_dataset_is_listed_with_its_file(dataset):
    faulty = [add_frame(dataset, "D", number) for number in range(8)]
    faulty[0][0].write_bytes(faulty[0][0].read_bytes()[:500])
    faulty[1][0].write_bytes(b"")
    faulty[2][0].write_text("<html>not found</html>")
    faulty[3][1].unlink()
    faulty[4][1].write_text("<annotation>")
    faulty[5][1].write_text(xml("0").replace("<xmax>48", "<xmax>480"))
    faulty[6][1].write_text(xml("0").replace("<xmax>48", "<xmax>16"))
    faulty[7][1].write_text(xml("person"))
    frames, boxes, rejected = index(dataset, max_rejected=0.5)
    assert rejected["frame_id"].tolist() == [f"D/D_0000{number}" for number in range(8)]
    assert rejected["file"].tolist() == [
        *(f"D/images/D_0000{number}.jpg" for number in range(3)),
        *(f"D/clean_xml/D_0000{number}.xml" for number in range(3, 8)),
    ]
    reasons = rejected["reason"].tolist()
    assert reasons[0].startswith("is truncated")
    assert reasons[1:4] == ["is empty (0 bytes)", "is not an image: neither JPEG nor PNG", "XML missing"]
    assert reasons[4].startswith("XML unparsable: no element found")
    assert reasons[5:] == [
        "box outside the frame: 16,12,480,36 in 64x48",
        "box has no area: 16,12,16,36",
        "class unknown: 'person', known are 0, 1 and 2",
    ]
    listed = frames[frames["video"] == "D"]
    assert set(listed["status"]) == {"rejected"}
    assert set(listed["split"]) == {"unused"}
    assert listed["boxes"].sum() == 0
    assert listed["width"].tolist() == [0, 0, 0, 0, 64, 64, 64, 64]
    assert not boxes["frame_id"].str.startswith("D/").any()


def test_faults_are_counted_in_the_log(dataset, caplog):
    for number in (0, 1):
        add_frame(dataset, "A", number)[1].unlink()
    with caplog.at_level(logging.INFO):
        index(dataset, max_rejected=0.5)
    assert f"2 of 9 frames in {dataset} are faulty and left out" in caplog.text
    assert "2 x XML missing" in caplog.text


def test_limit_is_not_crossed_by_its_own_value(dataset):
    add_frame(dataset, "A", 0)[1].unlink()
    assert len(index(dataset, max_rejected=1 / 9).rejected) == 1


def test_more_faults_than_allowed_stop_with_a_summary(dataset):
    for video in "ABC":
        add_frame(dataset, video, 0)[1].unlink()
        add_frame(dataset, video, 1)[0].write_bytes(b"")
    with pytest.raises(SnowdriftError) as caught:
        index(dataset, max_rejected=0.01)
    lines = caught.value.message.splitlines()
    assert lines[0] == f"6 of 9 frames in {dataset} are faulty (66.7%), data.max_rejected allows 1.0%:"
    assert sorted(lines[1:3]) == ["  3 x XML missing", "  3 x is empty (0 bytes)"]
    assert lines[3:5] == ["first files:", "  A/clean_xml/A_00000.xml: XML missing"]
    assert lines[9:] == [f"all of them are listed in {dataset.parent / 'rejected.csv'}"]
    assert len(read_table(dataset.parent / "rejected.csv")) == 6
    assert "data.max_rejected" in caught.value.hint


def test_no_usable_frame_stops_whatever_the_limit(tmp_path):
    add_frame(tmp_path, "A", 0)[1].unlink()
    with pytest.raises(SnowdriftError, match="none is left"):
        index(tmp_path, max_rejected=1.0)


def test_a_video_without_usable_frame_cannot_be_drawn_or_named(dataset):
    add_frame(dataset, "D", 0)[1].unlink()
    for seed in range(5):
        frames = index(dataset, max_rejected=0.5, seed=seed).frames
        assert frames.loc[frames["video"] == "D", "split"].tolist() == ["unused"]
    with pytest.raises(SnowdriftError, match=r"splits.test: the dataset has no usable video 'D'"):
        index(dataset, max_rejected=0.5, splits={"train": 1, "val": 1, "test": ["D"]})


def test_a_rejected_frame_keeps_the_split_of_its_video(dataset):
    add_frame(dataset, "A", 0)[1].unlink()
    frames = index(dataset, max_rejected=0.5, splits={"train": ["A"], "val": 1, "test": 1}).frames
    assert frames.loc[frames["video"] == "A", "split"].tolist() == ["train"] * 3


def test_a_split_without_boxes_is_warned_of(dataset, caplog):
    for number in range(3):
        add_frame(dataset, "A", number, names=())
    index(dataset, splits={"train": 1, "val": 1, "test": ["A"]})
    assert "splits.test: not one of its frames has a box to detect" in caplog.text


def test_workers_and_chunks_change_nothing(dataset, monkeypatch):
    monkeypatch.setattr("snowdrift.data.parallel.CHUNK", 2)
    add_frame(dataset, "C", 2)[0].write_bytes(b"")
    one, three = (index(dataset, max_rejected=0.5, workers=workers) for workers in (1, 3))
    for first, second in zip(one, three, strict=True):
        pd.testing.assert_frame_equal(first, second)
    assert one.rejected["frame_id"].tolist() == ["C/C_00002"]


def test_written_tables_are_the_same_bytes_each_time(dataset, tmp_path):
    digests = set()
    for run in ("one", "two"):
        paths = [tmp_path / run / name for name in ("frames.parquet", "boxes.parquet", "rejected.csv")]
        write_index(index(dataset, rejected=paths[2]), *paths[:2])
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths))
        assert len(read_frames(paths[0], "train")) == 3
        assert len(read_table(paths[1])) == 12
        assert paths[2].read_text() == "frame_id,file,reason\n"
    assert len(digests) == 1


def test_yolo_layout(tmp_path):
    for video in ("a", "b/c", "d"):
        image, _ = add_frame(tmp_path / "source", video[0], 0)
        folder = tmp_path / "set" / "images" / video
        folder.mkdir(parents=True)
        image.rename(folder / "1.jpg")
        (tmp_path / "set" / "labels" / video).mkdir(parents=True)
        (tmp_path / "set" / "labels" / video / "1.txt").touch()
    (tmp_path / "set/labels/b/c/1.txt").write_text("1 0.5 0.5 0.25 0.25\n2 0.5 0.5 0.1 0.1\n")
    frames, boxes, rejected = index(tmp_path / "set", layout="yolo", class_names=["a", "b", "c"])
    assert frames["frame_id"].tolist() == ["a/1", "b__c/1", "d/1"]
    assert frames["image"].tolist() == ["images/a/1.jpg", "images/b/c/1.jpg", "images/d/1.jpg"]
    assert frames["boxes"].tolist() == [0, 2, 0]
    assert boxes["class_id"].tolist() == [1, 2]
    assert rejected.empty


def test_unknown_layout(dataset):
    with pytest.raises(SnowdriftError, match=r"data.layout: 'labelme' is unknown"):
        index(dataset, layout="labelme")


def test_full_scale_tables_are_quick():
    files = [
        FrameFiles(
            f"GOPR{number % 178:04d}", f"f_{number:06d}", f"v/images/f_{number:06d}.jpg", "v.xml", "", ""
        )
        for number in range(294_713)
    ]
    files.sort()
    checked = []
    for start in range(0, len(files), 256):
        n = min(256, len(files) - start)
        boxes = np.full((2 * n - 2, 5), 0.5)
        counts = np.full(n, 2, np.int32)
        counts[0] = 0
        faults = [(0, files[start].annotation, "XML missing")]
        digests = [f"{start + place:064d}" for place in range(n)]
        checked.append(
            CheckedChunk(np.full((n, 2), 64, np.int32), counts, boxes, faults, {}, Counts(), digests)
        )
    groups = {file.video: file.video for file in files}
    began = time.process_time()
    built = join(files, checked, groups)
    frames = with_splits(built.frames, splits={"train": 36, "val": 12, "test": 10}, own={}, seed=0)
    refuse_shared(frames[frames["status"] == "ok"], "unused", "lists")
    assert time.process_time() - began < 5
    assert len(built.frames) == 294_713
    assert len(built.boxes) == built.frames["boxes"].sum() == 2 * (294_713 - len(checked))
    assert (built.frames["status"] == "rejected").sum() == len(built.rejected) == len(checked)
