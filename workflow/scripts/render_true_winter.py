"""Rule render_true_winter: the demo's own videos once more, under snow, laid out as VFP290K."""

from pathlib import Path

from snowdrift.demo.dataset import render_true_winter
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    render_true_winter(
        Path(snakemake.output.folder),
        **snakemake.params.settings,
        seed=snakemake.params.seed,
        workers=snakemake.threads,
    )
