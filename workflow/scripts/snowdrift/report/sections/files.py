"""The files of a study that the page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study that the report shows.

    `quality` has a table, and `losses` that of each trained translator, in the folder of its name. The last four are
    empty if there was no such thing: no style images are read, and no losses and samples written, if
    `cyclegan.pretrained` gives the generator.
    """

    frames: Path
    boxes: Path
    rejected: Path
    pairs: Path
    quality: Sequence[Path]
    cross_domain: Path
    curves: Path
    left_out: Path
    comparisons: Path
    in_use: Path
    by_height: Path
    detections: Path
    style: Path | None = None
    losses: Sequence[Path] = ()
    epochs: Sequence[Path] = ()
    samples: Path | None = None
