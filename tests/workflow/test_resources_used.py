"""What the jobs of a study took, against what they asked for."""

from pathlib import Path

import yaml
from conftest import REPOSITORY, TINY

from snowdrift.operation.resources import compare, needs
from snowdrift.settings.config import complete_config, load_schema

# Targets without a benchmark, and what the tiny study has no use for.
NOT_RUN = {
    "verify",
    "pictures",
    "list_pictures",
    "winterize_pictures",
    "fit_translator",
    "train_cut",
    "compare_epochs",
    "score_videos",
    "export_xray",
    "cache_frames",
}


def test_no_job_took_more_than_it_asked_for_nor_asked_for_far_more(tiny_study: Path):
    schema = load_schema(REPOSITORY / "workflow/schemas/config.schema.yaml")
    config = complete_config(yaml.safe_load(TINY.read_text()), schema)
    rows = compare(tiny_study / "results/tiny", config)
    for row in rows:
        print(row)
    assert {row.rule for row in rows} == set(needs(config)) - NOT_RUN
    assert not [row for row in rows if row.faults]
