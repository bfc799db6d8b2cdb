"""Figures of the attack chapter: protected photographs with what becomes of them, and progress over queries."""

import logging
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image, ImageDraw

from snowdrift.attack.names import CEILINGS
from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.report.figures.pictures import CLASS_COLOURS, FAINT, INK, PAPER, font, write_picture
from snowdrift.report.figures.style import GRID, STYLE, write_figure
from snowdrift.runtime.errors import SnowdriftError

logger = logging.getLogger(__name__)

MAGNIFIED = 10
CELL, GAP, LABEL = 168, 6, 20


def ceiling_of(rows: pd.DataFrame) -> pd.DataFrame:
    """For each image the better of the attacks that see the gradients."""
    seen = rows[rows["method"].isin(CEILINGS)]
    return seen.loc[seen.groupby("image")["score"].idxmax()]


def draw_protected(
    rows: pd.DataFrame, pictures: Sequence[Path], method: str, count: int, output: Path | str
) -> None:
    """Write one row of pictures a photograph: as it is and its winter, then protected by `method` and at the ceiling.

    Args:
        rows: `attack/results.csv`.
        pictures: the shards' folders.
        method: of the black-box attack that is shown.
        count: photographs, spread evenly over the scores that the attack reached.
        output: PNG or JPEG.

    Raises:
        SnowdriftError: no shard has the pictures of a photograph.
    """
    own = rows[rows["method"] == method].sort_values("score", ascending=False)
    best = ceiling_of(rows).set_index("image")
    lines = [
        _line(
            _folder(pictures, row.image),
            [(method, row.score_8_bit), (best.method[row.image], best.score_8_bit[row.image])],
        )
        for row in evenly(list(own.itertuples()), count)
    ]
    sheet = Image.new(
        "RGB", (lines[0].width + 2 * GAP, sum(line.height + GAP for line in lines) + GAP), PAPER
    )
    for place, line in enumerate(lines):
        sheet.paste(line, (GAP, GAP + place * (line.height + GAP)))
    write_picture(sheet, output)
    logger.info("%s: %d photographs", output, len(lines))


def plot_progress(rows: pd.DataFrame, traces: pd.DataFrame, queries: int, output: Path | str) -> None:
    """Plot the share of photographs that each black-box attack has protected, and their mean score, over queries.

    Args:
        rows: `attack/results.csv`.
        traces: `attack/traces.parquet`.
        queries: most that an image was given.
        output: PNG or SVG, by the suffix.
    """
    rows = rows[rows["is_attackable"]]
    ceiling = ceiling_of(rows)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        black_box = [method for method in rows["method"].unique() if method not in CEILINGS]
        for method, colour in zip(black_box, (*CLASS_COLOURS[::-1], FAINT, INK), strict=False):
            own = rows[rows["method"] == method]
            reached = np.sort(own.loc[own["success"], "queries"].to_numpy())
            left.step(*shares(reached, len(own), queries), where="post", color=colour, label=method)
            means = mean_scores(traces[traces["method"] == method], own["image"], queries)
            right.step(*means, where="post", color=colour)
        for axis, top in ((left, ceiling["success"].mean()), (right, ceiling["score"].mean())):
            axis.axhline(top, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), label="ceiling")
            axis.set_xscale("log")
            axis.set_xlim(10, queries)
            axis.set_ylim(-0.03, 1.03)
            axis.set_xlabel("queries for one photograph")
            axis.grid(color=GRID, linewidth=0.6)
        left.yaxis.set_major_formatter(PercentFormatter(1))
        left.set_title("Photographs protected", loc="left", fontsize=10)
        right.set_title("Mean score", loc="left", fontsize=10)
        figure.legend(
            *left.get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8
        )
        write_figure(figure, output)


def shares(reached: np.ndarray, images: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the share of images that are among `reached`, sorted queries, up to `queries`."""
    share = np.arange(len(reached) + 1) / max(images, 1)
    return np.concatenate([[1], reached, [queries]]), np.append(share, share[-1])


def mean_scores(traces: pd.DataFrame, images: pd.Series, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the images' mean score; an image without an answer yet has 0, one that has ended keeps its last."""
    wide = traces.pivot_table("score", "queries", "image", aggfunc="last").reindex(columns=images)
    mean = wide.ffill().fillna(0.0).mean(axis=1)
    last = mean.iloc[-1] if len(mean) else 0.0
    return np.concatenate([[1], mean.index, [queries]]), np.concatenate([[0.0], mean, [last]])


def _folder(pictures: Sequence[Path], image: str) -> Path:
    for folder in pictures:
        if (folder / image).is_dir():
            return folder / image
    raise SnowdriftError(
        f"{image}: no folder below {pictures[0].parent} holds its pictures",
        "remove attack/pictures below this study's results and run again",
    )


def _line(folder: Path, attacks: Sequence[tuple[str, float]]) -> Image.Image:
    """Original and winter, then for each attack the protected picture, its change, and what becomes of it."""
    original = open_picture(folder / "original.png")
    cells = [("original", original), ("winter", open_picture(folder / "winter.png"))]
    for method, score in attacks:
        protected = open_picture(folder / f"{method}_protected.png")
        cells += [
            (f"{method}: protected", protected),
            (f"change, {MAGNIFIED} times", _magnified(protected, original)),
            (f"its winter, score {score:.2f}", open_picture(folder / f"{method}_winter.png")),
        ]
    line = Image.new("RGB", (len(cells) * (CELL + GAP) - GAP, LABEL + CELL), PAPER)
    draw = ImageDraw.Draw(line)
    for place, (title, picture) in enumerate(cells):
        left = place * (CELL + GAP)
        draw.text((left, LABEL / 2), title, fill=INK, font=font(11), anchor="lm")
        line.paste(picture.resize((CELL, CELL), Image.Resampling.BICUBIC), (left, LABEL))
    return line


def _magnified(protected: Image.Image, original: Image.Image) -> Image.Image:
    change = np.asarray(protected, np.float32) - np.asarray(original, np.float32)
    return Image.fromarray((127.5 + MAGNIFIED * change).clip(0, 255).astype(np.uint8))
