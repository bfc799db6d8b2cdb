"""Which pictures a training set or a test set shows: the originals, a translator's versions, or true winter."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from snowdrift.data.sets import (
    ORIGINAL,
    TEST_SETS,
    TRUE_WINTER,
    Gate,
    Shares,
    shows_all,
    versions,
    videos_needed,
)
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed
from snowdrift.snow.quality import kept_frames

_log = logging.getLogger(__name__)


def training_selections(
    frames: pd.DataFrame,
    name: str,
    shares: Shares,
    *,
    seed: int,
    gates: Mapping[str, Gate] | None = None,
    quality: Mapping[str, pd.DataFrame] | None = None,
) -> dict[str, pd.DataFrame]:
    """The pictures of a training set's train and val splits, by split.

    A set whose shares are all 1 shows every video from each of its sources. In any other, each video is shown from one
    source, so that sets whose shares add up to 1 have equally many frames. Which video is shown from which source is
    drawn from `seed` and the split alone: sets of equal shares show the same videos as originals, and a smaller share
    is a part of a larger one.

    Args:
        frames: The frames of `Pictures`; only those with status `ok` are used.
        name: Of the training set.
        shares: For each source, the share of the videos that are shown from it, see `data.sets`.
        seed: The study's seed, the same for every training.
        gates: By translator, which of its frames to train on; validation shows all.
        quality: Of each translator with a gate, see `snow.quality.measure_quality`.

    Returns:
        For each split: columns frame_id, video and source, sorted by frame_id and source.

    Raises:
        SnowdriftError: A split has no usable frame, or there are fewer training videos than sources.
    """
    selections = {}
    for split in ("train", "val"):
        parts = []
        if own := versions(shares):
            parts.append(_show_versions(_usable(frames, split, ORIGINAL), name, own, split, seed))
        if share := shares.get(TRUE_WINTER):
            parts.append(_show_true_winter(_usable(frames, split, TRUE_WINTER), share, split, seed))
        pictures = pd.concat(parts)
        for source, gate in (gates or {}).items() if split == "train" else ():
            pictures = _gated(pictures, source, gate, (quality or {}).get(source), seed)
        selections[split] = pictures.sort_values(["frame_id", "source"], ignore_index=True)
        counts = ", ".join(f"{count} {source}" for source, count in pictures["source"].value_counts().items())
        _log.info("%s, %s: %d videos, frames: %s", name, split, pictures["video"].nunique(), counts)
    return selections


def _gated(
    pictures: pd.DataFrame, source: str, gate: Gate, quality: pd.DataFrame | None, seed: int
) -> pd.DataFrame:
    """The pictures without the worst of a translator's."""
    own = pictures["source"] == source
    kept = kept_frames(sorted(pictures.loc[own, "frame_id"]), quality, *gate, seed)
    _log.info("%s: %d of %d frames are kept by %s", source, len(kept), own.sum(), gate.by)
    return pictures[~own | pictures["frame_id"].isin(kept)]


def _show_versions(chosen: pd.DataFrame, name: str, shares: Shares, split: str, seed: int) -> pd.DataFrame:
    """The study's own videos of a split, each from one source, or every one from each."""
    if shows_all(shares):
        return pd.concat([chosen.assign(source=source) for source in shares])
    videos = sorted(chosen["video"].unique())
    if split == "train" and len(videos) < videos_needed(shares):
        raise SnowdriftError(
            f"training_sets.{name}: {' and '.join(shares)} need a training video each, and there is only "
            f"{', '.join(videos)}",
            f"raise splits.train, or set each share of training_sets.{name} to 1",
        )
    pictures = chosen.assign(source=chosen["video"].map(_deal(videos, shares, split, seed)))
    return pictures.dropna(subset="source")


def _show_true_winter(chosen: pd.DataFrame, share: float, split: str, seed: int) -> pd.DataFrame:
    """So large a share of the videos of true winter, and at least one."""
    videos = sorted(chosen["video"].unique())
    drawn = np.random.default_rng(derive_seed(seed, TRUE_WINTER, split)).permutation(len(videos))
    taken = [videos[index] for index in drawn[: max(1, _count(share, videos))]]
    return chosen[chosen["video"].isin(taken)].assign(source=TRUE_WINTER)


def testing_selection(frames: pd.DataFrame, test_set: str) -> pd.DataFrame:
    """The pictures of a test set: every usable frame of its test videos, from the set's own source.

    Returns:
        Columns frame_id, video and source, sorted by frame_id.

    Raises:
        SnowdriftError: The test split has no usable frame.
    """
    source = TEST_SETS[test_set]
    origin = TRUE_WINTER if source == TRUE_WINTER else ORIGINAL
    pictures = _usable(frames, "test", origin).assign(source=source)
    return pictures.sort_values("frame_id", ignore_index=True)


def _usable(frames: pd.DataFrame, split: str, origin: str) -> pd.DataFrame:
    usable = (frames["split"] == split) & (frames["status"] == "ok") & (frames["origin"] == origin)
    chosen = frames.loc[usable, ["frame_id", "video"]]
    if chosen.empty:
        key, rejected = (
            ("data.true_winter.", "data/true_winter") if origin == TRUE_WINTER else ("splits.", "data")
        )
        raise SnowdriftError(
            f"{key}{split}: no usable frame in the {split} split",
            f"give {key}{split} a video whose frames are not all rejected (see {rejected}/rejected.csv)",
        )
    return chosen


def _deal(videos: Sequence[str], shares: Shares, split: str, seed: int) -> dict[str, str]:
    """The source from which each video is shown, and at least one video from each.

    The originals come last, so that they are what a smaller share of a translator leaves. If there are fewer videos
    than sources, only the last ones are shown. If the shares do not add up to 1, because true winter has the rest,
    some videos are not shown.
    """
    order = sorted(shares, key=lambda source: (source == ORIGINAL, source))[-len(videos) :]
    drawn = np.random.default_rng(derive_seed(seed, "mixed", split)).permutation(len(videos))
    dealt: dict[str, str] = {}
    share = 0.0
    for place, source in enumerate(order, 1):
        share += shares[source]
        upto = min(max(_count(share, videos), len(dealt) + 1), len(videos) - len(order) + place)
        dealt |= {videos[index]: source for index in drawn[len(dealt) : upto]}
    return dealt


def _count(share: float, videos: Sequence[str]) -> int:
    """So many videos are a share of them, rounded down; what sums such as 0.7 + 0.1 lack must not cost one."""
    return int(share * len(videos) + 1e-3)
