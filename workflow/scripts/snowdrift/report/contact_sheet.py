"""The sheet on which a person judges the winter: original frames beside their winter versions."""

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from snowdrift.frames.selection import evenly
from snowdrift.frames.tables import OK
from snowdrift.report.pictures import (
    FAINT,
    INK,
    PAPER,
    draw_box,
    font,
    open_picture,
    scale_to_width,
    write_picture,
)
from snowdrift.report.tables import Corners, corners_of, in_pixels
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import write_table

logger = logging.getLogger(__name__)

WIDTH, GAP, LABEL = 400, 8, 24
PAIR_WIDTH = 800
BOX = "#d55e00"
SPLIT_ORDER = ("test", "val", "train", "unused")


class Pair(NamedTuple):
    """One frame in both versions."""

    frame_id: str
    split: str
    original: Path
    winter: Path
    boxes: Sequence[Corners] = ()
    """Left, top, right, bottom as fractions of the frame."""


def choose_pairs(
    frames: pd.DataFrame,
    manifests: pd.DataFrame,
    root: Path,
    winter_root: Path,
    count: int,
    boxes: pd.DataFrame,
) -> list[Pair]:
    """Choose up to `count` frames, spread evenly over the videos, the test videos first.

    The generator has seen no test video, so those show what it does to frames that are new to it. Frames with
    people come before empty ones. The choice depends on the tables alone.

    Args:
        frames: `data/frames.parquet`.
        manifests: the rows of all shards: frame_id, image.
        root: folder that the frames' `image` is relative to.
        winter_root: folder that the manifests' `image` is relative to.
        count: number of pairs.
        boxes: `data/boxes.parquet`.

    Raises:
        SnowdriftError: no frame has a winter version.
    """
    winter = dict(zip(manifests["frame_id"], manifests["image"], strict=True))
    known = frames[(frames["status"] == OK) & frames["frame_id"].isin(winter)]
    if known.empty:
        raise SnowdriftError(
            "no frame of data/frames.parquet is in the shard manifests",
            "delete snow/shards below this study's results and run again",
        )
    chosen = []
    for split in SPLIT_ORDER:
        videos = [rows for _, rows in known[known["split"] == split].groupby("video", sort=True)]
        chosen += list(_spread(videos, count - len(chosen)))
    return [
        Pair(
            row.frame_id,
            row.split,
            root / row.image,
            winter_root / winter[row.frame_id],
            _boxes_of(boxes, row.frame_id),
        )
        for row in chosen
    ]


class Ranked(NamedTuple):
    """A pair with its place among others.

    Attributes:
        pair: the frame.
        kind: `spread` (chosen by its video alone), `best` or `worst`.
        edges_kept: see `edges_kept`; None for `spread`.
    """

    pair: Pair
    kind: str = "spread"
    edges_kept: float | None = None


def rank_pairs(pairs: Sequence[Pair], count: int) -> list[Ranked]:
    """The up to `count` best and `count` worst of the pairs with people, by the edges that their people keep.

    Where there are too few for both, the best and the worst halves of them.
    """
    kept = sorted(
        ((edges_kept(pair), pair) for pair in pairs if pair.boxes),
        key=lambda scored: (-scored[0], scored[1].frame_id),
    )
    count = min(count, len(kept) // 2)
    best, worst = kept[:count], kept[len(kept) - count :][::-1]
    return [Ranked(pair, "best", score) for score, pair in best] + [
        Ranked(pair, "worst", score) for score, pair in worst
    ]


def edges_kept(pair: Pair) -> float:
    """How much of the edges of its people a winter frame keeps: 1 is all of them, 0 none.

    For each box, widened by half so that people stand out against their ground, the agreement of the luminance's
    gradients: the cosine of twice the angle between old and new, weighted by their lengths. So a dark coat on white
    ground counts as much as a pale one on dark ground, and noise counts for nothing. The smallest over the boxes:
    the one person who has faded makes the label wrong.
    """
    original, winter = (_gradients(path) for path in (pair.original, pair.winter))
    size = original.shape[::-1]
    return min(_agreement(*(part[_around(box, size)] for part in (original, winter))) for box in pair.boxes)


def _gradients(path: Path) -> np.ndarray:
    """Of the luminance, as complex numbers (h, w), at the scale of a 400th of the width."""
    luminance = np.asarray(open_picture(path).convert("L"), np.float32)
    scale = max(1.0, luminance.shape[1] / 400)
    across, down = (gaussian_filter(luminance, scale, order=order) for order in ((0, 1), (1, 0)))
    return across + 1j * down


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


def write_pairs(ranked: Sequence[Ranked], folder: Path) -> None:
    """Write each pair as two pictures of one size, `<n>_original.jpg` and `<n>_winter.jpg`, and `pairs.csv`.

    The labels are drawn thin on both, to show whether people stay where their boxes are. The table has one row a
    pair: number, frame_id, split, kind, edges_kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, (pair, *_) in enumerate(ranked):
        for version, picture in zip(("original", "winter"), _versions(pair, PAIR_WIDTH), strict=True):
            write_picture(picture, folder / f"{number}_{version}.jpg")
    rows = [(number, pair.frame_id, pair.split, *place) for number, (pair, *place) in enumerate(ranked)]
    columns = ["number", "frame_id", "split", "kind", "edges_kept"]
    write_table(pd.DataFrame(rows, columns=columns), folder / "pairs.csv")


def contact_sheet(pairs: Sequence[Pair], output: Path | str) -> None:
    """Write a sheet with one pair a row: the original on the left, its winter version on the right.

    The labels are drawn on both, as by `write_pairs`.
    """
    rows = [_row(pair) for pair in pairs]
    width = 2 * WIDTH + 3 * GAP
    sheet = Image.new("RGB", (width, GAP + LABEL + sum(row.height + GAP for row in rows)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(("original", "winter")):
        draw.text((GAP + column * (WIDTH + GAP), GAP), title, fill=INK, font=font(16))
    top = GAP + LABEL
    for row in rows:
        sheet.paste(row, (GAP, top))
        top += row.height + GAP
    write_picture(sheet, output)
    logger.info("%s: %d pairs", output, len(pairs))


def _spread(videos: Sequence[pd.DataFrame], count: int) -> Iterator[NamedTuple]:
    """Up to `count` rows: equally many of each video, or of evenly spaced videos where there are more."""
    videos = videos if len(videos) <= count else evenly(videos, count)
    for index, rows in enumerate(videos):
        wanted = count // len(videos) + (index < count % len(videos))
        with_people = rows[rows["boxes"] > 0]
        pool = with_people if len(with_people) >= wanted else rows
        yield from evenly(list(pool.itertuples(index=False)), wanted)


def _boxes_of(boxes: pd.DataFrame, frame_id: str) -> list[Corners]:
    return [corners for _, corners in corners_of(boxes[boxes["frame_id"] == frame_id])]


def _versions(pair: Pair, width: int) -> list[Image.Image]:
    """The original and its winter version, `width` pixels wide, with their boxes."""
    pictures = [scale_to_width(open_picture(path), width) for path in (pair.original, pair.winter)]
    for picture in pictures:
        for corners in pair.boxes:
            draw_box(picture, in_pixels(corners, picture.size), BOX, 1)
    return pictures


def _row(pair: Pair) -> Image.Image:
    pictures = _versions(pair, WIDTH)
    height = max(picture.height for picture in pictures)
    row = Image.new("RGB", (2 * WIDTH + GAP, LABEL + height), PAPER)
    for column, picture in enumerate(pictures):
        row.paste(picture, (column * (WIDTH + GAP), LABEL))
    label = f"{pair.frame_id}  ({pair.split})"
    ImageDraw.Draw(row).text((0, LABEL / 2), label, fill=FAINT, font=font(13), anchor="lm")
    return row
