"""VFP290K as its authors lay it out (An et al., NeurIPS 2021 Datasets and Benchmarks).

`<video>/images/<frame>.jpg` beside `<video>/clean_xml/<frame>.xml`, one Pascal VOC file per frame, whose
objects are named by number: 0 a person who has not fallen, 1 a fallen one, 2 a box that the authors drop.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from snowdrift.data.boxes import Box, to_fractions
from snowdrift.data.images import FaultyFile
from snowdrift.data.listing import FrameFiles, check_root, pair_frames, subfolders
from snowdrift.runtime.errors import SnowdriftError

CLASS_IDS = {"0": 0, "1": 1}
DROPPED = "2"
MAX_XML_BYTES = 16 * 1024**2
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_KEY = "data.vfp290k"
_LAYOUT = "<video>/images/*.jpg beside <video>/clean_xml/*.xml"


def list_frames(root: Path, class_names: Sequence[str]) -> list[FrameFiles]:
    """Every frame below `root`, sorted by video and name. No file is opened.

    `root` may also be the folder that holds a single `VFP290K`.

    Raises:
        SnowdriftError: There is no such folder, it holds no video, or `class_names` are not two.
    """
    if len(class_names) != len(CLASS_IDS):
        raise SnowdriftError(
            f"data.class_names: {len(class_names)} given, the vfp290k layout has {len(CLASS_IDS)} classes",
            "give two names, that of class 0 first: [normal, fallen]",
        )
    check_root(root, _KEY)
    base = PurePosixPath()
    videos = _videos(root)
    if not videos and (root / "VFP290K").is_dir():
        base = PurePosixPath("VFP290K")
        videos = _videos(root / base)
    frames = [
        frame
        for video in videos
        for frame in pair_frames(
            root, video, base / video / "images", base / video / "clean_xml", ".xml", required=True
        )
    ]
    if not frames:
        raise SnowdriftError(
            f"{_KEY}: no frame found in {root}: looked for {_LAYOUT}",
            f"set {_KEY} to the folder that holds the video folders, or `data.layout: yolo` for YOLO",
        )
    return frames


def read_annotation(path: Path, size: tuple[int, int], class_count: int) -> tuple[list[Box], int]:
    """Read one VOC file: the boxes of a frame of `size` (width, height), and how many were dropped (class 2).

    Corners are taken as positions in pixels from the frame's left and top edge.

    Raises:
        FaultyFile: The file is missing or unparsable, disagrees with `size`, or holds a class or box that
            cannot be right.
    """
    annotation = _parse(path)
    _check_size(annotation, size)
    boxes, dropped = [], 0
    for thing in annotation.iterfind("object"):
        name = _text(thing, "name")
        if name == DROPPED:
            dropped += 1
            continue
        if name not in CLASS_IDS:
            raise FaultyFile(f"class unknown: '{name:.40}', known are 0, 1 and 2")
        boxes.append(to_fractions(CLASS_IDS[name], _corners(thing), size))
    return boxes, dropped


class _NoDoctype(ET.TreeBuilder):
    """Refuses a document type: annotations need none, and its entities can expand to gigabytes."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise FaultyFile("XML unparsable: it has a DOCTYPE, which annotations do not need")


def _videos(root: Path) -> list[str]:
    return [
        name
        for name in subfolders(root)
        if any((root / name / part).is_dir() for part in ("images", "clean_xml"))
    ]


def _parse(path: Path) -> ET.Element:
    try:
        if path.stat().st_size > MAX_XML_BYTES:
            raise FaultyFile(f"XML unparsable: more than {MAX_XML_BYTES // 1024**2} MB")
        content = path.read_bytes()
    except OSError as error:
        raise FaultyFile(f"XML cannot be read: {error.strerror}") from error
    if not content.strip():
        raise FaultyFile("XML unparsable: the file is empty")
    try:
        annotation = ET.fromstring(content, ET.XMLParser(target=_NoDoctype()))
    except (ET.ParseError, ValueError, LookupError) as error:  # the latter two: unknown encodings
        raise FaultyFile(f"XML unparsable: {error}") from error
    if annotation.tag != "annotation":
        raise FaultyFile(f"XML unparsable: its root is <{annotation.tag}>, not <annotation>")
    return annotation


def _check_size(annotation: ET.Element, size: tuple[int, int]) -> None:
    """Compare <size> with the picture; some tools leave it out or write zeros, which says nothing."""
    stated = tuple(_text(annotation, f"size/{side}") or "0" for side in ("width", "height"))
    if any(_number(value) == 0 for value in stated):
        return
    if tuple(_number(value) for value in stated) != size:
        raise FaultyFile(
            f"XML size differs: it says {'x'.join(stated):.40}, the picture is {size[0]}x{size[1]}"
        )


def _corners(thing: ET.Element) -> tuple[float, float, float, float]:
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
