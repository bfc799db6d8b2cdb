"""A detector that two processes train, as on two GPUs, but on the CPU: it ends, and goes on to the same weights."""

from dataclasses import replace
from pathlib import Path

import detection_ranks
import pandas as pd
import pytest
import torch
from test_detection_resume import SETTINGS, dataset  # noqa: F401

from snowdrift.detection import training
from snowdrift.detection.weights import read_weights
from snowdrift.runtime.resume import JobState


def train(dataset: Path, state: Path, model: Path) -> Path:  # noqa: F811
    """The output folder of a training by two processes."""
    training.train_detector(
        dataset,
        model,
        settings=replace(SETTINGS, validate=False),
        seed=0,
        devices=[torch.device("cpu")] * 2,
        threads=2,
        state=JobState(state, "key"),
    )
    return model


@pytest.mark.timeout(300)
def test_two_processes_go_on_to_the_weights_of_an_undisturbed_training(
    dataset: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(training, "_train", detection_ranks.train_on_the_cpu)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    whole = train(dataset, tmp_path / "state", tmp_path / "whole")
    resumed = train(dataset, tmp_path / "halfway", tmp_path / "resumed")
    tables = [pd.read_csv(folder / "results.csv").drop(columns="time") for folder in (whole, resumed)]
    assert len(tables[0]) == SETTINGS.epochs
    pd.testing.assert_frame_equal(*tables)
    weights = [read_weights(folder / "weights/best.pt") for folder in (whole, resumed)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not (whole / "dataset").exists()
