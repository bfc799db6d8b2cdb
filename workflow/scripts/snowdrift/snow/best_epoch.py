"""Which of the epochs that were compared makes the winter."""

import pandas as pd


def best_epoch(table: pd.DataFrame) -> int:
    """The epoch with the highest product of `style_reached` and `edges_kept`.

    So neither a generator that leaves frames as they are is the best nor one that paints snow over the people too.
    """
    return int(table.loc[(table["style_reached"] * table["edges_kept"]).idxmax(), "epoch"])


def chosen_epoch(table: pd.DataFrame) -> int:
    """The epoch that a table of `snow.epochs` has marked as chosen."""
    return int(table.loc[table["chosen"], "epoch"].item())
