"""Print the conda environment that goes with the lock: the direct dependencies at the locked versions.

Usage: python envs/conda_from_lock.py envs/requirements.lock pyproject.toml > envs/snowdrift.yaml
"""

import re
import sys
import tomllib
from pathlib import Path


def conda_environment(lock: str, pyproject: str) -> str:
    """The environment file's text; torch's own packages come from PyPI there too, so that versions agree."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, flags=re.MULTILINE))
    project = tomllib.loads(pyproject)["project"]
    names = [re.match(r"[\w.-]+", requirement)[0] for requirement in project["dependencies"]]
    lines = [
        "# Made from the lock by `make lock`; do not edit.",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
    ]
    lines += ["dependencies:", "  - python=3.12", "  - pip", "  - pip:"]
    return "\n".join(lines + [f"      - {name}=={pins[name]}" for name in names]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(conda_environment(*(Path(name).read_text() for name in sys.argv[1:])))
