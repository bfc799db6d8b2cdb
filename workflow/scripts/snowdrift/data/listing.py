"""Which frames a folder of pictures and a folder of annotations hold together."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from snowdrift.data.images import SUFFIXES
from snowdrift.runtime.errors import SnowdriftError


class FrameFiles(NamedTuple):
    """One frame as found on disk, before any file is opened. Paths are posix, relative to the data root."""

    video: str
    stem: str
    image: str
    annotation: str
    """Empty where there is none and the layout allows that."""
    fault_file: str
    fault: str
    """Reason why the frame is faulty already, or empty."""


def check_root(root: Path, key: str) -> None:
    """Raise a SnowdriftError unless `root`, set by the config's `key`, is a folder that is not empty."""
    hint = f"set {key} to the folder that holds the pictures; a relative path starts where you run"
    if not root.exists():
        raise SnowdriftError(f"{key}: {root} does not exist", hint)
    if not root.is_dir():
        raise SnowdriftError(f"{key}: {root} is not a folder", hint)
    if next(visible(root), None) is None:
        raise SnowdriftError(f"{key}: {root} is empty", hint)


def visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Entries of `folder`, without hidden ones and what macOS leaves in archives (`._x.jpg`)."""
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith((".", "__MACOSX")))


def subfolders(folder: Path) -> list[str]:
    """Sorted names of the folders in `folder`, links to folders included."""
    return sorted(entry.name for entry in visible(folder) if entry.is_dir())


def files_by_stem(folder: Path, suffixes: frozenset[str]) -> dict[str, list[str]]:
    """Map each stem in `folder` to its sorted file names with one of `suffixes` (lower case, with the dot).

    Broken links are kept: they belong to the dataset and are faulty. A missing folder holds nothing.
    """
    found: dict[str, list[str]] = {}
    if not folder.is_dir():
        return found
    for entry in visible(folder):
        stem, suffix = os.path.splitext(entry.name)
        if suffix.lower() in suffixes and not entry.is_dir():
            found.setdefault(stem, []).append(entry.name)
    return {stem: sorted(names) for stem, names in found.items()}


def pair_frames(
    root: Path, video: str, images: PurePosixPath, annotations: PurePosixPath, suffix: str, *, required: bool
) -> list[FrameFiles]:
    """The frames of one video, by stem: a picture and its annotation.

    Args:
        root: The data root.
        video: The video's name in the tables.
        images: Folder of the pictures, relative to `root`.
        annotations: Folder of the annotations, relative to `root`.
        suffix: Suffix of an annotation, such as ".xml"; upper case is accepted too.
        required: Whether a picture without annotation is faulty, or a frame without boxes.
    """
    pictures = files_by_stem(root / images, SUFFIXES)
    notes = files_by_stem(root / annotations, frozenset({suffix}))
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
        frames.append(_storable(FrameFiles(video, stem, image, annotation, fault_file, fault)))
    return frames


def _storable(frame: FrameFiles) -> FrameFiles:
    """The frame itself, or, where its name is no valid UTF-8 and fits into no table, a faulty one."""
    try:
        "".join(frame).encode()
    except UnicodeEncodeError:
        escaped = [text.encode(errors="backslashreplace").decode() for text in frame]
        video, stem, image, annotation = escaped[:4]
        return FrameFiles(video, stem, image, annotation, image, "name is not valid UTF-8")
    return frame
