"""What was run, on which machine, for how long."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from snowdrift.report import provenance
from snowdrift.report.blocks import Code, Section, Table
from snowdrift.report.charts.study import (
    times_chart,
)
from snowdrift.report.tables import (
    rule_times,
)


def run_section(config: Mapping[str, Any], benchmarks: Path, command: str) -> Section:
    """What was run: command, source, versions, machine, time of each rule, configuration."""
    facts = {"commit": provenance.source_state(Path(__file__).parent)}
    facts |= provenance.versions() | provenance.machine()
    times = rule_times(benchmarks)
    rows = [
        [row.rule, int(row.jobs), row.seconds / 60, row.memory / 1024]
        for row in times.itertuples(index=False)
    ]
    return Section(
        "run",
        "What was run",
        [
            Code(command, "Command"),
            Table(
                "Source, versions, and the machine that made this page",
                ["what", "value"],
                list(facts.items()),
            ),
            times_chart(times),
            Table(
                "Time of each rule",
                ["rule", "jobs", "minutes, all jobs", "largest memory, GB"],
                rows,
                decimals=2,
            ),
            Code(yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True), "Configuration"),
        ],
    )


def _plain(value: Any) -> Any:
    """The same value in plain dicts and lists, which YAML can write."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
