"""Whether the winter frames on disk are still the ones that were made."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file, read_table

logger = logging.getLogger(__name__)

_SHOWN = 20


def find_damage(frames: pd.DataFrame, manifests: Sequence[Path], root: Path, threads: int) -> pd.DataFrame:
    """Hold every winter frame against its manifest.

    Args:
        frames: rows of the frame table that should have a winter frame.
        manifests: the shards' Parquet files.
        root: folder that their `image` is relative to.
        threads: readers.

    Returns:
        One row a damaged frame: `manifest`, `image`, `fault` (missing, truncated, altered, or, with the frame's
        id for its image, not in any manifest).
    """
    listed = pd.concat([read_table(path).assign(manifest=str(path)) for path in manifests], ignore_index=True)
    with ThreadPoolExecutor(threads) as pool:
        faults = list(pool.map(lambda row: _fault(root / row.image, row), listed.itertuples(index=False)))
    damaged = listed.assign(fault=faults).dropna(subset="fault")[["manifest", "image", "fault"]]
    forgotten = frames.loc[~frames["frame_id"].isin(listed["frame_id"]), "frame_id"]
    unlisted = pd.DataFrame({"manifest": "", "image": forgotten, "fault": "not in any manifest"})
    return pd.concat([damaged, unlisted], ignore_index=True)


def verify_winter(frames: pd.DataFrame, manifests: Sequence[Path], root: Path, threads: int) -> None:
    """Pass when every winter frame is whole.

    Raises:
        SnowdriftError: names the damaged frames and how to make them again.
    """
    damage = find_damage(frames, manifests, root, threads)
    if damage.empty:
        logger.info("all %d winter frames are as they were made", len(frames))
        return
    lines = [f"  {root / row.image}: {row.fault}" for row in damage.head(_SHOWN).itertuples(index=False)]
    if len(damage) > _SHOWN:
        lines.append(f"  ... and {len(damage) - _SHOWN} more")
    shards = sorted(set(damage["manifest"]) - {""}) or [str(path) for path in manifests]
    raise SnowdriftError(
        "\n".join([f"{len(damage)} of {len(frames)} winter frames are damaged:", *lines]),
        f"remove the manifests of their shards and run again, only these are made anew: rm {' '.join(shards)}",
    )


def _fault(path: Path, row) -> str | None:
    """What is wrong with one winter frame; None when nothing is."""
    try:
        size = path.stat().st_size
        if size < row.bytes:
            return f"truncated, {size} of {row.bytes} bytes are left"
        return None if digest_file(path) == row.digest else "altered, its content has another digest"
    except FileNotFoundError:
        return "missing"
