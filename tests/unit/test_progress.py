"""Progress of running jobs: what they write, what it costs, and what the watcher shows of it."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from snowdrift.operation.watch import SILENCE, duration, line, live, main, picture, read_jobs
from snowdrift.runtime import progress
from snowdrift.runtime.progress import report, shown, track

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
PYTHON = {**os.environ, "PYTHONPATH": str(SCRIPTS)}


def within(seconds: float, look: Callable[[], object]) -> object:
    """What `look` finds, as soon as it finds anything."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing within {seconds} s")


def content(study: Path, job: str) -> dict:
    path = study / f"progress/{job}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def leave(study: Path, job: str, **changes) -> Path:
    """A progress file as a job leaves it that dies now."""
    fixed = {"job": job, "host": "elsewhere", "pid": 1, "started": time.time() - 100}
    known = {"stage": "training", "done": 30, "total": 120, "unit": "steps", "rate": 0.5, "seconds_left": 180}
    path = study / f"progress/{job}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fixed | known | {"values": {"cycle_a": 0.25, "epoch": "2 of 6"}} | changes))
    return path


def test_a_job_is_shown_from_its_first_moment_to_its_last(tmp_path: Path):
    with shown(tmp_path / "logs/winterize_shard/3.log"):
        found = within(1, lambda: content(tmp_path, "winterize_shard/3"))
        assert (found["job"], found["pid"]) == ("winterize_shard/3", os.getpid())
        assert abs(found["started"] - time.time()) < 5
        report("translating", 10, 50, "frames", {"loss": torch.tensor(0.5), "epoch": "1 of 2"})
        time.sleep(0.2)
        report("translating", 20, 50, "frames", {"loss": torch.tensor(0.25), "epoch": "1 of 2"})
        found = within(2, lambda: (now := content(tmp_path, "winterize_shard/3")).get("done") == 20 and now)
    assert found["values"] == {"loss": 0.25, "epoch": "1 of 2"}
    assert 25 < found["rate"] <= 50  # 10 frames in 0.2 s or a little more
    assert found["seconds_left"] == pytest.approx(30 / found["rate"])
    assert not (tmp_path / "progress").exists()
    with shown(tmp_path / "logs/winterize_shard/3.log"):  # a second attempt
        assert "done" not in within(1, lambda: content(tmp_path, "winterize_shard/3"))


def test_a_new_stage_has_a_rate_of_its_own(tmp_path: Path):
    with shown(tmp_path / "logs/verify.log"):
        list(track(range(1000), "reading results", 1000, "manifests"))
        report("reading frames", 0, 10, "frames")
        found = within(2, lambda: (now := content(tmp_path, "verify")).get("unit") == "frames" and now)
    assert (found["rate"], found["seconds_left"]) == (None, None)


def test_processes_that_a_job_starts_speak_for_it(tmp_path: Path):
    code = "import time; from snowdrift.runtime.progress import report; report('x', 1, 2, 'steps'); time.sleep(1)"
    with shown(tmp_path / "logs/train.log"):
        within(1, lambda: content(tmp_path, "train"))
        child = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ) | PYTHON)
        found = within(9, lambda: (now := content(tmp_path, "train")).get("stage") == "x" and now)
        assert found["pid"] == child.pid
        child.wait()
        time.sleep(1.5)
        assert content(tmp_path, "train")["stage"] == "x", (
            "the job itself, which reports nothing, spoke over it"
        )
    assert not (tmp_path / "progress").exists()


def test_nothing_happens_outside_of_a_job_or_where_there_are_no_logs(tmp_path: Path):
    report("training", 1, 2, "steps")
    with shown(tmp_path / "job.log"):
        report("training", 1, 2, "steps")
    assert list(tmp_path.iterdir()) == []


def test_progress_that_cannot_be_written_disturbs_no_job(tmp_path: Path, capfd: pytest.CaptureFixture):
    class Broken:
        def __float__(self) -> float:
            raise RuntimeError("CUDA error")

    (tmp_path / "progress").write_text("not a folder")
    with shown(tmp_path / "logs/train.log"):
        report("training", 1, 2, "steps", {"loss": Broken()})
        time.sleep(0.1)
    assert (tmp_path / "progress").read_text() == "not a folder"
    with shown(tmp_path / "deep/logs/train.log"):
        report("training", 1, 2, "steps", {"loss": Broken()})
        time.sleep(0.1)
    assert capfd.readouterr().err == ""


def test_a_file_that_went_away_comes_back(tmp_path: Path):
    with shown(tmp_path / "logs/train.log"):
        within(1, lambda: content(tmp_path, "train"))
        (tmp_path / "progress/train.json").unlink()
        within(2, lambda: content(tmp_path, "train"))


def test_reports_cost_next_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    writes = []
    monkeypatch.setattr(progress._Writer, "_write", lambda self, latest: writes.append(latest))
    with shown(tmp_path / "logs/train.log"):
        started = time.thread_time()
        for step in range(100_000):
            report("training", step, 100_000, "steps", {})
        each = (time.thread_time() - started) / 100_000
    assert each < 20e-6
    assert len(writes) <= 3 + 100_000 * each * 5


def test_a_killed_job_counts_as_dead_at_once_on_its_own_machine_and_by_its_silence_elsewhere(tmp_path: Path):
    log = str(tmp_path / "logs/a.log")
    code = f"import time; from snowdrift.runtime.progress import shown\nwith shown({log!r}): time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], env=PYTHON)
    within(9, lambda: content(tmp_path, "a"))
    assert [job.lives for job in read_jobs([tmp_path])] == [True]
    child.kill()
    child.wait()
    elsewhere = leave(tmp_path, "b")
    jobs = {job.content["job"]: job.lives for job in read_jobs([tmp_path])}
    assert jobs == {"a": False, "b": True}
    os.utime(elsewhere, times=(time.time() - SILENCE - 1,) * 2)
    assert not any(job.lives for job in read_jobs([tmp_path]))
    assert "died 1 min 31 s ago: run again" in line(read_jobs([tmp_path])[0])


def test_a_line_has_all_that_is_known(tmp_path: Path):
    leave(tmp_path / "demo", "train_cyclegan")
    text = line(read_jobs([tmp_path / "demo"])[0])
    assert text == (
        "demo: train_cyclegan: training, 30 of 120 steps, 25%, 2.0 s each, 3 min left, cycle_a 0.25, epoch 2 of 6"
    )


def test_bars_fit_a_narrow_terminal_and_name_the_machine(tmp_path: Path):
    leave(tmp_path / "demo", "train_cyclegan")
    leave(tmp_path / "demo", "index_style", total=0, stage="[red]", done=0, rate=None, seconds_left=None)
    (tmp_path / "demo/progress/half.json").write_text("{")
    (tmp_path / "demo/progress/.other.json").write_text("{}")
    for width in (60, 80, 200):
        console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
        console.print(picture(read_jobs([tmp_path / "demo"]), [tmp_path / "demo"]))
        text = console.file.getvalue()
        assert all(len(row) <= width for row in text.splitlines())
        assert "train_cyclegan" in text and "[red]" in text and "30 of 120 steps" in text
        assert "on elsewhere" in text


def shown_at_height(study: Path, height: int) -> list[str]:
    """The lines of a terminal of 100 columns, while it is watched."""
    console = Console(file=io.StringIO(), width=100, height=height, force_terminal=True, color_system=None)
    with live([study], console) as display:
        display.refresh()
        text = console.file.getvalue()
    return [row.rstrip() for row in re.sub(r"\x1b[^A-Za-z]*[A-Za-z]", "", text).splitlines()]


def test_more_jobs_than_a_terminal_has_lines_are_folded_by_rule(tmp_path: Path):
    started = time.time() - 1000
    for shard in range(40):
        changes = {
            "started": started + shard,
            "unit": "frames",
            "stage": "translating",
            "seconds_left": shard,
        }
        path = leave(tmp_path / "demo", f"winterize_shard/{shard}", **changes)
        if shard == 3:
            path.write_text(
                json.dumps({"job": "winterize_shard/3", "host": "a", "pid": 1, "started": started})
            )
        if shard in (7, 39):
            os.utime(path, times=(started, started))
    leave(tmp_path / "demo", "train_detector/original-seed0", seconds_left=500)
    rows = shown_at_height(tmp_path / "demo", 24)
    assert len(rows) == 4 and "demo: train_detector/original-seed0" in rows[2]
    assert "demo: winterize_shard: 40 jobs" in rows[0] and rows[0].endswith("1,170 of 4,680 frames")
    assert "translating, on 2 machines" in rows[1] and rows[1].endswith("38 s left, 2 died: run again")
    rows = shown_at_height(tmp_path / "demo", 82)
    assert len(rows) == 82 and "winterize_shard/39" in rows[78] and "train_detector" in rows[80]


def test_rules_that_do_not_fit_are_counted(tmp_path: Path):
    started = time.time() - 1000
    for place in range(14):
        leave(tmp_path / "demo", f"rule{place}/a", started=started + place)
    leave(tmp_path / "demo", "rule13/b", host="another", started=started + 20, stage="reading", total=0)
    rows = shown_at_height(tmp_path / "demo", 24)
    assert len(rows) == 23 and "demo: rule10/a" in rows[20] and rows[22] == "and 4 more"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (7265, "2 h 1 min"),
        (3600, "1 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_have_two_units(seconds: float, words: str):
    assert duration(seconds) == words


def test_without_a_terminal_there_are_plain_lines(tmp_path: Path):
    leave(tmp_path / "demo", "train_cyclegan")
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "snowdrift.operation.watch", "--once", str(tmp_path / "demo")],
        **{"env": PYTHON, "capture_output": True, "text": True, "check": True},
    )
    assert time.monotonic() - started < 2
    assert done.stdout[8:].startswith(" demo: train_cyclegan: training, 30 of 120 steps")
    assert "\x1b" not in done.stdout


def test_a_terminal_shows_within_two_seconds_what_runs_and_what_begins_later(tmp_path: Path):
    leave(tmp_path / "demo", "train_cyclegan")
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "snowdrift.operation.watch", str(tmp_path / "demo")]
    child = subprocess.Popen(
        command, env=PYTHON | {"TERM": "xterm", "COLUMNS": "120"}, stdout=end, stderr=end
    )
    os.close(end)
    shows = b""

    def screen(text: bytes) -> bool:
        nonlocal shows
        while select.select([terminal], [], [], 0)[0]:
            shows += os.read(terminal, 4096)
        return text in shows

    within(2, lambda: screen(b"train_cyclegan"))
    leave(tmp_path / "demo", "verify")
    within(2, lambda: screen(b"verify"))
    child.send_signal(signal.SIGINT)
    assert child.wait(5) == 0
    os.close(terminal)


def test_a_study_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "nowhere")])
    assert "nowhere: there is no such folder. Hint: " in capsys.readouterr().err
