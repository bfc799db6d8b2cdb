"""Pictures with the same content: never in two splits."""

import logging

import pandas as pd

from snowdrift.runtime.errors import SnowdriftError

logger = logging.getLogger(__name__)
_SHOWN = 5


def refuse_shared(frames: pd.DataFrame, unused: str) -> None:
    """Refuse equal pictures in two splits, and warn of equal pictures within one.

    If all videos hold the same pictures, as in a set that was made for a trial, no splits can keep them apart; then it
    is a warning, too.

    Args:
        frames: Usable frames with columns image, video, split and digest.
        unused: Name of the split whose frames do not count.

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
            "remove one of the two, or keep their videos in one split, by lists in `splits` or by `splits.group`",
        )
    count = len(equal) - equal["digest"].nunique()
    logger.warning(
        "%d pictures have the same content as another one of their split, such as %s and %s",
        *(count, first["image"].iloc[1], equal["image"].iloc[1]),
    )
