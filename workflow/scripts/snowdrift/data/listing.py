"""Which frames a folder of pictures and a folder of annotations hold together."""

import logging
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from snowdrift.data.classes import Classes
from snowdrift.data.decoding.images import SUFFIXES
from snowdrift.data.names import (
    NOT_UTF8,
    by_canonical,
    canonical,
    check_locale,
    fault_of_length,
    look_alike,
    storable,
)
from snowdrift.runtime import folders
from snowdrift.runtime.errors import SnowdriftError

logger = logging.getLogger(__name__)

Corners = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels from the picture's left and top edge."""


class Objects(NamedTuple):
    """What an annotation says of one frame.

    Attributes:
        size: Width and height in pixels that it states for the picture; None if it states none.
        boxes: class_id and corners of each object. Fractions of the frame take the place of pixels if `fractions`.
        dropped: Objects left out: of classes that are not studied, and crowds.
        polygons: Boxes that were drawn round a polygon.
        fractions: Whether the corners are fractions of the frame.
    """

    size: tuple[float, float] | None
    boxes: list[tuple[int, Corners]]
    dropped: int = 0
    polygons: int = 0
    fractions: bool = False


class FrameFiles(NamedTuple):
    """One frame as found on disk, before any file is opened. Paths are posix, relative to the data root."""

    video: str
    stem: str
    image: str
    annotation: str
    """Empty if there is none and the layout allows that."""
    fault_file: str = ""
    fault: str = ""
    """Reason why the frame is faulty already, or empty."""
    objects: Objects | None = None
    """What is known of its objects without opening a file of its own."""
    alone: bool = False
    """Whether no folder says which other frames it belongs to, so that it is a video of its own."""


class Dataset(NamedTuple):
    """The frames of a dataset.

    Attributes:
        frames: Sorted by video and name.
        classes: The study's classes, as this dataset's labels name them.
        splits: The split of each video, if the dataset's own files say so; else empty.
    """

    frames: list[FrameFiles]
    classes: Classes
    splits: Mapping[str, str] = {}


def check_root(root: Path, key: str) -> None:
    """Raise a SnowdriftError unless `root`, set by the config's `key`, is a folder that is not empty."""
    hint = f"set {key} to the folder that holds the pictures; a relative path starts where you run"
    if not root.exists():
        there = (
            [entry.name for entry in folders.entries(root.parent, lambda path, reason: None)]
            if root.parent.is_dir()
            else []
        )
        remark = look_alike(root.name, there)
        raise SnowdriftError(f"{key}: {root} does not exist{remark and f'; {remark}'}", hint)
    if not root.is_dir():
        raise SnowdriftError(f"{key}: {root} is not a folder", hint)
    try:
        found = folders.entries(root)
    except OSError as error:
        raise SnowdriftError(f"{key}: {root} cannot be read: {error.strerror}", hint) from error
    if not found:
        raise SnowdriftError(f"{key}: {root} is empty", hint)


def subfolders(folder: Path) -> list[str]:
    """Sorted names of the folders in `folder`, links to folders included; one that cannot be read is left out."""
    names = [entry.name for entry in folders.entries(folder, warn_of_skipped) if folders.is_folder(entry)]
    return [name for name in names if _can_be_read(folder / name)]


def find_folder(folder: Path, name: str) -> str | None:
    """The folder of that name in `folder`, however its letters are capitalised; None if there is none.

    Raises:
        SnowdriftError: There are two.
    """
    return find_folders(folder, [name])[name]


def find_folders(folder: Path, names: Collection[str]) -> dict[str, str | None]:
    """`find_folder` of several names, for one look at `folder`."""
    there = subfolders(folder)
    found: dict[str, str | None] = {}
    for name in names:
        alike = [other for other in there if canonical(other).casefold() == canonical(name).casefold()]
        if len(alike) > 1:
            raise SnowdriftError(
                f"{folder} has the folders {' and '.join(alike)}, and only one of them can be read",
                "move the content of one into the other",
            )
        found[name] = alike[0] if alike else None
    return found


def read_lines(path: Path) -> list[str]:
    """The lines of a list, without empty ones and without space around them.

    Raises:
        SnowdriftError: It is no text file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SnowdriftError(f"{path}: cannot be read as a list: {error}", "mend it, or remove it") from error
    return [line.strip() for line in text.split("\n") if line.strip()]


class Finder:
    """Finds files, however their accents are written, and whatever the capitals of their folders."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[PurePosixPath, PurePosixPath | None] = {PurePosixPath("."): PurePosixPath(".")}
        self._known: dict[PurePosixPath, dict[str, str]] = {}

    def find(self, path: PurePosixPath) -> PurePosixPath | None:
        """The file itself, relative to the root; None if there is none."""
        folder = self.folder(path.parent)
        if folder is None:
            return None
        if folder not in self._known:
            names = [entry.name for entry in folders.entries(self._root / folder)]
            self._known[folder] = by_canonical(names, str(self._root / folder))
        name = self._known[folder].get(canonical(path.name))
        return folder / name if name else None

    def existing(self, path: str) -> Path | None:
        """The file or folder at a path that may also lead out of the root, with the root; None if there is none."""
        if (self._root / path).exists():
            return self._root / path
        found = None if path.startswith("/") or ".." in path else self.find(PurePosixPath(path))
        return self._root / found if found else None

    def folder(self, path: PurePosixPath) -> PurePosixPath | None:
        """The folder itself, relative to the root; None if there is none."""
        if path not in self._folders:
            above = self.folder(path.parent)
            name = find_folder(self._root / above, path.name) if above else None
            self._folders[path] = above / name if above and name else None
        return self._folders[path]


def pictures_below(root: Path, top: str, suffixes: frozenset[str] = SUFFIXES) -> Iterator[str]:
    """Pictures in `top` (relative to `root`, "" for itself) at every depth, relative to `root`."""
    for below, files in folders.walk(root / top, warn_of_skipped):
        place = "/".join(filter(None, (top, below)))
        for file in files:
            if os.path.splitext(file.name)[1].lower() in suffixes:
                yield f"{place}/{file.name}" if place else file.name


def warn_of_skipped(path: str, reason: str) -> None:
    """Say in the log that a folder is left out."""
    logger.warning("%s is left out: %s", path, reason)


def files_by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, list[str]]:
    """Map each stem in `folder`, in its canonical form, to its sorted file names with one of `suffixes`.

    Broken links are kept: they belong to the dataset and are faulty. A missing folder holds nothing.

    Args:
        folder: Where to look.
        suffixes: In lower case, with the dot.
    """
    found: dict[str, list[str]] = {}
    if not folder.is_dir():
        return found
    for entry in folders.entries(folder, warn_of_skipped):
        stem, suffix = os.path.splitext(entry.name)
        if suffix.lower() in suffixes and not folders.is_folder(entry):
            found.setdefault(canonical(stem), []).append(entry.name)
    return found


def folders_with(root: Path, top: str, suffixes: frozenset[str]) -> dict[str, str]:
    """Folders below `top` that hold files with one of `suffixes`: canonical path to path, both relative to `top`.

    Raises:
        SnowdriftError: Two of them have one name in two spellings.
    """
    below = [
        place
        for place, files in folders.walk(root / top, warn_of_skipped)
        if any(os.path.splitext(file.name)[1].lower() in suffixes for file in files)
    ]
    return by_canonical(below, str(root / top))


def pair_frames(
    root: Path,
    video: str,
    images: PurePosixPath,
    annotations: PurePosixPath,
    suffix: str,
    *,
    required: bool,
    is_label: Callable[[str], bool] = lambda name: True,
) -> list[FrameFiles]:
    """The frames of one video, by stem: a picture and its annotation.

    Args:
        root: The data root.
        video: The video's name in the tables.
        images: Folder of the pictures, relative to `root`.
        annotations: Folder of the annotations, relative to `root`.
        suffix: Suffix of an annotation, such as ".xml"; upper case is accepted too.
        required: Whether a picture without annotation is faulty, or a frame without boxes. Pictures of which none
            has an annotation are faulty in any case.
        is_label: Whether a file of this name is an annotation, if it has the suffix.
    """
    pictures = files_by_stem(root / images, SUFFIXES)
    notes = files_by_stem(root / annotations, frozenset({suffix}))
    notes = {stem: names for stem, names in notes.items() if all(map(is_label, names))}
    unlabelled = (
        f"label missing: none of the {len(pictures)} pictures in {images} has one" if not notes else ""
    )
    frames = []
    for stem in sorted(pictures.keys() | notes.keys()):
        names, labels = pictures.get(stem, []), notes.get(stem, [])
        image = str(images / (names[0] if names else f"{stem}.jpg"))
        annotation = str(annotations / labels[0]) if labels else ""
        fault_file, fault = "", ""
        if not names:
            fault_file, fault = annotation, f"image missing: no picture {stem} in {images}"
        elif len(names) > 1:
            fault_file, fault = image, f"two pictures of one name: {', '.join(names)}"
        elif len(labels) > 1:
            fault_file, fault = annotation, f"two annotations of one name: {', '.join(labels)}"
        elif required and not labels:
            fault_file, fault = str(annotations / f"{stem}{suffix}"), f"{suffix[1:].upper()} missing"
        elif unlabelled:
            fault_file, fault = image, unlabelled
        frames.append(FrameFiles(video, stem, image, annotation, fault_file, fault))
    return frames


def checked_names(frames: list[FrameFiles]) -> list[FrameFiles]:
    """The frames, in which those whose names cannot be told apart or written into tables or results are faulty.

    Raises:
        SnowdriftError: The locale cannot show a name.
    """
    check_locale(frame.image for frame in frames)
    return [_storable(frame) for frame in _one_of_each_name(frames)]


def _one_of_each_name(frames: list[FrameFiles]) -> list[FrameFiles]:
    """The frames, of which those that the tables could not tell apart are a faulty one."""
    found: dict[tuple[str, str], FrameFiles] = {}
    for frame in frames:
        first = found.setdefault((frame.video, frame.stem), frame)
        if first is not frame:
            fault = f"two pictures of one name: {first.image}, {frame.image}"
            found[frame.video, frame.stem] = first._replace(fault_file=first.image, fault=fault)
    return list(found.values())


def _storable(frame: FrameFiles) -> FrameFiles:
    escaped = [storable(text) for text in frame[:6]]
    if escaped != list(frame[:6]):
        video, stem, image, annotation = escaped[:4]
        return FrameFiles(video, stem, image, annotation, image, NOT_UTF8)
    if not frame.fault and (fault := fault_of_length(frame.video, os.path.basename(frame.image))):
        return frame._replace(fault_file=frame.image, fault=fault)
    return frame


def _can_be_read(folder: Path) -> bool:
    if os.access(folder, os.R_OK | os.X_OK):
        return True
    warn_of_skipped(str(folder), "it cannot be read (Permission denied)")
    return False
