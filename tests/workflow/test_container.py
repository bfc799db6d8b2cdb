"""Jobs in containers, with a stand-in for Apptainer that writes down what it is asked and runs the command here."""

import os
import sys
from pathlib import Path

import pytest
from conftest import succeed

STAND_IN = """\
#!/bin/bash
echo "$@" >> {calls}
[ "$1" == exec ] || {{ echo "apptainer version 1.3.4"; exit; }}
while [ "$1" != {image} ]; do shift; done
shift
exec "$@"
"""


def test_jobs_run_in_the_image_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls, image, program = (tmp_path / name for name in ("calls", "snowdrift.sif", "apptainer"))
    image.touch()
    program.write_text(STAND_IN.format(calls=calls, image=image))
    program.chmod(0o755)
    monkeypatch.setenv("SNOWDRIFT_IMAGE", str(image))
    # In the image, `python` is the one with the packages.
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    options = ["--sdm", "apptainer", "--apptainer-args=--nv"]
    succeed(tmp_path, "results/tiny/data/rendered/DAWN", *options)
    (call,) = [line for line in calls.read_text().splitlines() if line.startswith("exec ")]
    assert f"--home {tmp_path} --nv " in call
    assert f" {image} bash -c " in call and call.endswith(".render_dawn.py")
    assert list((tmp_path / "results/tiny/data/rendered/DAWN").rglob("*.jpg"))
