"""The study's own scores of a video's winter: the Inception Score, and the FID to the style pictures."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.data.tables import OK
from snowdrift.runtime.progress import report
from snowdrift.scores.features import Extractor, Features
from snowdrift.scores.fid import frechet_distance
from snowdrift.scores.inception_score import inception_score

logger = logging.getLogger(__name__)

SCORE_COLUMNS = [
    "video",
    "scored",
    "inception_score_original",
    "inception_score_winter",
    "fid_original",
    "fid_winter",
]
_FRAMES = 30
"""Of a video, at most; as many as the study scored of each X-ray model. Both scores depend on how many there are."""

Pair = tuple[Path, Path]
"""A frame's picture, and its winter version."""


def pairs_of_videos(
    frames: pd.DataFrame, manifest: pd.DataFrame, root: Path, winter_root: Path
) -> dict[str, list[Pair]]:
    """Frames of each video in both versions, evenly spread over it; videos with fewer than two have no score.

    Args:
        frames: `data/frames.parquet`.
        manifest: rows of a translator's shards: frame_id, image.
        root: folder that the frames' `image` is relative to.
        winter_root: folder that the manifest's `image` is relative to.
    """
    usable = frames.loc[frames["status"] == OK, ["frame_id", "video", "image"]]
    joined = usable.merge(manifest[["frame_id", "image"]], on="frame_id", suffixes=("", "_winter"))
    return {
        str(video): [(root / row.image, winter_root / row.image_winter) for row in evenly(rows, _FRAMES)]
        for video, group in joined.groupby("video", sort=True)
        if len(rows := list(group.itertuples(index=False))) > 1
    }


def score_videos(videos: dict[str, list[Pair]], style: Sequence[Path], extractor: Extractor) -> pd.DataFrame:
    """Score both versions of each video.

    Args:
        videos: see `pairs_of_videos`.
        style: the pictures that the translators learned their style from; at least two.
        extractor: Inception.

    Returns:
        One row a video: video; scored, the number of its frames that were; the Inception Score of the originals and of
        their winter; and the Frechet distance of each to the style pictures, which compares only between sets of
        equally many pictures, such as the two versions of one video.
    """
    wanted = _features(style, extractor)
    rows = []
    for done, (video, pairs) in enumerate(videos.items()):
        report("scoring", done, len(videos), "videos")
        versions = [_features(paths, extractor) for paths in zip(*pairs, strict=True)]
        scores = [inception_score(each.logits) for each in versions]
        distances = [frechet_distance(each.features, wanted.features) for each in versions]
        rows.append((video, len(pairs), *scores, *distances))
    logger.info("%d videos, %d style pictures", len(rows), len(style))
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def _features(paths: Iterable[Path], extractor: Extractor) -> Features:
    """One picture after the other, since their sizes may differ."""
    found = []
    for path in paths:
        pixels = torch.from_numpy(np.array(open_picture(path))).permute(2, 0, 1)
        found.append(extractor.extract(pixels[None]))
    return Features(*(np.concatenate(part) for part in zip(*found, strict=True)))
