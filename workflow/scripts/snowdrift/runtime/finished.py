"""The last step of a resumable job's state: removal, once Snakemake knows that the job's outputs are whole.

A job cannot do it itself: where Snakemake dies between a job's last line and its own note of it, it deletes the
outputs and starts the job again, which then needs its state. The Snakefile imports this module, so it is light.
"""

import shutil
from pathlib import Path

FINISHED = "finished"
"""The file that marks a state whose job has written its outputs."""


def remove_finished(root: Path | str) -> None:
    """Remove every state below `root` whose job has written its outputs, and folders that this leaves empty."""
    for marker in list(Path(root).rglob(FINISHED)):
        shutil.rmtree(marker.parent)
    for folder in sorted(Path(root).rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
