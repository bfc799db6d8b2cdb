"""Which pictures detectors see. Snakemake reads this module at every start, so it imports nothing heavy."""

from collections.abc import Mapping
from typing import Any

from snowdrift.data.sets import TEST_SETS


def shown_splits(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """For each source that a training set or a test set shows, the splits whose pictures a detector sees of it."""
    splits: dict[str, list[str]] = {}
    for shares in config["training_sets"].values():
        splits |= {source: ["train", "val"] for source in shares}
    for source in (TEST_SETS[name] for name in config["test_sets"]):
        splits[source] = [*splits.get(source, []), "test"]
    return splits
