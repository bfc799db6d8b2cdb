"""The style images: photographs of snow, from DAWN or from a folder of one's own."""

import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from snowdrift.data.faults import report_faults
from snowdrift.data.images import SUFFIXES, FaultyFile, probe_image
from snowdrift.data.listing import check_root, visible
from snowdrift.data.parallel import map_chunks
from snowdrift.data.tables import STYLE_COLUMNS, STYLE_REJECTED_COLUMNS
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file, write_table

logger = logging.getLogger(__name__)
_KEY = "data.dawn"


class StyleIndex(NamedTuple):
    """The table of usable style images and that of files left out; `tables` has their columns."""

    style: pd.DataFrame
    rejected: pd.DataFrame


class Checked(NamedTuple):
    """One picture: its size in pixels and SHA-256, or the reason why it is faulty."""

    width: int = 0
    height: int = 0
    digest: str = ""
    fault: str = ""


def index_style(root: Path, *, max_rejected: float, workers: int = 1) -> StyleIndex:
    """Find and check the pictures below `root`, in any depth.

    DAWN has its snow under `Snow`, at one of two depths, beside folders of other weather and of annotations:
    where there is a `Snow` or a `DAWN/Snow` in `root`, only that is searched. Of pictures with the same bytes
    the first is kept; the others are listed as rejected, but do not count as faulty.

    Args:
        root: DAWN, or any folder of pictures.
        max_rejected: Largest share of faulty pictures, in [0, 1].
        workers: Processes that check files.

    Raises:
        SnowdriftError: No such folder, no picture in it, or too many faulty ones.
    """
    root = Path(root)
    images = list_style(root)
    if folder := _snow_folder(root):
        logger.info("%s: searched in %s only", root, folder)
    checked = map_chunks(partial(_check_pictures, root=root), images, workers, "style images")
    results = [result for chunk in checked for result in chunk]
    faults = [(image, result.fault) for image, result in zip(images, results, strict=True) if result.fault]
    report_faults(faults, len(images), max_rejected, f"style images in {root / folder}", logger)
    return _tables(images, results)


def list_style(root: Path) -> list[str]:
    """The pictures that `index_style` checks, relative to `root`, sorted; no file is opened.

    Raises:
        SnowdriftError: No such folder, or no picture in it.
    """
    check_root(root, _KEY)
    top = _snow_folder(root)
    images = sorted(_pictures(root, top))
    if not images:
        raise SnowdriftError(
            f"{_KEY}: no picture found below {root / top}: looked for .jpg, .jpeg and .png",
            f"set {_KEY} to DAWN's folder, or to any folder of snow photographs",
        )
    return images


def write_style(index: StyleIndex, style_path: Path, rejected_path: Path) -> None:
    """Write both tables, each atomically."""
    write_table(index.rejected, rejected_path)
    write_table(index.style, style_path)


def _snow_folder(root: Path) -> str:
    for folder in ("Snow", "DAWN/Snow"):
        if (root / folder).is_dir():
            return folder
    return ""


def _pictures(root: Path, folder: str) -> list[str]:
    """Pictures below `folder`, in any depth, relative to `root`. Links to folders are not followed."""
    found = []
    for entry in visible(root / folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            found += _pictures(root, path)
        elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and not entry.is_dir():
            found.append(path)
    return found


def _check_pictures(images: Sequence[str], root: Path) -> list[Checked]:
    return [_check_picture(root / image) for image in images]


def _check_picture(path: Path) -> Checked:
    try:
        width, height = probe_image(path).upright_size
    except FaultyFile as fault:
        return Checked(fault=fault.reason)
    return Checked(width, height, digest_file(path))


def _tables(images: Sequence[str], results: Sequence[Checked]) -> StyleIndex:
    first: dict[str, str] = {}
    style, rejected = [], []
    for image, result in zip(images, results, strict=True):
        if result.fault:
            rejected.append((image, result.fault))
        elif (kept := first.setdefault(result.digest, image)) != image:
            rejected.append((image, f"same content as {kept}"))
        else:
            style.append((image, result.width, result.height, result.digest))
    logger.info("%d style images; %d files left out", len(style), len(rejected))
    table = pd.DataFrame(style, columns=STYLE_COLUMNS)
    return StyleIndex(table, pd.DataFrame(rejected, columns=STYLE_REJECTED_COLUMNS, dtype="str"))
