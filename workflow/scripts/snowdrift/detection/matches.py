"""The table of matches: what a detector found and missed, from which every metric of detection is computed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from snowdrift.detection.validator import FrameMatches

TRUE_POSITIVE = tuple(f"tp{threshold}" for threshold in range(50, 100, 5))
"""The columns that say whether a detection is right, one for each of COCO's IoU thresholds (in per cent)."""


def match_table(
    frames: "Sequence[FrameMatches]",
    frame_ids: Sequence[str],
    videos: Mapping[str, str],
    groups: Mapping[str, str],
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Put the matches of many frames into one table.

    Args:
        frames: What the validator kept, in its order, which is the table's: of equally confident detections the
            order decides a metric's last digits.
        frame_ids: The frames' ids.
        videos: The video of each frame.
        groups: The group of each frame's video: what belongs together, such as the videos of one scene.
        class_names: Names of the classes, in the order of their ids.

    Returns:
        A row for each detection, for each object that no detection found at an IoU of 0.5, and for each frame
        without either. Columns: video, group, frame_id, class_name (null for a frame without either); confidence (NaN
        unless the row is a detection); tp50 to tp95, whether the detection is right at that IoU; height of the
        detection and object_height of the object that it found, or that was missed, as shares of the picture's
        height (NaN where there is none). The objects of a frame are the rows with an object_height.
    """
    rows = [_frame_rows(frame) for frame in frames]
    counts = [len(part["label"]) for part in rows]
    joined = {name: np.concatenate([part[name] for part in rows]) for name in rows[0]}
    owner = np.repeat(np.arange(len(frame_ids)), counts)
    videos_of, groups_of = (
        pd.Categorical([owners[frame_id] for frame_id in frame_ids]) for owners in (videos, groups)
    )
    table = pd.DataFrame(
        {
            "video": videos_of.take(owner),
            "group": groups_of.take(owner),
            "frame_id": pd.Categorical(frame_ids).take(owner),
            "class_name": pd.Categorical.from_codes(joined["label"], list(class_names)),
            "confidence": joined["confidence"],
        }
    )
    hits = pd.DataFrame(joined["true_positive"], columns=list(TRUE_POSITIVE))
    heights = pd.DataFrame({name: joined[name].round(4) for name in ("height", "object_height")})
    return pd.concat([table, hits, heights], axis=1)


def join_matches(tables: Mapping[tuple[str, str | None], pd.DataFrame]) -> pd.DataFrame:
    """One table of several match tables; their keys are its first columns, split and test_domain."""
    # Without categories in common, pandas would make a string of every row's names.
    common = {}
    for name in ("video", "group", "frame_id", "class_name"):
        # Classes keep their order.
        names = dict.fromkeys(each for table in tables.values() for each in table[name].cat.categories)
        common[name] = pd.CategoricalDtype(names if name == "class_name" else sorted(names))
    joined = pd.concat([table.astype(common) for table in tables.values()], ignore_index=True)
    lengths = [len(table) for table in tables.values()]
    for place, name in enumerate(("split", "test_domain")):
        of_table = [key[place] for key in tables]
        categories = list(dict.fromkeys(value for value in of_table if value is not None))
        joined.insert(place, name, pd.Categorical(of_table, categories).repeat(lengths))
    return joined


def _frame_rows(frame: "FrameMatches") -> dict[str, np.ndarray]:
    found = len(frame.confidence)
    missed = np.setdiff1d(np.arange(len(frame.object_label)), frame.claimed)
    empty = int(found + len(missed) == 0)  # the frame counts, so it has a row of its own
    others = len(missed) + empty
    unknown = np.full(others, np.nan, np.float32)
    of_found = np.full(found, np.nan, np.float32)
    hit = frame.claimed >= 0
    of_found[hit] = frame.object_height[frame.claimed[hit]]
    return {
        "label": np.concatenate([frame.label, frame.object_label[missed], [-1] * empty]).astype(np.int64),
        "confidence": np.concatenate([frame.confidence, unknown]).astype(np.float32),
        "true_positive": np.concatenate([frame.true_positive, np.zeros((others, len(TRUE_POSITIVE)), bool)]),
        "height": np.concatenate([frame.height, unknown]).astype(np.float32),
        "object_height": np.concatenate([of_found, frame.object_height[missed], unknown[:empty]]).astype(
            np.float32
        ),
    }
