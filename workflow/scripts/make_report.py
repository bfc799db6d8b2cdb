"""Rule make_report: the study on one self-contained page."""

from pathlib import Path

from snowdrift.report.page import build_report
from snowdrift.report.sections import StudyFiles
from snowdrift.report.xray import XrayFiles
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    files = {name: Path(path) for name, path in snakemake.input.items()}
    template = files.pop("template")
    xray = {name: files.pop(name) for name in list(files) if name.startswith("xray_")}
    build_report(
        StudyFiles(**files),
        XrayFiles(**{name.removeprefix("xray_"): path for name, path in xray.items()}) if xray else None,
        snakemake.params.config,
        template=template,
        benchmarks=Path(snakemake.params.benchmarks),
        command=snakemake.params.command,
        output=Path(snakemake.output.page),
    )
