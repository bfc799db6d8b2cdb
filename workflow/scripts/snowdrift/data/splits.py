"""Which video belongs to which split. A video is never in two, nor is a group of videos."""

import difflib
import logging
import random
from collections.abc import Collection, Mapping, Sequence

from snowdrift.data.names import canonical, look_alike
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed

logger = logging.getLogger(__name__)
SPLITS = ("train", "val", "test")
UNUSED = "unused"
_SHOWN = 5
Wanted = Mapping[str, int | list[str]]
"""For train, val and test: a count, or the names of videos or groups."""


def assign_splits(
    groups: Mapping[str, str],
    wanted: Wanted,
    seed: int,
    own: Mapping[str, str] | None = None,
    split_file: str | None = None,
) -> dict[str, str]:
    """Map every video to train, val, test or unused.

    A list names its videos, or their groups. A count is drawn, by `seed` and whatever the order of the videos, from the
    groups that no list names: first train, then val, then test, so that more test videos leave the training as it is.

    Splits of the dataset's own come before `wanted`, which then only says what becomes a split that the dataset does
    not have: a count is drawn from its training videos.

    Args:
        groups: The group of each video; the video itself if it is alone.
        wanted: From the config. Keys other than the splits' do not count.
        seed: The study's seed.
        own: The splits of the dataset's own files, by video.
        split_file: Where the lists come from, if not from the config.

    Raises:
        SnowdriftError: A list names an unknown video, or one twice, or there are too few videos.
    """
    wanted = {split: wanted[split] for split in SPLITS}
    if own:
        assigned = _complete({groups[video]: split for video, split in own.items()}, groups, wanted, seed)
    else:
        assigned = _drawn(groups, wanted, seed, split_file)
    return {video: assigned.get(groups[video], UNUSED) for video in sorted(groups)}


def _drawn(groups: Mapping[str, str], wanted: Wanted, seed: int, split_file: str | None) -> dict[str, str]:
    """The split of each group that has one."""
    assigned = _named(wanted, groups, split_file)
    free = sorted(set(groups.values()) - assigned.keys())
    _check_total(wanted, len(assigned), len(free))
    random.Random(derive_seed(seed, "splits")).shuffle(free)
    for split, want in wanted.items():
        if isinstance(want, int):
            drawn, free = free[:want], free[want:]
            assigned.update(dict.fromkeys(drawn, split))
    return assigned


def _complete(own: Mapping[str, str], groups: Mapping[str, str], wanted: Wanted, seed: int) -> dict[str, str]:
    """The dataset's own splits, with those that it does not have."""
    missing = [split for split in SPLITS if split not in own.values()]
    assigned = {**own, **_named({split: wanted[split] for split in missing}, groups)}
    for split in missing:
        want = wanted[split]
        if not isinstance(want, int):
            continue
        training = sorted(group for group, place in assigned.items() if place == "train")
        if split == "train":
            raise SnowdriftError(
                f"splits.train: the dataset's own files name videos for {' and '.join(sorted(set(own.values())))}, and "
                "none to train with",
                "add the files of its training split, or name its training videos in splits.train",
            )
        if want >= len(training):
            raise SnowdriftError(
                f"splits.{split}: the dataset has no {split} split of its own, and {want} cannot be drawn from its "
                f"{len(training)} training videos",
                f"lower splits.{split}",
            )
        random.Random(derive_seed(seed, "splits", split)).shuffle(training)
        assigned.update(dict.fromkeys(training[:want], split))
        logger.info(
            "the dataset has no %s split: splits.%s draws %d of its training videos", split, split, want
        )
    return assigned


def _named(wanted: Wanted, groups: Mapping[str, str], split_file: str | None = None) -> dict[str, str]:
    """Map the groups that a list names, or one of whose videos it names, to that list's split."""
    known = dict(groups) | {group: group for group in groups.values()}
    _refuse_unknown(wanted, known.keys(), sorted(groups), split_file)
    by_name: dict[str, tuple[str, str]] = {}
    assigned: dict[str, str] = {}
    for split, names in wanted.items():
        for name in names if not isinstance(names, int) else ():
            video = canonical(str(name))
            _refuse_twice(video, known[video], split, by_name, assigned, split_file)
            by_name[video] = split, known[video]
            assigned[known[video]] = split
    return assigned


def _refuse_unknown(
    wanted: Wanted, known: Collection[str], videos: Sequence[str], split_file: str | None
) -> None:
    for split, names in wanted.items():
        named = [] if isinstance(names, int) else [canonical(str(name)) for name in names]
        unknown = [name for name in named if name not in known]
        if unknown:
            missing = "get what is missing, or a copy of the file without it: " if split_file else ""
            more = f", nor {len(unknown) - 1} others that it names" if len(unknown) > 1 else ""
            raise SnowdriftError(
                f"{_list(split, split_file)}: the dataset has no usable video '{unknown[0]}'{more}",
                missing + _suggestion(unknown[0], videos),
            )


def _list(split: str, split_file: str | None) -> str:
    """Where the videos of a split are named."""
    return f"splits.{split}" if split_file is None else f"splits.file: {split_file}: {split}"


def _refuse_twice(
    video: str,
    group: str,
    split: str,
    by_name: Mapping[str, tuple[str, str]],
    assigned: Mapping[str, str],
    split_file: str | None,
) -> None:
    if video in by_name or assigned.get(group, split) != split:
        other = by_name[video][0] if video in by_name else assigned[group]
        key = "splits." if split_file is None else ""
        where = f"{key}{split} twice" if other == split else f"{key}{other} and in {key}{split}"
        what = (
            f"video '{video}'" if video in by_name or video == group else f"the group '{group}' of '{video}'"
        )
        raise SnowdriftError(
            f"{'splits' if split_file is None else f'splits.file: {split_file}'}: {what} is in {where}",
            "name it once: a video in two splits would be trained on and tested on",
        )


def _suggestion(video: str, videos: Sequence[str]) -> str:
    shown = ", ".join(videos[:_SHOWN]) + (", ..." if len(videos) > _SHOWN else "")
    close = difflib.get_close_matches(video, videos, n=3)
    remark = look_alike(video, videos)
    meant = f"{remark}. " if remark else f"did you mean {' or '.join(close)}? " if close else ""
    return f"{meant}the dataset's {len(videos)} videos with a usable frame: {shown}"


def _check_total(wanted: Wanted, named: int, free: int) -> None:
    counts = {split: want if isinstance(want, int) else len(want) for split, want in wanted.items()}
    drawn = sum(want for want in wanted.values() if isinstance(want, int))
    if drawn > free:
        parts = " + ".join(f"{split} {count}" for split, count in counts.items())
        available = named + free
        raise SnowdriftError(
            f"splits: {parts} = {sum(counts.values())} videos asked for, the dataset has {available}",
            f"lower splits.train, splits.val or splits.test to {available} videos together",
        )
