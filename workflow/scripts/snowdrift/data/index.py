"""The index of a dataset: every frame checked, every box read, every video in its split."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from snowdrift.data.boxes import Box, to_fractions
from snowdrift.data.classes import Classes
from snowdrift.data.decoding.images import FaultyFile, Picture, probe_image, require_upright
from snowdrift.data.decoding.orientation import UPRIGHT
from snowdrift.data.decoding.upright import turned_box, write_upright
from snowdrift.data.duplicates import refuse_shared
from snowdrift.data.faults import report_faults
from snowdrift.data.groups import grouped, read_groups
from snowdrift.data.layouts import layout_of
from snowdrift.data.listing import Dataset, FrameFiles, Objects, checked_names
from snowdrift.data.parallel import map_chunks
from snowdrift.data.places import data_root
from snowdrift.data.splits import SPLITS, UNUSED, Wanted, assign_splits
from snowdrift.data.tables import BOX_COLUMNS, OK, REJECTED, REJECTED_COLUMNS
from snowdrift.runtime.files import digest_file, write_table
from snowdrift.runtime.fingerprints import file_fingerprints, record_fingerprints

logger = logging.getLogger(__name__)
_DECIMALS = 6
"""Boxes that are equal to this many decimals are one for the detector, whose labels have no more."""


@dataclass(frozen=True)
class Reading:
    """How the frames of a dataset are read.

    Attributes:
        layout: A key of `layouts.LAYOUTS`; a dataset that is named by a file says its layout itself.
        class_names: The classes, by class_id.
        other_classes: What happens to objects of others: `reject` their frames, or `drop` them.
        turn: What happens to pictures that are stored turned: `reject`; `upright`, which turns pixels and boxes; or
            `upright_pixels`, for boxes that were drawn on the upright picture.
        upright: Folder that turned pictures are written to.
        own_splits: Whether splits that the dataset's own files say are taken.
    """

    layout: str
    class_names: Sequence[str]
    other_classes: str = "reject"
    turn: str = "reject"
    upright: Path | None = None
    own_splits: bool = True


class FrameIndex(NamedTuple):
    """The three tables of the data chapter; `tables` has their columns."""

    frames: pd.DataFrame
    boxes: pd.DataFrame
    rejected: pd.DataFrame


class Counts(NamedTuple):
    """What was changed or left out of the annotations of some frames.

    Attributes:
        dropped: Objects of classes that are not studied, and crowds.
        duplicates: Boxes that were there twice.
        polygons: Boxes drawn round a polygon.
        turned: Pictures turned upright.
    """

    dropped: int = 0
    duplicates: int = 0
    polygons: int = 0
    turned: int = 0


class Turned(NamedTuple):
    """A picture that was turned upright: where the copy lies, and SHA-256 of what it is a copy of."""

    image: str
    stored: str


class CheckedChunk(NamedTuple):
    """What was read from n frames, as arrays, so that hundreds of thousands of frames stay small."""

    sizes: np.ndarray
    """(n, 2) int32: width and height in pixels, 0 if the frame is faulty before its size is known."""
    box_counts: np.ndarray
    """(n,) int32: boxes of each frame."""
    boxes: np.ndarray
    """(sum of box_counts, 5) float64: class_id, x_center, y_center, box_width, box_height."""
    faults: list[tuple[int, str, str]]
    """Position in the chunk, file and reason of each faulty frame."""
    turned: dict[int, Turned]
    """The pictures that were turned upright, by their positions in the chunk."""
    counts: Counts
    """What was changed or left out, over all frames."""
    digests: list[str]
    """SHA-256 of each picture, empty if the frame is faulty."""


def index_frames(
    place: Path,
    *,
    reading: Reading,
    splits: Wanted,
    group: str | None,
    seed: int,
    max_rejected: float,
    rejected: Path,
    split_file: str | None = None,
    workers: int = 1,
) -> FrameIndex:
    """Check every frame of a dataset and make the tables of frames, boxes and rejected frames.

    Args:
        place: The dataset's folder, or the file that describes it.
        reading: How its frames are read.
        splits: train, val and test, each a count of videos or a list of them.
        group: See `groups.read_groups`.
        seed: The study's seed; counts of videos are drawn from it.
        max_rejected: Largest share of faulty frames, in [0, 1].
        rejected: Where the table of rejected frames is written, also if there are too many of them.
        split_file: Where the lists of `splits` come from, if not from the config. They take the place of splits that
            the dataset's own files say.
        workers: Processes that check files.

    Raises:
        SnowdriftError: No dataset of that layout, too many faulty frames, or splits that cannot be met.
    """
    if split_file is not None:
        reading = replace(reading, own_splits=False)
    read = read_dataset(
        place, reading, group=group, max_rejected=max_rejected, rejected=rejected, workers=workers
    )
    frames = with_splits(
        read.tables.frames, splits=splits, own=read.own_splits, seed=seed, split_file=split_file
    )
    refuse_shared(frames[frames["status"] == OK], UNUSED, "lists in `splits` or by `splits.group`")
    log_summary(frames, read.counts, "splits")
    return read.tables._replace(frames=frames)


class ReadDataset(NamedTuple):
    """A dataset that has been checked, before its videos are in splits.

    Attributes:
        tables: From `join`.
        own_splits: The splits of the dataset's own files, by video.
        counts: What was changed or left out.
        stored: SHA-256, as it is stored, of each picture that was turned upright, by frame_id.
    """

    tables: FrameIndex
    own_splits: Mapping[str, str]
    counts: Counts
    stored: Mapping[str, str]


def read_dataset(
    place: Path,
    reading: Reading,
    *,
    group: str | None,
    max_rejected: float,
    rejected: Path,
    workers: int,
) -> ReadDataset:
    """Check every frame of a dataset; see `index_frames`, which also splits its videos."""
    dataset, groups = list_dataset(place, reading, group)
    root = Path(data_root(place))
    logger.info("%s: %d frames found, %d workers check them", root, len(dataset.frames), workers)
    check = partial(check_frames, root=root, reading=reading, place=Path(place), classes=dataset.classes)
    checked = map_chunks(check, dataset.frames, workers, "frames")
    tables = join(dataset.frames, checked, groups)
    write_table(tables.rejected, rejected)
    faults = list(zip(tables.rejected["file"], tables.rejected["reason"], strict=True))
    report_faults(faults, len(dataset.frames), max_rejected, f"frames in {root}", rejected, logger)
    stored = {
        tables.frames["frame_id"].iat[start + position]: picture.stored
        for start, chunk in zip(_starts(checked), checked, strict=True)
        for position, picture in chunk.turned.items()
    }
    return ReadDataset(tables, dataset.splits, _total([chunk.counts for chunk in checked]), stored)


def list_dataset(place: Path, reading: Reading, group: str | None) -> tuple[Dataset, dict[str, str]]:
    """The frames of a dataset before any is opened, and the group of each of its videos.

    Raises:
        SnowdriftError: No dataset of that layout, or a rule for groups that does not fit it.
    """
    place = Path(place)
    classes = Classes(tuple(reading.class_names), reading.other_classes == "drop")
    dataset = layout_of(place, reading.layout).list_frames(place, classes)
    if not reading.own_splits:
        dataset = dataset._replace(splits={})
    dataset, groups = grouped(dataset, read_groups(group))
    return dataset._replace(frames=checked_names(dataset.frames)), groups


def check_frames(
    files: Sequence[FrameFiles], root: Path, reading: Reading, place: Path, classes: Classes
) -> CheckedChunk:
    """Decode the pictures of some frames, read their boxes, and note the first fault of each."""
    read = layout_of(place, reading.layout).read_objects
    sizes = np.zeros((len(files), 2), np.int32)
    box_counts = np.zeros(len(files), np.int32)
    digests = [""] * len(files)
    boxes: list[Box] = []
    faults: list[tuple[int, str, str]] = []
    turned: dict[int, Turned] = {}
    counts = [Counts()]
    for position, frame in enumerate(files):
        file = frame.fault_file
        try:
            if frame.fault:
                raise FaultyFile(frame.fault)
            file = frame.image
            picture = probe_image(root / file)
            if reading.turn == "reject":
                require_upright(picture)
            sizes[position] = picture.upright_size
            digests[position] = digest_file(root / file)
            file = frame.annotation or frame.image
            found, count = boxes_of(read(root, frame, classes), picture, reading.turn, file)
        except FaultyFile as fault:
            faults.append((position, file, fault.reason))
            continue
        if picture.orientation != UPRIGHT and reading.upright:
            turned[position] = Turned(_turned_copy(root, frame, reading.upright), digests[position])
            digests[position] = digest_file(root / turned[position].image)
        box_counts[position] = len(found)
        boxes += found
        counts.append(count)
    table = np.array(boxes, np.float64).reshape(-1, 5)
    return CheckedChunk(sizes, box_counts, table, faults, turned, _total(counts), digests)


def boxes_of(objects: Objects, picture: Picture, turn: str, file: str) -> tuple[list[Box], Counts]:
    """The boxes of one frame, in fractions of the upright picture, none twice.

    Args:
        objects: What its annotation says.
        picture: The frame's picture.
        turn: See `Reading`; an annotation that states the size of a picture on its side decides by itself.
        file: The annotation, for the error.

    Raises:
        FaultyFile: The annotation speaks of a picture of another size, or a box cannot be right.
    """
    stored, upright = (picture.width, picture.height), picture.upright_size
    if objects.size not in (None, stored, upright):
        kind = "XML" if file.lower().endswith(".xml") else "JSON"
        stated = "x".join(f"{side:g}" for side in objects.size)
        raise FaultyFile(f"{kind} size differs: it says {stated:.40}, the picture is {stored[0]}x{stored[1]}")
    tells = objects.size is not None and stored != upright
    turned_with_pixels = objects.size == stored if tells else turn == "upright"
    size = stored if turned_with_pixels else upright
    scale = (*size, *size) if objects.fractions else (1, 1, 1, 1)
    boxes: dict[tuple[float, ...], Box] = {}
    for class_id, corners in objects.boxes:
        left, top, right, bottom = (corner * factor for corner, factor in zip(corners, scale, strict=True))
        box = to_fractions(class_id, (left, top, right, bottom), size)
        if turned_with_pixels:
            box = turned_box(box, picture.orientation)
        boxes.setdefault(tuple(round(value, _DECIMALS) for value in box), box)
    duplicates = len(objects.boxes) - len(boxes)
    turned = int(picture.orientation != UPRIGHT)
    return list(boxes.values()), Counts(objects.dropped, duplicates, objects.polygons, turned)


def join(
    files: Sequence[FrameFiles], checked: Sequence[CheckedChunk], groups: Mapping[str, str]
) -> FrameIndex:
    """Join what was read into tables, in which no video is in a split yet. Touches no file.

    Args:
        files: The frames.
        checked: What was read from them, in their order.
        groups: The group of each video.
    """
    frame_ids = np.array([f"{frame.video}/{frame.stem}" for frame in files], object)
    faulty, rejected = _rejected_table(frame_ids, checked)
    images = np.array([frame.image for frame in files], object)
    for start, chunk in zip(_starts(checked), checked, strict=True):
        for position, picture in chunk.turned.items():
            images[start + position] = picture.image
    sizes = np.concatenate([chunk.sizes for chunk in checked])
    frames = pd.DataFrame(
        {
            "frame_id": frame_ids,
            "video": [frame.video for frame in files],
            "group": [groups[frame.video] for frame in files],
            "image": images,
            "width": sizes[:, 0],
            "height": sizes[:, 1],
            "split": UNUSED,
            "boxes": np.concatenate([chunk.box_counts for chunk in checked]),
            "status": np.where(faulty, REJECTED, OK),
            "digest": [digest for chunk in checked for digest in chunk.digests],
        }
    )
    return FrameIndex(frames, _box_table(frame_ids, checked), rejected)


def with_splits(
    frames: pd.DataFrame,
    *,
    splits: Wanted,
    own: Mapping[str, str],
    seed: int,
    split_file: str | None = None,
) -> pd.DataFrame:
    """The table of frames, with the split of each. A video all of whose frames are faulty is in none.

    Args:
        frames: From `join`.
        splits: See `index_frames`.
        own: The splits of the dataset's own files, by video.
        seed: The study's seed.
        split_file: See `index_frames`.

    Raises:
        SnowdriftError: Splits that cannot be met.
    """
    usable = frames[frames["status"] == OK]
    groups = dict(zip(usable["video"], usable["group"], strict=True))
    own = {video: split for video, split in own.items() if video in groups}
    assigned = assign_splits(groups, splits, seed, own, split_file)
    return frames.assign(split=frames["video"].map(assigned).fillna(UNUSED))


def keep_index(
    place: Path,
    make: Callable[[Path], FrameIndex],
    *,
    frames: Path,
    boxes: Path,
    state: str | None,
    threads: int,
) -> None:
    """Make an index, write its tables, and leave beside them what the data folder held when it was read.

    Args:
        place: The dataset's folder, or the file that describes it.
        make: Makes the index of `place`.
        frames: Where the table of frames is written.
        boxes: Where the table of boxes is written.
        state: From `folder_fingerprint`.
        threads: Readers of what the index has not read.
    """
    root = Path(data_root(place))
    stamps = file_fingerprints(root)
    index = make(place)
    write_index(index, frames, boxes)
    known = dict(zip(index.frames["image"], index.frames["digest"], strict=True))
    record_fingerprints(root, stamps, state, frames, threads=threads, known=known)


def write_index(index: FrameIndex, frames_path: Path, boxes_path: Path) -> None:
    """Write the tables of frames and boxes, each atomically; `index_frames` has written that of rejected frames."""
    write_table(index.boxes, boxes_path)
    write_table(index.frames, frames_path)


def _turned_copy(root: Path, frame: FrameFiles, folder: Path) -> str:
    """Write the frame upright, and return where, relative to the data root."""
    written = write_upright(root / frame.image, frame.video, folder)
    # A step up from a root that is a link leads out of the folder that it links to.
    return Path(os.path.relpath(os.path.realpath(written), os.path.realpath(root))).as_posix()


def _total(counts: Sequence[Counts]) -> Counts:
    return Counts(*map(sum, zip(*counts, strict=True)))


def _starts(checked: Sequence[CheckedChunk]) -> np.ndarray:
    lengths = np.array([len(chunk.box_counts) for chunk in checked])
    starts: np.ndarray = np.cumsum(lengths) - lengths
    return starts


def _rejected_table(
    frame_ids: np.ndarray, checked: Sequence[CheckedChunk]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Which frames are faulty, as booleans, and the table of them."""
    rows = [
        (start + position, file, reason)
        for start, chunk in zip(_starts(checked), checked, strict=True)
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
    counts = np.concatenate([chunk.box_counts for chunk in checked])
    table.insert(0, "frame_id", np.repeat(frame_ids, counts))
    return table


def log_summary(frames: pd.DataFrame, counts: Counts, key: str) -> None:
    """Log what was read, changed and left out, and what each split holds; warn of a split without boxes.

    Args:
        frames: The frame table.
        counts: What was changed or left out.
        key: The config section of the splits.
    """
    usable = frames[frames["status"] == OK]
    logger.info("%d boxes read, %d more of a dropped class left out", usable["boxes"].sum(), counts.dropped)
    if counts.duplicates:
        logger.warning("%d boxes were listed twice and are counted once", counts.duplicates)
    if counts.polygons:
        logger.info("%d polygons became the boxes round them", counts.polygons)
    if counts.turned:
        logger.info("%d pictures that were stored turned became upright copies", counts.turned)
    for split in (*SPLITS, UNUSED):
        part = usable[usable["split"] == split]
        boxes = part["boxes"].sum()
        logger.info("%s: %d videos, %d frames, %d boxes", split, part["video"].nunique(), len(part), boxes)
        if len(part) and not boxes and split != UNUSED:
            logger.warning("%s.%s: not one of its frames has a box to detect", key, split)
