"""The cross-domain table: every detector on every test domain."""

from collections.abc import Sequence

import pandas as pd

COLUMNS = (
    "train_domain",
    "test_domain",
    "class_name",
    "seed",
    "images",
    "instances",
    "precision",
    "recall",
    "map50",
    "map50_95",
)


CURVE_COLUMNS = (*COLUMNS[:4], "recall", "precision")


def cross_domain_table(evaluations: Sequence[pd.DataFrame], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Join the evaluations: rows by training set, test set and seed; sets and classes in the order they came in.

    Args:
        evaluations: of every detector, their metrics or (with CURVE_COLUMNS) their precision-recall curves.
        columns: those that are kept.
    """
    table = pd.concat(evaluations, ignore_index=True)[list(columns)]
    keys = ["train_domain", "test_domain"]
    order = table.assign(**{key: pd.factorize(table[key])[0] for key in keys})
    return table.loc[order.sort_values([*keys, "seed"], kind="stable").index].reset_index(drop=True)
