"""Trainings that are killed and go on, against the same ones undisturbed."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from detection_samples import write_study

from snowdrift.detection.datasets import list_files, write_dataset
from snowdrift.detection.domains import training_selections
from snowdrift.detection.training import TrainingSettings, train_detector
from snowdrift.detection.ultralytics_api import prepare_ultralytics
from snowdrift.detection.weights import read_weights
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState, job_key

prepare_ultralytics()

from ultralytics.models.yolo.detect import DetectionValidator  # noqa: E402

from snowdrift.detection.resumable import ResumableTrainer  # noqa: E402

# 20 frames are 5 batches an epoch, and a step takes 3 of them: some wait for the next epoch.
SETTINGS = TrainingSettings(
    model="yolov5n",
    image_size=64,
    epochs=3,
    batch_size=4,
    nominal_batch_size=12,
    optimizer="AdamW",
    learning_rate=0.002,
    final_learning_rate=0.1,
    momentum=0.9,
    weight_decay=0.0005,
    warmup_epochs=1.5,
    mosaic=0.7,
    close_mosaic=1,
    validate=False,
    workers=0,
    plots=False,
)
VALIDATED = replace(SETTINGS, validate=True)
BATCHES = 5


class Killed(BaseException):
    """The end of a process, as far as one process can have several."""


@pytest.fixture(scope="module", autouse=True)
def second_epoch_is_best():
    """So that the best weights are neither the last ones nor, after a later kill, those of an epoch still to come."""
    original = DetectionValidator.__call__

    def validate(self, trainer=None, model=None):
        metrics = original(self, trainer, model)
        return metrics if trainer is None else metrics | {"fitness": [0.2, 0.5, 0.3][trainer.epoch]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DetectionValidator, "__call__", validate)
        yield


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    study = write_study(tmp_path_factory.mktemp("study"), frames_per_video=5)
    folder = tmp_path_factory.mktemp("datasets") / "original"
    pictures = study.pictures
    write_dataset(folder, pictures, training_selections(pictures.frames, "original", {"original": 1}, seed=0))
    return folder


def train(dataset: Path, folder: Path, settings: TrainingSettings, key: str = "key") -> Path:
    """The output folder of one training that keeps its state in `folder`."""
    state = JobState(folder / "state", key)
    options = {"seed": 0, "devices": [torch.device("cpu")], "threads": 1, "state": state}
    train_detector(dataset, folder / "model", settings=settings, **options)
    return folder / "model"


def train_until_killed(dataset: Path, folder: Path, settings: TrainingSettings, batches: int) -> None:
    """Train on a number of batches, then die, and leave the files as a crash can leave them."""
    original, done = ResumableTrainer.preprocess_batch, 0

    def preprocess(self, batch):
        nonlocal done
        if self.model.training:
            if done == batches:
                raise Killed
            done += 1
        return original(self, batch)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(ResumableTrainer, "preprocess_batch", preprocess)
        train(dataset, folder, settings)
    for path in folder.rglob("weights/*.pt"):
        path.write_bytes(path.read_bytes()[:1000])
    for path in folder.rglob("results.csv"):
        path.write_text(path.read_text() + "17,")


def assert_same(first: Path, second: Path) -> None:
    for name in ("best.pt", "last.pt"):
        one, other = (read_weights(folder / "weights" / name) for folder in (first, second))
        assert one.keys() == other.keys()
        assert [key for key in one if not torch.equal(one[key], other[key])] == []
    tables = [pd.read_csv(folder / "results.csv").drop(columns="time") for folder in (first, second)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.fixture(scope="module")
def undisturbed(dataset, tmp_path_factory):
    model = train(dataset, tmp_path_factory.mktemp("undisturbed"), VALIDATED)
    best, last = (read_weights(model / "weights" / name) for name in ("best.pt", "last.pt"))
    assert not all(torch.equal(best[key], last[key]) for key in best)
    return model


@pytest.mark.parametrize(
    "kills",
    [[BATCHES], [BATCHES + 2, 2], [2, 2 * BATCHES + 3]],
    ids=["between epochs", "twice in the second epoch", "in the first and in the last epoch"],
)
def test_a_killed_training_ends_with_the_same_weights(dataset, undisturbed, tmp_path, kills):
    for batches in kills:
        train_until_killed(dataset, tmp_path, VALIDATED, batches)
    assert_same(train(dataset, tmp_path, VALIDATED), undisturbed)


def test_so_does_one_with_momentum_and_processes_that_load_frames(dataset, tmp_path, monkeypatch):
    original = ResumableTrainer.get_dataloader

    def with_workers(self, *arguments, **options):
        self.args.workers = 2  # which Ultralytics takes away on the CPU
        return original(self, *arguments, **options)

    monkeypatch.setattr(ResumableTrainer, "get_dataloader", with_workers)
    settings = replace(SETTINGS, epochs=2, close_mosaic=0, mosaic=1.0, optimizer="SGD")
    train_until_killed(dataset, tmp_path / "killed", settings, BATCHES + 1)
    model = train(dataset, tmp_path / "killed", settings)
    assert_same(model, train(dataset, tmp_path / "other", settings))
    assert pd.read_csv(model / "results.csv")["time"].is_monotonic_increasing


def test_steps_are_taken_where_ultralytics_takes_them(dataset, undisturbed, tmp_path, monkeypatch):
    monkeypatch.delattr(ResumableTrainer, "optimizer_step")
    monkeypatch.delattr(ResumableTrainer, "_build_train_pipeline")
    assert_same(train(dataset, tmp_path, VALIDATED), undisturbed)


def test_an_epoch_begins_with_a_full_buffer_of_other_frames(dataset, tmp_path, monkeypatch):
    buffers = []
    original = ResumableTrainer._begin_epoch

    def begin(self):
        original(self)
        loaded = self.train_loader.dataset
        buffers.append(list(loaded.buffer))
        assert [index for index, image in enumerate(loaded.ims) if image is not None] == sorted(buffers[-1])

    monkeypatch.setattr(ResumableTrainer, "_begin_epoch", begin)
    train(dataset, tmp_path, replace(SETTINGS, epochs=2, close_mosaic=0))
    assert [len(set(buffer)) for buffer in buffers] == [19, 19]  # one less than Ultralytics' limit
    assert buffers[0] != buffers[1]


def test_other_settings_do_not_go_on_from_the_state(dataset, tmp_path):
    train_until_killed(dataset, tmp_path / "killed", SETTINGS, 2 * BATCHES)
    other = replace(SETTINGS, epochs=2, learning_rate=0.001)
    assert_same(
        train(dataset, tmp_path / "killed", other, "another"), train(dataset, tmp_path / "new", other)
    )


def test_the_state_belongs_to_every_file_of_the_dataset(tmp_path):
    study = write_study(tmp_path / "study", frames_per_video=2)
    folder, pictures = tmp_path / "set", study.pictures
    write_dataset(folder, pictures, training_selections(pictures.frames, "original", {"original": 1}, seed=0))

    def key() -> str:
        texts, images = list_files(folder)
        return job_key({}, files=texts, pictures=images)

    texts, images = list_files(folder)
    assert {*texts, *images} == {path for path in folder.rglob("*") if path.is_file()}
    keys = [key(), key()]
    assert keys[0] == keys[1]
    for path in (*texts[:3], images[0].resolve()):
        path.write_bytes(path.read_bytes() + b"\n")
        keys.append(key())
    assert len(set(keys)) == 5


def test_a_training_that_diverges_says_so(dataset, tmp_path, monkeypatch):
    original = ResumableTrainer.preprocess_batch

    def preprocess(self, batch):
        batch = original(self, batch)
        return batch | {"img": batch["img"] * float("nan")}

    monkeypatch.setattr(ResumableTrainer, "preprocess_batch", preprocess)
    with pytest.raises(SnowdriftError, match=r"detector\.learning_rate: the training diverged in epoch 1"):
        train(dataset, tmp_path, SETTINGS)
