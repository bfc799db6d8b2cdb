"""Winter versions of a plain folder of pictures: no labels, no splits, no videos."""

import logging
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from snowdrift.data.faults import report_faults
from snowdrift.data.listing import check_root, pictures_below
from snowdrift.data.names import check_locale, storable
from snowdrift.data.parallel import map_chunks
from snowdrift.data.style import check_pictures
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState
from snowdrift.snow.translator import Translator
from snowdrift.snow.winterize import WinterSettings, winterize_shard

logger = logging.getLogger(__name__)

_KEY = "pictures.folder"


def list_pictures(root: Path, *, rejected: Path, max_rejected: float = 0.0, workers: int = 1) -> pd.DataFrame:
    """Find and check the pictures below a folder, at any depth.

    Args:
        root: the folder.
        rejected: where the table of faulty files is written.
        max_rejected: largest share of faulty pictures, in [0, 1].
        workers: processes that check files.

    Returns:
        One row a picture, by name: frame_id and image, its path below `root`; video, its folder's; width and height in
        pixels; digest (SHA-256).

    Raises:
        SnowdriftError: no such folder, no picture in it, or too many faulty ones.
    """
    check_root(root, _KEY)
    images = sorted(pictures_below(root, ""))
    check_locale(images)
    if not images:
        raise SnowdriftError(
            f"{_KEY}: no picture found below {root}: looked for .jpg, .jpeg and .png", "give another folder"
        )
    chunks = map_chunks(partial(check_pictures, root=root), images, workers, "pictures")
    results = [result for chunk in chunks for result in chunk]
    names = [storable(image) for image in images]
    faults = [(name, result.fault) for name, result in zip(names, results, strict=True) if result.fault]
    pd.DataFrame(faults, columns=["file", "reason"]).to_csv(rejected, index=False)
    report_faults(faults, len(images), max_rejected, f"pictures in {root}", rejected, logger)
    rows = [
        (name, Path(name).parent.as_posix(), name, result.width, result.height, result.digest)
        for name, result in zip(names, results, strict=True)
        if not result.fault
    ]
    return pd.DataFrame(rows, columns=["frame_id", "video", "image", "width", "height", "digest"])


def translate_folder(
    source: Path | str,
    output: Path | str,
    translator: Translator,
    *,
    size: str | int = "native",
    quality: int = 95,
    device: torch.device | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Give every picture of a folder a winter version of the same name and size in another folder.

    What an interrupted call has finished is kept. Hidden files in `output` hold what it needs for that.

    Args:
        source: folder of JPEG and PNG files, at any depth.
        output: folder that receives them; not the same one.
        translator: with what it has learned, such as `load_translator("cyclegan").from_config({}, seed=0)` after
            `load("latest_net_G_A.pth")`.
        size: short side in pixels at which a network sees a picture, or `native`.
        quality: of JPEG, 1 to 100.
        device: where networks compute; the CPU unless said.
        threads: pictures at work at a time.

    Returns:
        One row a picture: frame_id and image (its path below `output`), digest, bytes, width, height.

    Raises:
        SnowdriftError: see `list_pictures`; the two folders are the same; or see `winterize_shard`.
    """
    source, output = Path(source), Path(output)
    check_apart(source, output)
    output.mkdir(parents=True, exist_ok=True)
    table = list_pictures(source, rejected=output / ".rejected.csv", workers=threads)
    settings = WinterSettings(size, "own", quality, batch_size=1)
    winterize_shard(
        table,
        translator,
        settings,
        root=source,
        output=output,
        manifest=output / ".manifest.parquet",
        state=JobState(output / ".state", f"{translator.name} {settings}"),
        device=device or torch.device("cpu"),
        threads=threads,
    )
    return pd.read_parquet(output / ".manifest.parquet")


def check_apart(source: Path, output: Path) -> None:
    """Raise a SnowdriftError if one of the folders lies in the other: pictures would be overwritten, or read twice."""
    first, second = source.resolve(), output.resolve()
    if first == second or first in second.parents or second in first.parents:
        raise SnowdriftError(
            f"pictures.output: {output} and {source}: one lies in the other",
            "give a folder of its own for the output",
        )
