"""Frames at the detectors' size, resized once for all trainings and evaluations that show them.

Ultralytics decodes and resizes every frame again in every epoch. Where `<stem>.npy` lies beside `<stem>.jpg`, it reads
that array in its place, so each frame's array is what Ultralytics' own function makes of it, and is linked there.
"""

import hashlib
import io
import logging
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from snowdrift.data.tables import winter_folder
from snowdrift.detection.ultralytics_api import load_resized
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import atomic_path, digest_file, read_table, write_table
from snowdrift.runtime.progress import report
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.workers import map_ahead
from snowdrift.snow.winterize import MANIFEST_COLUMNS, shard_frames

_log = logging.getLogger(__name__)


class CachedFrame(NamedTuple):
    """One row of a shard's manifest, whose columns are those of a shard of winter frames."""

    frame_id: str
    image: str
    digest: str
    bytes: int
    width: int
    height: int


def frames_to_cache(
    frames: pd.DataFrame,
    splits: Collection[str],
    shard: int,
    shards: int,
    winter: Path | str | None = None,
) -> pd.DataFrame:
    """The frames of one shard, as frame_id and image.

    Args:
        frames: the usable rows of the frame table.
        splits: those in which detectors see this source.
        shard: the number of this one, from 0.
        shards: how many there are.
        winter: the manifest of a translator's shard, whose winter frames it is about then; None for photographs.
    """
    shown = frames[frames["split"].isin(splits)]
    if winter is None:
        return shard_frames(shown, shard, shards)[["frame_id", "image"]]
    made = read_table(winter)
    return made.loc[made["frame_id"].isin(shown["frame_id"]), ["frame_id", "image"]]


def cache_frames(
    frames: pd.DataFrame, root: Path, image_size: int, *, manifest: Path, state: JobState, threads: int
) -> None:
    """Write each frame as Ultralytics resizes it, and the shard's manifest when all are there.

    Args:
        frames: frame_id and image, below `root`.
        root: folder of the frames.
        image_size: longer side in pixels.
        manifest: Parquet file with a row a frame and its SHA-256; `winter_folder` of it receives the arrays, (height,
            width, 3) of 8 bits in the order blue, green, red, as `<image>.npy`.
        state: the rows of the frames that a killed job has written.
        threads: frames at work at a time.

    Raises:
        SnowdriftError: a frame cannot be read.
    """
    folder = winter_folder(manifest)
    written = {item["frame_id"]: CachedFrame(**item) for item in state.items()}
    make = partial(_cached, root=root, folder=folder, image_size=image_size, written=written)
    rows: list[CachedFrame] = []
    with ThreadPoolExecutor(threads) as pool:
        for row in map_ahead(pool, make, frames.itertuples(index=False), 2 * threads):
            if row.frame_id not in written:
                state.append(row._asdict())
            rows.append(row)
            report("resizing", len(rows), len(frames), "frames")
    write_table(pd.DataFrame(rows, columns=MANIFEST_COLUMNS), manifest)
    _log.info("%d frames of at most %d pixels in %s", len(rows), image_size, folder)
    state.finish()


def _cached(
    frame: Any, *, root: Path, folder: Path, image_size: int, written: Mapping[str, CachedFrame]
) -> CachedFrame:
    """The row of one frame, whose array is written unless a former run has left it whole."""
    # The whole name stays, since a.jpg and a.png are two frames.
    image = f"{frame.image}.npy"
    former = written.get(frame.frame_id)
    if former is not None and _is_whole(folder / image, former):
        return former
    try:
        pixels = load_resized(root / frame.image, image_size)
    except FileNotFoundError as error:
        raise SnowdriftError(
            f"{root / frame.image}: this frame cannot be read",
            "target `verify` (with your --configfile) finds damaged winter frames; "
            "check an original frame with an image viewer",
        ) from error
    content = io.BytesIO()
    np.save(content, pixels, allow_pickle=False)
    with atomic_path(folder / image) as temporary:
        temporary.write_bytes(content.getbuffer())
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(content.getbuffer()).hexdigest()
    return CachedFrame(frame.frame_id, image, digest, content.getbuffer().nbytes, width, height)


def _is_whole(path: Path, row: CachedFrame) -> bool:
    try:
        return digest_file(path) == row.digest
    except FileNotFoundError:
        return False
