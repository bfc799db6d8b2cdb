"""Leases of devices: names, locks, waiting, and what a job gets for its config's `device`."""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch

from snowdrift.runtime import leases
from snowdrift.runtime.devices import check_kernels, leased_devices
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.leases import lease, machine_devices, parse_listing, visible_devices

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
LISTING = """\
GPU 0: NVIDIA H200 (UUID: GPU-aaaa1111-0000)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb2222-0000)
  MIG 3g.20gb     Device  0: (UUID: MIG-cccc3333-0000)
  MIG 3g.20gb     Device  1: (UUID: MIG-dddd4444-0000)
GPU 2: NVIDIA H200 (UUID: GPU-aaaa5555-0000)
"""


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Locks in a folder of the test, on a machine that shows no device."""
    monkeypatch.setenv("SNOWDRIFT_LOCKS", str(tmp_path / "locks"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(leases, "machine_devices", lambda: [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leases, "machine_devices", lambda: parse_listing(LISTING))


@pytest.fixture
def cuda_that_sees_what_is_leased(monkeypatch: pytest.MonkeyPatch):
    """Torch as it counts devices where CUDA is there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(os.environ["CUDA_VISIBLE_DEVICES"]))
    monkeypatch.setattr(
        torch.cuda, "device_count", lambda: len(os.environ["CUDA_VISIBLE_DEVICES"].split(","))
    )
    monkeypatch.setattr(torch, "ones", lambda size, device: torch.zeros(size))


def test_the_lock_part_does_without_torch():
    program = "import sys, snowdrift.runtime.leases; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(SCRIPTS)})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ["GPU-aaaa1111-0000", "MIG-cccc3333-0000", "MIG-dddd4444-0000", "GPU-aaaa5555-0000"]),
        ("2,0", ["GPU-aaaa5555-0000", "GPU-aaaa1111-0000"]),
        ("1", ["MIG-cccc3333-0000"]),
        ("GPU-aaaa5", ["GPU-aaaa5555-0000"]),
        ("MIG-dddd4444-0000", ["MIG-dddd4444-0000"]),
        ("MIG-GPU-bbbb2222/1/0", ["MIG-GPU-bbbb2222/1/0"]),
        ("0,-1,2", ["GPU-aaaa1111-0000"]),
        ("0,3,2", ["GPU-aaaa1111-0000"]),
        ("0, 0", ["GPU-aaaa1111-0000"]),
        ("", []),
        ("NoDevFiles", []),
    ],
)
def test_every_device_has_one_name_however_it_is_given(given, expected, three_gpus, monkeypatch):
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert list(visible_devices()) == expected


def test_without_nvidia_smi_the_names_are_taken_as_they_are_given(monkeypatch: pytest.MonkeyPatch):
    assert visible_devices() == {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-aaaa,MIG-bbbb")
    assert list(visible_devices()) == ["0", "GPU-aaaa", "MIG-bbbb"]


def test_a_job_of_slurms_has_no_device_that_slurm_did_not_give_it(three_gpus, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert visible_devices() == {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    assert list(visible_devices()) == ["GPU-aaaa5555-0000"]


def test_two_jobs_of_slurms_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch):
    """Each sees its own device as 0."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with lease(["0"], 1):
        monkeypatch.setenv("SLURM_JOB_ID", "8")
        with lease(["0"], 1) as leased:
            assert leased == ["0"]


def test_a_request_that_can_never_be_met_is_an_error():
    with (
        pytest.raises(SnowdriftError, match="needs 3 GPUs, and only 2 can be used here: a, b"),
        lease(["a", "b", "a"], 3),
    ):
        pass


def test_a_folder_that_cannot_hold_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SNOWDRIFT_LOCKS", str(tmp_path / "file/locks"))
    with pytest.raises(SnowdriftError, match="file/locks: cannot be locked") as caught, lease(["a"], 1):
        pass
    assert "SNOWDRIFT_LOCKS" in caught.value.hint


def test_locks_are_for_every_user_and_leave_nothing(tmp_path: Path):
    before = os.umask(0o077)
    try:
        with lease(["a", "b"], 2):
            folder = tmp_path / "locks"
            assert folder.stat().st_mode & 0o7777 == 0o777
            names = sorted(path.name for path in folder.iterdir())
            assert names == ["a.lock", "b.lock"]
            assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666}
    finally:
        os.umask(before)
    assert not list(folder.iterdir())


PLANTED = {
    "link": lambda path, victim: path.symlink_to(victim),
    "second name": lambda path, victim: path.hardlink_to(victim),
    "pipe": lambda path, victim: os.mkfifo(path),
    "folder": lambda path, victim: path.mkdir(),
    "link to nothing": lambda path, victim: path.symlink_to(victim.with_name("nothing")),
}
REFUSED = {"link", "folder", "link to nothing"}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", PLANTED)
def test_what_another_user_puts_in_a_locks_place_costs_no_file_and_no_time(kind: str, tmp_path: Path):
    victim = tmp_path / "thesis.txt"
    victim.write_text("chapter 1")
    (tmp_path / "locks").mkdir()
    PLANTED[kind](tmp_path / "locks/a.lock", victim)
    if kind in REFUSED:
        with pytest.raises(SnowdriftError, match=r"locks/a\.lock: cannot be locked"), lease(["a"], 1):
            pass
    else:
        with lease(["a"], 1) as leased:
            assert leased == ["a"]
    assert victim.read_text() == "chapter 1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "thesis.txt"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", PLANTED)
def test_what_takes_the_place_of_a_held_lock_is_neither_read_nor_removed(kind: str, tmp_path: Path):
    victim, path = tmp_path / "thesis.txt", tmp_path / "locks/a.lock"
    victim.write_text("chapter 1")
    lock = leases._lock(tmp_path / "locks/a")
    with lease(["a"], 1):
        assert path.read_text().startswith(f"process {os.getpid()} (")
        path.unlink()
        PLANTED[kind](path, victim)
        with contextlib.suppress(OSError):
            assert lock.read_note() == ""
    assert os.path.lexists(path)
    assert victim.read_text() == "chapter 1"


def test_another_users_note_is_cut_and_cannot_command_the_terminal(tmp_path: Path):
    lock = leases._lock(tmp_path / "a")
    (tmp_path / "a.lock").write_bytes(b"process 7 \x1b[2J\x07\n\xff" + b"x" * 1_000_000)
    note = lock.read_note()
    assert note.startswith("process 7 ?[2J??")
    assert note.isprintable()
    assert len(note) < 5000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a link of another user's")
def test_a_link_in_the_lock_folders_place_is_not_followed_if_another_user_made_it(tmp_path: Path):
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "locks").symlink_to(tmp_path / "private")
    with lease(["a"], 1):  # the link is one's own
        assert list((tmp_path / "private").iterdir())
    os.lchown(tmp_path / "locks", 12345, 12345)
    with pytest.raises(SnowdriftError, match="another user has made this link"), lease(["a"], 1):
        pass
    assert (tmp_path / "private").stat().st_mode & 0o7777 == 0o700
    assert not list((tmp_path / "private").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_a_user_takes_the_lock_that_another_users_killed_job_has_left(monkeypatch: pytest.MonkeyPatch):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "locks/a.lock")
        monkeypatch.setenv("SNOWDRIFT_LOCKS", str(path.parent))
        holder = hold("a", 1)
        assert holder.stdout.readline() == "a\n"
        holder.kill()
        holder.wait()
        assert path.read_text().startswith(f"process {holder.pid} (")
        if not (process := os.fork()):
            status = 1
            try:
                os.setuid(12345)
                with lease(["a"], 1):
                    status = not path.read_text().startswith(f"process {os.getpid()} (")
            finally:
                os._exit(status)
        assert os.waitpid(process, 0)[1] == 0
        assert not path.exists()


HOLD = """
import sys, time
from snowdrift.runtime.leases import lease
with lease(sys.argv[1].split(","), int(sys.argv[2])) as leased:
    print(*leased, flush=True)
    time.sleep(60)
"""


def hold(pool: str, count: int) -> subprocess.Popen:
    """A process that holds devices until it is killed; they are on its first line."""
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    arguments = [sys.executable, "-c", HOLD, pool, str(count)]
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_killed_holders_device_is_free_within_a_second():
    holder = hold("a", 1)
    try:
        assert holder.stdout.readline() == "a\n"
        waiting = hold("a", 1)
        time.sleep(1)
        killed = time.monotonic()
        holder.send_signal(signal.SIGKILL)
        assert waiting.stdout.readline() == "a\n"
        assert time.monotonic() - killed < 1
    finally:
        for process in (holder, waiting):
            process.kill()
            process.wait()


def test_who_waits_says_for_whom_and_how_to_set_the_limit(caplog: pytest.LogCaptureFixture, monkeypatch):
    monkeypatch.setattr(logging.getLogger("snowdrift"), "propagate", True)
    caplog.set_level(logging.INFO, logger="snowdrift")
    holder = hold("a,b", 1)
    try:
        assert holder.stdout.readline() == "a\n"
        time.sleep(0.3)
        monkeypatch.setattr(leases.time, "sleep", lambda seconds: holder.kill())
        with lease(["a", "b"], 2) as leased:
            assert leased == ["a", "b"]
    finally:
        holder.kill()
        holder.wait()
    waiting = caplog.messages[0]
    assert waiting.startswith(
        f"waiting for 2 of 2 GPUs: a is held by process {holder.pid} (-c in {os.getcwd()})"
    )
    assert "--resources gpu=2" in waiting


def test_a_job_for_several_devices_is_not_passed_for_ever():
    """One of three that share two devices wants both, while the others take and give back one all the time."""
    program = """
import time
from snowdrift.runtime.leases import lease
while True:
    with lease(["a", "b"], 1):
        time.sleep(0.05)
"""
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    others = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(2)]
    try:
        time.sleep(1)
        started = time.monotonic()
        with lease(["a", "b"], 2):
            print(f"both after {time.monotonic() - started:.1f} s")
            assert time.monotonic() - started < 10
    finally:
        for process in others:
            process.kill()
            process.wait()


def test_1000_random_steps_end_without_overlap_or_deadlock():
    """Leases of one to four devices, releases and kills, in eight processes at a time."""
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    program = [sys.executable, Path(__file__).with_name("lease_steps.py"), "0", "1000"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    assert all(int(count) > 10 for count in done.stdout.split()[::2])


@pytest.mark.parametrize(
    ("requested", "given", "limit", "expected"),
    [
        ("auto", None, None, "everything runs on the CPU"),
        ("auto", "0,1", 0, "everything runs on the CPU"),
        ("auto", "0,1", None, "2 GPUs here, and no limit .* --resources gpu=2"),
        ("cuda", "0", 2, "gpu=2 is more than .* --resources gpu=1"),
        ("auto", "0,1", 2, None),
        ("auto", "0,1", 1, None),
        ("cpu", "0,1", None, None),
        ("cuda", None, None, None),
    ],
)
def test_a_run_is_told_what_it_has_to_know_of_the_gpus(requested, given, limit, expected, monkeypatch):
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    advice = leases.advise(requested, limit)
    assert advice is None if expected is None else re.search(expected, advice)


@pytest.mark.usefixtures("three_gpus", "cuda_that_sees_what_is_leased")
def test_a_job_sees_its_devices_alone_and_counts_them_from_0(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    with leased_devices("auto", granted=1) as found:
        assert found == [torch.device("cuda", 0)]
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-aaaa1111-0000"
    with leased_devices("cuda", 2, granted=2) as found:
        assert found == [torch.device("cuda", 0), torch.device("cuda", 1)]
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-aaaa1111-0000,GPU-aaaa5555-0000"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,0"


@pytest.mark.usefixtures("three_gpus", "cuda_that_sees_what_is_leased")
@pytest.mark.parametrize(
    ("given", "count", "granted", "line"),
    [
        ("0,2", 2, 1, "needs 2 GPUs, and --resources gpu=1 gives it 1"),
        ("0,2", 3, 3, "needs 3 GPUs, and only 2 can be used here"),
        ("0,1", 2, 2, "slices of GPUs"),
    ],
)
def test_a_job_does_not_run_on_fewer_gpus_than_it_asks(given, count, granted, line, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    for requested in ("auto", "cuda"):
        with pytest.raises(SnowdriftError, match=line), leased_devices(requested, count, granted):
            pass
    with leased_devices("cpu", count, 0) as found:
        assert found == [torch.device("cpu")]


def test_without_a_gpu_auto_takes_the_cpu_and_cuda_is_an_error():
    for requested in ("auto", "cpu"):
        with leased_devices(requested, 2) as found:
            assert found == [torch.device("cpu")]
    with pytest.raises(SnowdriftError, match="device: cuda was asked for"), leased_devices("cuda"):
        pass


@pytest.mark.usefixtures("three_gpus")
def test_a_gpu_that_torch_cannot_use_is_given_back_before_the_cpu_is_taken(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("snowdrift"), "propagate", True)
    with leased_devices("auto") as found, lease(visible_devices(), 4):
        assert found == [torch.device("cpu")]
    assert "torch cannot use GPU-aaaa1111-0000" in caplog.text


@pytest.mark.usefixtures("three_gpus", "cuda_that_sees_what_is_leased")
def test_a_card_that_torch_has_no_kernels_for_is_named(monkeypatch: pytest.MonkeyPatch):
    def ones(size, device):
        if device.index:
            raise torch.AcceleratorError(
                "CUDA error: no kernel image is available\nSearch for it in the docs"
            )
        return torch.zeros(size)

    monkeypatch.setattr(torch, "ones", ones)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    with pytest.raises(SnowdriftError) as caught, leased_devices("auto", 2) as (first, second):
        check_kernels(first)
        check_kernels(second)
    assert "compute on GPU-aaaa5555-0000: CUDA error: no kernel image is available" in str(caught.value)
    assert "Search for it" not in str(caught.value)
    assert "CUDA_VISIBLE_DEVICES=" in caught.value.hint


def test_a_gpu_without_a_name_is_not_taken_and_not_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with (
        pytest.raises(SnowdriftError, match="neither nvidia-smi nor Slurm") as caught,
        leased_devices("auto"),
    ):
        pass
    assert "CUDA_VISIBLE_DEVICES" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "said", "fault"),
    [
        (18, "Failed to initialize NVML: Driver/library version mismatch", True),
        (6, "No devices were found", False),
        (9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", False),
    ],
)
def test_a_broken_driver_is_an_error_and_none_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, said: str, fault: bool
):
    program = tmp_path / "nvidia-smi"
    program.write_text(f'#!/bin/sh\necho "{said}"\nexit {status}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if fault:
        with pytest.raises(SnowdriftError, match=f"ends with status 18: {said}") as caught:
            machine_devices()
        assert "reboot" in caught.value.hint
    else:
        assert machine_devices() == []


def test_cuda_is_not_asked_for_and_forbidden_at_once():
    with pytest.raises(SnowdriftError, match="gpu=0 allows no GPU"), leased_devices("cuda", granted=0):
        pass


@pytest.mark.usefixtures("three_gpus", "cuda_that_sees_what_is_leased")
def test_a_limit_of_no_gpus_is_the_cpu_under_auto():
    with leased_devices("auto", granted=0) as found:
        assert found == [torch.device("cpu")]
