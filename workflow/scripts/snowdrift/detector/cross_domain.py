"""The cross-domain table: every detector on every test domain."""

from collections.abc import Sequence

import pandas as pd

from snowdrift.detector.domains import DOMAINS, TEST_DOMAINS

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
    """Join the evaluations: rows by train domain, test domain and seed, classes in the order they came in.

    Args:
        evaluations: of every detector, their metrics or (with CURVE_COLUMNS) their precision-recall curves.
        columns: those that are kept.
    """
    table = pd.concat(evaluations, ignore_index=True)[list(columns)]
    domains = [table["train_domain"].map(DOMAINS.index), table["test_domain"].map(TEST_DOMAINS.index)]
    order = pd.concat([*domains, table["seed"]], axis=1).sort_values(
        ["train_domain", "test_domain", "seed"], kind="stable"
    )
    return table.loc[order.index].reset_index(drop=True)
