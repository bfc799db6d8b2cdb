"""The layouts of labelled pictures. Each is a module with

- `list_frames(root, classes)`: the dataset's frames, before any picture is opened;
- `read_objects(root, frame, classes)`: what the annotation of a frame says;
- `looks_like(root)` and `listed_classes(root)`: for advice to those who have named another layout.
"""

from contextlib import suppress
from pathlib import Path
from types import ModuleType

from snowdrift.data.layouts import coco, vfp290k, voc, yolo
from snowdrift.runtime.errors import SnowdriftError

LAYOUTS: dict[str, ModuleType] = {"vfp290k": vfp290k, "yolo": yolo, "coco": coco, "voc": voc}
_KINDS = {".yaml": "yolo", ".yml": "yolo", ".json": "coco"}


def layout_of(place: Path, layout: str) -> ModuleType:
    """The module that reads the dataset at `place`: a file says by its kind what it is, a folder by `layout`.

    Raises:
        SnowdriftError: The layout is unknown, or the file is of no kind that a dataset is described by.
    """
    if layout not in LAYOUTS:
        raise SnowdriftError(f"data.layout: '{layout}' is unknown", f"choose one of {', '.join(LAYOUTS)}")
    if not place.is_file():
        return LAYOUTS[layout]
    if place.suffix.lower() not in _KINDS:
        raise SnowdriftError(
            f"data.vfp290k: {place} is a file, and neither a data.yaml nor a JSON file of COCO's",
            "set it to the dataset's folder",
        )
    return LAYOUTS[_KINDS[place.suffix.lower()]]


def recognise(root: Path) -> tuple[str, list[str]] | None:
    """The layout that a folder looks like, and the classes that it lists, if it does; None if it looks like none."""
    for name, layout in LAYOUTS.items():
        with suppress(SnowdriftError, OSError):
            if layout.looks_like(root):
                return name, layout.listed_classes(root)
    return None
