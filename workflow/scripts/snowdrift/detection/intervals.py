"""Intervals of the cross-domain table, and of the differences between detectors, over test videos and trainings.

Test videos of one group (`splits.group`), such as a scene, are one cluster: below, a video stands for such a group too.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from snowdrift.statistics.intervals import LEVEL
from snowdrift.statistics.jackknife import Interval, Jackknife

METRICS = ("precision", "recall", "map50", "map50_95")
CELL = ("train_domain", "test_domain", "class_name")
KEYS = (*CELL, "seed")
COMPARED = ("map50", "map50_95")
MOST_ALARMS = 100 * 300
"""False alarms in 100 frames, of each of which Ultralytics keeps at most 300 detections."""


def jackknives(
    table: pd.DataFrame, left_out: pd.DataFrame, metric: str, keys: Sequence[str] = CELL
) -> dict[tuple[Any, ...], Jackknife]:
    """A metric of the cross-domain table as a score with its videos left out, for each value of `keys`.

    Args:
        table: KEYS and METRICS, such as `detection/cross_domain.csv`.
        left_out: KEYS, left_out, clusters and METRICS, such as `detection/left_out.parquet`.
        metric: one of METRICS.
        keys: with CELL, the seeds are the trainings of one score; with KEYS each is a score by itself.
    """
    rows_left_out = dict(list(left_out.groupby(list(keys), sort=False)))
    scores = {}
    for key, rows in table.groupby(list(keys), sort=False):
        without = rows_left_out[key]
        by_seed = without.pivot(index="seed", columns="left_out", values=metric)
        values = rows.set_index("seed")[metric]
        scores[key] = Jackknife(
            values.to_numpy(float),
            by_seed.loc[values.index].to_numpy(float),
            tuple(by_seed.columns),
            int(without["clusters"].min()),
        )
    return scores


def with_intervals(table: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """Add `<metric>_low` and `<metric>_high`: intervals over the test videos, of each training by itself."""
    ends: dict[str, list[float]] = {}
    for metric in METRICS:
        scores = jackknives(table, left_out, metric, KEYS)
        intervals = [
            scores[key].share_interval(LEVEL) for key in table[list(KEYS)].itertuples(index=False, name=None)
        ]
        ends |= {
            f"{metric}_low": [interval.low for interval in intervals],
            f"{metric}_high": [interval.high for interval in intervals],
        }
    return table.assign(**ends)


def rates_in_use(rates: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """Misses and false alarms at one confidence, means over the seeds, with intervals.

    Args:
        rates: KEYS, confidence, and `InUse.rates`.
        left_out: KEYS and `InUse.rates_left_out`.

    Returns:
        CELL, seeds, clusters, confidence, missed and false_alarms with `_low` and `_high`: over the test videos, and
        over the trainings if there are several. If a training has no confidence, because it finds nothing on its
        validation videos, there is none for its cell, and no figure.
    """
    missed, alarms = (jackknives(rates, left_out, name) for name in ("missed", "false_alarms"))
    of_cells = rates.groupby(list(CELL), sort=False)["confidence"]
    confidence = of_cells.agg(lambda values: values.mean(skipna=False))
    rows = []
    for cell, score in missed.items():
        row = dict(zip(CELL, cell, strict=True)) | {"seeds": len(score.values), "clusters": score.clusters}
        row["confidence"] = confidence[cell]
        row |= _ends("missed", score.share_interval(LEVEL))
        rows.append(row | _ends("false_alarms", alarms[cell].rate_interval(LEVEL, MOST_ALARMS)))
    return pd.DataFrame(rows)


def precision_by_height(heights: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """MAP50 of objects of each height, mean over the seeds, with its interval.

    Args:
        heights: KEYS and `InUse.heights`.
        left_out: KEYS and `InUse.heights_left_out`.

    Returns:
        CELL, height, instances, seeds, clusters, map50 with `_low` and `_high`, as `rates_in_use`.
    """
    keys = [*CELL, "height"]
    instances = heights.groupby(keys, sort=False)["instances"].first()
    rows = []
    for key, score in jackknives(heights, left_out, "map50", keys).items():
        row = dict(zip(keys, key, strict=True)) | {"instances": int(instances[key])}
        row |= {"seeds": len(score.values), "clusters": score.clusters}
        rows.append(row | _ends("map50", score.share_interval(LEVEL)))
    return pd.DataFrame(rows)


def _ends(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def compare(table: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """The difference between each two training sets on each test set and class.

    Args:
        table: See `jackknives`.
        left_out: See `jackknives`.

    Returns:
        test_domain, class_name, metric, first, second; difference (the first's metric less the second's, mean over
        the seeds) with low and high; standard_error and freedom (of Student's t), from which an interval at another
        level follows; clusters (videos that show the class) and seeds. The interval is over the test videos, and over
        the trainings if there are several seeds.
    """
    trained, tested, classes = (list(table[name].unique()) for name in CELL)
    rows = []
    for metric in COMPARED:
        scores = jackknives(table, left_out, metric)
        for test, name, (second, first) in (
            (test, name, pair) for test in tested for name in classes for pair in combinations(trained, 2)
        ):
            if (first, test, name) not in scores or (second, test, name) not in scores:
                continue
            score = scores[first, test, name] - scores[second, test, name]
            interval, spread = score.interval(LEVEL), score.spread
            rows.append(
                {
                    "test_domain": test,
                    "class_name": name,
                    "metric": metric,
                    "first": first,
                    "second": second,
                    "difference": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "standard_error": spread.standard_error,
                    "freedom": spread.freedom,
                    "clusters": score.clusters,
                    "seeds": len(score.values),
                }
            )
    return pd.DataFrame(rows)
