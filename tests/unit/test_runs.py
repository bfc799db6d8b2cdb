"""How a study stands: what Snakemake's own records make of a run's file, and what is said of it."""

import enum
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snowdrift.operation.runs import FAILED, FILE, FINISHED, SILENCE, STOPPED, LastWord, Recorder, read_run
from snowdrift.operation.watch import read_jobs, state
from snowdrift.runtime.errors import PassingError, SnowdriftError
from snowdrift.runtime.job import job


class Event(enum.Enum):
    """The values of Snakemake's `LogEvent` that count here; a test below holds them against it."""

    JOB_INFO = "job_info"
    JOB_FINISHED = "job_finished"
    JOB_ERROR = "job_error"


def test_snakemake_calls_its_events_so():
    from snakemake_interface_logger_plugins.common import LogEvent

    assert {event.name: LogEvent[event.name].value for event in Event} == {e.name: e.value for e in Event}


class Study:
    """A run of four jobs, told by records."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.given_up = folder, []
        jobs = {
            3: ("index", f"{folder}/logs/index.log"),
            2: ("winterize_shard", f"{folder}/logs/winterize_shard/0.log"),
            1: ("winterize_shard", f"{folder}/logs/winterize_shard/1.log"),
            0: ("all", None),
        }
        self.recorder = Recorder(
            folder, "snakemake -c2", jobs, {"index": 10, "winterize_shard": 20}, self.given_up.append
        )

    def tell(self, event: Event, number: int) -> None:
        key = "job_id" if event is Event.JOB_FINISHED else "jobid"
        self.recorder.emit(logging.makeLogRecord({"event": event, key: number}))

    def state(self) -> str:
        return state(self.folder, read_jobs([self.folder]))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "demo").mkdir()
    return Study(tmp_path / "demo")


def test_a_run_is_told_at_every_moment(study: Study):
    assert study.state() == "demo: 0 of 4 jobs done; next index"
    study.tell(Event.JOB_INFO, 3)
    assert study.state() == "demo: 0 of 4 jobs done; now index; next winterize_shard/0"
    study.tell(Event.JOB_FINISHED, 3)
    assert study.state().startswith("demo: 1 of 4 jobs done; next winterize_shard/0; about ")
    for number in (2, 1):
        study.tell(Event.JOB_INFO, number)
    assert "1 of 4 jobs done; now 2 winterize_shard; next all" in study.state()
    for number in (2, 1, 0):
        study.tell(Event.JOB_FINISHED, number)
    (study.folder / "report.html").touch()
    assert study.recorder.close_run(FINISHED) == f"Finished: the report is {study.folder}/report.html"
    assert f"finished: the report is {study.folder}/report.html" in study.state()
    assert "with 4 of 4 jobs done" in study.state()


def test_a_failure_names_the_log_and_a_new_attempt_is_none(study: Study):
    study.tell(Event.JOB_INFO, 3)
    study.tell(Event.JOB_ERROR, 3)
    study.tell(Event.JOB_INFO, 3)
    assert "now index" in study.state() and read_run(study.folder)[0].failed == {}
    study.tell(Event.JOB_ERROR, 3)
    last = study.recorder.close_run(FAILED)
    assert last == (
        f"Failed in index: read {study.folder}/logs/index.log, mend it, and the same command goes on: snakemake -c2"
    )
    assert last[1:] in study.state()


def test_a_stopped_and_a_killed_run_say_how_it_goes_on(study: Study):
    study.tell(Event.JOB_INFO, 3)
    known = json.loads((study.folder / FILE).read_text())
    study.recorder.close_run(STOPPED)
    assert "stopped: the same command goes on where it was: snakemake -c2" in study.state()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    (study.folder / FILE).write_text(json.dumps(known | {"pid": child.pid}))
    assert "died without a word: give `snakemake -c2 --unlock`" in study.state()
    # A later process of the same number is another.
    (study.folder / FILE).write_text(json.dumps(known | {"birth": "1"}))
    assert "died without a word" in study.state()
    (study.folder / FILE).write_text(json.dumps(known | {"host": "elsewhere"}))
    assert "now index" in study.state()
    os.utime(study.folder / FILE, times=(time.time() - SILENCE - 1,) * 2)
    assert "died without a word" in study.state()


def test_the_time_left_follows_what_jobs_took(study: Study):
    run, now = study.recorder.run, time.time()
    run.started, run.done, run.running = now - 40, {"index": 20.0}, {"winterize_shard/0": now - 20}
    # Twice as slow as expected: 20 s more of this shard, and 40 s of the next, one after the other.
    assert run.seconds_left(now, {}) == pytest.approx(60, rel=0.05)
    assert run.seconds_left(now, {"winterize_shard/0": 5.0}) == pytest.approx(45, rel=0.05)
    run.started = now - 20  # two at a time
    assert run.seconds_left(now, {}) == pytest.approx(30, rel=0.05)


def test_jobs_that_died_before_this_run_are_not_shown(study: Study):
    stale = study.folder / "progress/index.json"
    stale.parent.mkdir()
    stale.write_text(json.dumps({"job": "index", "host": "x", "pid": 1, "started": time.time() - 500}))
    os.utime(stale, times=(time.time() - 400,) * 2)
    assert read_jobs([study.folder]) == []
    study.recorder.close_run(STOPPED)
    assert [job.lives for job in read_jobs([study.folder])] == [False]


@pytest.mark.parametrize(
    ("error", "given_up"),
    [
        (SnowdriftError("a.jpg: broken", "mend it"), ["index"]),
        (PassingError("another process works on it", "wait"), []),
        (OSError(28, "No space left"), []),
        (ValueError("a fault of ours"), []),
    ],
)
def test_what_only_the_user_can_mend_is_not_tried_again(study: Study, error: Exception, given_up: list[str]):
    with pytest.raises(SystemExit), job(study.folder / "logs/index.log"):
        raise error
    study.tell(Event.JOB_ERROR, 3)
    assert study.given_up == given_up


def test_after_the_last_word_nothing_else_is_shown():
    word, plain = LastWord(), logging.makeLogRecord({"msg": "Complete log(s)"})
    assert word.filter(plain)
    word.silent = True
    assert not word.filter(plain)
    assert word.filter(logging.makeLogRecord({"last_word": True}))
