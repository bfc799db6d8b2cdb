"""What the detectors find on a few test frames, in every test set."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.tables import Corners, corners_of, in_pixels
from snowdrift.report.figures.pictures import (
    FAINT,
    INK,
    PAPER,
    colour_of,
    draw_box,
    draw_label,
    font,
    scale_to_width,
    write_picture,
)
from snowdrift.report.tables import test_sets, training_sets
from snowdrift.runtime.errors import SnowdriftError

logger = logging.getLogger(__name__)

DRAWN_CONFIDENCE = 0.25
"""Detections below this are left out of the sheet: a detector reports hundreds of them, nearly all wrong."""

TRUTH = "#e6007e"
WIDTH, GAP, LABEL = 400, 6, 22


def draw_detections(
    examples: pd.DataFrame, boxes: pd.DataFrame, class_names: Sequence[str], output: Path | str
) -> None:
    """Write a sheet: a row for each frame in each test set, a column for each detector.

    Ground truth is drawn as thin magenta boxes, detections in their class's colour with name and confidence.

    Args:
        examples: the `_examples.parquet` tables of one seed together: train_domain, test_domain, frame_id,
            image_path, class_name, confidence, x1, y1, x2, y2 in pixels; class_name is null where a detector
            found nothing.
        boxes: `data/boxes.parquet`.
        class_names: in the order of class ids.
        output: JPEG or PNG.

    Raises:
        SnowdriftError: the tables hold no frame, or a picture cannot be read.
    """
    frame_ids = sorted(examples["frame_id"].unique())
    if not frame_ids:
        raise SnowdriftError(
            "the example tables of the evaluation hold no frame",
            "delete detection/evaluation below this study's results and run again",
        )
    colours = {name: colour_of(class_id) for class_id, name in enumerate(class_names)}
    columns = training_sets(examples)
    # In the table's order of test sets. A frame of true winter is in no other test set.
    shown = dict(tuple(examples.groupby(["frame_id", "test_domain"])))
    rows = [
        _row(shown[frame_id, test_set], boxes[boxes["frame_id"] == frame_id], columns, colours)
        for frame_id in frame_ids
        for test_set in test_sets(examples)
        if (frame_id, test_set) in shown
    ]
    write_picture(_stack(rows, columns, colours), output)
    logger.info("%s: detections above confidence %s on %d frames", output, DRAWN_CONFIDENCE, len(frame_ids))


def _row(
    examples: pd.DataFrame, truth: pd.DataFrame, columns: Sequence[str], colours: dict[str, str]
) -> Image.Image:
    """One frame in one test set, seen by each detector."""
    test_set = examples["test_domain"].iloc[0]
    cells = []
    for training_set in columns:
        seen = examples[examples["train_domain"] == training_set]
        if seen.empty:
            raise SnowdriftError(
                f"the example tables have no row for the {training_set} detector on {test_set} frames",
                "delete detection/evaluation below this study's results and run again",
            )
        cells.append(_cell(seen, truth, colours))
    row = Image.new("RGB", (_width(columns), LABEL + cells[0].height), PAPER)
    for column, cell in enumerate(cells):
        row.paste(cell, (column * (WIDTH + GAP), LABEL))
    label = f"{examples['frame_id'].iloc[0]}  ({test_set})"
    ImageDraw.Draw(row).text((0, LABEL / 2), label, fill=FAINT, font=font(12), anchor="lm")
    return row


def _cell(seen: pd.DataFrame, truth: pd.DataFrame, colours: dict[str, str]) -> Image.Image:
    original = open_picture(seen["image_path"].iloc[0])
    picture = scale_to_width(original, WIDTH)
    for _, corners in corners_of(truth):
        draw_box(picture, in_pixels(corners, picture.size), TRUTH, 1)
    scale = WIDTH / original.width
    confident = seen[seen["class_name"].notna() & (seen["confidence"] >= DRAWN_CONFIDENCE)]
    found = [
        ((row.x1 * scale, row.y1 * scale, row.x2 * scale, row.y2 * scale), row.class_name, row.confidence)
        for row in confident.sort_values("confidence", ascending=False, kind="stable").itertuples(index=False)
    ]
    for corners, class_name, _ in found:
        draw_box(picture, corners, colours[class_name])
    taken: list[Corners] = []
    for corners, class_name, confidence in found:
        text = f"{class_name} {confidence:.2f}"
        taken.append(draw_label(picture, corners, colours[class_name], text, taken))
    return picture


def _stack(rows: Sequence[Image.Image], columns: Sequence[str], colours: dict[str, str]) -> Image.Image:
    header = 2 * LABEL + GAP
    height = header + sum(row.height + GAP for row in rows)
    sheet = Image.new("RGB", (_width(columns) + 2 * GAP, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    left = GAP
    for name, colour in [("ground truth", TRUTH), *colours.items()]:
        draw.rectangle((left, GAP, left + 14, GAP + 12), fill=colour, outline=FAINT)
        draw.text((left + 20, GAP + 6), name, fill=INK, font=font(13), anchor="lm")
        left += 40 + round(draw.textlength(name, font(13)))
    for column, training_set in enumerate(columns):
        title = f"trained on {training_set}"
        draw.text((GAP + column * (WIDTH + GAP), LABEL + GAP), title, fill=INK, font=font(14))
    top = header
    for row in rows:
        sheet.paste(row, (GAP, top))
        top += row.height + GAP
    return sheet


def _width(columns: Sequence[str]) -> int:
    return len(columns) * WIDTH + (len(columns) - 1) * GAP
