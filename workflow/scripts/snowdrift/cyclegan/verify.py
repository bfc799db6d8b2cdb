"""Whether the winter frames on disk are still the ones that were made."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from snowdrift.runtime.digests import Damage, file_fault
from snowdrift.runtime.files import read_table
from snowdrift.runtime.progress import track


def find_winter_damage(manifests: Sequence[Path], root: Path, threads: int) -> tuple[int, list[Damage]]:
    """Hold every winter frame against the manifest of its shard.

    Args:
        manifests: of the shards; whole ones, as `runtime.digests.find_damage` tells.
        root: folder that their `image` is relative to.
        threads: readers.

    Returns:
        How many frames were read, and the damaged ones, each with its shard's manifest as the output to remove.
    """
    # A shard a task: to hold all frames at once would take a gigabyte.
    with ThreadPoolExecutor(threads) as pool:
        checked = pool.map(partial(_shard_damage, root), manifests)
        results = list(track(checked, "reading winter frames", len(manifests), "shards"))
    return sum(frames for frames, _ in results), [each for _, damage in results for each in damage]


def _shard_damage(root: Path, manifest: Path) -> tuple[int, list[Damage]]:
    frames = read_table(manifest)
    faults = (
        (root / row.image, file_fault(root / row.image, row.bytes, row.digest))
        for row in frames.itertuples(index=False)
    )
    damage = [Damage(file, fault, manifest, "winterize_shard") for file, fault in faults if fault is not None]
    return len(frames), damage
