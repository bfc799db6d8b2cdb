"""Whether the winter frames on disk are still the ones that were made."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from snowdrift.runtime.digests import Damage, file_fault
from snowdrift.runtime.files import read_table
from snowdrift.runtime.progress import track


def find_winter_damage(manifests: Iterable[Path], root: Path, threads: int) -> tuple[int, list[Damage]]:
    """Hold every winter frame against the manifest of its shard.

    Args:
        manifests: of the shards; whole ones, as `runtime.digests.find_damage` tells.
        root: folder that their `image` is relative to.
        threads: readers.

    Returns:
        How many frames were read, and the damaged ones, each with its shard's manifest as the output to remove.
    """
    rows = [(path, row) for path in manifests for row in read_table(path).itertuples(index=False)]
    with ThreadPoolExecutor(threads) as pool:
        faults = pool.map(lambda pair: file_fault(root / pair[1].image, pair[1].bytes, pair[1].digest), rows)
        damage = [
            Damage(root / row.image, fault, manifest, "winterize_shard")
            for (manifest, row), fault in track(
                zip(rows, faults, strict=True), "reading winter frames", len(rows), "frames"
            )
            if fault is not None
        ]
    return len(rows), damage
