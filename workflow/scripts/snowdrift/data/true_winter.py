"""True winter: labelled pictures of winter that no translator made, indexed like the frames."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from snowdrift.data.class_maps import ClassMap, class_ids
from snowdrift.data.duplicates import refuse_known, refuse_shared
from snowdrift.data.index import FrameIndex, ReadDataset, Reading, log_summary, read_dataset
from snowdrift.data.splits import UNUSED, assign_splits
from snowdrift.data.tables import OK, REJECTED
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import write_table

logger = logging.getLogger(__name__)
KEY = "data.true_winter"
SEEN = "the translator learned its style from it"


class Classes(NamedTuple):
    """How the classes of true winter become those of the study.

    Attributes:
        own: its class names, in the order of the numbers in its labels.
        map: what they mean in the study, see `class_maps.ClassMap`.
        study: the study's class names, in the order of their numbers.
    """

    own: Sequence[str]
    map: ClassMap
    study: Sequence[str]

    def ids(self) -> np.ndarray:
        """For each class of its own the study's number, see `class_maps.class_ids`."""
        return np.array(class_ids(self.own, self.map, self.study))


def index_true_winter(
    place: Path,
    *,
    reading: Reading,
    classes: Classes,
    splits: Mapping[str, int | list[str]],
    group: str | None = None,
    seed: int,
    max_rejected: float,
    rejected: Path,
    seen: Collection[str] = (),
    frames: pd.DataFrame | None = None,
    workers: int = 1,
) -> FrameIndex:
    """Make the tables of frames, boxes and rejected frames of true winter.

    Args:
        place: The folder, or the file that describes it.
        reading: How its pictures are read, by its own class names.
        classes: See `Classes`.
        splits: train and val, each a count of videos or a list of them, which may be 0. Without `test`, all other
            videos are tested on.
        group: See `groups.read_groups`.
        seed: The study's seed.
        max_rejected: Largest share of faulty frames, in [0, 1].
        rejected: Where the table of rejected frames is written, also if there are too many of them.
        seen: SHA-256 of the pictures that the translator learned its style from: they are left out.
        frames: The study's usable frames, of which none in another split may be the same picture.
        workers: Processes that check files.

    Raises:
        SnowdriftError: See `index_frames`; no test video, no test picture that the translator has not seen, or none
            with a box; a picture that is in two splits, or in another one than the same picture of the frames.
    """
    try:
        read = read_dataset(
            place,
            reading,
            group=group,
            max_rejected=max_rejected,
            rejected=rejected,
            workers=workers,
        )
        split_of = _assign(read, splits, seed)
    except SnowdriftError as error:
        raise under_own_keys(error) from error
    index = read.tables
    table = index.frames.assign(split=index.frames["video"].map(split_of).fillna(UNUSED))
    table, left_out = _leave_out(table, seen, read.stored)
    _refuse_learned(table[table["status"] == OK], frames)
    boxes = _study_classes(index.boxes, classes)
    counts = table["frame_id"].map(boxes["frame_id"].value_counts())
    table["boxes"] = counts.fillna(0).astype(table["boxes"].dtype)
    _check_test(table, len(left_out))
    all_rejected = pd.concat([index.rejected, left_out], ignore_index=True)
    write_table(all_rejected, rejected)
    log_summary(table, read.counts, KEY)
    return FrameIndex(table, boxes, all_rejected)


def _assign(read: ReadDataset, splits: Mapping[str, int | list[str]], seed: int) -> dict[str, str]:
    """The split of each video that has a usable frame."""
    usable = read.tables.frames[read.tables.frames["status"] == OK]
    groups = dict(zip(usable["video"], usable["group"], strict=True))
    test = splits.get("test")
    wanted = {**splits, "test": 0 if test is None else test}
    own = {video: split for video, split in read.own_splits.items() if video in groups}
    split_of = assign_splits(groups, wanted, seed, own)
    if test is None:
        split_of = {video: "test" if split == UNUSED else split for video, split in split_of.items()}
    if "test" not in split_of.values():
        raise SnowdriftError(
            f"{KEY}: no video to test on, since `train` and `val` take all {len(groups)}",
            f"lower {KEY}.train or {KEY}.val",
        )
    return split_of


def _refuse_learned(usable: pd.DataFrame, frames: pd.DataFrame | None) -> None:
    """Refuse pictures that are in two splits, of true winter itself or together with the study's frames."""
    refuse_shared(usable, UNUSED, f"lists in {KEY}.train and {KEY}.val")
    if frames is not None:
        refuse_known(usable, frames, UNUSED)


def _leave_out(
    frames: pd.DataFrame, seen: Collection[str], stored: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frames without those that the translator has seen, which are rejected, and the rows that say so."""
    digests = frames["digest"].where(~frames["frame_id"].isin(stored), frames["frame_id"].map(stored))
    known = (frames["status"] == OK) & digests.isin(set(seen))
    logger.info("%d pictures left out, since the translator learned its style from them", known.sum())
    left_out = pd.DataFrame(
        {"frame_id": frames.loc[known, "frame_id"], "file": frames.loc[known, "image"], "reason": SEEN}
    )
    return frames.assign(status=frames["status"].where(~known, REJECTED)), left_out


def _study_classes(boxes: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    """The boxes with the study's class numbers, without those that no class of the study stands for."""
    ids = classes.ids()[boxes["class_id"].to_numpy(np.int64)]
    kept = boxes.assign(class_id=ids.astype(np.int32))[ids >= 0]
    logger.info("%d boxes, %d more of classes that are left out", len(kept), len(boxes) - len(kept))
    return kept.reset_index(drop=True)


def _check_test(frames: pd.DataFrame, left_out: int) -> None:
    test = frames[frames["split"] == "test"]
    usable = test[test["status"] == OK]
    if usable.empty and left_out:
        raise SnowdriftError(
            f"{KEY}.folder: no picture is left to test on: the translator learned its style from {left_out} of them",
            "lower cyclegan.style_images, so that some are left, or give other pictures",
        )
    if not usable["boxes"].any():
        raise SnowdriftError(
            f"{KEY}.folder: none of its {len(usable)} test pictures has a box",
            f"check the annotations, {KEY}.class_names and {KEY}.map",
        )


def under_own_keys(error: SnowdriftError) -> SnowdriftError:
    """The same error with the keys of true winter; the readers that all data share name those of the frames."""
    message, hint = error.message, error.hint
    for frames_key, own in (("data.vfp290k", f"{KEY}.folder"), ("data.class_names", f"{KEY}.class_names")):
        message, hint = message.replace(frames_key, own), hint.replace(frames_key, own)
    return SnowdriftError(message.replace("splits", KEY), hint.replace("splits", KEY))
