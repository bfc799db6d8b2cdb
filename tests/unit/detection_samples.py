"""A tiny study for the detector's tests: coloured upright and lying boxes on grey or white ground."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from snowdrift.detection.datasets import Pictures, read_pictures

CLASS_NAMES = ["normal", "fallen"]
SPLITS = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
WIDTH, HEIGHT = 96, 64
WINTER, MANIFEST = "snow/cyclegan/frames", "snow/cyclegan/shards/0.parquet"


@dataclass(frozen=True)
class Study:
    """Paths and tables of a rendered study."""

    folder: Path
    frames: pd.DataFrame
    boxes: pd.DataFrame

    @property
    def pictures(self) -> Pictures:
        """The pictures, read from the written tables."""
        return read_pictures(
            self.folder / "frames.parquet",
            self.folder / "boxes.parquet",
            self.folder / "root",
            CLASS_NAMES,
            [self.folder / MANIFEST],
        )


def write_study(folder: Path, frames_per_video: int = 4) -> Study:
    """Render eight videos (4 train, 2 val, 2 test) and their winter versions; every third frame is empty."""
    generator = np.random.default_rng(0)
    frames, boxes, manifest = [], [], []
    for number, split in enumerate(SPLITS):
        video = f"GOPR{number:04d}"
        for index in range(frames_per_video):
            frame_id, image = f"{video}/{video}_{index:05d}", f"{video}/images/{video}_{index:05d}.jpg"
            ground = {"root": generator.integers(60, 120), WINTER: generator.integers(190, 240)}
            drawn = [] if index % 3 == 2 else [_person(generator, kind) for kind in range(2)]
            for root, grey in ground.items():
                _draw(folder / root / image, grey, drawn)
            boxes += [(frame_id, kind, *_fractions(box)) for kind, box in drawn]
            frames.append((frame_id, video, video, image, WIDTH, HEIGHT, split, len(drawn), "ok", ""))
            manifest.append((frame_id, image, "", WIDTH, HEIGHT))
    columns = "frame_id video group image width height split boxes status digest"
    study = Study(
        folder,
        pd.DataFrame(frames, columns=columns.split()),
        pd.DataFrame(
            boxes, columns=["frame_id", "class_id", "x_center", "y_center", "box_width", "box_height"]
        ),
    )
    study.frames.to_parquet(folder / "frames.parquet")
    study.boxes.to_parquet(folder / "boxes.parquet")
    shard = pd.DataFrame(manifest, columns=["frame_id", "image", "digest", "width", "height"])
    (folder / MANIFEST).parent.mkdir(parents=True)
    shard.to_parquet(folder / MANIFEST)
    return study


def _person(generator: np.random.Generator, kind: int) -> tuple[int, tuple[int, int, int, int]]:
    width, height = (12, 28) if kind == 0 else (28, 12)
    return kind, (
        int(generator.integers(WIDTH - width)),
        int(generator.integers(HEIGHT - height)),
        width,
        height,
    )


def _draw(path: Path, grey: int, people: list) -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    for kind, (x, y, width, height) in people:
        pixels[y : y + height, x : x + width] = (220, 60, 40) if kind == 0 else (40, 60, 220)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95)


def _fractions(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    x, y, width, height = box
    return (x + width / 2) / WIDTH, (y + height / 2) / HEIGHT, width / WIDTH, height / HEIGHT
