"""Rule render_vfp290k: the demo's own snow-free videos, laid out as VFP290K."""

from pathlib import Path

from snowdrift.demo.dataset import render_vfp290k
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    render_vfp290k(
        Path(snakemake.output.folder),
        **snakemake.params.settings,
        seed=snakemake.params.seed,
        workers=snakemake.threads,
    )
