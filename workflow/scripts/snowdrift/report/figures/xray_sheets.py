"""Sheets of X-rays: real beside generated ones, and samples beside the training images nearest to them."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw
from torch import Tensor

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.report.figures.pictures import FAINT, INK, PAPER, draw_box, font, write_picture
from snowdrift.xray.images import to_picture

logger = logging.getLogger(__name__)

CELL, GAP, TITLE, LABEL, COLUMNS = 76, 2, 26, 16, 6
MARGIN = 12
PAIRS = 8
COPY = "#d55e00"


def draw_sheet(real: Sequence[Path], models: Mapping[str, Sequence[Path]], output: Path | str) -> None:
    """Write real X-rays and each model's pictures as blocks, two beside each other, real ones first.

    Args:
        real: training images, of which as many are shown as a model has pictures, evenly spread.
        models: each model's pictures, the study's few.
        output: PNG or JPEG.
    """
    count = max(len(pictures) for pictures in models.values())
    blocks = [_block("real", evenly(real, min(count, len(real))))]
    blocks += [_block(name, pictures) for name, pictures in models.items()]
    height = max(block.height for block in blocks)
    rows = -(-len(blocks) // 2)
    size = (2 * blocks[0].width + 3 * MARGIN, rows * (height + MARGIN) + MARGIN)
    sheet = Image.new("RGB", size, PAPER)
    for index, block in enumerate(blocks):
        row, column = divmod(index, 2)
        place = (MARGIN + column * (block.width + MARGIN), MARGIN + row * (height + MARGIN))
        sheet.paste(block, place)
    write_picture(sheet, output)
    logger.info("%s: %d X-rays a block", output, count)


def draw_neighbours(
    neighbours: pd.DataFrame, samples: Mapping[str, Tensor], root: Path, output: Path | str
) -> None:
    """Write the samples that come closest to a training image above that image, one row a model.

    Below each pair stands its correlation; near-copies are framed.

    Args:
        neighbours: `xray/neighbours.csv`.
        samples: each model's large sample, (n, 1 or 3, h, w) uint8.
        root: folder that the training images' names are relative to.
        output: PNG or JPEG.
    """
    rows = []
    for name, images in samples.items():
        own = neighbours[neighbours["model"] == name]
        closest = own.sort_values(["correlation", "sample"], ascending=[False, True]).head(PAIRS)
        title = f"{name}: {int(own['near_copy'].sum()):,} near-copies among {len(own):,} samples"
        rows.append(_pairs(title, closest, images, root))
    width = max(row.width for row in rows) + 2 * MARGIN
    sheet = Image.new("RGB", (width, sum(row.height + MARGIN for row in rows) + MARGIN), PAPER)
    top = MARGIN
    for row in rows:
        sheet.paste(row, (MARGIN, top))
        top += row.height + MARGIN
    write_picture(sheet, output)


def _block(title: str, pictures: Sequence[Path]) -> Image.Image:
    rows = -(-len(pictures) // COLUMNS)
    block = Image.new("RGB", (COLUMNS * (CELL + GAP) - GAP, TITLE + rows * (CELL + GAP) - GAP), PAPER)
    ImageDraw.Draw(block).text((0, TITLE / 2), title, fill=INK, font=font(15), anchor="lm")
    for index, path in enumerate(pictures):
        row, column = divmod(index, COLUMNS)
        block.paste(_cell(open_picture(path)), (column * (CELL + GAP), TITLE + row * (CELL + GAP)))
    return block


def _pairs(title: str, closest: pd.DataFrame, images: Tensor, root: Path) -> Image.Image:
    """One model's samples in the upper line and their nearest training images in the lower one."""
    size = CELL + 4 * GAP
    picture = Image.new("RGB", (PAIRS * size, TITLE + 2 * (CELL + GAP) + LABEL), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((0, TITLE / 2), title, fill=INK, font=font(15), anchor="lm")
    for column, row in enumerate(closest.itertuples()):
        left, middle = column * size, TITLE + CELL + GAP
        picture.paste(_cell(to_picture(images[row.sample]).convert("RGB")), (left, TITLE))
        picture.paste(_cell(open_picture(root / row.training_image)), (left, middle))
        if row.near_copy:
            draw_box(picture, (left, TITLE, left + CELL - 1, middle + CELL - 1), COPY)
        place = (left + CELL / 2, middle + CELL + LABEL / 2 + 1)
        draw.text(place, f"{row.correlation:.3f}", fill=FAINT, font=font(11), anchor="mm")
    return picture


def _cell(picture: Image.Image) -> Image.Image:
    return picture.resize((CELL, CELL), Image.Resampling.BICUBIC)
