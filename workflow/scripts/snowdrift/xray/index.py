"""The index of a chest X-ray set, laid out as Kermany et al. do (Mendeley Data, rscbjbr9sj; CC BY 4.0)."""

import logging
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from snowdrift.data.decoding.images import SUFFIXES, FaultyFile, probe_image
from snowdrift.data.faults import report_faults
from snowdrift.data.listing import check_root, files_by_stem, find_folder, find_folders, subfolders
from snowdrift.data.names import NOT_UTF8, by_canonical, check_locale, storable
from snowdrift.data.parallel import map_chunks
from snowdrift.data.splits import SPLITS
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file, write_table
from snowdrift.xray.patients import hold_out

logger = logging.getLogger(__name__)
IMAGE_COLUMNS = ["image", "split", "class_name", "finding", "width", "height", "mode", "digest", "patient"]
REJECTED_COLUMNS = ["file", "reason"]
_KEY = "data.chest_xray"
_NESTED = "chest_xray"
_LAYOUT = "<root>/{train,test}/<class>/*.jpeg, with classes such as NORMAL and PNEUMONIA"
_MODES = frozenset({"L", "RGB"})
# The set writes a pneumonia's cause into the file's name: person1_bacteria_2.jpeg, person3_virus_9.jpeg.
_CAUSE = re.compile(r"person\d+_(bacteria|virus)_\d+", re.IGNORECASE)


class XrayIndex(NamedTuple):
    """The tables of usable images (`IMAGE_COLUMNS`) and of files left out (`REJECTED_COLUMNS`)."""

    images: pd.DataFrame
    rejected: pd.DataFrame


class Listed(NamedTuple):
    """An image as found on disk: its path relative to the root, its split and its class."""

    image: str
    split: str
    class_name: str


class Checked(NamedTuple):
    """One image: size in pixels, Pillow mode and SHA-256, or the reason why it is faulty."""

    width: int = 0
    height: int = 0
    mode: str = ""
    digest: str = ""
    fault: str = ""


def index_xray(
    root: Path,
    *,
    class_name: str,
    max_rejected: float,
    held_out: float,
    seed: int,
    rejected: Path,
    workers: int = 1,
) -> XrayIndex:
    """Find and check the X-rays of a chest X-ray set, in `train`, `val` and `test`.

    The set's archive holds a second copy of itself below `chest_xray/chest_xray`; exactly one of the two is
    read. Of images with the same bytes the first is kept, in the order train, val, test, so that no test
    image is a training image; the others are listed as rejected but do not count as faulty. Some patients of
    the training split get a split of their own, see `hold_out`.

    Args:
        root: Folder of the splits, or the one above it.
        class_name: The class that the generators learn: `train` and `test` must hold it.
        max_rejected: Largest share of faulty images, in [0, 1].
        held_out: Share of each class's training images to hold out, by patient, in [0, 1).
        seed: Of the patients that are drawn.
        rejected: Where the table of files left out is written, also if too many of them are faulty.
        workers: Processes that check files.

    Raises:
        SnowdriftError: Not such a set, a class folder without images, or too many faulty ones.
    """
    root = Path(root)
    listed = list_xrays(root, class_name)
    checked = map_chunks(partial(_check_images, root=root), listed, workers, "X-rays")
    results = [result for chunk in checked for result in chunk]
    listed = [file._replace(image=storable(file.image)) for file in listed]
    faults = [
        (file.image, result.fault) for file, result in zip(listed, results, strict=True) if result.fault
    ]
    index = _tables(listed, results)
    index = index._replace(images=hold_out(index.images, held_out, seed))
    write_table(index.rejected, rejected)
    report_faults(faults, len(listed), max_rejected, f"X-rays in {root}", rejected, logger)
    for file, reason in faults:
        logger.info("left out: %s: %s", file, reason)
    _log_counts(index)
    return index


def list_xrays(root: Path, class_name: str) -> list[Listed]:
    """The images that `index_xray` checks; no file is opened.

    Raises:
        SnowdriftError: Not such a set, or a class folder without images.
    """
    check_root(root, _KEY)
    listed = _list_images(root, _splits_folder(root), class_name)
    check_locale(file.image for file in listed)
    _require_classes(root, listed, class_name)
    return listed


def class_images(images: pd.DataFrame, split: str, class_name: str) -> list[str]:
    """The images of one class in one split, in the table's order; those of `train` are what the generators learn."""
    return [*images.loc[(images["split"] == split) & (images["class_name"] == class_name), "image"]]


def _splits_folder(root: Path) -> str:
    """Folder of the splits, relative to `root`: "" or the nested copy."""
    nested = find_folder(root, _NESTED)
    folders = ["", *([nested] if nested else [])]
    candidates = [folder for folder in folders if find_folder(root / folder, "train")]
    if not candidates:
        raise SnowdriftError(
            f"{_KEY}: {root} has no folder `train`, neither itself nor in `{_NESTED}/`",
            f"expected {_LAYOUT}",
        )
    if len(candidates) > 1:
        logger.info("%s: the copy in %s/ is not read", root, nested)
    return candidates[0]


def _list_images(root: Path, folder: str, class_name: str) -> list[Listed]:
    listed = []
    for split, place in find_folders(root / folder, SPLITS).items():
        if place is None:
            continue
        prefix = f"{folder}/{place}" if folder else place
        for own, name in _classes(root / prefix, class_name):
            pictures = sorted(
                picture
                for names in files_by_stem(root / prefix / own, SUFFIXES).values()
                for picture in names
            )
            if not pictures:
                raise SnowdriftError(
                    f"{_KEY}: {root / prefix / own} holds no picture: looked for .jpg, .jpeg and .png",
                    "fill the folder, or remove it if the set has no such class",
                )
            listed += [Listed(f"{prefix}/{own}/{picture}", split, name) for picture in pictures]
    return listed


def _classes(split: Path, class_name: str) -> list[tuple[str, str]]:
    """Each class's folder, with its name; the class to learn has the name that the config gives it."""
    folders = by_canonical(subfolders(split), str(split))
    own = find_folder(split, class_name)
    return [(folder, class_name if folder == own else name) for name, folder in folders.items()]


def _require_classes(root: Path, listed: Sequence[Listed], class_name: str) -> None:
    found = {(file.split, file.class_name) for file in listed}
    for split in ("train", "test"):
        if (split, class_name) not in found:
            held = ", ".join(sorted(name for place, name in found if place == split)) or "no class"
            raise SnowdriftError(
                f"{_KEY}: {root} has no folder `{split}/{class_name}`; `{split}` holds {held}",
                f"set xray.class_name to a class of yours, or lay the set out as {_LAYOUT}",
            )
    classes = {name for split, name in found if split == "train"}
    if len(classes) < 2:
        raise SnowdriftError(
            f"{_KEY}: {root}/train holds one class only, {class_name}; the classifier needs at least two",
            f"lay the set out as {_LAYOUT}",
        )


def _check_images(files: Sequence[Listed], root: Path) -> list[Checked]:
    return [_check_image(root / file.image) for file in files]


def _check_image(path: Path) -> Checked:
    if storable(str(path)) != str(path):
        return Checked(fault=NOT_UTF8)
    try:
        picture = probe_image(path)
        mode = picture.mode
        if mode not in _MODES:
            kind = "has an alpha channel" if "A" in mode else "has an unsupported pixel format"
            raise FaultyFile(f"{kind}: {mode}, an X-ray has to be 8-bit gray or RGB")
    except FaultyFile as fault:
        return Checked(fault=fault.reason)
    return Checked(*picture.upright_size, mode, digest_file(path))


def _finding(file: Listed) -> str:
    """What the image shows: the cause in its name, or its class in lower case."""
    cause = _CAUSE.match(Path(file.image).name)
    return cause[1].lower() if cause else file.class_name.lower()


def _tables(listed: Sequence[Listed], results: Sequence[Checked]) -> XrayIndex:
    first: dict[str, str] = {}
    images, rejected = [], []
    for file, result in zip(listed, results, strict=True):
        if result.fault:
            rejected.append((file.image, result.fault))
        elif (kept := first.setdefault(result.digest, file.image)) != file.image:
            rejected.append((file.image, f"same content as another: {kept}"))
        else:
            images.append((*file, _finding(file), result.width, result.height, result.mode, result.digest))
    return XrayIndex(
        pd.DataFrame(images, columns=IMAGE_COLUMNS[:-1]),
        pd.DataFrame(rejected, columns=REJECTED_COLUMNS, dtype="str"),
    )


def _log_counts(index: XrayIndex) -> None:
    logger.info("%d X-rays; %d files left out", len(index.images), len(index.rejected))
    for (split, finding), count in index.images.groupby(["split", "finding"], sort=True).size().items():
        logger.info("  %s, %s: %d", split, finding, count)
