"""Rule render_dawn: the demo's own snow photographs, laid out as DAWN."""

from pathlib import Path

from snowdrift.demo.dataset import render_dawn
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    render_dawn(
        Path(snakemake.output.folder),
        **snakemake.params.settings,
        seed=snakemake.params.seed,
        workers=snakemake.threads,
    )
