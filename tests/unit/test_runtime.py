"""Errors, atomic files, seeds, devices, and the frame around every script."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import (
    atomic_folder,
    atomic_path,
    digest_file,
    read_table,
    scratch_folder,
    write_table,
)
from snowdrift.runtime.results import check_layout
from snowdrift.runtime.seeds import derive_seed

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


@pytest.mark.parametrize(
    "path", ["snow/generator.pth", "snow/shards", "detection/datasets/vfp", "attack/nullify.csv"]
)
def test_a_study_of_the_old_layout_ends_in_a_line_that_says_what_to_do(tmp_path: Path, path: str):
    (tmp_path / "snow/cyclegan/shards").mkdir(parents=True)
    check_layout(tmp_path)
    check_layout(tmp_path / "new")
    (tmp_path / path).mkdir(parents=True)
    with pytest.raises(SnowdriftError, match=r"was made by Snowdrift 0\.1") as caught:
        check_layout(tmp_path)
    assert "another `study`" in caught.value.hint


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "deep/er/table.csv"
    with pytest.raises(ValueError, match="half"), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise ValueError("half")
    assert list(target.parent.iterdir()) == []
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"


def test_a_folder_appears_whole_or_not_at_all_and_takes_the_place_of_the_old_one(tmp_path: Path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(ValueError, match="half"), atomic_folder(target) as temporary:
        (temporary / "new").touch()
        raise ValueError("half")
    assert [path.name for path in target.iterdir()] == ["old"]
    with atomic_folder(target) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_a_killed_process_left_goes_with_the_next_of_its_kind(tmp_path: Path):
    for left in (".table.tmp.csv", ".folder.tmp/old", "scratch/old"):
        (tmp_path / left).parent.mkdir(exist_ok=True)
        (tmp_path / left).write_text("half")
    with atomic_path(tmp_path / "table.csv") as temporary:
        temporary.write_text("whole")
    with atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "new").touch()
    with scratch_folder(tmp_path / "scratch") as folder:
        assert not list(folder.iterdir())
        (folder / "new").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "table.csv"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_tables_come_back_as_they_went(tmp_path: Path, name: str):
    table = pd.DataFrame({"frame_id": ["a/0", "a/1"], "map50": [0.25, 1.0]})
    write_table(table, tmp_path / name)
    pd.testing.assert_frame_equal(read_table(tmp_path / name), table, check_dtype=False)


def test_a_broken_table_is_named(tmp_path: Path):
    (tmp_path / "frames.parquet").write_text("no parquet")
    with pytest.raises(SnowdriftError, match=r"frames\.parquet: cannot be read as a table"):
        read_table(tmp_path / "frames.parquet")


def test_only_an_empty_cell_is_missing(tmp_path: Path):
    (tmp_path / "table.csv").write_text("class_name,map50\nNone,0.5\nNA,\n")
    table = read_table(tmp_path / "table.csv")
    assert table["class_name"].tolist() == ["None", "NA"]
    assert table["map50"].isna().tolist() == [False, True]


def test_an_error_keeps_its_hint_across_processes():
    error = pickle.loads(pickle.dumps(SnowdriftError("a.jpg: is empty", "replace it")))
    assert (error.message, error.hint) == ("a.jpg: is empty", "replace it")


def test_the_digest_is_sha256(tmp_path: Path):
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_file(tmp_path / "abc") == known


def test_seeds_differ_by_purpose_and_repeat():
    assert derive_seed(0, "splits") == derive_seed(0, "splits")
    purposes = [(0, "splits"), (0, "weights"), (1, "splits"), (0, "splits", 1), (0, "split", "s1")]
    assert len({derive_seed(*purpose) for purpose in purposes}) == len(purposes)


def test_a_device_that_runs_out_of_memory_is_something_a_user_can_mend():
    with (
        pytest.raises(SnowdriftError, match="9 frames does not fit into the memory") as caught,
        memory_limit("9 frames", "less"),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory")
    assert caught.value.hint == "less"


def run_job(tmp_path: Path, body: str) -> tuple[int, str, str]:
    """Exit status, stderr and log of a script with the given body."""
    script = f"""
from pathlib import Path
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.job import job
with job({str(tmp_path / "job.log")!r}) as log:
    {body}
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": str(SCRIPTS)}
    )
    return done.returncode, done.stderr, (tmp_path / "job.log").read_text()


def test_a_job_says_what_a_user_can_mend_without_a_traceback(tmp_path: Path):
    for body, line in [
        ('raise SnowdriftError("a.jpg: is empty", "replace it")', "Error: a.jpg: is empty\nHint: replace it"),
        ('open("/nowhere/at/all", "w")', "Error: /nowhere/at/all: No such file or directory\nHint: "),
    ]:
        status, text, log = run_job(tmp_path, body)
        assert status == 1
        assert line in text
        assert line in log
        assert "Traceback" not in text


def in_jobs(tmp_path: Path, bodies: dict[str, str]) -> dict[str, str]:
    """What jobs with these bodies say on stderr, each in its turn in one process; all have to fail."""
    script = f"""
import json, os, sys, contextlib, io, logging
from snowdrift.runtime.job import job
said = {{}}
for name, body in json.loads(sys.argv[1]).items():
    os.chdir({str(tmp_path)!r})
    sys.stderr = io.StringIO()
    try:
        with job("job.log"):
            exec(body)
        said[name] = "no error"
    except SystemExit as ended:
        said[name] = sys.stderr.getvalue() if ended.code == 1 else "another status"
    logging.getLogger("snowdrift").handlers.clear()
print(json.dumps(said))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(bodies)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SCRIPTS)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_error_of_the_system_has_a_hint_that_fits_it(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "round").symlink_to("round")
    made_up = {
        "EACCES": "ls -ld",
        "EROFS": "only be read",
        "EDQUOT": "quota -s",
        "EIO": "dmesg",
        "ESTALE": "mount",
    }
    cases = {
        "long": ("open('a' * 256)", "shorten the names"),
        "loop": ("open('round')", "round in a circle"),
        "missing": ("open('nothing')", "still mounted"),
        "folder": ("open('folder', 'w')", "a folder lies where a file should be"),
        "file": ("os.mkdir('job.log/folder')", "a file lies where a folder should be"),
        "full": ("open('/dev/full', 'w', buffering=1).write('a\\n')", "df -h"),
        "many": ("[open('job.log') for _ in range(10**6)]", "ulimit -n"),
        "unknown": ("raise OSError('broken data stream')", "check that it is whole"),
    } | {
        name: (f"import errno; raise OSError(errno.{name}, os.strerror(errno.{name}), 'x.jpg')", hint)
        for name, hint in made_up.items()
    }
    said = in_jobs(tmp_path, {name: body for name, (body, _) in cases.items()})
    for name, (_, hint) in cases.items():
        assert "Error: " in said[name] and "fault in Snowdrift" not in said[name], (name, said[name])
        assert hint in said[name].split("Hint: ")[1], (name, said[name])


def test_want_of_memory_is_no_fault_of_the_program(tmp_path: Path):
    said = in_jobs(
        tmp_path,
        {
            "a tensor": "import torch; torch.empty(10**13)",
            "a network": "import torch; torch.nn.Linear(10**7, 10**7)",
            "more than there is": "import torch; torch.empty(10**15, 10**15)",
            "an array": "import numpy; numpy.empty(10**14)",
            "a GPU's": "import torch; raise torch.OutOfMemoryError('CUDA out of memory')",
            "a loader's": "raise RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed. ')",
            "without a word": "raise MemoryError",
        },
    )
    for name, text in said.items():
        assert "Error: the memory does not suffice: " in text and "batch_size" in text, (name, text)
        assert "Traceback" not in text, (name, text)


def test_a_file_of_another_users_or_a_link_is_not_written_through(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("chapter 1")
    (tmp_path / ".table.tmp.csv").symlink_to("thesis.txt")
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "table.csv")
    assert (tmp_path / "thesis.txt").read_text() == "chapter 1"
    assert not (tmp_path / "table.csv").is_symlink()


def test_a_fault_of_the_program_keeps_its_traceback(tmp_path: Path):
    status, _, log = run_job(tmp_path, "1 / 0")
    assert status == 1
    assert "fault in Snowdrift" in log
    assert "ZeroDivisionError" in log


def test_a_job_that_ends_well_has_its_messages_in_the_log(tmp_path: Path):
    status, _, log = run_job(tmp_path, 'log.info("3 frames")')
    assert status == 0
    assert "3 frames" in log
