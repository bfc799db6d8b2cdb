"""Test frames as they were taken, translated, and in true winter, side by side, and how far they are apart."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.data.tables import OK
from snowdrift.report.figures.pictures import (
    FAINT,
    GAP,
    LABEL,
    PAPER,
    WIDTH,
    font,
    scale_to_width,
    stack_rows,
    write_picture,
)

logger = logging.getLogger(__name__)

TITLES = ("original", "generated winter", "true winter")
COLUMNS = ["frame_id", "original", "winter"]
ROWS = 3


class Triple(NamedTuple):
    """One frame of a test video as it was taken and as it was translated, beside one of true winter."""

    frame_id: str
    original: Path
    winter: Path
    true_winter: Path


def paired_triples(
    frames: pd.DataFrame,
    manifests: pd.DataFrame,
    true_frames: pd.DataFrame,
    roots: tuple[Path, Path, Path],
) -> list[Triple]:
    """Every test frame that is there in all three versions, for true winter that shows the same scenes.

    Args:
        frames: `data/frames.parquet`.
        manifests: the rows of all shards: frame_id, image.
        true_frames: `data/true_winter/frames.parquet`.
        roots: folders that their `image` is relative to, in this order.
    """
    columns = ["frame_id", "image"]
    test = frames.loc[(frames["split"] == "test") & (frames["status"] == OK), [*columns, "boxes"]]
    usable = true_frames.loc[true_frames["status"] == OK, columns]
    joined = test.merge(manifests[columns], on="frame_id", suffixes=("", "_winter"))
    joined = joined.merge(usable, on="frame_id", suffixes=("", "_true")).sort_values("frame_id")
    return [
        Triple(row.frame_id, roots[0] / row.image, roots[1] / row.image_winter, roots[2] / row.image_true)
        for row in joined.itertuples(index=False)
    ]


def unpaired_triples(
    frames: pd.DataFrame,
    manifests: pd.DataFrame,
    true_frames: pd.DataFrame,
    roots: tuple[Path, Path, Path],
) -> list[Triple]:
    """A few test frames with people beside a few of true winter, which shows other scenes. See `paired_triples`."""
    test = frames[(frames["split"] == "test") & (frames["status"] == OK) & (frames["boxes"] > 0)]
    joined = test.merge(manifests[["frame_id", "image"]], on="frame_id", suffixes=("", "_winter"))
    others = true_frames[
        (true_frames["split"] == "test") & (true_frames["status"] == OK) & (true_frames["boxes"] > 0)
    ]
    ours, theirs = (evenly(list(table.itertuples(index=False)), ROWS) for table in (joined, others))
    return [
        Triple(
            f"{one.frame_id} beside {other.frame_id}",
            roots[0] / one.image,
            roots[1] / one.image_winter,
            roots[2] / other.image,
        )
        for one, other in zip(ours, theirs, strict=False)
    ]


def distances(triples: Sequence[Triple]) -> pd.DataFrame:
    """How far each frame, as it was taken and as it was translated, is from true winter.

    Returns:
        Columns frame_id, original and winter: the mean absolute difference from true winter over all pixels and
        channels, 0 (equal) to 255. Only for paired triples does it say anything.
    """
    rows = [(triple.frame_id, *_distances_of(triple)) for triple in triples]
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_triples(triples: Sequence[Triple], output: Path | str) -> None:
    """Write a sheet with up to three of the triples, one a row, evenly spread over them."""
    rows = [_row(triple) for triple in evenly(triples, ROWS)]
    write_picture(stack_rows(rows, TITLES), output)
    logger.info("%s: %d of %d frames", output, len(rows), len(triples))


def _distances_of(triple: Triple) -> Iterator[float]:
    truth = open_picture(triple.true_winter)
    for path in (triple.original, triple.winter):
        picture = open_picture(path).resize(truth.size)
        yield float(np.abs(np.asarray(picture, np.float32) - np.asarray(truth, np.float32)).mean())


def _row(triple: Triple) -> Image.Image:
    pictures = [
        scale_to_width(open_picture(path), WIDTH)
        for path in (triple.original, triple.winter, triple.true_winter)
    ]
    row = Image.new(
        "RGB", (len(TITLES) * (WIDTH + GAP), LABEL + max(each.height for each in pictures)), PAPER
    )
    for column, picture in enumerate(pictures):
        row.paste(picture, (column * (WIDTH + GAP), LABEL))
    ImageDraw.Draw(row).text((0, LABEL / 2), triple.frame_id, fill=FAINT, font=font(13), anchor="lm")
    return row
