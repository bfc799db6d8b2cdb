"""The cross-domain table as the report shows it: means over the seeds, with intervals."""

import pandas as pd

from snowdrift.detection.intervals import CELL, jackknives
from snowdrift.report.tables import METRICS, mean_over_seeds
from snowdrift.statistics.intervals import LEVEL


def means_with_intervals(cross_domain: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    """The table of `mean_over_seeds`, each metric with its interval's ends, `<metric>_low` and `<metric>_high`.

    The intervals are over the test videos, and over the trainings if there are several seeds; `clusters` are the test
    videos that show the class, or the groups of them.

    Args:
        cross_domain: `detection/cross_domain.csv`.
        left_out: `detection/left_out.parquet`.
    """
    means = mean_over_seeds(cross_domain)
    cells = list(means[list(CELL)].astype(str).itertuples(index=False, name=None))
    for metric in METRICS:
        scores = jackknives(cross_domain, left_out, metric)
        intervals = [scores[cell].share_interval(LEVEL) for cell in cells]
        means[f"{metric}_low"] = [interval.low for interval in intervals]
        means[f"{metric}_high"] = [interval.high for interval in intervals]
    return means.assign(clusters=[scores[cell].clusters for cell in cells])
