"""The cross-domain table with intervals, and the differences between detectors, from their tables of matches."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from snowdrift.detector.intervals import KEYS, METRICS, compare, with_intervals
from snowdrift.detector.metrics import measure


class CrossDomain(NamedTuple):
    """Every detector on every test domain.

    Attributes:
        table: KEYS, images, instances, METRICS, and the ends of each metric's interval over the test videos
            (`<metric>_low`, `<metric>_high`; NaN if the videos do not say).
        curves: KEYS, recall, precision.
        left_out: the metrics without each test video: KEYS, left_out, clusters, METRICS.
        comparisons: see `compare`.
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    left_out: pd.DataFrame
    comparisons: pd.DataFrame


def cross_domain(evaluations: Iterable[pd.DataFrame]) -> CrossDomain:
    """Compute all metrics, their intervals and their differences.

    Args:
        evaluations: the matches of each detector: train_domain and seed, each of one value, test_domain, and what
            `match_table` has. They are read one after the other, since each may be large.
    """
    tables, curves, left_out = [], [], []
    for evaluation in evaluations:
        for test_domain, matches in evaluation.groupby("test_domain", observed=True, sort=False):
            keys = {
                "train_domain": str(matches["train_domain"].iloc[0]),
                "test_domain": str(test_domain),
                "seed": int(matches["seed"].iloc[0]),
            }
            measured = measure(matches)
            for parts, part in zip((tables, curves, left_out), measured, strict=True):
                parts.append(part.assign(**keys))
    table, curves, left_out = (_in_order(parts) for parts in (tables, curves, left_out))
    return CrossDomain(
        with_intervals(table[[*KEYS, "images", "instances", *METRICS]], left_out),
        curves[[*KEYS, "recall", "precision"]],
        left_out[[*KEYS, "left_out", "clusters", *METRICS]],
        compare(table, left_out),
    )


def _in_order(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows by training domain, test domain (each in the order they came in) and seed, otherwise as they came."""
    table = pd.concat(parts, ignore_index=True)
    order = table[["train_domain", "test_domain"]].apply(lambda names: pd.factorize(names)[0])
    order = order.assign(seed=table["seed"]).sort_values(
        ["train_domain", "test_domain", "seed"], kind="stable"
    )
    return table.loc[order.index].reset_index(drop=True)
