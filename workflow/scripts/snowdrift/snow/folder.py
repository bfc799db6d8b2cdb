"""Winter versions of a plain folder of pictures: no labels, no splits, no videos."""

import logging
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import pandas as pd
import torch

from snowdrift.data.decoding.images import SUFFIXES
from snowdrift.data.faults import report_faults
from snowdrift.data.listing import check_root, pictures_below
from snowdrift.data.names import check_locale, storable
from snowdrift.data.parallel import map_chunks
from snowdrift.data.style import check_pictures
from snowdrift.data.tables import winter_folder
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import atomic_path, digest_file, read_table, write_table
from snowdrift.runtime.progress import track
from snowdrift.runtime.resume import JobState, job_key
from snowdrift.snow.translator import Translator
from snowdrift.snow.winterize import WinterSettings, winterize_shard

logger = logging.getLogger(__name__)

_KEY = "pictures.folder"
_OTHERS = frozenset({".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".gif"})
"""Pictures that nobody here reads; the log counts them, so that nobody misses them."""
_PLACED = ["image", "digest"]
_SHOWN = 5


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
    found = sorted(pictures_below(root, "", SUFFIXES | _OTHERS))
    images = [image for image in found if os.path.splitext(image)[1].lower() in SUFFIXES]
    if others := len(found) - len(images):
        logger.warning("%s: %d pictures are neither JPEG nor PNG, and are left out", root, others)
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

    What an interrupted call has finished is kept, in the hidden folder `.snowdrift` in `output`. With other pictures,
    settings or weights all are made again.

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
        SnowdriftError: one folder lies in the other; or see `list_pictures`, `winterize_shard`, `place_pictures`.
    """
    source, output = Path(source), Path(output)
    check_apart(source, output)
    work = output / ".snowdrift"
    work.mkdir(parents=True, exist_ok=True)
    table = list_pictures(source, rejected=work / "rejected.csv", workers=threads)
    settings = WinterSettings(size, "own", quality, batch_size=1)
    learned, manifest = work / "generator.pth", work / "shards/0.parquet"
    translator.save(learned)
    how = [translator.name, repr(translator.settings), translator.seed, repr(settings)]
    pictures = [source / image for image in table["image"]]
    winterize_shard(
        table,
        translator,
        settings,
        root=source,
        manifest=manifest,
        state=JobState(work / "state", job_key({"how": how}, files=[learned], pictures=pictures)),
        device=device or torch.device("cpu"),
        threads=threads,
    )
    place_pictures([manifest], output, record=work / "placed.csv")
    return read_table(manifest)


def check_apart(source: Path, output: Path) -> None:
    """Raise a SnowdriftError if one of the folders lies in the other: pictures would be overwritten, or read twice."""
    first, second = source.resolve(), output.resolve()
    if first == second or first in second.parents or second in first.parents:
        raise SnowdriftError(
            f"pictures.output: {output} and {source}: one lies in the other",
            "give a folder of its own for the output",
        )


def place_pictures(manifests: Sequence[Path], output: Path, *, record: Path) -> None:
    """Put winter pictures where the user wants them, under the names of their originals.

    They are links to the same content, which takes no space, or copies if `output` is on another disk. Whatever is
    missing in `output` is put there again, and what an earlier call has put there is replaced. Nothing else is touched.

    Args:
        manifests: those of all shards, made with the format `own`.
        output: the folder.
        record: CSV file, made here, of what was put there: image, digest.

    Raises:
        SnowdriftError: a file of another origin is in the way, or a winter picture is gone.
    """
    tables = [read_table(manifest).assign(folder=winter_folder(manifest)) for manifest in manifests]
    made = pd.concat(tables, ignore_index=True)
    ours = set() if not record.exists() else set(read_table(record).itertuples(index=False, name=None))
    places = track(made.itertuples(index=False), "looking at pictures", len(made), "pictures")
    missing = [row for row in places if not _is_there(output / row.image, row)]
    foreign = [
        output / row.image
        for row in missing
        if os.path.lexists(output / row.image) and not _is_ours(output / row.image, row.image, ours)
    ]
    if foreign:
        first = ", ".join(map(str, foreign[:_SHOWN])) + (" and others" if len(foreign) > _SHOWN else "")
        raise SnowdriftError(
            f"{len(foreign)} files are in the way, which were not made here: {first}",
            "give another output folder, or move them; nothing was overwritten",
        )
    now = made[_PLACED]
    # Until all are there, those of last time are ours as well.
    write_table(pd.concat([now, pd.DataFrame(sorted(ours), columns=_PLACED)]).drop_duplicates(), record)
    for row in track(missing, "placing pictures", len(missing), "pictures"):
        _link(row.folder / row.image, output / row.image)
    write_table(now, record)
    logger.info("%s: %d winter pictures, %d of them new", output, len(made), len(missing))


class _Made(Protocol):
    """A row of the winter pictures: what a shard's manifest says, and the folder that the shard has made."""

    folder: Path
    image: str
    bytes: int
    digest: str


def _is_there(path: Path, row: _Made) -> bool:
    try:
        if path.samefile(row.folder / row.image):
            return True
        return path.stat().st_size == row.bytes and digest_file(path) == row.digest
    except OSError:
        return False


def _is_ours(path: Path, image: str, ours: set[tuple[str, str]]) -> bool:
    return path.is_file() and not path.is_symlink() and (image, digest_file(path)) in ours


def _link(source: Path, target: Path) -> None:
    if not source.is_file():
        raise SnowdriftError(
            f"{source}: this winter picture is gone",
            "remove the folder `shards` beside `frames`, and run again",
        )
    with atomic_path(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, temporary)
