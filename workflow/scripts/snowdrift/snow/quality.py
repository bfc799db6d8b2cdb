"""Whether the labels of winter frames are still true, box by box, and which frames to leave out."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.tables import Corners, corners_of, in_pixels
from snowdrift.runtime.seeds import derive_seed

QUALITY_COLUMNS = ["frame_id", "box", "edges_kept", "seen_before", "seen_after"]
MEASURES = ("edges_kept", "agreement", "random")
"""By which frames can be left out: `random` leaves out as many by chance, to compare with."""

_SEEN = 0.05
"""Confidence below which a judge has not seen a person, so that it cannot miss him in winter."""
_OVERLAP = 0.5

Detections = np.ndarray
"""What a detector sees in a picture, (n, 5): left, top, right and bottom as fractions of it, and the confidence."""
Judge = Callable[[Path], Detections]


class Versions(NamedTuple):
    """A frame in both versions, with its labels.

    Attributes:
        frame_id: as in the frame table.
        original: its picture.
        winter: its winter version, of the same size.
        boxes: corners as fractions of the frame.
    """

    frame_id: str
    original: Path
    winter: Path
    boxes: Sequence[Corners]


def versions_of(
    frames: pd.DataFrame, boxes: pd.DataFrame, manifest: pd.DataFrame, root: Path, winter_root: Path
) -> Iterator[Versions]:
    """The frames of a manifest that have boxes, in its order.

    Args:
        frames: `data/frames.parquet`.
        boxes: `data/boxes.parquet`.
        manifest: rows of a translator's shards: frame_id, image.
        root: folder that the frames' `image` is relative to.
        winter_root: folder that the manifest's `image` is relative to.
    """
    images = dict(zip(frames["frame_id"], frames["image"], strict=True))
    own = dict(tuple(boxes[boxes["frame_id"].isin(manifest["frame_id"])].groupby("frame_id", sort=False)))
    for frame_id, image in zip(manifest["frame_id"], manifest["image"], strict=True):
        if frame_id in own:
            corners = [each for _, each in corners_of(own[frame_id])]
            yield Versions(frame_id, root / images[frame_id], winter_root / image, corners)


def measure_quality(
    versions: Sequence[Versions], *, judge: Judge | None = None, threads: int = 1
) -> pd.DataFrame:
    """Measure how far each label of winter frames is still true.

    Args:
        versions: the frames.
        judge: a detector that has been trained on neither version; None without one.
        threads: frames at work at a time; the judge sees one after the other.

    Returns:
        One row a box: frame_id; box, its number within the frame; edges_kept, see there; seen_before and seen_after,
        the highest confidence, 0 to 1, of the judge's detections that overlap the box by half (IoU) in the original and
        in winter, NaN without a judge.

    Raises:
        SnowdriftError: a picture cannot be read.
    """
    with ThreadPoolExecutor(threads) as pool:
        kept = list(pool.map(_edges_kept_of, versions))
    rows = []
    for one, edges in zip(versions, kept, strict=True):
        seen = [(math.nan, math.nan)] * len(edges)
        if judge is not None:
            before, after = judge(one.original), judge(one.winter)
            seen = [(confidence_at(box, before), confidence_at(box, after)) for box in one.boxes]
        rows += [(one.frame_id, number, edges[number], *seen[number]) for number in range(len(edges))]
    return pd.DataFrame(rows, columns=QUALITY_COLUMNS)


def confidence_at(box: Corners, detections: Detections) -> float:
    """The highest confidence among the detections that overlap a box by half (IoU); 0 if there is none."""
    if not len(detections):
        return 0.0
    corners = np.asarray(detections[:, :4], float)
    first, last = np.maximum(corners[:, :2], box[:2]), np.minimum(corners[:, 2:], box[2:])
    common = np.prod(np.clip(last - first, 0, None), axis=1)
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1) + (box[2] - box[0]) * (box[3] - box[1])
    hit = common >= _OVERLAP * (areas - common)
    return float(detections[hit, 4].max(initial=0.0))


def frame_quality(quality: pd.DataFrame, measure: str) -> pd.Series:
    """The quality of each frame that has boxes, that of its worst box: the one person who has gone makes it wrong.

    Args:
        quality: see `measure_quality`.
        measure: `edges_kept`, or `agreement`: the judge's confidence in winter as a share of that before, at most 1,
            and 1 for a person whom it has not seen in the original either.

    Returns:
        By frame_id, 0 (gone) to 1 (all there).
    """
    values = quality["edges_kept"]
    if measure == "agreement":
        before, after = quality["seen_before"], quality["seen_after"]
        values = (after / before.clip(lower=_SEEN)).clip(upper=1.0).where(before >= _SEEN, 1.0)
    return values.groupby(quality["frame_id"], sort=False).min()


def by_video(quality: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Sum up the quality of the frames of each video.

    Args:
        quality: see `measure_quality`.
        frames: `data/frames.parquet`.

    Returns:
        One row a video that has boxes: video, split, frames (that have boxes), boxes; edges_kept, the mean of its
        frames' quality, and edges_kept_low, the 5 % quantile; agreement, the mean, NaN without a judge.
    """
    measures = {name: frame_quality(quality, name) for name in ("edges_kept", "agreement")}
    if quality["seen_before"].isna().all():
        measures["agreement"] = measures["agreement"] * math.nan
    table = pd.DataFrame(measures).rename_axis("frame_id").reset_index()
    table["boxes"] = table["frame_id"].map(quality["frame_id"].value_counts())
    table = table.merge(
        frames[["frame_id", "video", "split"]], on="frame_id", how="left", validate="one_to_one"
    )
    groups = table.groupby(["video", "split"], sort=True)
    return groups.agg(
        frames=("frame_id", "size"),
        boxes=("boxes", "sum"),
        edges_kept=("edges_kept", "mean"),
        edges_kept_low=("edges_kept", lambda values: values.quantile(0.05)),
        agreement=("agreement", "mean"),
    ).reset_index()


def kept_frames(
    frame_ids: Sequence[str], quality: pd.DataFrame | None, keep: float, measure: str, seed: int
) -> list[str]:
    """The frames whose labels are the truest, in the order in which they came.

    Args:
        frame_ids: frames to choose from.
        quality: of those that have boxes; a frame without boxes has no label that could be wrong, and counts as 1.
            None for `random`, which needs none.
        keep: share of the frames to keep, in (0, 1].
        measure: one of MEASURES.
        seed: of the chance by which `random` keeps frames.
    """
    count = math.ceil(keep * len(frame_ids) - 1e-9)
    if measure == "random":
        random = np.random.default_rng(derive_seed(seed, "gate"))
        best = {frame_ids[index] for index in random.permutation(len(frame_ids))[:count]}
    else:
        values = frame_quality(quality, measure).reindex(frame_ids).fillna(1.0)
        best = set(values.sort_values(ascending=False, kind="stable").index[:count])
    return [frame_id for frame_id in frame_ids if frame_id in best]


def _edges_kept_of(versions: Versions) -> list[float]:
    return edges_kept(open_picture(versions.original), open_picture(versions.winter), versions.boxes)


def edges_kept(original: Image.Image, winter: Image.Image, boxes: Sequence[Corners]) -> list[float]:
    """How much of the edges of each labelled person a winter frame keeps: 1 is all of them, 0 none.

    For each box, widened by half so that people stand out against their ground, the agreement of the luminance's
    gradients: the cosine of twice the angle between old and new, weighted by their lengths. So a dark coat on white
    ground counts as much as a pale one on dark ground, and noise counts for nothing.

    Args:
        original: the frame's picture.
        winter: its winter version, of the same size.
        boxes: corners as fractions of the frame.
    """
    before, after = (_gradients(picture) for picture in (original, winter))
    size = before.shape[::-1]
    return [_agreement(*(part[_around(box, size)] for part in (before, after))) for box in boxes]


def _gradients(picture: Image.Image) -> np.ndarray:
    """Of the luminance, as complex numbers (h, w), at the scale of a 400th of the width."""
    luminance = np.asarray(picture.convert("L"), np.float32)
    scale = max(1.0, luminance.shape[1] / 400)
    across, down = (gaussian_filter(luminance, scale, order=order) for order in ((0, 1), (1, 0)))
    gradients: np.ndarray = across + 1j * down
    return gradients


def _around(box: Corners, size: tuple[int, int]) -> tuple[slice, slice]:
    """The pixels of a box that is widened by half."""
    left, top, right, bottom = box
    aside, above = (right - left) / 4, (bottom - top) / 4
    wider = (max(0, left - aside), max(0, top - above), min(1, right + aside), min(1, bottom + above))
    first_x, first_y, last_x, last_y = (round(part) for part in in_pixels(wider, size))
    return slice(first_y, last_y), slice(first_x, last_x)


def _agreement(before: np.ndarray, after: np.ndarray) -> float:
    """Fainter edges count for what is left of them; where snow adds edges, the old ones for their share."""
    old, new = (math.sqrt(float((np.abs(part) ** 2).sum())) for part in (before, after))
    if old == 0:
        return 1.0
    turned = before * after.conj()
    twice = np.divide((turned**2).real, np.abs(turned), out=np.zeros_like(turned.real), where=turned != 0)
    return max(0.0, float(twice.sum())) / (old * max(old, new))
