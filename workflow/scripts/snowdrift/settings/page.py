"""config/README.md, written from the schema: `python -m snowdrift.settings.page SCHEMA README`."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snowdrift.settings.schema import describe, is_section, load_schema

_INTRODUCTION = """\
# Settings

<!-- Written by `make docs` from workflow/schemas/config.schema.yaml. -->

## Layers
Snakemake reads `config/config.yaml` first: the study at full scale. Files given with `--configfile` go on
top of it and of each other, key by key, so each holds only what differs:

```
snakemake --cores 8                                                  # the study
snakemake --cores 2 --configfile config/demo.yaml                    # the embedded demo
snakemake --cores 2 --configfile config/demo.yaml mine.yaml          # the demo with your changes
snakemake --cores 2 --configfile config/demo.yaml --config seed=1    # a single key of the top level
```

Keys inside a section go into a file, since `--config` passes nested numbers as texts:

```yaml
# mine.yaml: the demo's short trainings on your frames and your snow photographs
study: parking-lot
data:
  layout: yolo
  vfp290k: /data/parking-lot     # images/<video>/*.jpg and labels/<video>/*.txt
  dawn: /data/snow-photographs   # a plain folder of pictures
splits:
  train: [cam1, cam2, cam3, cam4]
  val: [cam5]
  test: [cam6, cam7]
```

A key that does not exist, or a value of the wrong type or out of range, stops the run before anything is
computed. YAML reads `2e-4` as a text and `no` as false: write `0.0002` or `2.0e-4`, and put names such as
`no` or `001` into quotes.

## Studies side by side
All that a run makes lies under `results/<study>/`. Give each set of settings its own `study` and they never
touch each other. Change settings under the same name and only the stages that they concern run again.

## Keys
Paths are relative to the folder in which Snakemake is started.
"""


def readme(schema: Mapping[str, Any]) -> str:
    """The whole of config/README.md: how configs are layered, then a table of keys for each section."""
    return "\n".join([_INTRODUCTION, *_sections(schema["properties"], "", 3)])


def _sections(keys: Mapping[str, Mapping[str, Any]], prefix: str, level: int) -> Iterator[str]:
    """The table of plain keys, then a heading, a description and the same for each section among them."""
    yield _table({name: part for name, part in keys.items() if not is_section(part)}, prefix)
    for name, part in keys.items():
        if is_section(part):
            yield f"{'#' * level} {prefix}{name}\n{part['description']}\n"
            yield from _sections(part["properties"], f"{prefix}{name}.", level + 1)


def _table(keys: Mapping[str, Mapping[str, Any]], prefix: str) -> str:
    rows = ["| key | what it does | value | default |", "|---|---|---|---|"]
    for name, part in keys.items():
        cells = [f"`{prefix}{name}`", part["description"], describe(part), f"`{_yaml(part['default'])}`"]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _yaml(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(entry) for entry in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(entry)}" for key, entry in value.items()) + "}"
    return str(value)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m snowdrift.settings.page SCHEMA README")
    Path(sys.argv[2]).write_text(readme(load_schema(sys.argv[1])), encoding="utf-8")
