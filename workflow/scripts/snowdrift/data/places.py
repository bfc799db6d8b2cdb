"""What a plan asks of a dataset: where its pictures are. So this imports nothing heavy."""

from pathlib import Path

import yaml


def data_root(place: Path | str) -> str:
    """The folder that pictures are relative to.

    It is `place` itself if that is a folder; that of a JSON file; and of a data.yaml the folder that it names as
    `path`, if that is there, or else its own, as after a move.

    Args:
        place: A dataset's folder, or the file that describes it.
    """
    path = Path(place)
    if not path.is_file():
        return str(place)
    return str(described_root(path)) if path.suffix.lower() in (".yaml", ".yml") else str(path.parent)


def described_root(path: Path) -> Path:
    """See `data_root`, of a data.yaml; its own folder if it cannot be read, which its reader will say."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return path.parent
    stated = content.get("path") if isinstance(content, dict) else None
    places = [path.parent / str(stated), Path(str(stated))] if stated else []
    return next((place for place in places if place.is_dir()), path.parent)


def is_table(rule: str) -> bool:
    """Whether `splits.group` is the path of a CSV file, and not a pattern."""
    return rule.lower().endswith(".csv")
