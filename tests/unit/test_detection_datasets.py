"""The YOLO tree: links, labels, and what is refused."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
import yaml
from detection_samples import CLASS_NAMES, MANIFEST, WINTER, write_study

from snowdrift.detection.datasets import lost_pictures, read_pictures, write_dataset
from snowdrift.detection.domains import training_selections
from snowdrift.runtime.errors import SnowdriftError


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study")


HALF = {"original": 0.5, "cyclegan": 0.5}


def write(study, folder: Path, shares: Mapping[str, float] = HALF) -> Path:
    pictures = study.pictures
    write_dataset(folder, pictures, training_selections(pictures.frames, "mine", shares, seed=0))
    return folder


def test_every_picture_is_a_link_to_its_own_source(study, tmp_path):
    folder = write(study, tmp_path / "dataset")
    frames = pd.read_csv(folder / "frames.csv").merge(study.frames, on="frame_id", suffixes=("", "_original"))
    assert len(frames) == 24
    assert set(frames["source"]) == {"original", "cyclegan"}
    for row in frames.itertuples():
        root = study.folder / ("root" if row.source == "original" else WINTER)
        link = folder / row.image
        assert link.is_symlink()
        assert link.resolve() == (root / row.image_original).resolve()
        assert link.name == Path(row.image_original).name


def test_labels_lie_where_ultralytics_looks_and_hold_the_boxes(study, tmp_path):
    folder = write(study, tmp_path / "dataset")
    for row in pd.read_csv(folder / "frames.csv").itertuples():
        label = folder / row.image.replace("images/", "labels/", 1).replace(".jpg", ".txt")
        lines = [[float(value) for value in line.split()] for line in label.read_text().splitlines()]
        expected = study.boxes.loc[study.boxes["frame_id"] == row.frame_id].drop(columns="frame_id")
        assert lines == [pytest.approx(list(box), abs=1e-6) for box in expected.itertuples(index=False)]


def test_union_keeps_both_versions_apart(study, tmp_path):
    folder = write(study, tmp_path / "dataset", shares={"original": 1, "cyclegan": 1})
    assert len(list((folder / "images").rglob("*.jpg"))) == 48
    assert len(list((folder / "labels").rglob("*.txt"))) == 48


def test_data_yaml_names_no_folder(study, tmp_path):
    content = yaml.safe_load((write(study, tmp_path / "dataset") / "data.yaml").read_text())
    names = dict(enumerate(CLASS_NAMES))
    assert content == {"train": "images/train", "val": "images/val", "names": names}


def test_relative_roots_give_links_that_move_with_the_project(tmp_path, monkeypatch):
    project = tmp_path / "project"
    write_study(project / "study")
    monkeypatch.chdir(project)
    pictures = read_pictures("study/frames.parquet", "study/boxes.parquet", "study/root", CLASS_NAMES)
    selection = training_selections(pictures.frames, "original", {"original": 1}, seed=0)["train"]
    write_dataset("results/a/dataset", pictures, {"train": selection})
    monkeypatch.chdir(tmp_path)
    shutil.move(project, tmp_path / "moved")
    links = list((tmp_path / "moved/results/a/dataset/images").rglob("*.jpg"))
    assert len(links) == 16
    assert all(link.is_file() and not os.path.isabs(os.readlink(link)) for link in links)


def test_a_jpeg_with_bytes_after_its_end_is_copied_not_linked(study, tmp_path):
    original = study.folder / "root" / study.frames.loc[0, "image"]
    original.write_bytes(original.read_bytes() + b"camera data")
    before = original.read_bytes()
    folder = write(study, tmp_path / "dataset", shares={"original": 1})
    copy = folder / pd.read_csv(folder / "frames.csv").loc[0, "image"]
    assert not copy.is_symlink()
    assert copy.read_bytes() == before + b"\xff\xd9"
    assert original.read_bytes() == before


@pytest.mark.parametrize(
    ("root", "source", "advice"),
    [(WINTER, "cyclegan", "target `verify`"), ("root", "original", "lists the frames again")],
)
def test_a_missing_picture_is_named(study, tmp_path, root, source, advice):
    missing = study.folder / root / study.frames.loc[3, "image"]
    missing.unlink()
    with pytest.raises(SnowdriftError) as caught:
        write(study, tmp_path / "dataset", shares={source: 1})
    assert str(missing) in caught.value.message
    assert advice in caught.value.hint
    assert list(tmp_path.iterdir()) == [study.folder]


def test_a_frame_without_winter_version_is_named(study, tmp_path):
    pd.read_parquet(study.folder / MANIFEST).iloc[1:].to_parquet(study.folder / MANIFEST)
    with pytest.raises(SnowdriftError, match=study.frames.loc[0, "frame_id"]):
        write(study, tmp_path / "dataset", shares={"cyclegan": 1})


def test_a_split_without_boxes_is_refused(study, tmp_path):
    study.boxes[:0].to_parquet(study.folder / "boxes.parquet")
    with pytest.raises(SnowdriftError, match=r"splits\.train"):
        write(study, tmp_path / "dataset")


def test_videos_that_would_share_a_folder_are_refused(study, tmp_path):
    frames = study.frames
    frames.loc[0, ["video", "frame_id"]] = ["a/b", "a/b/x"]
    frames.loc[4, ["video", "frame_id", "image"]] = ["a-b", "a-b/x", frames.loc[0, "image"]]
    frames.to_parquet(study.folder / "frames.parquet")
    with pytest.raises(SnowdriftError, match="same label"):
        write(study, tmp_path / "dataset", shares={"original": 1})


def test_lost_pictures_are_told_by_video_and_name():
    frames = pd.DataFrame(
        {"split": ["train", "train", "val"], "image": [f"images/train/v/{n}.jpg" for n in "abc"]}
    )
    assert lost_pictures(frames, "train", ["/view/images/train/v/b.jpg"]) == ["images/train/v/a.jpg"]
