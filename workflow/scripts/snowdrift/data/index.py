"""The index of a dataset: every frame checked, every box read, every video in its split."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pandas as pd

from snowdrift.data import vfp290k, yolo
from snowdrift.data.faults import report_faults
from snowdrift.data.images import FaultyFile, probe_image, require_upright
from snowdrift.data.listing import FrameFiles
from snowdrift.data.parallel import map_chunks
from snowdrift.data.splits import SPLITS, UNUSED, assign_splits
from snowdrift.data.tables import BOX_COLUMNS, OK, REJECTED, REJECTED_COLUMNS
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file, write_table

logger = logging.getLogger(__name__)
LAYOUTS: dict[str, ModuleType] = {"vfp290k": vfp290k, "yolo": yolo}
"""Each layout is a module with `list_frames` and `read_annotation`."""


class FrameIndex(NamedTuple):
    """The three tables of the data chapter; `tables` has their columns."""

    frames: pd.DataFrame
    boxes: pd.DataFrame
    rejected: pd.DataFrame


class CheckedChunk(NamedTuple):
    """What was read from n frames, as arrays, so that hundreds of thousands of frames stay small."""

    sizes: np.ndarray
    """(n, 2) int32: width and height in pixels, 0 where the picture is unreadable."""
    counts: np.ndarray
    """(n,) int32: boxes of each frame."""
    boxes: np.ndarray
    """(sum of counts, 5) float64: class_id, x_center, y_center, box_width, box_height."""
    faults: list[tuple[int, str, str]]
    """Position in the chunk, file and reason of each faulty frame."""
    dropped: int
    """Boxes of a class that the dataset's authors drop."""
    digests: list[str]
    """SHA-256 of each picture, empty where it is unreadable."""


def index_frames(
    root: Path,
    *,
    layout: str,
    class_names: Sequence[str],
    splits: Mapping[str, int | list[str]],
    seed: int,
    max_rejected: float,
    workers: int = 1,
) -> FrameIndex:
    """Check every frame below `root` and make the tables of frames, boxes and rejected frames.

    Args:
        root: The dataset.
        layout: vfp290k or yolo.
        class_names: The classes, by class_id.
        splits: train, val and test, each a count of videos or a list of them.
        seed: The study's seed; counts of videos are drawn from it.
        max_rejected: Largest share of faulty frames, in [0, 1].
        workers: Processes that check files.

    Raises:
        SnowdriftError: No dataset of that layout, too many faulty frames, or splits that cannot be met.
    """
    root = Path(root)
    if layout not in LAYOUTS:
        raise SnowdriftError(f"data.layout: '{layout}' is unknown", f"choose one of {', '.join(LAYOUTS)}")
    files = LAYOUTS[layout].list_frames(root, class_names)
    logger.info("%s: %d frames found, %d workers check them", root, len(files), workers)
    check = partial(check_frames, root=root, layout=layout, class_count=len(class_names))
    checked = map_chunks(check, files, workers, "frames")
    return build_index(files, checked, splits=splits, seed=seed, max_rejected=max_rejected, place=str(root))


def check_frames(files: Sequence[FrameFiles], root: Path, layout: str, class_count: int) -> CheckedChunk:
    """Decode the pictures of some frames, read their boxes, and note the first fault of each."""
    sizes = np.zeros((len(files), 2), np.int32)
    counts = np.zeros(len(files), np.int32)
    digests = [""] * len(files)
    boxes, faults, dropped = [], [], 0
    for position, frame in enumerate(files):
        file = frame.fault_file
        try:
            if frame.fault:
                raise FaultyFile(frame.fault)
            file = frame.image
            picture = probe_image(root / file)
            require_upright(picture)
            width, height = picture.upright_size
            sizes[position] = width, height
            digests[position] = digest_file(root / file)
            if not frame.annotation:
                continue
            file = frame.annotation
            found, skipped = LAYOUTS[layout].read_annotation(root / file, (width, height), class_count)
        except FaultyFile as fault:
            faults.append((position, file, fault.reason))
            continue
        counts[position] = len(found)
        boxes += found
        dropped += skipped
    return CheckedChunk(sizes, counts, np.array(boxes, np.float64).reshape(-1, 5), faults, dropped, digests)


def build_index(
    files: Sequence[FrameFiles],
    checked: Sequence[CheckedChunk],
    *,
    splits: Mapping[str, int | list[str]],
    seed: int,
    max_rejected: float,
    place: str,
) -> FrameIndex:
    """Join what was read into tables, draw the splits, and log what was found. Touches no file.

    A video all of whose frames are faulty is in no split. `place` names the dataset in messages.

    Raises:
        SnowdriftError: Too many faulty frames, or splits that cannot be met.
    """
    frame_ids = np.array([f"{frame.video}/{frame.stem}" for frame in files], object)
    faulty, rejected = _rejected_table(frame_ids, checked)
    faults = list(zip(rejected["file"], rejected["reason"], strict=True))
    report_faults(faults, len(files), max_rejected, f"frames in {place}", logger)
    boxes = _box_table(frame_ids, checked)
    sizes = np.concatenate([chunk.sizes for chunk in checked])
    frames = pd.DataFrame(
        {
            "frame_id": frame_ids,
            "video": [frame.video for frame in files],
            "image": [frame.image for frame in files],
            "width": sizes[:, 0],
            "height": sizes[:, 1],
            "split": UNUSED,
            "boxes": np.concatenate([chunk.counts for chunk in checked]),
            "status": np.where(faulty, REJECTED, OK),
            "digest": [digest for chunk in checked for digest in chunk.digests],
        }
    )
    usable = frames.loc[frames["status"] == OK, "video"].unique().tolist()
    assigned = assign_splits(usable, splits["train"], splits["val"], splits["test"], seed)
    frames["split"] = frames["video"].map(assigned).fillna(UNUSED)
    _log_summary(frames, sum(chunk.dropped for chunk in checked))
    return FrameIndex(frames, boxes, rejected)


def write_index(index: FrameIndex, frames_path: Path, boxes_path: Path, rejected_path: Path) -> None:
    """Write the three tables, each atomically."""
    write_table(index.rejected, rejected_path)
    write_table(index.boxes, boxes_path)
    write_table(index.frames, frames_path)


def _rejected_table(
    frame_ids: np.ndarray, checked: Sequence[CheckedChunk]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Which frames are faulty, as booleans, and the table of them."""
    lengths = np.array([len(chunk.counts) for chunk in checked])
    starts = np.cumsum(lengths) - lengths
    rows = [
        (start + position, file, reason)
        for start, chunk in zip(starts, checked, strict=True)
        for position, file, reason in chunk.faults
    ]
    table = pd.DataFrame(rows, columns=["position", *REJECTED_COLUMNS[1:]])
    positions = table.pop("position").to_numpy(np.int64)
    table.insert(0, REJECTED_COLUMNS[0], frame_ids[positions])
    faulty = np.zeros(len(frame_ids), bool)
    faulty[positions] = True
    return faulty, table


def _box_table(frame_ids: np.ndarray, checked: Sequence[CheckedChunk]) -> pd.DataFrame:
    values = np.concatenate([chunk.boxes for chunk in checked])
    table = pd.DataFrame(values, columns=BOX_COLUMNS[1:]).astype({"class_id": np.int32})
    table.insert(0, "frame_id", np.repeat(frame_ids, np.concatenate([chunk.counts for chunk in checked])))
    return table


def _log_summary(frames: pd.DataFrame, dropped: int) -> None:
    usable = frames[frames["status"] == OK]
    logger.info("%d boxes read, %d more of a dropped class left out", usable["boxes"].sum(), dropped)
    for split in (*SPLITS, UNUSED):
        part = usable[usable["split"] == split]
        boxes = part["boxes"].sum()
        logger.info("%s: %d videos, %d frames, %d boxes", split, part["video"].nunique(), len(part), boxes)
        if len(part) and not boxes and split != UNUSED:
            logger.warning("splits.%s: not one of its frames has a box to detect", split)
