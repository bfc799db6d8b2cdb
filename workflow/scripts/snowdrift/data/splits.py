"""Which video belongs to which split. A video is never in two."""

import difflib
import random
from collections.abc import Mapping, Sequence

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed

SPLITS = ("train", "val", "test")
UNUSED = "unused"
_SHOWN = 5


def assign_splits(
    videos: Sequence[str], train: int | list[str], val: int | list[str], test: int | list[str], seed: int
) -> dict[str, str]:
    """Map every video to train, val, test or unused.

    A list names its videos. A count is drawn, by `seed` and whatever the order of `videos`, from those that
    no list names: first train, then val, then test, so that more test videos leave the training as it is.

    Raises:
        SnowdriftError: A list names an unknown video, or one twice, or there are too few videos.
    """
    wanted = {"train": train, "val": val, "test": test}
    assigned = _named(wanted, sorted(set(videos)))
    free = sorted(set(videos) - assigned.keys())
    _check_total(wanted, len(assigned) + len(free))
    random.Random(derive_seed(seed, "splits")).shuffle(free)
    for split, want in wanted.items():
        if isinstance(want, int):
            drawn, free = free[:want], free[want:]
            assigned.update(dict.fromkeys(drawn, split))
    assigned.update(dict.fromkeys(free, UNUSED))
    return {video: assigned[video] for video in sorted(assigned)}


def _named(wanted: Mapping[str, int | list[str]], videos: Sequence[str]) -> dict[str, str]:
    """Map the videos that a list names to that list's split."""
    known, assigned = set(videos), {}
    for split, names in wanted.items():
        for video in names if not isinstance(names, int) else ():
            if video not in known:
                raise SnowdriftError(
                    f"splits.{split}: the dataset has no usable video '{video}'", _suggestion(video, videos)
                )
            if video in assigned:
                where = f"splits.{split} twice"
                if assigned[video] != split:
                    where = f"splits.{assigned[video]} and in splits.{split}"
                raise SnowdriftError(
                    f"splits: video '{video}' is in {where}",
                    "name it once: a video in two splits would be trained on and tested on",
                )
            assigned[video] = split
    return assigned


def _suggestion(video: str, videos: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(video), videos, n=3)
    shown = ", ".join(videos[:_SHOWN]) + (", ..." if len(videos) > _SHOWN else "")
    meant = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{meant}the dataset's {len(videos)} videos with a usable frame: {shown}"


def _check_total(wanted: Mapping[str, int | list[str]], available: int) -> None:
    counts = {split: want if isinstance(want, int) else len(want) for split, want in wanted.items()}
    total = sum(counts.values())
    if total > available:
        parts = " + ".join(f"{split} {count}" for split, count in counts.items())
        raise SnowdriftError(
            f"splits: {parts} = {total} videos asked for, the dataset has {available}",
            f"lower splits.train, splits.val or splits.test to {available} videos together",
        )
