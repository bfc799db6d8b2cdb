"""A user's own frames in the YOLO layout, with one folder per video.

`images/<video>/<frame>.jpg` beside `labels/<video>/<frame>.txt`, one line per box: `class x_center y_center
width height` (fractions of the frame). Videos may lie in nested folders: `images/night/cam3` is the video
`night__cam3`. A frame without a label file has no boxes.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import yaml

from snowdrift.data.boxes import Box, to_fractions
from snowdrift.data.images import SUFFIXES, FaultyFile
from snowdrift.data.listing import FrameFiles, check_root, files_by_stem, pair_frames, subfolders
from snowdrift.runtime.errors import SnowdriftError

_KEY = "data.vfp290k"
_COLUMNS = 5
_SPLITS = {"train", "val", "valid", "test"}
"""What YOLO's own tools call the folders below images/."""
_NOT_A_LABEL = "classes.txt"
"""LabelImg leaves its list of classes among the labels."""
_LAYOUT = "images/<video>/*.jpg beside labels/<video>/*.txt"


def list_frames(root: Path, class_names: Sequence[str]) -> list[FrameFiles]:
    """Every frame below `root`, sorted by video and name. No picture is opened.

    Raises:
        SnowdriftError: The layout is another one, or `data.yaml` names other classes than `class_names`.
    """
    check_root(root, _KEY)
    for part in ("images", "labels"):
        if not (root / part).is_dir():
            raise SnowdriftError(
                f"{_KEY}: {root} has no folder {part}: looked for {_LAYOUT}",
                f"set {_KEY} to the folder that holds images/ and labels/, or set `data.layout: vfp290k`",
            )
    _check_names(root / "data.yaml", class_names)
    if files_by_stem(root / "images", SUFFIXES):
        raise SnowdriftError(
            f"{_KEY}: {root / 'images'} holds pictures that belong to no video: looked for {_LAYOUT}",
            "put each video's frames into a folder of its own, because training and test are split by video",
        )
    videos = _videos(root)
    if videos and {video.lower() for video in videos} <= _SPLITS:
        raise SnowdriftError(
            f"{_KEY}: {root / 'images'}: {', '.join(sorted(videos))} are splits, not videos: looked for {_LAYOUT}",
            "put each video's frames into a folder of its own, because training and test are split by video",
        )
    frames = [
        frame
        for video, folder in sorted(videos.items())
        for frame in pair_frames(root, video, "images" / folder, "labels" / folder, ".txt", required=False)
        if frame.annotation != f"labels/{folder}/{_NOT_A_LABEL}"
    ]
    if not frames:
        raise SnowdriftError(
            f"{_KEY}: no frame found in {root}: looked for {_LAYOUT}",
            "check that the pictures end in .jpg, .jpeg or .png",
        )
    return frames


def read_annotation(path: Path, size: tuple[int, int], class_count: int) -> tuple[list[Box], int]:
    """Read one label file: the boxes of a frame of `size` (width, height), and 0, as nothing is ever dropped.

    Raises:
        FaultyFile: The file cannot be read, a line is not five numbers, or a class or box cannot be right.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FaultyFile(f"label cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise FaultyFile("label unparsable: it is not a text file") from None
    lines = enumerate(text.splitlines(), start=1)
    return [_read_line(line, number, size, class_count) for number, line in lines if line.strip()], 0


def _read_line(line: str, number: int, size: tuple[int, int], class_count: int) -> Box:
    words = line.split()
    if len(words) != _COLUMNS:
        raise FaultyFile(f"label unparsable: line {number} has {len(words)} columns, {_COLUMNS} are needed")
    try:
        class_value, x_center, y_center, box_width, box_height = map(float, words)
    except ValueError:
        raise FaultyFile(f"label unparsable: line {number} holds something that is not a number") from None
    if not class_value.is_integer() or not 0 <= class_value < class_count:
        raise FaultyFile(f"class unknown: '{words[0]:.40}', known are 0 to {class_count - 1}")
    width, height = size
    left, right = (x_center - box_width / 2) * width, (x_center + box_width / 2) * width
    top, bottom = (y_center - box_height / 2) * height, (y_center + box_height / 2) * height
    return to_fractions(int(class_value), (left, top, right, bottom), size)


def _videos(root: Path) -> dict[str, PurePosixPath]:
    """Map each video to its folder relative to images/: every folder there with pictures or labels in it."""
    found: dict[str, PurePosixPath] = {}
    suffixes = {"images": SUFFIXES, "labels": frozenset({".txt"})}
    folders = [(part, folder) for part in suffixes for folder in _folders(root / part, PurePosixPath())]
    for part, folder in folders:
        if not files_by_stem(root / part / folder, suffixes[part]):
            continue
        video = "__".join(folder.parts)
        if found.setdefault(video, folder) != folder:
            raise SnowdriftError(
                f"{_KEY}: in {root / part}, {found[video]} and {folder} both make the video {video}",
                "rename one of them",
            )
    return found


def _folders(top: Path, below: PurePosixPath) -> list[PurePosixPath]:
    folders = []
    for name in subfolders(top / below):
        folders += [below / name, *_folders(top, below / name)]
    return folders


def _check_names(path: Path, class_names: Sequence[str]) -> None:
    """Raise a SnowdriftError where `data.yaml` names other classes than the config; it may name none."""
    if not path.is_file():
        return
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SnowdriftError(
            f"{path}: cannot be parsed: {' '.join(str(error).split())}",
            "mend it, or take it away: it is optional",
        ) from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=lambda key: (len(str(key)), str(key)))]
    if names is not None and [str(name) for name in names] != list(class_names):
        raise SnowdriftError(
            f"{path}: names the classes {names}, the config has data.class_names: {list(class_names)}",
            f"set `data.class_names: [{', '.join(map(str, names))}]`, in this order",
        )
