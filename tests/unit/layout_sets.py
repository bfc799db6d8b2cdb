"""The same frames and boxes in every layout, each written as its own tools write it."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SIZE = (64, 48)
CLASSES = ("normal", "fallen")
SPLIT_OF = {"A": "train", "B": "train", "C": "val", "D": "test"}


class Drawn(NamedTuple):
    """One frame: its picture, and class_id, left, top, right and bottom in pixels of each box."""

    video: str
    name: str
    picture: Path
    boxes: Sequence[tuple[int, int, int, int, int]]

    @property
    def flat(self) -> str:
        """Its name in a folder of all videos."""
        return f"{self.video}_{self.name}"


def draw(folder: Path, frames: int = 3) -> list[Drawn]:
    """Frames of four videos, with up to two boxes each."""
    drawn = []
    for video in SPLIT_OF:
        for number in range(frames):
            random = np.random.default_rng([ord(video), number])
            picture = folder / f"{video}{number}.jpg"
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)).save(picture)
            boxes = [
                (int(random.integers(2)), 8 * n + number, 4 + n, 8 * n + 20, 30 + n) for n in range(number)
            ]
            drawn.append(Drawn(video, f"{number:05d}", picture, boxes))
    return drawn


def write_vfp290k(drawn: Sequence[Drawn], root: Path) -> Path:
    """The reference, in the layout of VFP290K's authors."""
    for frame in drawn:
        _copy(frame, root / frame.video / "images" / f"{frame.flat}.jpg")
        _write(
            root / frame.video / "clean_xml" / f"{frame.flat}.xml",
            _xml(frame, [str(box[0]) for box in frame.boxes]),
        )
    return root


def write_roboflow(drawn: Sequence[Drawn], root: Path) -> Path:
    """`train/images`, `valid/images`, and paths in data.yaml that start with `../`."""
    folders = {"train": "train", "val": "valid", "test": "test"}
    for frame in drawn:
        split = folders[SPLIT_OF[frame.video]]
        _copy(frame, root / split / "images" / f"{frame.flat}.jpg")
        _write(root / split / "labels" / f"{frame.flat}.txt", yolo_lines(frame))
    _write(
        root / "data.yaml",
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['normal', 'fallen']\n",
    )
    return root


def write_ultralytics(drawn: Sequence[Drawn], root: Path) -> Path:
    """`images/train` beside `labels/train`, with `path` and numbered names."""
    for frame in drawn:
        split = SPLIT_OF[frame.video]
        _copy(frame, root / "images" / split / f"{frame.flat}.jpg")
        _write(root / "labels" / split / f"{frame.flat}.txt", yolo_lines(frame))
    names = "names:\n  0: normal\n  1: fallen\n"
    _write(
        root / "data.yaml",
        f"path: ../somewhere\ntrain: images/train\nval: images/val\ntest: images/test\n{names}",
    )
    return root


def write_lists(drawn: Sequence[Drawn], root: Path) -> Path:
    """All pictures in one folder, and text files that name those of each split."""
    for frame in drawn:
        _copy(frame, root / "images" / f"{frame.flat}.jpg")
        _write(root / "labels" / f"{frame.flat}.txt", yolo_lines(frame))
    for split in ("train", "val", "test"):
        lines = [f"./images/{frame.flat}.jpg\n" for frame in drawn if SPLIT_OF[frame.video] == split]
        _write(root / f"{split}.txt", "".join(lines))
    _write(root / "data.yaml", "train: train.txt\nval: val.txt\ntest: test.txt\nnames: [normal, fallen]\n")
    return root


def write_coco(drawn: Sequence[Drawn], root: Path) -> Path:
    """`annotations/instances_<split>2017.json` beside `<split>2017/`; numbers of categories have gaps."""
    for split in ("train", "val", "test"):
        frames = [frame for frame in drawn if SPLIT_OF[frame.video] == split]
        for frame in frames:
            _copy(frame, root / f"{split}2017" / f"{frame.flat}.jpg")
        _write(root / f"annotations/instances_{split}2017.json", json.dumps(coco(frames)))
    _write(root / "annotations/captions_val2017.json", json.dumps({"images": [], "annotations": []}))
    return root


def write_roboflow_coco(drawn: Sequence[Drawn], root: Path) -> Path:
    """`train/_annotations.coco.json` among the pictures, with the project's name above the classes."""
    for split, folder in {"train": "train", "val": "valid", "test": "test"}.items():
        frames = [frame for frame in drawn if SPLIT_OF[frame.video] == split]
        for frame in frames:
            _copy(frame, root / folder / f"{frame.flat}.jpg")
        content = coco(frames)
        content["categories"] = [
            {"id": 0, "name": "people", "supercategory": "none"},
            *({**each, "supercategory": "people"} for each in content["categories"]),
        ]
        _write(root / folder / "_annotations.coco.json", json.dumps(content))
    return root


def write_cvat_coco(drawn: Sequence[Drawn], root: Path) -> Path:
    """One `instances_default.json`, and the pictures of each video in a folder below `images/`."""
    for frame in drawn:
        _copy(frame, root / "images" / frame.video / f"{frame.flat}.jpg")
    content = coco(drawn)
    for image, frame in zip(content["images"], drawn, strict=True):
        image["file_name"] = f"{frame.video}/{frame.flat}.jpg"
    _write(root / "annotations/instances_default.json", json.dumps(content))
    return root


def write_voc(drawn: Sequence[Drawn], root: Path) -> Path:
    """`VOC2012/JPEGImages` beside `Annotations`, with lists in `ImageSets/Main`."""
    base = root / "VOC2012"
    for frame in drawn:
        _copy(frame, base / "JPEGImages" / f"{frame.flat}.jpg")
        _write(
            base / "Annotations" / f"{frame.flat}.xml", _xml(frame, [CLASSES[box[0]] for box in frame.boxes])
        )
    for split in ("train", "val", "test"):
        names = [f"{frame.flat}\n" for frame in drawn if SPLIT_OF[frame.video] == split]
        _write(base / f"ImageSets/Main/{split}.txt", "".join(names))
    _write(base / "ImageSets/Main/trainval.txt", "".join(f"{frame.flat}\n" for frame in drawn))
    return root


def write_labelimg(drawn: Sequence[Drawn], root: Path) -> Path:
    """XML files beside the pictures, in a folder for each video."""
    for frame in drawn:
        _copy(frame, root / frame.video / f"{frame.flat}.jpg")
        _write(
            root / frame.video / f"{frame.flat}.xml", _xml(frame, [CLASSES[box[0]] for box in frame.boxes])
        )
    return root


def yolo_lines(frame: Drawn) -> str:
    """A label file."""
    return "".join(f"{class_id} {' '.join(map(str, box))}\n" for class_id, *box in _fractions(frame))


def coco(frames: Sequence[Drawn]) -> dict:
    """A JSON file's content; the first of its annotations is a crowd, which does not count."""
    annotations = [
        {
            "id": 0,
            "image_id": 0,
            "category_id": 3,
            "bbox": [0, 0, 60, 40],
            "area": 2400,
            "iscrowd": 1,
            "segmentation": {"counts": [0, 3072], "size": [48, 64]},
        }
    ]
    for number, frame in enumerate(frames):
        for class_id, left, top, right, bottom in frame.boxes:
            width, height = right - left, bottom - top
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": (3, 7)[class_id],
                    "bbox": [left, top, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                    "segmentation": [],
                }
            )
    images = [
        {"id": number, "file_name": f"{frame.flat}.jpg", "width": SIZE[0], "height": SIZE[1]}
        for number, frame in enumerate(frames)
    ]
    categories = [{"id": 3, "name": "normal"}, {"id": 7, "name": "fallen"}]
    return {
        "info": {},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }


def _fractions(frame: Drawn) -> Iterator[tuple]:
    width, height = SIZE
    for class_id, left, top, right, bottom in frame.boxes:
        yield (
            class_id,
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        )


def _xml(frame: Drawn, names: Sequence[str]) -> str:
    tags = ("xmin", "ymin", "xmax", "ymax")
    things = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><difficult>0</difficult><bndbox>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, box[1:], strict=True))
        + "</bndbox></object>"
        for name, box in zip(names, frame.boxes, strict=True)
    )
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
    return f"<annotation><folder>x</folder><filename>{frame.flat}.jpg</filename>{size}{things}</annotation>"


def _copy(frame: Drawn, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(frame.picture, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
