"""The sheet on which a person judges the winter: original frames beside their winter versions."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image, ImageDraw

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.data.tables import OK, Corners, corners_of, in_pixels
from snowdrift.report.figures.pictures import (
    FAINT,
    GAP,
    LABEL,
    PAPER,
    WIDTH,
    draw_box,
    font,
    scale_to_width,
    stack_rows,
    write_picture,
)
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import write_table
from snowdrift.snow.quality import frame_quality

logger = logging.getLogger(__name__)

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
    known = frames[(frames["status"] == OK) & frames["frame_id"].isin(manifests["frame_id"])]
    if known.empty:
        raise SnowdriftError(
            "no frame of data/frames.parquet is in the shard manifests",
            "delete snow/cyclegan/shards below this study's results and run again",
        )
    chosen: list[Any] = []
    for split in SPLIT_ORDER:
        videos = [rows for _, rows in known[known["split"] == split].groupby("video", sort=True)]
        chosen += list(_spread(videos, count - len(chosen)))
    return _pairs(chosen, manifests, root, winter_root, boxes)


def rank_pairs(
    quality: pd.DataFrame,
    frames: pd.DataFrame,
    manifests: pd.DataFrame,
    root: Path,
    winter_root: Path,
    count: int,
    boxes: pd.DataFrame,
) -> list["Ranked"]:
    """The up to `count` best and `count` worst of all frames with people, by the edges that their people keep.

    If there are too few for both, the best and the worst halves of them.

    Args:
        quality: of the translator, see `quality.measure_quality`.
        frames: `data/frames.parquet`.
        manifests: the rows of all shards: frame_id, image.
        root: folder that the frames' `image` is relative to.
        winter_root: folder that the manifests' `image` is relative to.
        count: pairs of either kind.
        boxes: `data/boxes.parquet`.
    """
    kept = frame_quality(quality, "edges_kept").sort_index().sort_values(ascending=False, kind="stable")
    count = min(count, len(kept) // 2)
    chosen = [*kept.index[:count], *kept.index[len(kept) - count :][::-1]]
    rows = frames.set_index("frame_id", drop=False).loc[chosen].itertuples(index=False)
    pairs = _pairs(rows, manifests, root, winter_root, boxes)
    kinds = ["best"] * count + ["worst"] * count
    return [Ranked(pair, kind, float(kept[pair.frame_id])) for pair, kind in zip(pairs, kinds, strict=True)]


def _pairs(
    rows: Iterable[Any], manifests: pd.DataFrame, root: Path, winter_root: Path, boxes: pd.DataFrame
) -> list[Pair]:
    winter = dict(zip(manifests["frame_id"], manifests["image"], strict=True))
    return [
        Pair(
            row.frame_id,
            row.split,
            root / row.image,
            winter_root / winter[row.frame_id],
            _boxes_of(boxes, row.frame_id),
        )
        for row in rows
    ]


class Ranked(NamedTuple):
    """A pair with its place among others.

    Attributes:
        pair: the frame.
        kind: `spread` (chosen by its video alone), `best` or `worst`.
        edges_kept: of its faintest person, see `quality.frame_quality`; None for `spread`.
    """

    pair: Pair
    kind: str = "spread"
    edges_kept: float | None = None


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
    write_picture(stack_rows(rows, ("original", "winter")), output)
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
