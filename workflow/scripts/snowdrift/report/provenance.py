"""What a study was run with: versions, the state of the source tree, the machine."""

import os
import platform
import subprocess
from pathlib import Path

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.leases import visible_devices
from snowdrift.runtime.libraries import installed

MODULES = ("torch", "torchvision", "ultralytics", "snakemake", "numpy", "pandas", "PIL")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that the results rest on."""
    return {"python": platform.python_version()} | installed(MODULES)


def source_state(folder: Path) -> str:
    """The git commit that `folder` is at, and whether tracked files differ from it."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return "no git commit: the workflow does not run from a git checkout"
    changed = (_git(folder, "status", "--porcelain", "--untracked-files=no") or "").splitlines()
    return f"{commit} with {len(changed)} changed files" if changed else f"{commit}, unchanged"


def machine() -> dict[str, str]:
    """The machine's system, its processors that this process may use, its memory and its GPUs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processors": str(_processors()),
        "memory": f"{memory:.0f} GB",
        "GPUs": _gpus(),
    }


def _gpus() -> str:
    # torch would start CUDA on GPUs that other jobs have leased.
    try:
        found = visible_devices()
    except SnowdriftError:
        return "not known: the driver does not answer"
    return ", ".join(model or name for name, model in found.items()) or "none"


def _processors() -> int:
    # Only Linux says how many of them this process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where git, the checkout or a commit is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
