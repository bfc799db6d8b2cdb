"""Whether the winter frames on disk are still the ones that were made."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from snowdrift.runtime.digests import Damage, file_fault
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table


def find_winter_damage(shards: Path, root: Path, threads: int) -> tuple[int, list[Damage]]:
    """Hold every winter frame against the manifest of its shard.

    A manifest that cannot be read is left out: it is a result itself, and damaged as such.

    Args:
        shards: folder of the shards' manifests.
        root: folder that their `image` is relative to.
        threads: readers.

    Returns:
        How many frames were read, and the damaged ones, each with its shard's manifest as the output to remove.
    """
    tables = [_rows(manifest) for manifest in sorted(shards.glob("*.parquet"))]
    rows = [row for table in tables for row in table.itertuples(index=False)]
    with ThreadPoolExecutor(threads) as pool:
        faults = list(pool.map(lambda row: file_fault(root / row.image, row.bytes, row.digest), rows))
    damage = [
        Damage(root / row.image, fault, row.manifest, "winterize_shard")
        for row, fault in zip(rows, faults, strict=True)
        if fault is not None
    ]
    return len(rows), damage


def _rows(manifest: Path) -> pd.DataFrame:
    try:
        return read_table(manifest).assign(manifest=manifest)
    except SnowdriftError:
        return pd.DataFrame()
