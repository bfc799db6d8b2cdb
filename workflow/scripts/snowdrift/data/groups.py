"""`splits.group`: which frames belong together, where the dataset's folders do not say or say too little.

Frames that belong to no video get their group as their video. Videos that share a group, such as a scene, stay videos
and go into one split.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

from snowdrift.data.listing import Dataset, FrameFiles
from snowdrift.data.names import canonical
from snowdrift.data.places import is_table
from snowdrift.runtime.errors import SnowdriftError

KEY = "splits.group"
_COLUMNS = ["picture", "group"]


def read_groups(rule: str | None) -> Callable[[str], str] | None:
    """What tells a picture's group by its path below the data root; None without a rule.

    Args:
        rule: A regular expression, of which the first part in parentheses that is found, or else the whole match, is
            the frame's group; or the path of a CSV file with the columns picture and group. A picture is its path below
            the data root, its name, or its name without suffix; a folder stands for all pictures in it.

    Raises:
        SnowdriftError: The file cannot be read, or the expression is none.
    """
    if rule is None:
        return None
    return _from_table(Path(rule)) if is_table(rule) else _from_pattern(rule)


def grouped(dataset: Dataset, group_of: Callable[[str], str] | None) -> tuple[Dataset, dict[str, str]]:
    """The dataset whose lone frames are put into the videos that their groups make; and the group of each video.

    Raises:
        SnowdriftError: A picture has no group, a video has two, or a group is in two of the dataset's splits.
    """
    if group_of is None:
        return dataset, {frame.video: frame.video for frame in dataset.frames}
    frames: list[FrameFiles] = []
    groups: dict[str, str] = {}
    splits: dict[str, str] = {}
    for frame in dataset.frames:
        group = group_of(frame.image)
        split = dataset.splits.get(frame.video, "")
        _note(groups, frame, group)
        if splits.setdefault(group, split) != split:
            raise SnowdriftError(
                f"{KEY}: the group {group} is in {splits[group] or 'no split'} and, with {frame.image}, in "
                f"{split or 'no split'}, by the dataset's own files",
                "the dataset splits frames that belong together: name its folder of pictures, so that `splits` draws "
                "whole groups, or mend its lists",
            )
        frames.append(frame._replace(video=group, alone=False) if frame.alone else frame)
    frames.sort(key=lambda frame: (frame.video, frame.stem))
    _refuse_equal_names(frames)
    by_video = {frame.video: groups.get(frame.video, frame.video) for frame in frames}
    own = {video: splits[group] for video, group in by_video.items() if splits.get(group)}
    return Dataset(frames, dataset.classes, own), by_video


def _note(groups: dict[str, str], frame: FrameFiles, group: str) -> None:
    if frame.alone:
        return
    if groups.setdefault(frame.video, group) != group:
        raise SnowdriftError(
            f"{KEY}: the video {frame.video} is in the groups {groups[frame.video]} and {group}",
            "let the rule give all frames of a video the same group",
        )


def _refuse_equal_names(frames: Sequence[FrameFiles]) -> None:
    for one, other in pairwise(frames):
        if (one.video, one.stem) == (other.video, other.stem):
            raise SnowdriftError(
                f"{KEY}: {one.image} and {other.image} are in one group, and have one name",
                "rename one of the two, or let the rule tell their folders apart",
            )


def _from_pattern(pattern: str) -> Callable[[str], str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise SnowdriftError(
            f"{KEY}: '{pattern}' is no regular expression: {error}", r"an example: '(GOPR\d+)'"
        ) from error

    def group_of(image: str) -> str:
        match = expression.search(canonical(image))
        found = match and next(filter(None, match.groups()), None if expression.groups else match[0])
        if not found:
            raise SnowdriftError(
                f"{KEY}: '{pattern}' finds nothing in {image}",
                "write a pattern that every picture's path has",
            )
        return _name(found)

    return group_of


def _from_table(path: Path) -> Callable[[str], str]:
    groups = _read_table(path)

    def group_of(image: str) -> str:
        place = PurePosixPath(canonical(image))
        for name in (str(place), place.name, place.stem, *map(str, place.parents)):
            if name in groups:
                return groups[name]
        raise SnowdriftError(f"{path}: has no row for {image}", "give every picture, or its folder, a group")

    return group_of


def _read_table(path: Path) -> Mapping[str, str]:
    groups: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
        # Spreadsheets write what separates the columns by the country's habit.
        separator = next((mark for mark in ",;\t" if mark in text.partition("\n")[0]), ",")
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SnowdriftError(
            f"{path}: cannot be read as a CSV file: {error}", f"mend it, or {KEY}"
        ) from error
    if rows and [cell.strip().lower() for cell in rows[0]] == _COLUMNS:
        rows = rows[1:]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(_COLUMNS) or not all(cell.strip() for cell in row):
            raise SnowdriftError(
                f"{path}: row {number} is {','.join(row)!r}, and not a picture and its group",
                "two columns, `picture,group`",
            )
        picture = canonical(row[0].strip()).replace("\\", "/").removeprefix("./")
        group = _name(row[1])
        if groups.setdefault(picture, group) != group:
            raise SnowdriftError(
                f"{path}: {picture} is in the groups {groups[picture]} and {group}", "give it one group"
            )
    return groups


def _name(group: str) -> str:
    """A group's name as that of a video, which is also the name of a folder.

    Raises:
        SnowdriftError: No folder can have it.
    """
    name = canonical(group.strip()).replace("/", "__")
    if name in ("", ".", ".."):
        raise SnowdriftError(f"{KEY}: {group!r} is no name for a group", "name it with letters or digits")
    return name
