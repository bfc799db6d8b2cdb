"""Whether the frames that shards' manifests tell of, winter frames above all, are still the ones that were made."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from snowdrift.data.tables import winter_folder
from snowdrift.runtime.digests import Damage, file_fault
from snowdrift.runtime.files import read_table
from snowdrift.runtime.progress import report


def find_winter_damage(manifests: Iterable[Path], threads: int) -> tuple[int, list[Damage]]:
    """Hold every winter frame, or frame at the detectors' size, against the manifest of its shard.

    Args:
        manifests: of the shards; whole ones, as `runtime.digests.find_damage` tells.
        threads: readers.

    Returns:
        How many frames were read, and the damaged ones, each with its shard's manifest as the output to remove.
    """
    tables = {manifest: read_table(manifest) for manifest in manifests}
    total = sum(map(len, tables.values()))
    frames, damage = 0, []
    # A shard a task: a task for each frame would take a gigabyte.
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(_shard_damage, tables, tables.values())
        for table, shard_damage in zip(tables.values(), found, strict=True):
            frames += len(table)
            damage += shard_damage
            report("reading winter frames", frames, total, "frames")
    return frames, damage


def _shard_damage(manifest: Path, frames: pd.DataFrame) -> list[Damage]:
    root = winter_folder(manifest)
    faults = (
        (root / row.image, file_fault(root / row.image, row.bytes, row.digest))
        for row in frames.itertuples(index=False)
    )
    source = manifest.parents[1]
    if source.parent.name == "cache":
        rule = "cache_frames"
    else:
        rule = "winterize_pictures" if source.name == "pictures" else "winterize_shard"
    return [Damage(file, fault, manifest, rule) for file, fault in faults if fault is not None]
