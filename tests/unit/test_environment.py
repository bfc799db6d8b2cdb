"""The pins: one lock for all, whole, and without a registry's address."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LOCK = (REPOSITORY / "envs/requirements.lock").read_text()


def test_the_lock_pins_every_direct_dependency_with_hashes_and_names_no_address():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.match(r"[\w.-]+", requirement)[0] for requirement in wanted}
    assert names <= set(re.findall(r"^([\w.-]+)==", LOCK, flags=re.MULTILINE))
    assert "://" not in LOCK
    entries = re.findall(
        r"^[\w.-]+==.*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", LOCK, flags=re.MULTILINE
    )
    assert len(entries) == len(re.findall(r"^[\w.-]+==", LOCK, flags=re.MULTILINE))


def test_the_conda_environment_is_made_from_the_lock():
    command = [sys.executable, "envs/conda_from_lock.py", "envs/requirements.lock", "pyproject.toml"]
    made = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert (REPOSITORY / "envs/snowdrift.yaml").read_text() == made, "stale: run `make lock`"


def test_the_image_is_made_from_the_lock_with_the_python_of_the_conda_environment():
    image = (REPOSITORY / "envs/Dockerfile").read_text()
    python = re.search(r"^FROM python:([\d.]+)-", image, flags=re.MULTILINE)[1]
    assert f"- python={python}\n" in (REPOSITORY / "envs/snowdrift.yaml").read_text()
    assert "pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.lock" in image
