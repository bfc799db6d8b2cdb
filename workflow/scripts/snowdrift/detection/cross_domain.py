"""The cross-domain table with intervals, and the differences between detectors, from their tables of matches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from snowdrift.detection.in_use import best_confidence, measure_in_use
from snowdrift.detection.intervals import (
    KEYS,
    METRICS,
    compare,
    precision_by_height,
    rates_in_use,
    with_intervals,
)
from snowdrift.detection.metrics import measure


class CrossDomain(NamedTuple):
    """Every detector on every test set.

    Attributes:
        table: KEYS, images, instances, METRICS, and the ends of each metric's interval over the test videos
            (`<metric>_low`, `<metric>_high`; NaN if the videos do not say).
        curves: KEYS, recall, precision.
        left_out: the metrics without each test video: KEYS, left_out, clusters, METRICS.
        comparisons: see `compare`.
        in_use: see `rates_in_use`; the confidence is the best on the validation videos, one for all test sets.
        by_height: see `precision_by_height`.
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    left_out: pd.DataFrame
    comparisons: pd.DataFrame
    in_use: pd.DataFrame
    by_height: pd.DataFrame


def cross_domain(evaluations: Iterable[pd.DataFrame], classes: Mapping[str, Sequence[str]]) -> CrossDomain:
    """Compute all metrics, their intervals and their differences.

    Args:
        evaluations: the matches of each detector: train_domain and seed, each of one value, split, test_domain, and
            what `match_table` has. They are read one after the other, since each may be large.
        classes: the classes that each test set tells apart.
    """
    gathered = [_measure(*part) for evaluation in evaluations for part in _test_sets(evaluation, classes)]
    table, curves, left_out, rates, rates_left_out, heights, heights_left_out = (
        _in_order(list(parts)) for parts in zip(*gathered, strict=True)
    )
    return CrossDomain(
        with_intervals(table[[*KEYS, "images", "instances", *METRICS]], left_out),
        curves[[*KEYS, "recall", "precision"]],
        left_out[[*KEYS, "left_out", "clusters", *METRICS]],
        compare(table, left_out),
        rates_in_use(rates, rates_left_out),
        precision_by_height(heights, heights_left_out),
    )


def _test_sets(
    evaluation: pd.DataFrame, classes: Mapping[str, Sequence[str]]
) -> Iterator[tuple[pd.DataFrame, float]]:
    """The matches of one detector on each test set, with the confidence that its validation videos choose."""
    confidence = best_confidence(evaluation[evaluation["split"] == "val"])
    tests = evaluation[evaluation["split"] == "test"]
    for test_set, matches in tests.groupby("test_domain", observed=True, sort=False):
        yield (
            matches.assign(class_name=matches["class_name"].cat.set_categories(classes[test_set])),
            confidence,
        )


def _measure(matches: pd.DataFrame, confidence: float) -> tuple[pd.DataFrame, ...]:
    first = matches.iloc[0]
    keys: dict[str, Any] = {
        "train_domain": str(first["train_domain"]),
        "test_domain": str(first["test_domain"]),
    }
    keys |= {"seed": int(first["seed"])}
    used = measure_in_use(matches, confidence)
    used = used._replace(rates=used.rates.assign(confidence=confidence))
    return tuple(part.assign(**keys) for part in (*measure(matches), *used))


def _in_order(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows by training set, test set (each in the order they came in) and seed, otherwise as they came."""
    table = pd.concat(parts, ignore_index=True)
    order = table[["train_domain", "test_domain"]].apply(lambda names: pd.factorize(names)[0])
    order = order.assign(seed=table["seed"]).sort_values(
        ["train_domain", "test_domain", "seed"], kind="stable"
    )
    return table.loc[order.index].reset_index(drop=True)
