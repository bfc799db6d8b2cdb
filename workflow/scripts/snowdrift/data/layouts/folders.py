"""Folders of pictures that make up a dataset, and the videos and splits that they stand for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from snowdrift.data.classes import Classes
from snowdrift.data.listing import Dataset, FrameFiles, pair_frames
from snowdrift.data.names import canonical
from snowdrift.runtime.errors import SnowdriftError

KEY = "data.vfp290k"
"""The config's key for a dataset's place."""
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What annotation tools call the splits."""


@dataclass(frozen=True)
class Folder:
    """A folder of pictures.

    Attributes:
        name: What it is called in the tables, with "/" between its parts.
        images: Where its pictures are, relative to the root.
        annotations: Where their annotations are.
        is_video: Whether its pictures are frames of one video; else each is a video of its own.
        split: The split that all of its pictures belong to, if the dataset says so.
        split_of: The split of each picture, by `name/stem` (the stem alone in a folder without a name), for datasets
            that list them; a picture in no list is in no split.
        stems: The pictures that belong to the dataset; None for all.
    """

    name: str
    images: PurePosixPath
    annotations: PurePosixPath
    is_video: bool
    split: str | None = None
    split_of: Mapping[str, str] | None = None
    stems: frozenset[str] | None = None

    @property
    def video(self) -> str:
        """Its name in one word."""
        return self.name.replace("/", "__")


def dataset_of(
    root: Path,
    folders: Sequence[Folder],
    classes: Classes,
    *,
    suffix: str,
    required: bool,
    layout: str,
    is_label: Callable[[str], bool] = lambda name: True,
) -> Dataset:
    """The frames of some folders, each with its video, and each video with its split.

    Args:
        root: The data root.
        folders: Where the frames are.
        classes: The study's classes, as this dataset's labels name them.
        suffix: See `pair_frames`.
        required: See `pair_frames`.
        is_label: See `pair_frames`.
        layout: What was looked for, for the error.

    Raises:
        SnowdriftError: There is no frame, two folders have one name, or a video is in two splits.
    """
    _check_names(folders)
    frames: list[FrameFiles] = []
    splits: dict[str, str] = {}
    for folder in folders:
        for frame in _frames_of(root, folder, suffix, required, is_label):
            frames.append(frame)
            split = folder.split or (folder.split_of or {}).get(_key(folder, frame.stem))
            _note_split(splits, frame, split, must=folder.split_of is not None)
    if not frames:
        raise SnowdriftError(
            f"{KEY}: no frame found in {root}: looked for {layout}",
            "check that the pictures end in .jpg, .jpeg or .png",
        )
    frames.sort(key=lambda frame: (frame.video, frame.stem))
    return Dataset(frames, classes, {video: split for video, split in splits.items() if split})


def _frames_of(
    root: Path, folder: Folder, suffix: str, required: bool, is_label: Callable[[str], bool]
) -> Iterator[FrameFiles]:
    frames = pair_frames(
        root,
        folder.video,
        folder.images,
        folder.annotations,
        suffix,
        required=required,
        is_label=is_label,
    )
    for frame in frames:
        if folder.stems is not None and frame.stem not in folder.stems:
            continue
        if folder.is_video:
            yield frame
        else:
            yield frame._replace(video="__".join(filter(None, (folder.video, frame.stem))), alone=True)


def _key(folder: Folder, stem: str) -> str:
    return canonical(f"{folder.name}/{stem}" if folder.name else stem)


def _note_split(splits: dict[str, str], frame: FrameFiles, split: str | None, *, must: bool) -> None:
    if split is None and not must:
        return
    known = splits.setdefault(frame.video, split or "")
    if known != (split or ""):
        raise SnowdriftError(
            f"{frame.image}: the dataset has it in {split or 'no split'}, and other frames of the video "
            f"{frame.video} in {known or 'no split'}",
            "keep a video in one split, since its frames are nearly the same; or remove the dataset's own lists, so "
            "that `splits` draws whole videos",
        )


def _check_names(folders: Sequence[Folder]) -> None:
    seen: dict[str, Folder] = {}
    for folder in folders:
        other = seen.setdefault(folder.video, folder)
        if other is not folder:
            raise SnowdriftError(
                f"{KEY}: {other.images} and {folder.images} both make the video {folder.video or '(no name)'}",
                "rename one of them",
            )
