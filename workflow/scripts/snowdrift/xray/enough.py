"""Whether a set holds the X-rays that the settings need, found before anything is trained on it."""

from collections.abc import Mapping

import pandas as pd

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.scores.least import least_images

_ALL = "all"  # what the tables call all classes together


def require_enough(images: pd.DataFrame, class_name: str, scores: Mapping[str, int]) -> None:
    """Check the usable X-rays of an index.

    Args:
        images: `xray/images.parquet`.
        class_name: what the models learn.
        scores: of the config's `scores`, study_splits and neighbours.

    Raises:
        SnowdriftError: too few X-rays for the scores, one finding alone to learn, or one with a name that is taken.
    """
    for split in ("train", "test"):
        count = int(((images["split"] == split) & (images["class_name"] == class_name)).sum())
        check_count(split, class_name, count, scores)
    findings = sorted(images.loc[images["split"] == "train", "finding"].unique())
    if len(findings) < 2:
        raise SnowdriftError(
            f"data.chest_xray: the usable X-rays in `train` show {findings[0]} alone; "
            "the domain classifier needs at least two classes",
            "see the log for what was left out, and give another class",
        )
    if _ALL in findings:
        raise SnowdriftError(
            f"data.chest_xray: a class is called `{_ALL}`, which stands for all classes together in the tables",
            "give its folders another name",
        )


def check_count(split: str, class_name: str, count: int, scores: Mapping[str, int]) -> None:
    """Raise a SnowdriftError where so many X-rays are too few for the scores; see `require_enough`."""
    least = least_images(scores["study_splits"], scores["neighbours"])
    if count < least:
        raise SnowdriftError(
            f"data.chest_xray: {count} usable X-rays in `{split}/{class_name}`, and the scores need at least {least}: "
            f"scores.study_splits is {scores['study_splits']}, scores.neighbours {scores['neighbours']}",
            "give more X-rays, or lower these two",
        )
