"""The rerun table: read from reruns.yaml, and written into a document: `python reruns.py docs/operating.md`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

SOURCE = Path(__file__).with_name("reruns.yaml")
_BEGIN, _END = "<!-- reruns.yaml, by `make docs` -->\n", "<!-- end of reruns.yaml -->\n"


class Change(NamedTuple):
    """One row: what changes, which rules run again, and how the test makes the change."""

    section: str
    text: str
    shown: str
    """The rules as the table shows them, with groups by their names."""
    rules: frozenset[str]
    jobs: dict[str, int]
    """Numbers of jobs, where not all of a rule run again."""
    how: dict[str, Any]


def read_changes() -> list[Change]:
    """All rows, in the table's order."""
    return list(_changes(yaml.safe_load(SOURCE.read_text())))


def document(text: str) -> str:
    """`text` with the table between its marks written again."""
    marked = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    assert len(marked.findall(text)) == 1, "the document has not exactly one place for the table"
    return marked.sub(lambda _: f"{_BEGIN}{_table()}{_END}", text)


def _changes(content: dict[str, Any]) -> Iterator[Change]:
    for section, rows in content["sections"].items():
        for row in rows:
            jobs = row.get("jobs", {})
            shown = ", ".join(_shown(row["runs"], content["groups"], jobs)) or "nothing"
            yield Change(section, row["change"], shown, frozenset(_flat(row["runs"])), jobs, row)


def _flat(rules: list) -> Iterator[str]:
    for rule in rules:
        yield from _flat(rule) if isinstance(rule, list) else [rule]


def _shown(rules: list, groups: dict[str, list[str]], jobs: dict[str, int]) -> Iterator[str]:
    for rule in rules:
        name = next((name for name, group in groups.items() if group is rule), None)
        if isinstance(rule, list):
            partial = ", ".join(f"{jobs[part]} `{part}`" for part in rule if part in jobs)
            yield f"{name} (only {partial})" if partial else name
        else:
            yield f"{jobs[rule]} `{rule}`" if rule in jobs else f"`{rule}`"


def _table() -> str:
    content = yaml.safe_load(SOURCE.read_text())
    lines = []
    section = None
    for change in _changes(content):
        if change.section != section:
            section = change.section
            lines += ["", f"| {section} | what runs again |", "|---|---|"]
        lines.append(f"| {change.text} | {change.shown} |")
    lines.append("")
    for name, rules in content["groups"].items():
        lines.append(f"- {name}: {', '.join(f'`{rule}`' for rule in rules)}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(document(path.read_text(encoding="utf-8")), encoding="utf-8")
