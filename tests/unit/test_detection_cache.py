"""Frames at the detectors' size: the same pixels, the same weights and the same matches as without them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from detection_samples import CLASS_NAMES, MANIFEST, WINTER, write_study
from PIL import Image

from snowdrift.detection.cache import cache_frames, frames_to_cache
from snowdrift.detection.datasets import read_pictures, write_dataset
from snowdrift.detection.domains import training_selections
from snowdrift.detection.evaluation import EvaluationSettings, evaluate_detector
from snowdrift.detection.sources import shown_splits
from snowdrift.detection.training import TrainingSettings, train_detector
from snowdrift.detection.ultralytics_api import load_resized, prepare_ultralytics
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table
from snowdrift.runtime.resume import JobState
from snowdrift.snow.verify import find_winter_damage

SIZE = 64
SPLITS = ["train", "val", "test"]
SETTINGS = TrainingSettings(
    model="yolov5n",
    image_size=SIZE,
    epochs=2,
    batch_size=8,
    optimizer="AdamW",
    learning_rate=0.002,
    final_learning_rate=0.1,
    momentum=0.9,
    weight_decay=0.0005,
    warmup_epochs=1,
    mosaic=1.0,
    close_mosaic=1,
    validate=True,
    workers=0,
    plots=False,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study, with a frame of another shape, one whose file goes on after its end, and both versions cached."""
    study = write_study(tmp_path_factory.mktemp("study"))
    files = [study.folder / "root" / image for image in study.frames["image"]]
    Image.open(files[1]).resize((77, 101)).save(files[1])
    with open(files[2], "ab") as stream:
        stream.write(b"more")
    for source in ("original", "cyclegan"):
        for shard in range(2):
            cache(study, source, shard, study.folder / "state")
    return study


def cache(study, source: str, shard: int, state: Path) -> Path:
    root, winter, shards = study.folder / "root", None, 2
    if source == "cyclegan":
        root, winter = study.folder / WINTER, study.folder / MANIFEST
        shard, shards = 0, 1
    manifest = study.folder / "cache" / source / f"shards/{shard}.parquet"
    frames = frames_to_cache(study.frames, SPLITS, shard, shards, winter)
    cache_frames(frames, root, SIZE, manifest=manifest, state=JobState(state / source, f"{shard}"), threads=2)
    return manifest


@pytest.fixture(params=[False, True], ids=["plain", "cached"])
def pictures(request, study):
    return pictures_of(study, cached=request.param)


def pictures_of(study, *, cached: bool):
    manifests = sorted(study.folder.glob("cache/*/shards/*.parquet")) if cached else []
    tables = [study.folder / name for name in ("frames.parquet", "boxes.parquet", "root")]
    return read_pictures(*tables, CLASS_NAMES, [study.folder / MANIFEST], cached=manifests)


def loaded(folder: Path, *, augment: bool) -> list:
    """What Ultralytics reads of a training set."""
    prepare_ultralytics()
    from ultralytics.data.dataset import YOLODataset

    dataset = YOLODataset(
        img_path=str(folder / "images/train"),
        data={"names": dict(enumerate(CLASS_NAMES)), "channels": 3},
        imgsz=SIZE,
        augment=augment,
        batch_size=8,
    )
    assert len(dataset.im_files) == 16 + 16
    return [dataset.load_image(index)[0] for index in range(len(dataset))]


def both(study) -> dict[str, pd.DataFrame]:
    return training_selections(
        study.frames.assign(origin="original"), "both", {"original": 1, "cyclegan": 1}, seed=0
    )


def test_ultralytics_loads_the_same_pixels_with_and_without_the_cache(study, tmp_path):
    for cached in (False, True):
        write_dataset(tmp_path / str(cached), pictures_of(study, cached=cached), both(study))
    arrays = sorted(path.name for path in (tmp_path / "True").glob("images/*/*/*.npy"))
    assert len(arrays) == 48 and not list((tmp_path / "False").glob("images/*/*/*.npy"))
    plain, cached = (loaded(tmp_path / str(cached), augment=False) for cached in (False, True))
    assert any(picture.shape != plain[0].shape for picture in plain), "or all frames have one shape"
    for picture, other in zip(plain, cached, strict=True):
        np.testing.assert_array_equal(picture, other)


def test_pictures_are_read_from_the_cache_where_there_is_one(study, tmp_path):
    write_dataset(tmp_path / "set", pictures_of(study, cached=True), both(study))
    link = next((tmp_path / "set").glob("images/train/*/*.npy"))
    link.unlink()
    np.save(link, np.zeros((SIZE, SIZE, 3), np.uint8))
    assert sum(not picture.any() for picture in loaded(tmp_path / "set", augment=False)) == 1


def train_and_test(study, folder: Path, *, cached: bool):
    pictures = pictures_of(study, cached=cached)
    write_dataset(folder / "set", pictures, both(study))
    cpu = torch.device("cpu")
    train_detector(
        folder / "set",
        folder / "model",
        settings=SETTINGS,
        seed=0,
        devices=[cpu],
        threads=1,
        state=JobState(folder / "state", "key"),
    )
    model = folder / "model/weights/best.pt"
    evaluation = evaluate_detector(
        model,
        pictures,
        both(study)["val"][["frame_id", "source"]],
        settings=EvaluationSettings(image_size=SIZE, batch_size=8, confidence=0.0001, iou=0.7, workers=0),
        examples=2,
        device=cpu,
        threads=1,
        scratch=folder / "scratch",
        test_domains=["original", "winter"],
        merged={},
    )
    weights = torch.load(model, weights_only=False)["model"].state_dict()
    return weights, read_table(folder / "model/results.csv"), evaluation


def test_weights_and_matches_are_the_same_to_the_bit(study, tmp_path):
    """Both trainings mix mosaics with plain pictures, validate, and see frames of two shapes."""
    plain, cached = (train_and_test(study, tmp_path / str(cached), cached=cached) for cached in (False, True))
    assert plain[0].keys() == cached[0].keys()
    assert all(torch.equal(weights, cached[0][name]) for name, weights in plain[0].items())
    pd.testing.assert_frame_equal(
        plain[1].drop(columns="time"), cached[1].drop(columns="time"), check_exact=True
    )
    pd.testing.assert_frame_equal(plain[2].matches, cached[2].matches, check_exact=True)
    assert plain[2].matches["height"].notna().any() and plain[2].matches["object_height"].notna().any()
    pd.testing.assert_frame_equal(plain[2].examples, cached[2].examples, check_exact=True)


def test_a_shard_goes_on_where_it_was_killed(study, tmp_path, monkeypatch):
    finished = read_table(cache(study, "original", 0, tmp_path))
    state = tmp_path / "original/0/items.jsonl"
    lines = state.read_text().splitlines()
    assert len(finished) == len(lines) - 1 == 16
    state.write_text("\n".join(lines[:11]))
    broken = study.folder / "cache/original/frames" / finished["image"][3]
    content = broken.read_bytes()
    broken.write_bytes(content[:-1])
    made = []
    monkeypatch.setattr(
        "snowdrift.detection.cache.load_resized", lambda *given: made.append(given[0]) or load_resized(*given)
    )
    again = read_table(cache(study, "original", 0, tmp_path))
    pd.testing.assert_frame_equal(finished, again)
    assert len(made) == 6 + 1 and broken.read_bytes() == content


def test_verify_finds_a_damaged_array_and_names_the_rule_that_makes_it(study):
    manifest = cache(study, "cyclegan", 0, study.folder / "state")
    file = study.folder / "cache/cyclegan/frames" / read_table(manifest)["image"][5]
    content = file.read_bytes()
    assert find_winter_damage([manifest], 1) == (32, [])
    file.write_bytes(content[:-3])
    (damage,) = find_winter_damage([manifest], 1)[1]
    file.write_bytes(content)
    assert (damage.file, damage.output, damage.rule) == (file, manifest, "cache_frames")
    assert "truncated" in damage.fault


def test_only_frames_that_detectors_see_are_cached(study):
    winter = study.folder / MANIFEST
    assert len(frames_to_cache(study.frames, ["val"], 0, 1)) == 8
    assert len(frames_to_cache(study.frames, ["train"], 0, 1, winter)) == 16
    assert list(frames_to_cache(study.frames, SPLITS, 1, 2)["frame_id"]) == list(
        study.frames["frame_id"][16:]
    )
    sets = {"original": {"original": 1}, "matched": {"matched": 0.5, "original": 0.5}}
    shown = shown_splits({"training_sets": sets, "test_sets": ["original", "winter"]})
    assert shown == {"original": SPLITS, "matched": ["train", "val"], "cyclegan": ["test"]}


def test_a_frame_that_is_gone_ends_the_job_with_its_name(study, tmp_path):
    frames = pd.DataFrame({"frame_id": ["a"], "image": ["a/none.jpg"]})
    with pytest.raises(SnowdriftError, match=r"none\.jpg: this frame cannot be read"):
        cache_frames(
            frames,
            tmp_path,
            SIZE,
            manifest=tmp_path / "c/shards/0.parquet",
            state=JobState(tmp_path, "k"),
            threads=1,
        )


def test_an_array_that_the_manifest_tells_of_has_to_be_there(study, tmp_path):
    pictures = pictures_of(study, cached=True)
    gone = pictures.images.assign(cached="nowhere.npy")
    with pytest.raises(SnowdriftError, match=r"nowhere\.npy: this frame at the detectors' size is not there"):
        write_dataset(tmp_path / "set", replace(pictures, images=gone), both(study))
