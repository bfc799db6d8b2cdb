"""The tables of frames and boxes: their columns, readers, and where a winter frame lies."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from snowdrift.runtime.files import read_table

FRAME_COLUMNS = [
    "frame_id",
    "video",
    "group",
    "image",
    "width",
    "height",
    "split",
    "boxes",
    "status",
    "digest",
]
BOX_COLUMNS = ["frame_id", "class_id", "x_center", "y_center", "box_width", "box_height"]
REJECTED_COLUMNS = ["frame_id", "file", "reason"]
STYLE_COLUMNS = ["image", "width", "height", "digest"]
STYLE_REJECTED_COLUMNS = ["file", "reason"]
OK, REJECTED = "ok", "rejected"

Corners = tuple[float, float, float, float]
"""Left, top, right and bottom of a box."""


def read_frames(path: Path | str, split: str | None = None) -> pd.DataFrame:
    """Usable frames (status ok), all or those of one split, in the table's order: by video, then name.

    Columns: frame_id; video; group (of videos, see `groups`; the video if it is alone); image (posix path relative to
    the data root); width, height (pixels); split (train, val, test or unused); boxes (count); status;
    digest (SHA-256 of the picture).
    """
    frames = read_table(path)
    chosen = frames["status"] == OK
    if split is not None:
        chosen &= frames["split"] == split
    return frames[chosen].reset_index(drop=True)


def winter_name(video: str, image: str, image_format: str) -> str:
    """Where a frame's winter version lies, relative to the folder of winter frames: `<video>/images/<name>`.

    The name is the frame's own, so that labels fit. Its suffix changes only where the format demands it: a
    frame `.png` becomes `.jpg` in JPEG format, a frame `.jpg` becomes `.png` in PNG format.

    Args:
        video: The frame's video.
        image: The frame's path, of which the last part counts.
        image_format: jpeg or png.
    """
    name = PurePosixPath(image)
    suffixes, default = ((".jpg", ".jpeg"), ".jpg") if image_format == "jpeg" else ((".png",), ".png")
    kept = name.name if name.suffix.lower() in suffixes else f"{name.stem}{default}"
    return f"{video}/images/{kept}"


def winter_folder(manifest: Path | str) -> Path:
    """The folder of the winter frames that a shard's manifest, `<translator>/shards/<n>.parquet`, tells of."""
    return Path(manifest).parents[1] / "frames"


def translator_of(manifest: Path | str) -> str:
    """The translator that made the winter frames of a manifest, see `winter_folder`."""
    return Path(manifest).parents[1].name


def winter_names(frames: pd.DataFrame, image_format: str) -> list[str]:
    """`winter_name` of every row of `frames` (columns video and image), in their order."""
    pairs = zip(frames["video"], frames["image"], strict=True)
    return [winter_name(video, image, image_format) for video, image in pairs]


def lone_frames(frames: pd.DataFrame) -> int:
    """How many frames are videos of their own, because neither a folder nor a rule says what they belong to."""
    stems = frames["frame_id"].str.rpartition("/")[2]
    named = [
        video == stem or video.endswith(f"__{stem}")
        for video, stem in zip(frames["video"], stems, strict=True)
    ]
    return int((pd.Series(named, index=frames.index) & ~frames["video"].duplicated(keep=False)).sum())


def corners_of(boxes: pd.DataFrame) -> Iterator[tuple[int, Corners]]:
    """Class id and corners of each row of `data/boxes.parquet`, in fractions of the frame."""
    for box in boxes.itertuples(index=False):
        half_width, half_height = box.box_width / 2, box.box_height / 2
        left, top = box.x_center - half_width, box.y_center - half_height
        yield box.class_id, (left, top, box.x_center + half_width, box.y_center + half_height)


def in_pixels(corners: Corners, size: tuple[int, int]) -> Corners:
    """The corners in pixels of a picture of `size` (width, height)."""
    left, top, right, bottom = corners
    width, height = size
    return left * width, top * height, right * width, bottom * height
