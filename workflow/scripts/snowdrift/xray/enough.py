"""Whether a set holds the X-rays that the settings need, found before anything is trained on it."""

from collections.abc import Mapping

import pandas as pd

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.scores.least import LEAST_REDRAWS, least_images
from snowdrift.xray.patients import HELD_OUT

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
    own = images.loc[images["class_name"] == class_name, "split"].value_counts()
    counts = {split: int(own.get(split, 0)) for split in ("train", HELD_OUT, "test")}
    for split, count in counts.items():
        check_count(split, class_name, count, scores)
    if counts["train"] < LEAST_REDRAWS * counts[HELD_OUT]:
        raise SnowdriftError(
            f"data.chest_xray: {counts[HELD_OUT]} usable X-rays of `train/{class_name}` are held out and "
            f"{counts['train']} are left, which is less than {LEAST_REDRAWS} times as many",
            "lower xray.held_out",
        )
    findings = sorted(images.loc[images["split"] == "train", "finding"].unique())
    if len(findings) < 2:
        raise SnowdriftError(
            f"data.chest_xray: the usable X-rays in `train` show {findings[0]} alone; "
            "the classifier needs at least two classes",
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
        where = f"held out of `train/{class_name}`" if split == HELD_OUT else f"in `{split}/{class_name}`"
        raise SnowdriftError(
            f"data.chest_xray: {count} usable X-rays {where}, and the scores need at least {least}: "
            f"scores.study_splits is {scores['study_splits']}, scores.neighbours {scores['neighbours']}",
            f"give more X-rays, or lower these two{', or raise xray.held_out' if split == HELD_OUT else ''}",
        )
