"""GPUs that take one process alone (compute mode EXCLUSIVE_PROCESS): the parent of several ranks keeps off them."""

import os
from pathlib import Path

import pytest
import torch
from test_cyclegan_training import SETTINGS, pictures
from test_detection_resume import SETTINGS as DETECTOR
from test_detection_resume import dataset  # noqa: F401

import snowdrift.detection.training
import snowdrift.snow.translators.cyclegan.training
import snowdrift.snow.unpaired_training
from snowdrift.report.provenance import machine
from snowdrift.runtime import leases, ranks
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.ranks import Ranks, run_ranks
from snowdrift.runtime.resume import JobState

LISTING = "GPU 0: NVIDIA A100 (UUID: GPU-aaaa)\nGPU 1: NVIDIA H200 (UUID: GPU-bbbb)\n"


@pytest.fixture(autouse=True)
def two_gpus_on_which_cuda_must_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Torch counts the devices that are leased, and whatever would start CUDA in this process is an error."""

    def start() -> None:
        raise AssertionError("CUDA is started in the parent")

    monkeypatch.setattr(torch.cuda, "_lazy_init", start)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "device_count", lambda: len(os.environ["CUDA_VISIBLE_DEVICES"].split(","))
    )
    monkeypatch.setattr(leases, "machine_devices", lambda: leases.parse_listing(LISTING))
    monkeypatch.setenv("SNOWDRIFT_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def test_the_stand_in_sees_what_starts_cuda():
    for start in (
        lambda: torch.ones(1, device="cuda:0"),
        lambda: torch.ones(1).to("cuda"),
        lambda: torch.cuda.set_device(0),
        torch.cuda.current_device,
        lambda: torch.cuda.get_device_name(0),
        torch.cuda.mem_get_info,
        torch.cuda.synchronize,
    ):
        with pytest.raises(AssertionError, match="started in the parent"):
            start()
    with pytest.raises(AssertionError, match="started in the parent"), leased_devices("cuda", 1):
        pass  # one device is the job's own, and is tried at once


@pytest.mark.timeout(120)
def test_the_parent_of_a_cyclegans_ranks_does_not_start_cuda(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(
        snowdrift.snow.unpaired_training,
        "run_ranks",
        lambda work, where, *arguments: run_ranks(work, [torch.device("cpu")] * len(where), *arguments),
    )
    with leased_devices("cuda", 2, granted=2) as found:
        snowdrift.snow.translators.cyclegan.training.train_cyclegan(
            pictures(tmp_path / "summer", 4, (60, 120, 50)),
            pictures(tmp_path / "winter", 4, (225, 230, 235)),
            SETTINGS,
            snapshots=tmp_path / "snapshots",
            samples=tmp_path / "samples",
            losses=tmp_path / "losses.csv",
            state=JobState(tmp_path / "state", "key"),
            seed=0,
            devices=found,
        )
    assert (tmp_path / "snapshots/latest_net_G_A.pth").exists()


def test_the_parent_of_a_detectors_ranks_does_not_start_cuda(dataset: Path, tmp_path: Path, monkeypatch):  # noqa: F811
    calls = []
    monkeypatch.setattr(snowdrift.detection.training, "run_ranks", lambda *call: calls.append(call))
    with leased_devices("auto", 2, granted=2) as found:
        snowdrift.detection.training.train_detector(
            dataset,
            tmp_path / "model",
            settings=DETECTOR,
            seed=0,
            devices=found,
            threads=1,
            state=JobState(tmp_path / "state", "key"),
        )
    assert len(calls) == 1


def test_a_rank_takes_its_own_device_before_anything_else_and_tries_it(tmp_path: Path, monkeypatch):
    steps = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: steps.append(("set", device)))
    monkeypatch.setattr(ranks, "check_kernels", lambda device: steps.append(("try", device)))
    monkeypatch.setattr(
        ranks.dist, "init_process_group", lambda kind, **rest: steps.append(("join", rest["device_id"]))
    )
    second = torch.device("cuda", 1)
    ranks._join(Ranks(1, 2), second, tmp_path / "meeting")
    assert steps == [("set", second), ("try", second), ("join", second)]


def test_the_report_names_gpus_without_starting_cuda(monkeypatch: pytest.MonkeyPatch):
    assert machine()["GPUs"] == "NVIDIA A100, NVIDIA H200"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine()["GPUs"] == "none"
    assert not torch.cuda.is_initialized()
