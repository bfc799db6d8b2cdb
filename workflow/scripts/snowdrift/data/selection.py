"""Which pictures are taken where not all are: for the CycleGAN from training videos alone, evenly spread."""

import logging
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from snowdrift.data.tables import OK
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed

logger = logging.getLogger(__name__)

T = TypeVar("T")


def choose_training_frames(frames: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Choose `count` usable frames of the training videos: the generator must not have seen a test video.

    Every video gives equally many, or all that it has, and each video's frames are drawn one from each of as
    many equal stretches of time, so that near-identical neighbours are rare. Takes all where there are fewer.

    Args:
        frames: The table of frames.
        count: Frames to choose.
        seed: The study's seed.

    Returns:
        Table of frame_id, image and digest, by video and name.

    Raises:
        SnowdriftError: There is no usable training frame.
    """
    usable = frames[(frames["split"] == "train") & (frames["status"] == OK)]
    if usable.empty:
        raise SnowdriftError(
            "splits.train: no training video has a usable frame, so the CycleGAN has nothing to learn from",
            "give splits.train more videos",
        )
    if len(usable) < count:
        logger.info(
            "cyclegan.frames: %d asked for, the training videos have %d: takes all", count, len(usable)
        )
    return choose_frames(usable, count, seed, "training_frames")


def choose_frames(frames: pd.DataFrame, count: int, seed: int, purpose: str) -> pd.DataFrame:
    """Choose `count` of the given frames, or all: equally many of every video, spread over its length.

    Args:
        frames: Rows of the table of frames.
        count: Frames to choose.
        seed: The study's seed.
        purpose: What they are for; another purpose draws other frames.

    Returns:
        Table of frame_id, image and digest, by video and name.

    Raises:
        SnowdriftError: There is none.
    """
    if frames.empty:
        raise SnowdriftError(
            f"there is no usable frame to choose {purpose.replace('_', ' ')} from",
            "see data/rejected.csv, and give the splits more videos",
        )
    frames = frames.sort_values(["video", "image"])
    random = np.random.default_rng(derive_seed(seed, purpose))
    sizes = frames.groupby("video", sort=True).size().to_numpy()
    quotas = _share(sizes, min(count, len(frames)), random)
    starts = np.cumsum(sizes) - sizes
    rows = [
        start + _spread(size, quota, random) for start, size, quota in zip(starts, sizes, quotas, strict=True)
    ]
    chosen = frames.iloc[np.concatenate(rows)]
    logger.info(
        "%s: %d of %d, from %d videos",
        *(purpose.replace("_", " "), len(chosen), len(frames), np.count_nonzero(quotas)),
    )
    return chosen[["frame_id", "image", "digest"]].reset_index(drop=True)


def _share(sizes: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Split `count` over videos of `sizes` frames as evenly as they allow; who gets one more is drawn."""
    quotas = np.zeros_like(sizes)
    while (left := count - quotas.sum()) > 0:
        open_videos = random.permutation(np.flatnonzero(quotas < sizes))
        each = left // len(open_videos)
        if each == 0:
            quotas[open_videos[:left]] += 1
        else:
            quotas[open_videos] = np.minimum(quotas[open_videos] + each, sizes[open_videos])
    return quotas


def _spread(size: int, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` different positions below `size`, ascending, one drawn from each of `count` equal stretches."""
    edges = np.arange(count + 1) * size // max(count, 1)
    return random.integers(edges[:-1], edges[1:])


def evenly(items: Sequence[T], count: int) -> list[T]:
    """Up to `count` of the items, evenly spaced and in their order."""
    count = min(count, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]


def choose_style_images(style: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Draw `count` style images, or take all where there are fewer.

    Returns:
        The chosen rows, in the table's order.
    """
    if len(style) <= count:
        return style
    chosen = np.random.default_rng(derive_seed(seed, "style_images")).permutation(len(style))[:count]
    return style.iloc[np.sort(chosen)]
