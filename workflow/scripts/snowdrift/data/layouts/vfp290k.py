"""VFP290K as its authors lay it out (An et al., NeurIPS 2021 Datasets and Benchmarks).

`<video>/images/<frame>.jpg` beside `<video>/clean_xml/<frame>.xml`, one Pascal VOC file per frame, whose
objects are named by number: 0 a person who has not fallen, 1 a fallen one, 2 a box that the authors drop.
"""

from pathlib import Path, PurePosixPath

from snowdrift.data.classes import Classes
from snowdrift.data.decoding.images import FaultyFile
from snowdrift.data.layouts.folders import KEY
from snowdrift.data.layouts.voc import read_xml
from snowdrift.data.listing import (
    Dataset,
    FrameFiles,
    Objects,
    check_root,
    find_folders,
    pair_frames,
    subfolders,
)
from snowdrift.data.names import by_canonical
from snowdrift.runtime.errors import SnowdriftError

CLASS_IDS: dict[str, int | None] = {"0": 0, "1": 1, "2": None}
"""Of an object's name; None is dropped."""
LAYOUT = "<video>/images/*.jpg beside <video>/clean_xml/*.xml"


def list_frames(root: Path, classes: Classes) -> Dataset:
    """Every frame below `root`, sorted by video and name. No file is opened.

    `root` may also be the folder that holds a single `VFP290K`.

    Raises:
        SnowdriftError: There is no such folder, it holds no video, or `classes` are not two.
    """
    count = sum(class_id is not None for class_id in CLASS_IDS.values())
    if len(classes.names) != count:
        raise SnowdriftError(
            f"data.class_names: {len(classes.names)} given, the vfp290k layout has {count} classes",
            "give two names, that of class 0 first: [normal, fallen]",
        )
    check_root(root, KEY)
    videos = _videos(root, "")
    if not videos:
        videos = _videos(root, "VFP290K")
    frames = [
        frame
        for video, (images, annotations) in sorted(videos.items())
        for frame in pair_frames(root, video, images, annotations, ".xml", required=True)
    ]
    if not frames:
        raise SnowdriftError(
            f"{KEY}: no frame found in {root}: looked for {LAYOUT}",
            f"set {KEY} to the folder that holds the video folders, or data.layout to yolo, coco or voc",
        )
    return Dataset(frames, classes)


def looks_like(root: Path) -> bool:
    """Whether a folder, or the VFP290K in it, holds videos in this layout."""
    found = [folders for base in ("", "VFP290K") for folders in _videos(root, base).values()]
    return any((root / annotations).is_dir() for _, annotations in found)


def listed_classes(root: Path) -> list[str]:
    """None: the classes are numbers."""
    return []


def read_objects(root: Path, frame: FrameFiles, classes: Classes) -> Objects:
    """Read a frame's VOC file.

    Raises:
        FaultyFile: The file is missing, or something in it is not understood.
    """
    return read_xml(root / frame.annotation, _class_id)


def _class_id(name: str) -> int | None:
    if name not in CLASS_IDS:
        raise FaultyFile(f"class unknown: '{name:.40}', known are 0, 1 and 2")
    return CLASS_IDS[name]


def _videos(root: Path, base: str) -> dict[str, tuple[PurePosixPath, PurePosixPath]]:
    """Each video's folders of pictures and of annotations, relative to `root`."""
    found: dict[str, tuple[PurePosixPath, PurePosixPath]] = {}
    if not (root / base).is_dir():
        return found
    for video, folder in by_canonical(subfolders(root / base), str(root / base)).items():
        parts = find_folders(root / base / folder, ("images", "clean_xml"))
        if any(parts.values()):
            images, annotations = (
                PurePosixPath(base, folder, there or part) for part, there in parts.items()
            )
            found[video] = images, annotations
    return found
