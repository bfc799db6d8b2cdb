"""YOLO's text labels, for frames of a user's own.

A folder for each video: `images/<video>/<frame>.jpg` beside `labels/<video>/<frame>.txt`. Videos may lie in nested
folders: `images/night/cam3` is the video `night__cam3`. Or the standard layout of the field, with a `data.yaml` or
folders that are named after splits: see `ultralytics`.

A label file has a line for each box: `class x_center y_center width height`, in fractions of the frame. A frame without
a label file has no boxes, but if none in its folder has one, the labels are taken to be missing.
"""

import math
from pathlib import Path, PurePosixPath

from snowdrift.data.classes import Classes, is_list, read_list
from snowdrift.data.decoding.images import SUFFIXES, FaultyFile
from snowdrift.data.layouts import ultralytics
from snowdrift.data.layouts.folders import KEY, Folder, dataset_of
from snowdrift.data.listing import (
    Corners,
    Dataset,
    FrameFiles,
    Objects,
    check_root,
    find_folders,
    folders_with,
)
from snowdrift.runtime import folders
from snowdrift.runtime.errors import SnowdriftError

LAYOUT = "images/<video>/*.jpg beside labels/<video>/*.txt, or a data.yaml that names folders of pictures"
_BOX = 5
"""Columns of a box: class, centre, width, height."""
_LEAST_POLYGON = 7
"""Columns of a triangle."""


def list_frames(root: Path, classes: Classes) -> Dataset:
    """Every frame of the dataset, sorted by video and name. No picture is opened.

    Args:
        root: The dataset's folder, or its data.yaml.
        classes: The study's.

    Raises:
        SnowdriftError: The layout is another one, or a list of classes beside the labels contradicts the study's.
    """
    root = Path(root)
    if root.is_file():
        return _standard(ultralytics.read_yaml(root), classes)
    check_root(root, KEY)
    if described := ultralytics.find_yaml(root):
        return _standard(described, classes)
    images, labels = find_folders(root, ("images", "labels")).values()
    if images is None and (described := ultralytics.find_splits(root, "")):
        return _standard(described, classes)
    if images is None or labels is None:
        part = "images" if images is None else "labels"
        raise SnowdriftError(
            f"{KEY}: {root} has no folder {part}: looked for {LAYOUT}",
            f"set {KEY} to the folder that holds images/ and labels/, or data.layout to vfp290k, coco or voc",
        )
    if described := ultralytics.find_splits(root, images):
        return _standard(described, classes)
    ultralytics.refuse_lost(root)
    classes = _listed(root, classes, ultralytics.names_in(root))
    return dataset_of(
        root,
        _videos(root, images, labels),
        classes,
        suffix=".txt",
        required=False,
        layout=LAYOUT,
        is_label=_is_label,
    )


def looks_like(root: Path) -> bool:
    """Whether a folder has a data.yaml that names pictures, or folders of pictures and of labels."""
    return bool(
        ultralytics.find_yaml(root)
        or ultralytics.find_splits(root, "")
        or all(find_folders(root, ("images", "labels")).values())
    )


def listed_classes(root: Path) -> list[str]:
    """The classes that a data.yaml lists."""
    names = ultralytics.names_in(root)
    return names.names if names else []


def read_objects(root: Path, frame: FrameFiles, classes: Classes) -> Objects:
    """Read a frame's label file; a frame without one has no objects.

    A polygon (`class x y x y x y ...`, three points or more, so an odd number of columns) becomes the box round it.

    Raises:
        FaultyFile: The file cannot be read, or a line is neither a box nor a polygon of a known class.
    """
    if not frame.annotation:
        return Objects(None, [], fractions=True)
    path = root / frame.annotation
    if path.is_fifo():
        raise FaultyFile("label cannot be read: it is no file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FaultyFile(f"label cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise FaultyFile("label unparsable: it is not a text file") from None
    boxes: list[tuple[int, Corners]] = []
    dropped = polygons = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        values = _numbers(line, number)
        class_id = classes.of_number(values[0])
        if class_id is None:
            dropped += 1
            continue
        boxes.append((class_id, _corners(values[1:], number)))
        polygons += len(values) > _BOX
    return Objects(None, boxes, dropped, polygons, fractions=True)


def _numbers(line: str, number: int) -> list[float]:
    words = line.split()
    try:
        values = list(map(float, words))
    except ValueError:
        raise FaultyFile(f"label unparsable: line {number} holds something that is not a number") from None
    if len(values) == _BOX:
        return values
    if len(values) > _BOX and _are_keypoints(values):
        raise FaultyFile(f"label has keypoints: line {number}, boxes or polygons are needed")
    if len(values) < _LEAST_POLYGON or len(values) % 2 == 0:
        raise FaultyFile(
            f"label unparsable: line {number} has {len(words)} columns, {_BOX} are needed, or an odd number"
        )
    return values


def _are_keypoints(values: list[float]) -> bool:
    """Whether the columns after a box are points with a visibility of 0, 1 or 2, as pose labels have them."""
    points = values[_BOX:]
    return len(points) % 3 == 0 and all(visibility in (0, 1, 2) for visibility in points[2::3])


def _corners(values: list[float], number: int) -> Corners:
    """In fractions of the frame."""
    if not all(map(math.isfinite, values)):
        raise FaultyFile(f"box is not finite: line {number}")
    if len(values) == _BOX - 1:
        x_center, y_center, width, height = values
        return x_center - width / 2, y_center - height / 2, x_center + width / 2, y_center + height / 2
    return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])


def _standard(described: ultralytics.Description, classes: Classes) -> Dataset:
    classes = _listed(described.root, classes, described.names)
    return dataset_of(
        described.root,
        ultralytics.folders_of(described),
        classes,
        suffix=".txt",
        required=False,
        layout=LAYOUT,
        is_label=_is_label,
    )


def _listed(root: Path, classes: Classes, names: ultralytics.Names | None) -> Classes:
    """The classes as every list of them in the dataset has them.

    Raises:
        SnowdriftError: A list contradicts the study's classes.
    """
    if names is not None:
        classes = classes.listed(names.names, names.source)
    for place, files in folders.walk(root):
        for file in files:
            path = root / place / file.name
            if is_list(file.name) and (listed := read_list(path)):
                described = classes.listed(listed, path)
                classes = described if classes.numbers is None else classes
    return classes


def _videos(root: Path, images: str, labels: str) -> list[Folder]:
    """Every folder in images/ or labels/ that holds pictures or labels is a video; without any, pictures are alone."""
    pictures = folders_with(root, images, SUFFIXES)
    if list(pictures) == [""]:
        return [Folder("", PurePosixPath(images), PurePosixPath(labels), is_video=False)]
    if "" in pictures:
        raise SnowdriftError(
            f"{KEY}: {root / images} has pictures that belong to no video beside those of videos: looked for {LAYOUT}",
            "put each video's frames into a folder of its own, since training and test are split by video; or write a "
            "data.yaml that says which folder or list is train, val and test",
        )
    notes = folders_with(root, labels, frozenset({".txt"}))
    notes = {name: place for name, place in notes.items() if name and _has_labels(root / labels / place)}
    return [
        Folder(
            name,
            PurePosixPath(images, pictures.get(name, name)),
            PurePosixPath(labels, notes.get(name, name)),
            is_video=True,
        )
        for name in sorted(pictures.keys() | notes.keys())
    ]


def _is_label(name: str) -> bool:
    return not is_list(name)


def _has_labels(folder: Path) -> bool:
    return any(
        entry.name.lower().endswith(".txt") and _is_label(entry.name) for entry in folders.entries(folder)
    )
