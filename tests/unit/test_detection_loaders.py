"""Processes that load frames: no more than the job was given."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from detection_samples import write_study
from test_detection_cache import SETTINGS, both, pictures_of

from snowdrift.detection import training
from snowdrift.detection.datasets import write_dataset
from snowdrift.detection.ultralytics_api import prepare_ultralytics
from snowdrift.runtime.resume import JobState


@pytest.mark.parametrize(
    ("asked", "threads", "gpus", "given"), [(8, 4, 1, 4), (2, 4, 1, 2), (8, 4, 2, 2), (8, 1, 2, 0)]
)
def test_a_training_loads_with_its_own_threads(tmp_path, monkeypatch, asked, threads, gpus, given):
    study = write_study(tmp_path)
    write_dataset(tmp_path / "set", pictures_of(study, cached=False), both(study))
    seen = []
    monkeypatch.setattr(training, "run_ranks", lambda work, devices, overrides, *rest: seen.append(overrides))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    training.train_detector(
        tmp_path / "set",
        tmp_path / "model",
        settings=replace(SETTINGS, workers=asked),
        seed=0,
        devices=[torch.device("cuda", index) for index in range(gpus)],
        threads=threads,
        state=JobState(tmp_path / "state", "key"),
    )
    assert [overrides["workers"] for overrides in seen] == [given]


def test_validation_loads_with_as_many_processes_as_training(monkeypatch):
    prepare_ultralytics()
    from ultralytics.models.yolo.detect import DetectionTrainer

    from snowdrift.detection import trainer

    closed = []
    doubled = SimpleNamespace(num_workers=6, dataset="frames", close=lambda: closed.append(True))
    monkeypatch.setattr(DetectionTrainer, "get_dataloader", lambda *given: doubled)
    monkeypatch.setattr(
        trainer, "build_dataloader", lambda dataset, batch, **options: (dataset, batch, options)
    )
    own = object.__new__(trainer.StudyTrainer)
    own.args, own.device = SimpleNamespace(workers=3, imgsz=64), torch.device("cpu")
    dataset, batch, options = own.get_dataloader("images/val", 16, -1, "val")
    assert (dataset, batch, options["workers"], options["shuffle"], closed) == (
        "frames",
        16,
        3,
        False,
        [True],
    )
