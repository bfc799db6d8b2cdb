"""What the attacks reached, over all images."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from snowdrift.runtime.files import read_table
from snowdrift.runtime.seeds import derive_seed
from snowdrift.statistics.intervals import LEVEL, Share

logger = logging.getLogger(__name__)

_REPLICATES = 10_000


def join_shards(tables: Sequence[Path]) -> pd.DataFrame:
    """The rows of all shards, by image, methods in the order in which they ran."""
    parts = [
        table for table in map(read_table, tables) if len(table)
    ]  # fewer images than shards leave some empty
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values("image", kind="stable", ignore_index=True)


def summarise(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row a method, over the images that the generator changes enough for a score to mean anything.

    Args:
        rows: of `attack/results.csv`.
        seed: of the bootstrap.

    Returns:
        `method`, `images`; `success_rate`, `reached_rate` (images of which any candidate passed), `mean_queries`,
        `median_queries`, `mean_score`, `half_rate` (images that reached half of their ceiling) and
        `mean_half_queries`, each with its 95 % interval (`_low`, `_high`: Wilson's for the rates, bootstrap
        percentiles for the rest, NaN of fewer than two images). Queries are those to the first success, or to half
        of the ceiling, and all that were spent where it was not reached. Then the means of `ceiling`, `psnr`,
        `ssim` and of every `score_...` column.
    """
    meaningful = rows[rows["is_attackable"]]
    left_alone = rows.loc[~rows["is_attackable"], "image"].nunique()
    if left_alone:
        logger.info("%d images are left out of the summary: the generator hardly changes them", left_alone)
    columns = ["ceiling", "psnr", "ssim", *(name for name in rows if name.startswith("score_"))]
    table = []
    for method in rows["method"].unique():
        own = meaningful[meaningful["method"] == method]
        row: dict[str, str | int | float] = {"method": method, "images": len(own)}
        row |= _rate("success_rate", own["success"])
        row |= _rate("reached_rate", own["reached"])
        row |= _rate("half_rate", own["half_queries"].notna())
        own = own.assign(half_queries=own["half_queries"].fillna(own["spent"]))
        random = np.random.default_rng(derive_seed(seed, "attack", "bootstrap", method))
        for name, column, statistic in (
            ("mean_queries", "queries", np.mean),
            ("median_queries", "queries", np.median),
            ("mean_score", "score", np.mean),
            ("mean_half_queries", "half_queries", np.mean),
        ):
            row |= _with_interval(name, own[column].to_numpy(float), statistic, random)
        # An image that was not changed has an infinite PSNR.
        means = own[columns].replace(np.inf, np.nan).mean()
        table.append(row | {f"mean_{name}": value for name, value in means.items()})
    return pd.DataFrame(table)


def _rate(name: str, reached: pd.Series) -> dict[str, float]:
    if reached.empty:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), float("nan"))
    share = Share(int(reached.sum()), len(reached))
    low, high = share.interval(LEVEL)
    return {name: share.value, f"{name}_low": low, f"{name}_high": high}


def _with_interval(
    name: str, values: np.ndarray, statistic: Callable[..., np.ndarray], random: np.random.Generator
) -> dict[str, float]:
    value = float(statistic(values)) if len(values) else float("nan")
    low = high = float("nan")
    if len(values) > 1:
        low, high = stats.bootstrap(
            (values,),
            statistic,
            n_resamples=_REPLICATES,
            confidence_level=LEVEL,
            method="percentile",
            rng=random,
        ).confidence_interval
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
