"""Pictures with the same content: never in two splits."""

import logging

import pandas as pd

from snowdrift.runtime.errors import SnowdriftError

logger = logging.getLogger(__name__)
_SHOWN = 5


def refuse_shared(frames: pd.DataFrame, unused: str, lists: str) -> None:
    """Refuse equal pictures in two splits, and warn of equal pictures within one.

    If all videos hold the same pictures, as in a set that was made for a trial, no splits can keep them apart; then it
    is a warning, too.

    Args:
        frames: Usable frames with columns image, video, split and digest.
        unused: Name of the split whose frames do not count.
        lists: The keys that can keep videos in one split, for the hint.

    Raises:
        SnowdriftError: A picture of one split is in another one too, under another name or by a link.
    """
    used = frames[frames["split"] != unused]
    equal = used[used["digest"].duplicated(keep=False)].sort_values(["digest", "image"])
    if equal.empty:
        return
    first = equal.groupby("digest")[["image", "video", "split"]].transform("first")
    across = equal[equal["split"] != first["split"]]
    if len(across) and used.groupby("video")["digest"].agg(frozenset).nunique() == 1:
        logger.warning(
            "all videos hold the same pictures: the detectors are tested on what they have learned"
        )
    elif len(across):
        pairs = [
            f"  {first.loc[row.Index, 'image']} ({first.loc[row.Index, 'split']}) and {row.image} ({row.split})"
            for row in across.head(_SHOWN).itertuples()
        ]
        raise SnowdriftError(
            f"{len(across)} pictures have the same content as one in another split, so that a detector would be "
            "tested on what it has learned:\n" + "\n".join(pairs),
            f"remove one of the two, or keep their videos in one split, by {lists}",
        )
    count = len(equal) - equal["digest"].nunique()
    logger.warning(
        "%d pictures have the same content as another one of their split, such as %s and %s",
        *(count, first["image"].iloc[1], equal["image"].iloc[1]),
    )


def refuse_known(frames: pd.DataFrame, others: pd.DataFrame, unused: str) -> None:
    """Refuse pictures of true winter that are equal to a frame of another split, which a detector has learned.

    Args:
        frames: Usable pictures of true winter, with columns image, split and digest.
        others: The study's usable frames, with the same columns.
        unused: See `refuse_shared`.

    Raises:
        SnowdriftError: There is one.
    """
    columns = ["digest", "image", "split"]
    used, known = (
        table.loc[table["split"] != unused, columns].drop_duplicates(["digest", "split"])
        for table in (frames, others)
    )
    pairs = used.merge(known, on="digest", suffixes=("", "_of_frame")).sort_values(
        ["image", "image_of_frame"]
    )
    across = pairs[pairs["split"] != pairs["split_of_frame"]]
    if len(across):
        shown = [
            f"  {row.image} of data.true_winter.folder ({row.split}) and {row.image_of_frame} of data.vfp290k "
            f"({row.split_of_frame})"
            for row in across.head(_SHOWN).itertuples()
        ]
        raise SnowdriftError(
            f"data.true_winter: {len(across)} pictures have the same content as a frame in another split, so that a "
            "detector would be tested on what it has learned:\n" + "\n".join(shown),
            "remove one of the two, or keep them in one split, by lists in data.true_winter.train and "
            "data.true_winter.val or in `splits`",
        )
