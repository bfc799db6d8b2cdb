"""The tables of other chapters, summed up for the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from snowdrift.data.decoding.images import fault_kind
from snowdrift.data.sets import TRUE_WINTER
from snowdrift.data.tables import OK
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table

MOST_REASONS = 20
"""Kinds of faulty files that the page lists."""
SPLITS = ("train", "val", "test", "unused")
METRICS = ("map50", "map50_95", "precision", "recall")


def training_sets(table: pd.DataFrame) -> list[str]:
    """The training sets of a table with a column `train_domain`, in its order."""
    return list(table["train_domain"].unique())


def test_sets(table: pd.DataFrame) -> list[str]:
    """The test sets of a table with a column `test_domain`, in its order."""
    return list(table["test_domain"].unique())


def mean_matrix(cross_domain: pd.DataFrame, metric: str, class_name: str = "all") -> pd.DataFrame:
    """A metric's mean over the seeds: a row for each training set, a column for each test set, NaN where none."""
    rows = cross_domain[cross_domain["class_name"] == class_name]
    means = rows.pivot_table(index="train_domain", columns="test_domain", values=metric, aggfunc="mean")
    return means.reindex(index=training_sets(cross_domain), columns=test_sets(cross_domain)).astype(float)


def mean_over_seeds(cross_domain: pd.DataFrame) -> pd.DataFrame:
    """One row for each training set, test set and class: means of the metrics, number of seeds.

    All come in the order of the table, but for the class `all`, which is first.
    """
    keys = ["train_domain", "test_domain", "class_name"]
    classes = sorted(cross_domain["class_name"].unique(), key=lambda name: name != "all")
    sets = {"train_domain": training_sets(cross_domain), "test_domain": test_sets(cross_domain)}
    orders = sets | {"class_name": classes}
    table = cross_domain.astype({key: pd.CategoricalDtype(orders[key], ordered=True) for key in keys})
    means = table.groupby(keys, observed=True)[["instances", *METRICS]].mean()
    return means.assign(seeds=table.groupby(keys, observed=True)["seed"].nunique()).reset_index()


def between(row: Mapping[str, Any] | pd.Series, name: str, form: str) -> str:
    """A value with the ends of its interval, `<name>_low` and `<name>_high`, in the format `form`."""
    value, low, high = (row[key] for key in (name, f"{name}_low", f"{name}_high"))
    if pd.isna(low):
        return format(value, form) if not pd.isna(value) else "none"
    return f"{value:{form}} ({low:{form}} to {high:{form}})"


def drawn_units(config: Mapping[str, Any], test_set: str) -> str:
    """In words, what is left out in turn for the intervals on a test set.

    Args:
        config: the complete configuration.
        test_set: `original`, `winter` or `true_winter`; a user's own true winter has no groups.
    """
    own_winter = test_set == TRUE_WINTER and config["data"]["true_winter"]["folder"] is not None
    grouped = config["splits"]["group"] is not None and not own_winter
    return "groups of test videos (splits.group)" if grouped else "test videos"


def split_counts(frames: pd.DataFrame, boxes: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    """Videos, frames, faulty frames and boxes of each class for every split that has any."""
    good = frames[frames["status"] == OK]
    owner = boxes.merge(good[["frame_id", "split"]], on="frame_id")
    rows = []
    for split in SPLITS:
        here = frames[frames["split"] == split]
        if here.empty:
            continue
        per_class = owner[owner["split"] == split]["class_id"].value_counts()
        counts = {name: int(per_class.get(class_id, 0)) for class_id, name in enumerate(class_names)}
        usable = int((here["status"] == OK).sum())
        rows.append(
            {
                "split": split,
                "videos": here["video"].nunique(),
                "frames": usable,
                "faulty": len(here) - usable,
            }
            | {f"{name} boxes": count for name, count in counts.items()}
        )
    return pd.DataFrame(rows)


def read_rejected(path: Path) -> pd.DataFrame:
    """The table of what an index left out, which is no declared output of its job.

    Raises:
        SnowdriftError: It is not there.
    """
    if not path.is_file():
        raise SnowdriftError(
            f"{path}: this table is not there",
            "make the index again, with --forcerun index_frames or --forcerun index_xray",
        )
    return read_table(path)


def rejection_reasons(rejected: pd.DataFrame) -> pd.DataFrame:
    """How many frames were left out for each kind of reason, most frequent first, with an example."""
    kinds = rejected["reason"].map(fault_kind)
    rows = [
        {
            "reason": kind,
            "files": len(group),
            "for example": f"{group['file'].iloc[0]}: {group['reason'].iloc[0]}",
        }
        for kind, group in rejected.groupby(kinds, sort=True)
    ]
    table = pd.DataFrame(rows, columns=["reason", "files", "for example"])
    return table.sort_values("files", ascending=False, kind="stable")


def benchmark_seconds(benchmarks: Path, name: str, missing: float) -> float:
    """Seconds of the jobs `<name>.tsv` or those below `<name>/`, from Snakemake's benchmark files.

    Args:
        benchmarks: their folder.
        name: such as `winterize_shard/matched`.
        missing: what is given if there is no such file.
    """
    files = [*benchmarks.glob(f"{name}.tsv"), *benchmarks.glob(f"{name}/*.tsv")]
    times = [pd.read_csv(path, sep="\t", na_values=["-", "NA"])["s"].sum() for path in files]
    return float(sum(times)) if times else missing


def rule_times(benchmarks: Path) -> pd.DataFrame:
    """Jobs, total seconds and largest memory (MB) of each rule, from Snakemake's benchmark files.

    A rule's files are `<rule>.tsv` or lie below `<rule>/`. Rules are sorted by their time, longest first.
    """
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv")):
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        rule = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        rows.append({"rule": rule, "seconds": table["s"].sum(), "memory": table["max_rss"].max()})
    if not rows:
        return pd.DataFrame(columns=["rule", "jobs", "seconds", "memory"])
    groups = pd.DataFrame(rows).groupby("rule")
    times = groups.agg(jobs=("seconds", "size"), seconds=("seconds", "sum"), memory=("memory", "max"))
    return times.reset_index().sort_values("seconds", ascending=False, kind="stable")
