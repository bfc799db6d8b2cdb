"""`splits.file`: the splits that a dataset's owners publish, as VFP290K's do in `benchmark.json`.

Snakemake reads this module at every start, so it imports nothing heavy.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snowdrift.data.names import canonical
from snowdrift.data.splits import SPLITS
from snowdrift.runtime.errors import SnowdriftError

_KEY = "config key `splits.file`"
_SHAPE = (
    'a key, then three lists of video names: {"benchmark": {"train": ["a"], "val": ["b"], "test": ["c"]}}'
)


def read_split_file(path: Path | str, key: str | None) -> dict[str, list[str]]:
    """The videos of train, val and test that a file names.

    Args:
        path: A JSON file, which holds for each of its keys the three lists.
        key: The key that is meant; None if there is only one.

    Raises:
        SnowdriftError: No such file or key, no JSON or another shape, several keys and none said, an empty split, or a
            video that is named twice.
    """
    content = _read(Path(path))
    if not isinstance(content, Mapping) or not content:
        raise _of_another_shape(path, "it holds no keys")
    if key is None and len(content) > 1:
        raise SnowdriftError(
            f"{_KEY}: {path}: it has several keys: {', '.join(content)}",
            f"say which is meant, as in `splits: {{key: {next(iter(content))}}}`",
        )
    if key is not None and key not in content:
        raise SnowdriftError(
            f"config key `splits.key`: {path} has no key '{key}'; it has {', '.join(content)}",
            "name one of its keys, or set splits.key to null if it has only one",
        )
    key = next(iter(content)) if key is None else key
    return _checked(path, key, content[key])


def _read(path: Path) -> Any:
    if not path.is_file():
        fault = "is not a file" if path.exists() else "there is no such file"
        raise SnowdriftError(f"{_KEY}: {path}: {fault}", f"give the path relative to {Path.cwd()}, or null")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise SnowdriftError(f"{_KEY}: {path}: cannot be read as JSON: {error}", "mend the file") from error


def _checked(path: Path | str, key: str, lists: Any) -> dict[str, list[str]]:
    """The lists of one key, with all names in one Unicode form and none of them twice."""
    if not isinstance(lists, Mapping) or set(lists) != set(SPLITS):
        raise _of_another_shape(path, f"'{key}' does not hold train, val and test")
    place: dict[str, str] = {}
    for split in SPLITS:
        names = lists[split]
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise _of_another_shape(path, f"'{split}' of '{key}' is no list of names")
        if not names:
            raise SnowdriftError(
                f"{_KEY}: {path}: '{split}' of '{key}' names no video",
                "name at least one video in each split",
            )
        for name in map(canonical, names):
            if name in place:
                where = f"{split} twice" if place[name] == split else f"{place[name]} and in {split}"
                raise SnowdriftError(
                    f"{_KEY}: {path}: '{key}' has the video '{name}' in {where}",
                    "name it once: a video in two splits would be trained on and tested on",
                )
            place[name] = split
    return {split: [canonical(name) for name in lists[split]] for split in SPLITS}


def _of_another_shape(path: Path | str, fault: str) -> SnowdriftError:
    return SnowdriftError(f"{_KEY}: {path}: {fault}", f"expected {_SHAPE}")
