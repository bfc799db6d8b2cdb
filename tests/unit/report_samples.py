"""Tables that the report's tests share: what a cross-domain table would be without each of its test videos."""

import numpy as np
import pandas as pd

METRICS = ("precision", "recall", "map50", "map50_95")


def without_videos(table: pd.DataFrame, spread: float = 0.002, videos: int = 6) -> pd.DataFrame:
    """`left_out.parquet` of a cross-domain table: each row moves by about `spread` without each of the videos."""
    random = np.random.default_rng(0)
    parts = []
    for number in range(videos):
        part = table.assign(left_out=f"v{number}", clusters=videos)
        for metric in {*METRICS} & {*table}:
            part[metric] = table[metric] + random.normal(0, spread, len(table))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
