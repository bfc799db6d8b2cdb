"""Pascal VOC: an XML file for each picture, with class names as words (Everingham et al., IJCV 2010).

Read are the layouts that its tools write: `JPEGImages/` beside `Annotations/`, at the root or in folders such as
`VOC2012/`, with the splits of `ImageSets/Main/{train,val,test}.txt` if they are there; and XML files beside the
pictures or in an `annotations/` beside `images/`, in folders named after videos or after splits (`train/`, `valid/`,
`test/`).
"""

import math
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Set
from pathlib import Path, PurePosixPath

from snowdrift.data.classes import Classes
from snowdrift.data.decoding.images import SUFFIXES, FaultyFile
from snowdrift.data.layouts.folders import KEY, SPLIT_NAMES, Folder, dataset_of
from snowdrift.data.listing import (
    Corners,
    Dataset,
    FrameFiles,
    Objects,
    check_root,
    find_folder,
    folders_with,
    pictures_below,
    read_lines,
    subfolders,
)
from snowdrift.data.names import canonical
from snowdrift.runtime import folders
from snowdrift.runtime.errors import SnowdriftError

LAYOUT = "JPEGImages/*.jpg (or images/) beside Annotations/*.xml, or XML files beside the pictures"
MAX_XML_BYTES = 16 * 1024**2
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_COLUMN = re.compile(r"\s+-?[01]$")
_IMAGES, _ANNOTATIONS, _SETS = "JPEGImages", "Annotations", "ImageSets"


def list_frames(root: Path, classes: Classes) -> Dataset:
    """Every frame below `root`, sorted by video and name. No picture is opened.

    Raises:
        SnowdriftError: The layout is another one.
    """
    check_root(root, KEY)
    bases = _bases(root)
    found = [folder for base in bases for folder in _folders_of(root, base, base if len(bases) > 1 else "")]
    if not found:
        found = _beside(root)
    return dataset_of(root, found, classes, suffix=".xml", required=True, layout=LAYOUT)


def looks_like(root: Path) -> bool:
    """Whether a folder has the folders, or the XML files, of this layout."""
    return bool(_bases(root)) or bool(_beside(root))


def listed_classes(root: Path) -> list[str]:
    """None: each XML file names the classes of its own objects."""
    return []


def read_objects(root: Path, frame: FrameFiles, classes: Classes) -> Objects:
    """Read a frame's XML file, see `read_xml`.

    Raises:
        FaultyFile: The file is missing, or something in it is not understood.
    """
    return read_xml(root / frame.annotation, classes.of_word)


def read_xml(path: Path, class_of: Callable[[str], int | None]) -> Objects:
    """Read one VOC file. Corners are taken as positions in pixels from the frame's left and top edge.

    Tags may be written in any capitals and in an XML namespace. Parts of an object (`<part>`) are left aside, as VOC
    defines them. Anything else that looks like a box or an object, and is not where VOC has it, is refused, so that
    none is lost without a word.

    Args:
        path: The file.
        class_of: The class_id of an object's name; None leaves the object out.

    Raises:
        FaultyFile: The file cannot be read or parsed, or something in it is not understood.
    """
    annotation = _parse(path)
    things = _objects(annotation)
    boxes: list[tuple[int, Corners]] = []
    dropped = 0
    for thing in things:
        class_id = class_of(_text(thing, "name"))
        if class_id is None:
            dropped += 1
        else:
            boxes.append((class_id, _corners(thing)))
    return Objects(_size(annotation), boxes, dropped)


def _bases(root: Path) -> list[str]:
    """The folders that hold JPEGImages: `root` itself, or those in it, or those in the VOCdevkit in it."""
    places = [""]
    for _ in range(3):
        if found := [place for place in places if find_folder(root / place, _IMAGES)]:
            return found
        places = [f"{place}/{name}".strip("/") for place in places for name in subfolders(root / place)]
    return []


def _folders_of(root: Path, base: str, name: str) -> list[Folder]:
    """The folders of pictures in `base`, whose names in the tables begin with `name`."""
    images = find_folder(root / base, _IMAGES)
    annotations = find_folder(root / base, _ANNOTATIONS)
    if images is None or annotations is None:
        raise SnowdriftError(
            f"{KEY}: {root / base} has no folder {_ANNOTATIONS}: looked for {LAYOUT}",
            f"set {KEY} to the folder that holds {_IMAGES}/ and {_ANNOTATIONS}/",
        )
    # CVAT keeps subfolders of the pictures and makes the same ones for the annotations.
    pairs = _pairs(root, f"{base}/{images}".strip("/"), f"{base}/{annotations}".strip("/"))
    splits = _image_sets(root / base, name, root / base / images)
    return [
        Folder(
            canonical("/".join(filter(None, (name, below)))),
            pictures,
            notes,
            is_video=bool(below),
            split_of=splits,
        )
        for below, pictures, notes in pairs
    ]


def _pairs(root: Path, images: str, annotations: str) -> Iterator[tuple[str, PurePosixPath, PurePosixPath]]:
    """Each folder below those of the pictures and of the annotations: its path in them, and where both lie."""
    pictures = folders_with(root, images, SUFFIXES)
    notes = folders_with(root, annotations, frozenset({".xml"}))
    for below in sorted(pictures.keys() | notes.keys()):
        place_of_pictures = PurePosixPath(images, pictures.get(below, below))
        yield below, place_of_pictures, PurePosixPath(annotations, notes.get(below, below))


def _image_sets(base: Path, name: str, images: Path) -> dict[str, str] | None:
    """The split of each picture, by `name` and its path below JPEGImages without suffix; None if there are no lists.

    Raises:
        SnowdriftError: A list cannot be read, two name the same picture, or they name no picture that is there.
    """
    sets = find_folder(base, _SETS)
    main = sets and find_folder(base / sets, "Main")
    if not (sets and main):
        return None
    there = {canonical(os.path.splitext(picture)[0]) for picture in pictures_below(images, "")}
    splits: dict[str, str] = {}
    lists = [entry for entry in folders.entries(base / sets / main) if _listed_split(entry.name)]
    for entry in lists:
        split = _listed_split(entry.name)
        for line in read_lines(Path(entry.path)):
            picture = "/".join(filter(None, (name, _listed_picture(line, there))))
            if splits.setdefault(picture, split) != split:
                raise SnowdriftError(
                    f"{entry.path}: {picture} is also in the list of {splits[picture]}",
                    "name each picture in one list: it would be trained on and tested on",
                )
    if splits and not any("/".join(filter(None, (name, picture))) in splits for picture in there):
        raise SnowdriftError(
            f"{lists[0].path}: names {min(splits)}, and there is no such picture, nor any other that the lists name",
            f"mend the lists, or remove them, so that `splits` draws; names are without suffix, below {_IMAGES}",
        )
    return splits or None


def _listed_split(file: str) -> str:
    """The split that a file in ImageSets/Main lists; empty if it lists none, as `person_train.txt`."""
    stem, suffix = os.path.splitext(file.lower())
    return SPLIT_NAMES.get(stem, "") if suffix == ".txt" else ""


def _listed_picture(line: str, there: Set[str]) -> str:
    """The picture that a line names: all of it, or what is before its column of -1, 0 or 1; CVAT quotes spaces."""
    whole = canonical(line)
    words = canonical(_COLUMN.sub("", line))
    names = (whole, words, *(text.strip('"') for text in (whole, words)))
    without_suffix = [os.path.splitext(name)[0] for name in names if name.lower().endswith(tuple(SUFFIXES))]
    return next((name for name in (*names, *without_suffix) if name in there), words)


def _beside(root: Path) -> list[Folder]:
    """Folders with pictures or XML files in them; those named after a split stand for it.

    The XML files of `images/` may lie in an `annotations/` beside it.
    """
    pictures = folders_with(root, "", SUFFIXES)
    notes = folders_with(root, "", frozenset({".xml"}))
    by_capitals = {below.lower(): below for below in notes}
    pairs = {below: by_capitals.get(_annotations_of(below), below) for below in pictures}
    pairs |= {below: below for below in notes.keys() - set(pairs.values())}
    found = []
    for below, other in sorted(pairs.items()) if notes else ():
        parts = [part for part in below.split("/") if part.lower() not in ("images", "annotations", "")]
        split = SPLIT_NAMES.get(parts[0].lower()) if parts else None
        is_video = len(parts) > (1 if split else 0)
        places = PurePosixPath(pictures.get(below, below)), PurePosixPath(notes.get(other, other))
        found.append(Folder("/".join(parts), *places, is_video=is_video, split=split))
    return found


def _annotations_of(images: str) -> str:
    """The path, in small letters, in which `annotations` takes the place of the last `images`."""
    parts = images.lower().split("/")
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "annotations"
    return "/".join(parts)


class _NoDoctype(ET.TreeBuilder):
    """Refuses a document type: annotations need none, and its entities can expand to gigabytes."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise FaultyFile("XML unparsable: it has a DOCTYPE, which annotations do not need")


def _parse(path: Path) -> ET.Element:
    try:
        if path.stat().st_size > MAX_XML_BYTES:
            raise FaultyFile(f"XML unparsable: more than {MAX_XML_BYTES // 1024**2} MB")
        if path.is_fifo():
            raise FaultyFile("XML cannot be read: it is no file")
        content = path.read_bytes()
    except OSError as error:
        raise FaultyFile(f"XML cannot be read: {error.strerror}") from error
    if not content.strip():
        raise FaultyFile("XML unparsable: the file is empty")
    try:
        annotation = ET.fromstring(content, ET.XMLParser(target=_NoDoctype()))
    except (ET.ParseError, ValueError, LookupError) as error:  # the latter two: unknown encodings
        raise FaultyFile(f"XML unparsable: {error}") from error
    for element in annotation.iter():
        element.tag = element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""
    if annotation.tag != "annotation":
        raise FaultyFile(f"XML unparsable: its root is <{annotation.tag}>, not <annotation>")
    return annotation


def _objects(annotation: ET.Element) -> list[ET.Element]:
    """The objects, if each box and each corner of the file belongs to one of them, in the way of VOC."""
    if next(annotation.iterfind(".//annotation"), None) is not None:
        raise FaultyFile("XML not understood: it has an <annotation> within its <annotation>")
    things = list(annotation.iterfind("object"))
    count = sum(1 for _ in annotation.iter("object"))
    if count != len(things):
        raise FaultyFile(
            f"XML not understood: {count - len(things)} <object> not directly below <annotation>"
        )
    parts = [part for thing in things for part in thing.iterfind("part")]
    for tag in ("bndbox", *_CORNERS):
        path = tag if tag == "bndbox" else f"bndbox/{tag}"
        known = sum(len(thing.findall(path)) for thing in (*things, *parts))
        count = sum(1 for _ in annotation.iter(tag))
        if count != known:
            raise FaultyFile(f"XML not understood: {count - known} <{tag}> that belong to no <object>")
    for thing in things:
        for path in ("name", "bndbox", *(f"bndbox/{corner}" for corner in _CORNERS)):
            if (count := len(thing.findall(path))) > 1:
                raise FaultyFile(f"XML not understood: {count} <{path.rpartition('/')[2]}> in one <object>")
    return things


def _size(annotation: ET.Element) -> tuple[float, float] | None:
    """What <size> says; some tools leave it out or write zeros, which says nothing."""
    stated = [_text(annotation, f"size/{side}") or "0" for side in ("width", "height")]
    width, height = map(_number, stated)
    if width == 0 or height == 0:
        return None
    if not (math.isfinite(width) and math.isfinite(height)):
        raise FaultyFile(f"XML size is not a number: it says {'x'.join(stated):.40}")
    return width, height


def _corners(thing: ET.Element) -> Corners:
    values = []
    for corner in _CORNERS:
        text = _text(thing, f"bndbox/{corner}")
        if not text:
            raise FaultyFile(f"box incomplete: <{corner}> is missing")
        value = _number(text)
        if not math.isfinite(value):
            raise FaultyFile(f"box is not a number: <{corner}> is '{text:.40}'")
        values.append(value)
    return values[0], values[1], values[2], values[3]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
