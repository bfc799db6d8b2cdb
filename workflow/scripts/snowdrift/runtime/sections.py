"""Settings of a plug-in: a frozen dataclass, filled from its section of the config."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from snowdrift.runtime.errors import SnowdriftError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")


def read_section(settings_type: type[Settings], section: Mapping[str, Any], key: str) -> Settings:
    """Make the settings from a config section whose names and types have to be theirs.

    Args:
        settings_type: a dataclass, whose `__post_init__` may raise a SnowdriftError.
        section: the values by name; fields with a default may be missing.
        key: of the section, for messages.

    Raises:
        SnowdriftError: a setting is missing, unknown or of another type.
    """
    fields = {field.name: field for field in dataclasses.fields(settings_type)}
    faults = [
        f"`{name}` is missing"
        for name, field in fields.items()
        if name not in section and field.default is dataclasses.MISSING
    ]
    faults += [f"`{name}` is unknown" for name in section if name not in fields]
    faults += [
        f"`{name}` is {section[name]!r}, expected {_in_words(field.type)}"
        for name, field in fields.items()
        if name in section and not _fits(section[name], field.type)
    ]
    if faults:
        known = ", ".join(f"{name} ({_in_words(field.type)})" for name, field in fields.items())
        raise SnowdriftError(f"{key}: {', '.join(faults)}", f"its settings are {known or 'none'}")
    return settings_type(**section)


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(value, bool) and kind is not bool:
        return False
    return isinstance(value, (int, float) if kind is float else kind)


def _in_words(kind: Any) -> str:
    return getattr(kind, "__name__", None) or str(kind).replace("None", "null")
