"""The style images: photographs of snow, from DAWN or from a folder of one's own."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from snowdrift.data.decoding.images import FaultyFile, probe_image
from snowdrift.data.faults import report_faults
from snowdrift.data.listing import check_root, find_folder, pictures_below
from snowdrift.data.names import NOT_UTF8, check_locale, storable
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


def index_style(root: Path, *, max_rejected: float, rejected: Path, workers: int = 1) -> StyleIndex:
    """Find and check the pictures below `root`, in any depth.

    DAWN has its snow under `Snow`, at one of two depths, beside folders of other weather and of annotations:
    where there is a `Snow` or a `DAWN/Snow` in `root`, only that is searched. Of pictures with the same bytes
    the first is kept; the others are listed as rejected, but do not count as faulty.

    Args:
        root: DAWN, or any folder of pictures.
        max_rejected: Largest share of faulty pictures, in [0, 1].
        rejected: Where the table of files left out is written, also if too many of them are faulty.
        workers: Processes that check files.

    Raises:
        SnowdriftError: No such folder, no picture in it, or too many faulty ones.
    """
    root = Path(root)
    images = list_style(root)
    if folder := _snow_folder(root):
        logger.info("%s: searched in %s only", root, folder)
    checked = map_chunks(partial(check_pictures, root=root), images, workers, "style images")
    results = [result for chunk in checked for result in chunk]
    images = [storable(image) for image in images]
    faults = [(image, result.fault) for image, result in zip(images, results, strict=True) if result.fault]
    index = _tables(images, results)
    write_table(index.rejected, rejected)
    report_faults(faults, len(images), max_rejected, f"style images in {root / folder}", rejected, logger)
    logger.info("%d style images; %d files left out", len(index.style), len(index.rejected))
    return index


def list_style(root: Path) -> list[str]:
    """The pictures that `index_style` checks, relative to `root`, sorted; no file is opened.

    Raises:
        SnowdriftError: No such folder, or no picture in it.
    """
    check_root(root, _KEY)
    top = _snow_folder(root)
    images = sorted(pictures_below(root, top))
    check_locale(images)
    if not images:
        raise SnowdriftError(
            f"{_KEY}: no picture found below {root / top}: looked for .jpg, .jpeg and .png",
            f"set {_KEY} to DAWN's folder, or to any folder of snow photographs",
        )
    return images


def _snow_folder(root: Path) -> str:
    """DAWN's folder of snow, relative to `root`; "" if there is none."""
    if snow := find_folder(root, "Snow"):
        return snow
    dawn = find_folder(root, "DAWN")
    snow = dawn and find_folder(root / dawn, "Snow")
    return f"{dawn}/{snow}" if snow else ""


def check_pictures(images: Sequence[str], root: Path) -> list[Checked]:
    """Decode each picture once, and take its size and digest."""
    return [_check_picture(root / image) for image in images]


def _check_picture(path: Path) -> Checked:
    if storable(str(path)) != str(path):
        return Checked(fault=NOT_UTF8)
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
    table = pd.DataFrame(style, columns=STYLE_COLUMNS)
    return StyleIndex(table, pd.DataFrame(rejected, columns=STYLE_REJECTED_COLUMNS, dtype="str"))
