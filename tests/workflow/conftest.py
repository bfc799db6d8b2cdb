"""What the workflow tests share."""

from studies import (  # noqa: F401
    ENVIRONMENT,
    REPOSITORY,
    TINY,
    Run,
    as_yolo,
    command,
    fingerprint,
    snakemake,
    succeed,
    tiny_study,
)
