"""COCO's JSON of boxes (Lin et al., ECCV 2014), as COCO itself, CVAT and Roboflow lay it out.

`annotations/instances_train2017.json` beside `train2017/` or `images/train2017/`, or `train/_annotations.coco.json`
among the pictures of `train/`. The splits are those of the files' names; a single file without one, such as CVAT's
`instances_default.json`, leaves them to `splits`. Crowds are left out, as the tools that train on COCO do.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from snowdrift.data.classes import Classes
from snowdrift.data.decoding.images import FaultyFile
from snowdrift.data.layouts.folders import KEY, SPLIT_NAMES
from snowdrift.data.listing import (
    Corners,
    Dataset,
    Finder,
    FrameFiles,
    Objects,
    check_root,
    find_folder,
    subfolders,
)
from snowdrift.data.names import canonical
from snowdrift.runtime import folders
from snowdrift.runtime.errors import SnowdriftError

LAYOUT = "annotations/instances_<split>.json beside <split>/ or images/, or <split>/_annotations.coco.json"
_SPLIT = re.compile(f"(?<![a-z])({'|'.join(SPLIT_NAMES)})(?![a-z])")
"""A split's name in that of a file; that it is a word of its own tells `instances_test2017` from `latest`."""
_LARGEST = 1e9
"""Above any number of a picture's pixels."""
_ALL_PICTURES = ("images", "jpegimages", "data")
"""Folders that tools put all pictures into, in small letters."""
_PARTS = ("images", "annotations", "categories")


class _File(NamedTuple):
    """One JSON file, and what its name says: the split, and the word that its folder of pictures is named by."""

    path: Path
    split: str | None
    word: str


def list_frames(root: Path, classes: Classes) -> Dataset:
    """Every frame below `root`, sorted by video and name, with its objects. No picture is opened.

    Args:
        root: The dataset's folder, or its only JSON file.
        classes: The study's.

    Raises:
        SnowdriftError: The layout is another one, or a file is not what COCO's format says.
    """
    root = Path(root)
    single = root if root.is_file() else None
    root = root.parent if single else root
    check_root(root, KEY)
    files = [_described(single)] if single else _find_files(root)
    if not files:
        raise SnowdriftError(
            f"{KEY}: no annotations found in {root}: looked for {LAYOUT}",
            f"set {KEY} to the folder that holds annotations/, or to the JSON file",
        )
    frames: list[FrameFiles] = []
    splits: dict[str, str] = {}
    for file in files:
        for frame in _frames_of(root, file, classes):
            frames.append(frame)
            if file.split and splits.setdefault(frame.video, file.split) != file.split:
                raise SnowdriftError(
                    f"{file.path}: {frame.image} is in {file.split}, and other frames of the video {frame.video} "
                    f"in {splits[frame.video]}",
                    "keep a video in one split, since its frames are nearly the same",
                )
    _refuse_twice(frames)
    frames.sort(key=lambda frame: (frame.video, frame.stem))
    return Dataset(frames, classes, splits)


def listed_classes(root: Path) -> list[str]:
    """The categories of the first JSON file."""
    categories = _load(_find_files(root)[0].path)["categories"]
    return [str(each["name"]) for each in categories]


def read_objects(root: Path, frame: FrameFiles, classes: Classes) -> Objects:
    """What the JSON file says of a frame."""
    if frame.objects is None:
        raise FaultyFile("label missing: no JSON file speaks of this picture")
    return frame.objects


def looks_like(root: Path) -> bool:
    """Whether a folder has JSON files where this layout has its own."""
    return any(file.path.suffix == ".json" for file in _find_files(root))


def _find_files(root: Path) -> list[_File]:
    found: list[Path] = []
    annotations = find_folder(root, "annotations")
    if annotations:
        found = [
            root / annotations / entry.name
            for entry in folders.entries(root / annotations)
            if entry.name.lower().endswith(".json")
        ]
        instances = [path for path in found if path.name.startswith("instances_")]
        found = instances or [path for path in found if not _is_other_task(path)]
    if not found:
        places = [root, *(root / name for name in subfolders(root))]
        found = [
            path for place in places for path in sorted(place.glob("*.json")) if folders.is_data(path.name)
        ]
    return [_described(path) for path in found]


def _is_other_task(path: Path) -> bool:
    return path.name.startswith(("captions_", "panoptic_", "stuff_", "image_info_"))


def _described(path: Path) -> _File:
    word = path.stem.removeprefix("instances_")
    named = {SPLIT_NAMES[name] for name in _SPLIT.findall(word.lower())}
    split = named.pop() if len(named) == 1 else SPLIT_NAMES.get(path.parent.name.lower())
    return _File(path, split, word)


def _frames_of(root: Path, file: _File, classes: Classes) -> Iterator[FrameFiles]:
    content = _load(file.path)
    used = {_id(each.get("category_id")) for each in content["annotations"] if isinstance(each, dict)}
    class_of = _class_ids(content["categories"], used, classes, file.path)
    pictures = _pictures(content["images"], file.path)
    objects = _objects(content["annotations"], pictures, class_of, file.path)
    place = _place(root, file, pictures.values())
    there = Finder(root)
    for number, picture in pictures.items():
        image = there.find(PurePosixPath(place, picture["file_name"]))
        video, alone = _video(PurePosixPath(picture["file_name"]), PurePosixPath(place), file)
        fault = "" if image else f"image missing: no picture {picture['file_name']} in {place or '.'}"
        known = objects.get(number, [])
        frame = FrameFiles(
            video,
            canonical(PurePosixPath(picture["file_name"]).stem),
            str(image or PurePosixPath(place, picture["file_name"])),
            os.path.relpath(file.path, root),
            os.path.relpath(file.path, root) if fault else "",
            fault,
            alone=alone,
        )
        yield _with_objects(frame, picture, known)


def _with_objects(frame: FrameFiles, picture: Mapping[str, Any], known: Sequence[Any]) -> FrameFiles:
    """The frame with its boxes; the first fault of its annotations makes it faulty."""
    size: tuple[Any, Any] = (picture.get("width"), picture.get("height"))
    boxes, dropped, polygons = [], 0, 0
    try:
        for class_id, annotation in known:
            if class_id is None or _is_crowd(annotation):
                dropped += 1
                continue
            corners, from_polygon = _corners(annotation)
            boxes.append((class_id, corners))
            polygons += from_polygon
    except FaultyFile as fault:
        return frame if frame.fault else frame._replace(fault_file=frame.annotation, fault=fault.reason)
    stated = size if all(_is_number(side) and side > 0 for side in size) else None
    return frame._replace(objects=Objects(stated, boxes, dropped, polygons))


def _corners(annotation: Mapping[str, Any]) -> tuple[Corners, bool]:
    """In pixels; and whether they are those of a polygon, for want of a box."""
    box = annotation.get("bbox")
    if isinstance(box, list) and len(box) == 4 and all(map(_is_number, box)):
        left, top, width, height = box
        return (left, top, left + width, top + height), False
    polygons = annotation.get("segmentation")
    if not isinstance(polygons, list) or not all(isinstance(polygon, list) for polygon in polygons):
        polygons = []
    values = [value for polygon in polygons for value in polygon]
    if len(values) < 6 or len(values) % 2 or not all(map(_is_number, values)):
        raise FaultyFile(f"box incomplete: annotation {annotation.get('id')} has no `bbox` of four numbers")
    return (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])), True


def _is_crowd(annotation: Mapping[str, Any]) -> bool:
    """Whether `iscrowd` is 1, which some tools write as a text."""
    crowd = str(annotation.get("iscrowd") or 0).lower()
    if crowd not in ("0", "1", "0.0", "1.0", "false", "true"):
        raise FaultyFile(f"crowd unclear: annotation {annotation.get('id')} has the `iscrowd` {crowd:.40}")
    return crowd in ("1", "1.0", "true")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _id(value: object) -> str:
    """A number that the parts of a file know each other by; some tools write it as a text in one of them."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise SnowdriftError(
            f"{path}: cannot be read as JSON: {error}", "export the dataset again"
        ) from error
    lists: dict[str, Any] = content if isinstance(content, dict) else {}
    missing = [part for part in _PARTS if not isinstance(lists.get(part), list)]
    if missing:
        raise SnowdriftError(
            f"{path}: is no COCO file of boxes: it has no list {', '.join(missing)}",
            "export the dataset as COCO instances; an annotation file of another task does not belong here",
        )
    if any(isinstance(each, dict) and each.get("keypoints") for each in lists["categories"]):
        raise SnowdriftError(
            f"{path}: describes keypoints, and Snowdrift reads boxes", "export the dataset as COCO instances"
        )
    return lists


def _class_ids(
    categories: Sequence[Any], used: Collection[str], classes: Classes, path: Path
) -> dict[str, int | None]:
    """The class_id of each category's number; numbers may have gaps. None leaves a category's objects out.

    Args:
        categories: As the file lists them.
        used: The numbers that something is labelled with.
        classes: The study's.
        path: The file, for errors.

    Raises:
        SnowdriftError: The categories are not the study's classes, and others are not left out.
    """
    if not all(isinstance(each, dict) and "id" in each and "name" in each for each in categories):
        raise SnowdriftError(f"{path}: a category has no `id` or `name`", "export the dataset again")
    # Roboflow puts the name of its project above the classes, as a category that nothing is labelled with.
    headings = {str(each.get("supercategory")) for each in categories}
    wanted = set(map(canonical, classes.names))
    names = {
        _id(each["id"]): str(each["name"])
        for each in categories
        if str(each["name"]) not in headings
        or each["name"] == each.get("supercategory")
        or canonical(str(each["name"])) in wanted
        or _id(each["id"]) in used
    }
    there = set(map(canonical, names.values()))
    if not wanted <= there or (there != wanted and not classes.drop_others):
        listing = ", ".join(names.values())
        raise SnowdriftError(
            f"{path}: has the categories {listing}, the config has data.class_names: {list(classes.names)}",
            f"set `data.class_names: [{listing}]`, or name some of them and set `data.other_classes: drop`",
        )
    return {number: classes.of_word(name) for number, name in names.items()}


def _pictures(images: Sequence[Any], path: Path) -> dict[str, dict[str, Any]]:
    """The pictures, by id."""
    found: dict[str, dict[str, Any]] = {}
    for image in images:
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str) or "id" not in image:
            raise SnowdriftError(f"{path}: a picture has no `id` or `file_name`", "export the dataset again")
        number = _id(image["id"])
        if number in found:
            raise SnowdriftError(
                f"{path}: {found[number]['file_name']} and {image['file_name']} have the same id {number}",
                "export the dataset again",
            )
        name = PurePosixPath(image["file_name"].replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts:
            raise SnowdriftError(
                f"{path}: {image['file_name']} is no path below the folder of pictures",
                "export the dataset again",
            )
        found[number] = {**image, "file_name": str(name)}
    return found


def _objects(
    annotations: Sequence[Any],
    pictures: Mapping[str, Mapping[str, Any]],
    class_of: Mapping[str, int | None],
    path: Path,
) -> dict[str, list[tuple[int | None, dict[str, Any]]]]:
    """What is annotated in each picture, by its id.

    Raises:
        SnowdriftError: An annotation speaks of a picture or category that there is not.
    """
    found = defaultdict(list)
    for annotation in annotations:
        number, category = (
            _id(annotation.get(key)) if isinstance(annotation, dict) else "None"
            for key in ("image_id", "category_id")
        )
        if number not in pictures or category not in class_of:
            what = f"picture {number:.40}" if number not in pictures else f"category {category:.40}"
            raise SnowdriftError(
                f"{path}: an annotation speaks of {what}, which the file does not list",
                "export the dataset again",
            )
        found[number].append((class_of[category], annotation))
    return found


def _place(root: Path, file: _File, pictures: Iterable[Mapping[str, Any]]) -> str:
    """Folder of a file's pictures, relative to `root`: the first of the usual ones that holds its first picture."""
    pictures = list(pictures)
    if not pictures:
        return ""
    beside = os.path.relpath(file.path.parent, root)
    images = find_folder(root, "images") or "images"
    places = [beside, file.word, f"{images}/{file.word}"]
    places += [f"{images}/{file.split}", file.split] if file.split else []
    places += [images, "data", "."]
    there = Finder(root)
    for picture in pictures[:: max(1, len(pictures) // 20)]:
        for place in places:
            if there.find(PurePosixPath(place, picture["file_name"])):
                return "" if place == "." else str(there.folder(PurePosixPath(place)))
    raise SnowdriftError(
        f"{file.path}: its picture {pictures[0]['file_name']} was not found in {', '.join(places)}",
        f"set {KEY} to the folder that holds both the annotations and the pictures",
    )


def _video(file_name: PurePosixPath, place: PurePosixPath, file: _File) -> tuple[str, bool]:
    """The video that a picture is a frame of, and whether it is alone in it.

    A folder is a video, unless all pictures of the file are in it: `images/`, or that of its split.
    """
    above, folders_above = (
        [part for part in parts if part.lower() not in _ALL_PICTURES]
        for parts in (place.parts, file_name.parent.parts)
    )
    own = folders_above
    if own and (own[0] == file.word or SPLIT_NAMES.get(own[0].lower(), "") == file.split):
        own = own[1:]
    if own:
        return canonical("__".join(folders_above)), False
    return canonical("__".join([*above, *folders_above, file_name.stem])), True


def _refuse_twice(frames: Sequence[FrameFiles]) -> None:
    seen: dict[str, FrameFiles] = {}
    for frame in frames:
        if (other := seen.setdefault(frame.image, frame)) is not frame:
            raise SnowdriftError(
                f"{frame.image} is in {other.annotation} and in {frame.annotation}",
                "name each picture once: it would be trained on and tested on",
            )
