"""Rule render_chest_xray: the demo's own X-ray phantoms, laid out as the chest X-ray set."""

from pathlib import Path

from snowdrift.demo.chest_xray import render_chest_xray
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    render_chest_xray(
        Path(snakemake.output.folder),
        **snakemake.params.settings,
        seed=snakemake.params.seed,
        workers=snakemake.threads,
    )
