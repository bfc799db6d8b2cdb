"""Rule make_report: the study on one self-contained page."""

from pathlib import Path

from snowdrift.report.page import build_report
from snowdrift.report.sections.attack import AttackFiles
from snowdrift.report.sections.files import StudyFiles
from snowdrift.report.sections.true_winter import TrueWinterFiles
from snowdrift.report.sections.xray import XrayFiles
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    files = {
        name: Path(path) if isinstance(path, str) else [*map(Path, path)]
        for name, path in snakemake.input.items()
    }
    template = files.pop("template")
    files["rejected"] = Path(snakemake.params.rejected)
    if "xray_images" in files:
        files["xray_rejected"] = Path(snakemake.params.xray_rejected)
    if "true_winter_frames" in files:
        files["true_winter_rejected"] = Path(snakemake.params.true_winter_rejected)
    xray, attack, true_winter = (
        {name.removeprefix(chapter): files.pop(name) for name in list(files) if name.startswith(chapter)}
        for chapter in ("xray_", "attack_", "true_winter_")
    )
    build_report(
        StudyFiles(**files),
        TrueWinterFiles(**true_winter) if true_winter else None,
        XrayFiles(**xray) if xray else None,
        AttackFiles(**attack) if attack else None,
        snakemake.params.config,
        template=template,
        benchmarks=Path(snakemake.params.benchmarks),
        command=snakemake.params.command,
        output=Path(snakemake.output.page),
    )
