"""The standard layout of YOLO's tools, as Ultralytics and Roboflow write it.

A `data.yaml` says where the pictures of each split are, as folders, lists of folders, or text files of pictures:

    path: .                    # the dataset's folder; without it, that of data.yaml
    train: images/train        # or train/images, as Roboflow has it
    val: images/val
    test: images/test
    names: {0: normal, 1: fallen}

Labels lie where Ultralytics looks for them: the last `/images/` of a picture's path becomes `/labels/`.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import yaml

from snowdrift.data.layouts.folders import KEY, SPLIT_NAMES, Folder
from snowdrift.data.listing import Finder, find_folder, pictures_below, read_lines, subfolders
from snowdrift.data.names import canonical
from snowdrift.data.places import described_root
from snowdrift.runtime import folders
from snowdrift.runtime.errors import SnowdriftError

logger = logging.getLogger(__name__)
FILES = ("data.yaml", "dataset.yaml", "data.yml")
_KEYS = ("train", "val", "valid", "test")
_HINT = "mend it; docs/bring-your-own.md shows one"


class Names(NamedTuple):
    """The classes that a file lists, in the order of their numbers."""

    names: list[str]
    source: Path


class Description(NamedTuple):
    """A dataset as its data.yaml, or the names of its folders, describe it.

    Attributes:
        root: Folder that all paths are relative to.
        splits: For each split, its folders and its text files of pictures.
        names: The classes, if they are listed.
        source: What says so, for errors.
    """

    root: Path
    splits: Mapping[str, list[str]]
    names: Names | None
    source: Path


def find_yaml(root: Path) -> Description | None:
    """What the data.yaml in `root` describes; None if there is none, or if it names no pictures that exist.

    Raises:
        SnowdriftError: It cannot be read.
    """
    for path in _files(root):
        if _names_pictures(path):
            return read_yaml(path, root)
    return None


def refuse_lost(root: Path) -> None:
    """Refuse a data.yaml in `root` whose training pictures do not exist: its splits would be passed over."""
    for path in _files(root):
        if _load(path).get("train"):
            read_yaml(path, root)


def names_in(root: Path) -> Names | None:
    """The classes that the data.yaml in `root` lists, if there is one that does."""
    return next((names for path in _files(root) if (names := _names(_load(path), path))), None)


def _files(root: Path) -> list[Path]:
    """What may describe the dataset: its data.yaml, or else any YAML file that lists classes, such as `people.yaml`."""
    found = [root / name for name in FILES if (root / name).is_file()]
    if found:
        return found
    others = [
        root / entry.name
        for entry in folders.entries(root)
        if entry.name.lower().endswith((".yaml", ".yml")) and entry.is_file()
    ]
    return [path for path in others if _lists_classes(path)]


def _lists_classes(path: Path) -> bool:
    try:
        return isinstance(_load(path).get("names"), list | dict)
    except SnowdriftError:  # it is another program's
        return False


def read_yaml(path: Path, root: Path | None = None) -> Description:
    """Read a data.yaml.

    Args:
        path: The file.
        root: Folder that all pictures lie in; None takes the one that the file names.

    Raises:
        SnowdriftError: It cannot be read, describes keypoints, or names no pictures that exist.
    """
    content = _load(path)
    if content.get("kpt_shape"):
        raise SnowdriftError(
            f"{path}: describes keypoints (kpt_shape), and Snowdrift reads boxes",
            "export the dataset for detection",
        )
    base = described_root(path)
    root = root or base
    splits: dict[str, list[str]] = {}
    for key in _KEYS:
        value = content.get(key)
        for entry in value if isinstance(value, list) else [value] if value else []:
            # Roboflow names a folder for the test split also if it exports none.
            if key == "test" and _existing(base, str(entry)) is None:
                logger.warning("%s: test: there is no %s, so the dataset has no test split", path, entry)
                continue
            splits.setdefault(SPLIT_NAMES[key], []).append(_inside(root, base, str(entry), path, key))
    if "train" not in splits:
        raise SnowdriftError(f"{path}: has no `train`, the folder of the training pictures", _HINT)
    return Description(root, splits, _names(content, path), path)


def find_splits(root: Path, images: str) -> Description | None:
    """A dataset whose folders are named after splits: `images/train/`, or `train/images/` if `images` is "".

    None if its folders are no splits. A number at the end does not matter, as in `train2017`.

    Raises:
        SnowdriftError: Some of the folders in `images` are splits, and others are not.
    """
    splits: dict[str, list[str]] = {}
    others: list[str] = []
    for folder in subfolders(root / images):
        split = SPLIT_NAMES.get(folder.lower().rstrip("0123456789"))
        inner = find_folder(root / images / folder, "images") if not images else ""
        if split is None or inner is None:
            others.append(folder)
            continue
        splits.setdefault(split, []).append("/".join(filter(None, (images, folder, inner))))
    # A video may be called `train` among others that are not.
    if "train" not in splits or (images and others and len(splits) == 1):
        return None
    if images and others:
        raise SnowdriftError(
            f"{KEY}: {root / images} has folders that are named after splits, and {', '.join(others[:3])}",
            "write a data.yaml that says which folders are train, val and test, or rename those that are videos",
        )
    return Description(root, splits, names_in(root), root)


def folders_of(described: Description) -> list[Folder]:
    """The folders that hold the pictures of each split.

    Pictures that lie in a folder below that of their split are frames of one video; others are alone.

    Raises:
        SnowdriftError: A picture belongs to two splits.
    """
    found: dict[str, Folder] = {}
    labels = _Labels(described.root)
    for split, places in described.splits.items():
        for place in places:
            for images, stems, is_video in _picture_folders(described, place):
                name = _name(images)
                folder = Folder(
                    name, images, labels.folder(images), is_video=is_video, split=split, stems=stems
                )
                # One folder may hold the pictures of several lists.
                key = f"{images} {split}" if stems is not None else str(images)
                _refuse_overlap(found, folder, described.source)
                found[key] = folder
    return _joined(list(found.values()))


def _joined(folders: list[Folder]) -> list[Folder]:
    """One folder for those that lists have cut into splits."""
    by_place: dict[PurePosixPath, list[Folder]] = {}
    for folder in folders:
        by_place.setdefault(folder.images, []).append(folder)
    joined = []
    for first, *others in by_place.values():
        if not others and first.stems is None:
            joined.append(first)
            continue
        split_of = {
            canonical(f"{folder.name}/{stem}" if folder.name else stem): folder.split or ""
            for folder in (first, *others)
            for stem in folder.stems or ()
        }
        joined.append(
            Folder(
                first.name,
                first.images,
                first.annotations,
                is_video=first.is_video,
                split_of=split_of,
                stems=frozenset().union(*(folder.stems or () for folder in (first, *others))),
            )
        )
    return joined


def _refuse_overlap(folders: Mapping[str, Folder], folder: Folder, source: Path) -> None:
    for other in folders.values():
        if other.images != folder.images or other.split == folder.split:
            continue
        shared = None if other.stems is None or folder.stems is None else other.stems & folder.stems
        if shared is None or shared:
            what = f"{folder.images}/{min(shared)}" if shared else folder.images
            raise SnowdriftError(
                f"{source}: {what} is in {other.split} and in {folder.split}",
                "name each picture in one split: it would be trained on and tested on",
            )


def _picture_folders(
    described: Description, place: str
) -> Iterator[tuple[PurePosixPath, frozenset[str] | None, bool]]:
    """Folder of pictures, its pictures if they are listed, and whether it is a video."""
    path = described.root / place
    if path.is_file():
        listed: dict[PurePosixPath, set[str]] = {}
        for picture in _listed_pictures(described, path):
            listed.setdefault(picture.parent, set()).add(canonical(picture.stem))
        for images, stems in sorted(listed.items()):
            yield images, frozenset(stems), False
        return
    found = {PurePosixPath(picture).parent for picture in pictures_below(described.root, place)}
    if not found:
        raise SnowdriftError(
            f"{described.source}: {path} holds no picture: looked for .jpg, .jpeg and .png", _HINT
        )
    top = PurePosixPath(place)
    for images in sorted(found):
        below = [part for part in images.relative_to(top).parts if part.lower() != "images"]
        yield images, None, bool(below)


def _listed_pictures(described: Description, path: Path) -> Iterator[PurePosixPath]:
    finders = [Finder(path.parent), Finder(described.root), Finder(Path())]
    for text in read_lines(path):
        found = next((place for finder in finders if (place := finder.existing(text))), None)
        if found is None:
            raise SnowdriftError(f"{path}: names {text}, and there is no such picture", "mend the list")
        yield PurePosixPath(_inside(described.root, described.root, str(found.absolute()), path, "a picture"))


class _Labels:
    """Finds folders of labels, however their letters are capitalised and their accents are written."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[tuple[PurePosixPath, str], str] = {}

    def folder(self, images: PurePosixPath) -> PurePosixPath:
        """Where the labels of the pictures in `images` are: `labels` takes the place of its last `images`."""
        parts = list(images.parts)
        places = [place for place, part in enumerate(parts) if part.lower() == "images"]
        if not places:
            return images
        there = PurePosixPath(*parts[: places[-1]])
        for part in ("labels", *parts[places[-1] + 1 :]):
            there /= self._there(there, part)
        return there

    def _there(self, folder: PurePosixPath, name: str) -> str:
        if (folder, name) not in self._known:
            exists = (self._root / folder).is_dir()
            self._known[folder, name] = (exists and find_folder(self._root / folder, name)) or name
        return self._known[folder, name]


def _name(images: PurePosixPath) -> str:
    return canonical("/".join(part for part in images.parts if part.lower() != "images"))


def _names_pictures(path: Path) -> bool:
    content = _load(path)
    values = content.get("train") or ()
    root = described_root(path)
    return any(_existing(root, str(entry)) for entry in (values if isinstance(values, list) else [values]))


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise SnowdriftError(f"{path}: cannot be parsed: {reason}", "mend it, or remove it") from error
    return content if isinstance(content, dict) else {}


def _existing(root: Path, entry: str) -> Path | None:
    # Roboflow writes `../train/images` for a folder beside the file, and Ultralytics puts up with that.
    entry = entry.replace("\\", "/")
    finder = Finder(root)
    entries = [entry, *([entry[3:]] if entry.startswith("../") else [])]
    return next((place for entry in entries if (place := finder.existing(entry))), None)


def _inside(root: Path, base: Path, entry: str, source: Path, key: str) -> str:
    """The path of an entry, which is relative to `base`, relative to `root`.

    Raises:
        SnowdriftError: There is no such file or folder, or it lies elsewhere.
    """
    place = _existing(base, entry)
    if place is None:
        raise SnowdriftError(f"{source}: {key}: {base / entry}: there is no such file or folder", _HINT)
    inside = os.path.relpath(os.path.abspath(place), os.path.abspath(root))
    if inside.startswith(".."):  # one of the two may be named through a link
        inside = os.path.relpath(os.path.realpath(place), os.path.realpath(root))
    if inside.startswith(".."):
        raise SnowdriftError(
            f"{source}: {key}: {place} lies outside of {root}",
            f"let `path` name the folder that holds the pictures of all splits, and {KEY} name {source.name} itself",
        )
    return "" if inside == "." else inside


def _names(content: Mapping[str, Any], path: Path) -> Names | None:
    """The classes in the order of their numbers.

    Raises:
        SnowdriftError: They are no list, or numbers are left out, so that it is not clear which class is meant.
    """
    names = content.get("names")
    if isinstance(names, dict):
        numbers = {str(key): name for key, name in names.items()}
        if set(numbers) != set(map(str, range(len(numbers)))):
            raise SnowdriftError(
                f"{path}: numbers its classes {', '.join(numbers)}; expected 0 to {len(numbers) - 1}",
                "number them as the labels do; a class that is not labelled needs a name too",
            )
        names = [numbers[str(number)] for number in range(len(numbers))]
    if names is not None and not isinstance(names, list):
        raise SnowdriftError(f"{path}: names: {names!r:.40} is no list of classes", _HINT)
    return None if names is None else Names([str(name) for name in names], path)
