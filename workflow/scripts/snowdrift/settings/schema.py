"""The config's schema: read, walked through, and put into words."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_TYPE_NAMES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
}


def load_schema(path: Path | str) -> dict[str, Any]:
    """Read the JSON schema (draft 2020-12, written as YAML), with its `$ref`s into `$defs` put in place.

    A key beside a `$ref`, such as a description, adds to what the reference holds.
    """
    # Every plan and every job reads it, and PyYAML's own parser needs ten times as long.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schema = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)
    definitions = schema.pop("$defs", {})
    resolved: dict[str, Any] = _resolve(schema, definitions)
    return resolved


def describe(schema: Mapping[str, Any]) -> str:
    """What `schema` allows, in words: "an integer of at least 1", "one of auto, cpu, cuda"."""
    if "x-in-words" in schema:
        return str(schema["x-in-words"])
    if "anyOf" in schema:
        return " or ".join(describe(option) for option in schema["anyOf"])
    if "const" in schema:
        return "null" if schema["const"] is None else f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if schema.get("format") == "path":
        return "a path or null"
    if schema["type"] == "array":
        length = (
            "a list, which may be empty" if schema.get("minItems", 0) == 0 else "a list of at least one entry"
        )
        return f"{length}, none twice, each {describe(schema['items'])}"
    return " ".join([_TYPE_NAMES[schema["type"]], *_limits(schema)])


def is_section(schema: Mapping[str, Any]) -> bool:
    """Whether it is a section with keys of its own; a mapping whose keys the user chooses is a value."""
    return "properties" in schema


def walk(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key of `schema` in its order, sections before their keys: ("cyclegan.epochs", its schema)."""
    for name, part in schema["properties"].items():
        yield f"{prefix}{name}", part
        if is_section(part):
            yield from walk(part, f"{prefix}{name}.")


def _resolve(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolve(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    resolved = {key: _resolve(part, definitions) for key, part in schema.items() if key != "$ref"}
    if "$ref" in schema:
        resolved = _resolve(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions) | resolved
    return resolved


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    limits = []
    if low is not None and high is not None:
        limits.append(f"from {low} to {high}")
    else:
        limits += [f"above {schema['exclusiveMinimum']}"] if "exclusiveMinimum" in schema else []
        limits += [f"of at least {low}"] if low is not None else []
        limits += [f"at most {high}"] if high is not None else []
        limits += [f"below {schema['exclusiveMaximum']}"] if "exclusiveMaximum" in schema else []
    if "multipleOf" in schema:
        limits.append(f"a multiple of {schema['multipleOf']}")
    if "x-pattern-in-words" in schema:
        limits.append(schema["x-pattern-in-words"])
    if limits:
        yield " and ".join(limits)
