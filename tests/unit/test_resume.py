"""The state of resumable jobs: what it is kept for, what survives, and when it goes."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from snowdrift.runtime import resume
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.results import remove_finished
from snowdrift.runtime.resume import JobState, job_key, job_state, random_state, restore_random_state

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


def test_a_snapshot_and_items_come_back_for_the_same_key(tmp_path: Path):
    state = JobState(tmp_path / "state", "key")
    assert state.load() is None
    assert state.items() == []
    state.save({"epoch": 3, "weights": {"a": torch.arange(3.0)}, "rows": [{"loss": 0.1}]})
    state.append({"image": "a.jpg", "score": 0.1})
    state.append({"image": "ü.jpg", "score": float("inf")})
    again = JobState(tmp_path / "state", "key")
    loaded = again.load()
    assert loaded["epoch"] == 3
    assert loaded["rows"] == [{"loss": 0.1}]
    assert torch.equal(loaded["weights"]["a"], torch.arange(3.0))
    assert again.items() == [{"image": "a.jpg", "score": 0.1}, {"image": "ü.jpg", "score": float("inf")}]


def test_another_key_finds_nothing_and_removes_what_was_there(tmp_path: Path):
    old = JobState(tmp_path / "state", "old")
    old.save({"epoch": 3})
    old.append({"epoch": 3})
    old.finish()
    new = JobState(tmp_path / "state", "new")
    assert new.load() is None
    assert new.items() == []
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["lock", "new"]


def test_a_crash_while_saving_leaves_the_former_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    state = JobState(tmp_path, "key")
    state.save({"epoch": 1})

    def half(content, stream):
        stream.write(b"PK half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        state.save({"epoch": 2})
    assert state.load() == {"epoch": 1}


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    """One bit of the tensor's own bytes, where torch itself sees nothing."""
    place = content.index(b"\x00\x00\x28\x42")  # 42.0
    return content[:place] + b"\x01" + content[place + 1 :]


@pytest.mark.parametrize("damage", [cut, flip, lambda content: b"", lambda content: b"no weights"])
def test_a_damaged_snapshot_counts_as_none(tmp_path: Path, damage, caplog: pytest.LogCaptureFixture):
    state = JobState(tmp_path, "key")
    state.save({"weights": torch.full((100,), 42.0)})
    path = next(tmp_path.glob("key/snapshot-*.pth"))
    path.write_bytes(damage(path.read_bytes()))
    assert state.load() is None
    assert f"{path}: not whole, so it is not used" in caplog.text


def test_a_crash_before_the_former_snapshot_is_removed_leaves_two_good_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    state = JobState(tmp_path, "key")
    state.save({"epoch": 1})
    with monkeypatch.context() as patch:
        patch.setattr(JobState, "_snapshots", lambda self: set())
        state.save({"epoch": 2})
    assert state.load() in ({"epoch": 1}, {"epoch": 2})
    state.save({"epoch": 3})
    assert state.load() == {"epoch": 3}
    assert len(list((tmp_path / "key").iterdir())) == 1


def test_a_line_that_was_cut_spoils_no_other(tmp_path: Path):
    state = JobState(tmp_path, "key")
    state.append({"image": "a"})
    state.append({"image": "bbb", "score": 12.5})
    path = tmp_path / "key/items.jsonl"
    path.write_bytes(path.read_bytes()[:-3])
    state.append({"image": "c"})
    assert [item["image"] for item in state.items()] == ["a", "c"]


def test_a_snapshot_is_due_after_its_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    monkeypatch.setattr(resume.time, "monotonic", lambda: now)
    state = JobState(tmp_path, "key", minutes=2)
    now = 119.0
    assert not state.due
    now = 120.0
    assert state.due
    state.save({})
    assert not state.due
    assert JobState(tmp_path, "key", minutes=0).due


def test_state_goes_only_when_its_job_has_finished(tmp_path: Path):
    root = tmp_path / "state"
    done = JobState(root / "shards/0", "key")
    done.save({"epoch": 1})
    done.finish()
    JobState(root / "shards/1", "key").save({"epoch": 2})
    remove_finished(root)
    assert JobState(root / "shards/1", "key").load() == {"epoch": 2}
    assert not (root / "shards/0").exists()
    JobState(root / "shards/1", "key").finish()
    remove_finished(root)
    assert list(tmp_path.iterdir()) == []
    remove_finished(root)


HOLDER = """
import sys, time
from snowdrift.runtime.resume import JobState
JobState(sys.argv[1], "key")
print("held", flush=True)
time.sleep(60)
"""


def test_two_processes_never_work_on_the_same_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(SCRIPTS)}) as holder:
        assert holder.stdout.readline() == b"held\n"
        monkeypatch.setattr(resume, "_SECONDS_FOR_A_DYING_JOB", 0.0)
        with pytest.raises(SnowdriftError, match=f"process {holder.pid} still works on this job"):
            JobState(tmp_path, "key")
        holder.kill()
        holder.wait()
    JobState(tmp_path, "key")


def test_the_key_follows_from_params_files_pictures_and_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    table, picture = tmp_path / "frames.csv", tmp_path / "a.jpg"
    table.write_text("image\na.jpg\n")
    picture.write_bytes(b"picture")
    params = {"settings": {"epochs": 3, "rate": 0.1}, "code": "abc"}

    def key(**changes) -> str:
        return job_key(params | changes, files=[table], pictures=[picture])

    before = key()
    assert before == key(settings={"rate": 0.1, "epochs": 3})
    others = [key(code="abd"), key(settings={"epochs": 4, "rate": 0.1}), key(new=None)]
    picture.write_bytes(b"another picture")
    others.append(key())
    table.write_text("image\nb.jpg\n")
    others.append(key())
    monkeypatch.setattr(resume, "installed", lambda modules: dict.fromkeys(modules, "0"))
    others.append(key())
    assert len({before, *others}) == 7


def test_a_job_finds_its_state_by_its_log_and_its_params(tmp_path: Path):
    log, other = (tmp_path / f"logs/train/{name}.log" for name in ("vae", "gan"))
    job_state(log, {"epochs": 3}, files=[]).save({"epoch": 1})
    assert list((tmp_path / "state/train/vae").rglob("snapshot-*"))
    assert job_state(log, {"epochs": 3}, files=[]).load() == {"epoch": 1}
    assert job_state(other, {"epochs": 3}, files=[]).load() is None
    assert job_state(log, {"epochs": 4}, files=[]).load() is None


def test_random_numbers_go_on_where_they_were(tmp_path: Path):
    own = torch.Generator().manual_seed(5)

    def draw() -> list[float]:
        return [
            random.random(),
            float(np.random.normal()),
            float(torch.rand(())),
            float(torch.rand((), generator=own)),
        ]

    draw()
    state = JobState(tmp_path, "key")
    state.save({"random": random_state(own)})
    expected = [draw(), draw()]
    restore_random_state(state.load()["random"], own)
    assert [draw(), draw()] == expected


def test_a_full_disk_is_named_and_leaves_the_former_snapshot(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        state = JobState(disk, "key")
        state.save({"epoch": 1})
        with pytest.raises(OSError, match="No space left on device") as caught:
            state.save({"weights": torch.zeros(1_000_000)})
        assert caught.value.filename == str(disk / "key/snapshot.tmp")
        assert state.load() == {"epoch": 1}
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)  # the lock is still held
