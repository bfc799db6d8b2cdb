"""Which pictures a training set or a test set shows: of every frame, the original or a translator's version."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from snowdrift.data.sets import SOURCES, TEST_SETS, Shares, shows_all, videos_needed
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed

_log = logging.getLogger(__name__)


def training_selections(
    frames: pd.DataFrame, name: str, shares: Shares, *, seed: int
) -> dict[str, pd.DataFrame]:
    """The pictures of a training set's train and val splits, by split.

    A set whose shares are all 1 shows every video from each of its sources. In any other, each video is shown from one
    source, so that sets whose shares add up to 1 have equally many frames. Which video is shown from which source is
    drawn from `seed` and the split alone: sets of equal shares show the same videos as originals, and a smaller share
    is a part of a larger one.

    Args:
        frames: The frame table; only frames with status `ok` are used.
        name: Of the training set.
        shares: For each source, the share of the videos that are shown from it, see `data.sets`.
        seed: The study's seed, the same for every training.

    Returns:
        For each split: columns frame_id, video and source, sorted by frame_id and source.

    Raises:
        SnowdriftError: A split has no usable frame, or there are fewer training videos than sources.
    """
    selections = {}
    for split in ("train", "val"):
        chosen = _usable(frames, split)
        videos = sorted(chosen["video"].unique())
        if split == "train" and len(videos) < videos_needed(shares):
            raise SnowdriftError(
                f"training_sets.{name}: {' and '.join(shares)} need a training video each, and there is only "
                f"{', '.join(videos)}",
                f"raise splits.train, or set each share of training_sets.{name} to 1",
            )
        if shows_all(shares):
            pictures = pd.concat([chosen.assign(source=source) for source in shares])
        else:
            pictures = chosen.assign(source=chosen["video"].map(_deal(videos, shares, split, seed)))
        selections[split] = pictures.sort_values(["frame_id", "source"], ignore_index=True)
        counts = ", ".join(f"{count} {source}" for source, count in pictures["source"].value_counts().items())
        _log.info("%s, %s: %d videos, frames: %s", name, split, len(videos), counts)
    return selections


def testing_selection(frames: pd.DataFrame, test_set: str) -> pd.DataFrame:
    """The pictures of a test set: every usable frame of the test videos, from the set's own source.

    Returns:
        Columns frame_id, video and source, sorted by frame_id.

    Raises:
        SnowdriftError: The test split has no usable frame.
    """
    pictures = _usable(frames, "test").assign(source=TEST_SETS[test_set])
    return pictures.sort_values("frame_id", ignore_index=True)


def _usable(frames: pd.DataFrame, split: str) -> pd.DataFrame:
    chosen = frames.loc[(frames["split"] == split) & (frames["status"] == "ok"), ["frame_id", "video"]]
    if chosen.empty:
        raise SnowdriftError(
            f"splits.{split}: no usable frame in the {split} split",
            f"give splits.{split} a video whose frames are not all rejected (see data/rejected.csv)",
        )
    return chosen


def _deal(videos: Sequence[str], shares: Shares, split: str, seed: int) -> dict[str, str]:
    """The source from which each video is shown: at least one video from each, and the rest of them as originals.

    If there are fewer videos than sources, the originals come first.
    """
    order = sorted(shares, key=SOURCES.index, reverse=True)[-len(videos) :]
    drawn = np.random.default_rng(derive_seed(seed, "mixed", split)).permutation(len(videos))
    dealt: dict[str, str] = {}
    share = 0.0
    for place, source in enumerate(order, 1):
        share += shares[source]
        # What sums such as 0.7 + 0.1 lack must not cost a video.
        upto = len(videos) if source == order[-1] else int(share * len(videos) + 1e-6)
        upto = min(max(upto, len(dealt) + 1), len(videos) - len(order) + place)
        dealt |= {videos[index]: source for index in drawn[len(dealt) : upto]}
    return dealt
