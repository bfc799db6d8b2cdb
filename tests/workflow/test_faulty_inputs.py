"""Hand-made faults of a user's files, labels and config: each ends in its clear line, none in a traceback."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import TINY, Run, snakemake, succeed
from PIL import Image

VOC = "<annotation><size><width>64</width><height>48</height></size>{}</annotation>"
BOX = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def make_dataset(root: Path, videos: int = 6, frames: int = 3) -> Path:
    """A faultless little VFP290K."""
    for video in (f"GOPR{index:04d}" for index in range(videos)):
        (root / video / "images").mkdir(parents=True)
        (root / video / "clean_xml").mkdir()
        for frame in range(frames):
            Image.effect_noise((64, 48), 40).convert("RGB").save(
                root / video / "images" / f"{video}_{frame:05d}.jpg"
            )
            label = VOC.format(BOX.format(frame % 2, 10, 10, 30, 40))
            (root / video / "clean_xml" / f"{video}_{frame:05d}.xml").write_text(label)
    return root


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "VFP290K")


def run_config(folder: Path, text: str, *arguments: str) -> Run:
    """Run the tiny study with the given YAML over its config."""
    mine = folder / "mine.yaml"
    mine.write_text(text)
    return snakemake(folder, *arguments, configs=(TINY, mine))


def assert_clear(run: Run, *lines: str) -> None:
    assert run.status != 0, run.text
    for line in lines:
        assert line in run.text
    assert "Hint: " in run.text
    assert "Traceback" not in run.text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cyclgan: {epochs: 3}", "unknown config key `cyclgan`; did you mean `cyclegan`?"),
        (
            "cyclegan: {batchsize: 3}",
            "unknown config key `cyclegan.batchsize`; did you mean `cyclegan.batch_size`?",
        ),
        ("cyclegan: {batch_size: four}", "config key `cyclegan.batch_size`: 'four'"),
        ("cyclegan: {learning_rate: 2e-4}", "config key `cyclegan.learning_rate`: '2e-4'"),
        ("cyclegan: {load_size: 32, crop_size: 64}", "config key `cyclegan.crop_size`"),
        (
            "cyclegan: {pretrained: nowhere.pth}",
            "config key `cyclegan.pretrained`: nowhere.pth: there is no such file",
        ),
        ("data: {vfp290k: nowhere}", "config key `data.vfp290k`: nowhere: there is no such folder"),
        ("data: {max_rejected: 2}", "config key `data.max_rejected`: 2"),
        ("detector: {model: yolov9000}", "config key `detector.model`: 'yolov9000'"),
        ("detector: {mixed: quarter}", "config key `detector.mixed` is gone"),
        ("training_sets: {a: {snow: 1}}", "config key `training_sets.a`: there is no source snow"),
        ("training_sets: {../a: {original: 1}}", "config key `training_sets`: '../a'"),
        ("splits: {train: 1, val: 1, test: 1}", "config key `splits.train`: one video"),
        ("winterize: {format: webp}", "config key `winterize.format`: 'webp'"),
        ("winterize: {size: big}", "config key `winterize.size`: 'big'"),
        ("winterize: {epoch: 77}", "config key `winterize.epoch`: 77"),
        ("splits: {train: 0}", "config key `splits.train`: 0"),
        ("study: a/b", "config key `study`: 'a/b'"),
        ("device: gpu", "config key `device`: 'gpu'"),
    ],
)
def test_a_wrong_config_stops_the_plan_at_once(tmp_path: Path, text: str, line: str):
    assert_clear(run_config(tmp_path, text, "-n"), line)


def test_a_file_of_the_owners_says_which_videos_are_tested_on(tmp_path: Path, dataset: Path):
    lists = {"train": ["GOPR0005", "GOPR0001"], "val": ["GOPR0002"], "test": ["GOPR0000", "GOPR0004"]}
    (tmp_path / "light condition.json").write_text(json.dumps({"day": lists, "night": {**lists, "val": []}}))
    config = "data: {{vfp290k: VFP290K}}\nsplits: {{file: light condition.json, key: {}}}\n"
    run = run_config(tmp_path, config.format("day"), "results/tiny/data/frames.parquet")
    assert run.status == 0, run.text
    frames = pd.read_parquet(tmp_path / "results/tiny/data/frames.parquet")
    split_of = dict(zip(frames["video"], frames["split"], strict=True))
    named = {video: split for split, videos in lists.items() for video in videos}
    assert split_of == {**named, "GOPR0003": "unused"}
    for key, fault in (("night", "'val' of 'night' names no video"), ("null", "several keys: day, night")):
        assert_clear(run_config(tmp_path, config.format(key), "-n"), fault)


def break_frames(dataset: Path) -> dict[str, str]:
    """Damage frames of the first videos, one fault each; the reason that each must be given."""

    def image(video: int, frame: int) -> Path:
        return dataset / f"GOPR{video:04d}/images/GOPR{video:04d}_{frame:05d}.jpg"

    def label(video: int, frame: int) -> Path:
        return dataset / f"GOPR{video:04d}/clean_xml/GOPR{video:04d}_{frame:05d}.xml"

    image(0, 0).write_bytes(image(0, 0).read_bytes()[:-200])
    image(0, 1).write_bytes(b"")
    image(1, 0).write_text("not an image")
    label(1, 1).unlink()
    label(2, 0).write_text("<annotation><object>")
    label(2, 1).write_text(VOC.format(BOX.format(0, 10, 10, 90, 40)))
    label(3, 0).write_text(VOC.format(BOX.format(0, 10, 10, 10, 40)))
    label(3, 1).write_text(VOC.format(BOX.format(7, 10, 10, 30, 40)))
    return {
        "GOPR0000/GOPR0000_00000": "truncated",
        "GOPR0000/GOPR0000_00001": "empty",
        "GOPR0001/GOPR0001_00000": "not an image",
        "GOPR0001/GOPR0001_00001": "XML missing",
        "GOPR0002/GOPR0002_00000": "XML unparsable",
        "GOPR0002/GOPR0002_00001": "outside the frame",
        "GOPR0003/GOPR0003_00000": "no area",
        "GOPR0003/GOPR0003_00001": "class unknown",
    }


def test_faulty_frames_are_listed_with_their_reason_and_left_out(tmp_path: Path, dataset: Path):
    reasons = break_frames(dataset)
    mine = tmp_path / "mine.yaml"
    mine.write_text("data: {vfp290k: VFP290K, max_rejected: 0.5}\n")
    text = succeed(tmp_path, "results/tiny/data/frames.parquet", configs=(TINY, mine))
    assert "Traceback" not in text
    rejected = pd.read_csv(tmp_path / "results/tiny/data/rejected.csv").set_index("frame_id")["reason"]
    assert set(rejected.index) == set(reasons)
    for frame, reason in reasons.items():
        assert reason in rejected[frame]
    frames = pd.read_parquet(tmp_path / "results/tiny/data/frames.parquet").set_index("frame_id")
    assert set(frames.index[frames["status"] != "ok"]) == set(reasons)
    boxes = pd.read_parquet(tmp_path / "results/tiny/data/boxes.parquet")
    assert not set(boxes["frame_id"]) & set(reasons)


def test_too_many_faulty_frames_stop_the_run_with_a_summary(tmp_path: Path, dataset: Path):
    break_frames(dataset)
    run = run_config(tmp_path, "data: {vfp290k: VFP290K}", "results/tiny/data/frames.parquet")
    assert_clear(run, "8 of 18 frames", "data.max_rejected", "XML missing", "results/tiny/data/rejected.csv")
    assert len(pd.read_csv(tmp_path / "results/tiny/data/rejected.csv")) == 8


def remove_videos(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def flatten(root: Path) -> None:
    for path in sorted(root.rglob("*.jpg")):
        path.rename(root / path.name)


@pytest.mark.parametrize(
    ("damage", "config", "line"),
    [
        (remove_videos, "", "VFP290K"),
        (flatten, "", "VFP290K"),
        (None, "splits: {train: 36, val: 12, test: 10}", "58"),
        (None, "splits: {train: [GOPR0000, GOPR0001], val: [GOPR0001], test: 1}", "GOPR0001"),
        (None, "splits: {train: [GOPR0000, GOPR0001], val: [GOPR0002], test: [GOPR0099]}", "GOPR0099"),
    ],
)
def test_a_dataset_that_cannot_serve_is_refused(
    tmp_path: Path, dataset: Path, damage: Callable[[Path], None] | None, config: str, line: str
):
    if damage:
        damage(dataset)
    text = f"data: {{vfp290k: VFP290K}}\n{config}\n"
    assert_clear(run_config(tmp_path, text, "results/tiny/data/frames.parquet"), line)


def test_a_style_folder_without_pictures_is_refused(tmp_path: Path):
    (tmp_path / "DAWN/Snow").mkdir(parents=True)
    run = run_config(tmp_path, "data: {dawn: DAWN}", "results/tiny/data/style.parquet")
    assert_clear(run, "DAWN")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"no weights", "g.pth: cannot be read as torch weights"),
        ({"model.1.weight": torch.zeros(4, 3, 7, 7)}, "g.pth: not a ResNet generator"),
    ],
)
def test_a_generator_that_does_not_fit_is_refused(tmp_path: Path, content: bytes | dict, line: str):
    if isinstance(content, bytes):
        (tmp_path / "g.pth").write_bytes(content)
    else:
        torch.save(content, tmp_path / "g.pth")
    run = run_config(tmp_path, "cyclegan: {pretrained: g.pth}", "results/tiny/snow/cyclegan/generator.pth")
    assert_clear(run, line, "48 tensors with 9 blocks")
