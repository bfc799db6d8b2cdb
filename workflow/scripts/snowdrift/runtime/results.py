"""The results folder as the Snakefile, which imports nothing heavy, looks after it."""

import shutil
import tempfile
from pathlib import Path

from snowdrift.runtime.errors import SnowdriftError, hint_for
from snowdrift.runtime.progress import FOLDER

FINISHED = "finished"
"""The file that marks the state of a job that has written its outputs."""

_OF_0_1 = ("snow/generator.pth", "snow/shards", "detection/datasets/vfp", "attack/nullify.csv")
"""What only version 0.1 has written in a study's folder."""


def check_layout(study: Path | str) -> None:
    """Check that a study's folder, if there is one, is not one of version 0.1, whose results have other names.

    Raises:
        SnowdriftError: it is; the study would be made again beside its old results.
    """
    found = next((name for name in _OF_0_1 if (Path(study) / name).exists()), None)
    if found:
        raise SnowdriftError(
            f"{study}: was made by Snowdrift 0.1, as {found} shows, and 0.2 names its results otherwise",
            "delete the folder or give the config another `study`; CHANGELOG.md says how to keep its trainings",
        )


def check_writable(root: Path | str) -> None:
    """Check that jobs can write below `root`, which is made if need be.

    Raises:
        SnowdriftError: They cannot; Snakemake itself would end in a traceback.
    """
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()
    except OSError as error:
        raise SnowdriftError(
            f"{root}: results cannot be written there: {error.strerror}",
            f"{hint_for(error)}; what is done is kept",
        ) from error


def remove_finished(root: Path | str) -> None:
    """Remove the state of every job below `root` that has written its outputs, and what is empty then.

    A job cannot do it itself: where Snakemake dies between the job's last line and its own note of it, it deletes
    the outputs and starts the job again, which then needs its state.
    """
    for marker in list(Path(root).rglob(FINISHED)):
        shutil.rmtree(marker.parent)
    for folder in sorted(Path(root).glob("**"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def remove_progress(study: Path | str) -> None:
    """Remove what killed jobs have left to be shown; all jobs have ended by now."""
    shutil.rmtree(Path(study) / FOLDER, ignore_errors=True)
