"""Rule make_report: the study on one self-contained page."""

from pathlib import Path

from snowdrift.report.page import build_report
from snowdrift.report.sections import StudyFiles
from snowdrift.runtime.job import job

with job(snakemake.log[0]):
    files = {name: Path(path) for name, path in snakemake.input.items() if name != "template"}
    build_report(
        StudyFiles(**files),
        snakemake.params.config,
        template=Path(snakemake.input.template),
        benchmarks=Path(snakemake.params.benchmarks),
        command=snakemake.params.command,
        output=Path(snakemake.output.page),
    )
