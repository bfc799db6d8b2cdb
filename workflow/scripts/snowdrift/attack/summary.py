"""What the attacks reached, over all images."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from snowdrift.attack.intervals import mean_interval, share_interval
from snowdrift.attack.names import CEILINGS
from snowdrift.runtime.files import read_table
from snowdrift.statistics.intervals import LEVEL, joint_level
from snowdrift.statistics.jackknife import Interval

logger = logging.getLogger(__name__)


def join_shards(tables: Sequence[Path]) -> pd.DataFrame:
    """The rows of all shards, by image, methods in the order in which they ran."""
    parts = [
        table for table in map(read_table, tables) if len(table)
    ]  # fewer images than shards leave some empty
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values("image", kind="stable", ignore_index=True)


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a method, over the images that the generator changes enough for a score to mean anything.

    Args:
        rows: of `attack/results.csv`.

    Returns:
        `method`, `images`; `success_rate` (images whose answer is above `attack.success`), `passed_rate` (images of
        which any candidate ever was), `half_ceiling_rate` (images that came half as far as their ceiling);
        `mean_queries` (to the first success) and `mean_half_ceiling_queries`, for which an image that never came so
        far counts with its whole budget; the means of `score`, `ceiling` and of every `score_...` column;
        `score_lead` and `queries_lead`, how much higher the score of the first black-box attack is on the same
        images, and how many more queries it takes; each with its 95 % interval over videos (`_low`, `_high`), where
        they give one. The leads' hold for all attacks together. Then the means of `psnr` and `ssim`.
    """
    attackable = rows[rows["is_attackable"]]
    left_alone = rows.loc[~rows["is_attackable"], "image"].nunique()
    if left_alone:
        logger.info("%d images are left out of the summary: the generator hardly changes them", left_alone)
    methods = list(rows["method"].unique())
    black_box = [method for method in methods if method not in CEILINGS]
    level = joint_level(LEVEL, len(black_box) - 1)
    by_method = {method: attackable[attackable["method"] == method] for method in methods}
    table = []
    for method, own in by_method.items():
        row: dict[str, str | int | float] = {"method": method, "images": len(own)}
        row |= _figures(own)
        paired = method in black_box[1:]
        row |= _leads(by_method[black_box[0]], own, level) if paired else {}
        # An image that was not changed has an infinite PSNR.
        means = own[["psnr", "ssim"]].replace(np.inf, np.nan).mean()
        table.append(row | {f"mean_{name}": value for name, value in means.items()})
    return pd.DataFrame(table).reindex(columns=list(dict.fromkeys(name for row in table for name in row)))


def _figures(own: pd.DataFrame) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, hits in (
        ("success_rate", own["success"]),
        ("passed_rate", own["passed"]),
        ("half_ceiling_rate", own["half_ceiling_queries"].notna()),
    ):
        figures |= _named(name, share_interval(hits, own["group"], LEVEL))
    own = own.assign(half_ceiling_queries=own["half_ceiling_queries"].fillna(own["budget"]))
    scores = ["score", "ceiling", *(name for name in own if name.startswith("score_"))]
    for name in ("queries", "half_ceiling_queries", *scores):
        known = own[own[name].notna()]
        figures |= _named(f"mean_{name}", mean_interval(known[name], known["group"], LEVEL))
    return figures


def _leads(first: pd.DataFrame, other: pd.DataFrame, level: float) -> dict[str, float]:
    """Of the first attack over another, image by image."""
    pairs = first.merge(other, on=["image", "group"], suffixes=("", "_other"))
    leads: dict[str, float] = {}
    for name in ("score", "queries"):
        leads |= _named(
            f"{name}_lead", mean_interval(pairs[name] - pairs[f"{name}_other"], pairs["group"], level)
        )
    return leads


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
