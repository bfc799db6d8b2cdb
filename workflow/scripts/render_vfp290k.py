"""Rule render_vfp290k: the demo's own snow-free videos, laid out as VFP290K."""

from pathlib import Path

from snowdrift.demo.dataset import render_vfp290k
from snowdrift.runtime.job import job

with job(snakemake.log[0]):
    render_vfp290k(
        Path(snakemake.output.folder),
        videos=snakemake.params.videos,
        frames=snakemake.params.frames,
        width=snakemake.params.width,
        height=snakemake.params.height,
        seed=snakemake.params.seed,
        workers=snakemake.threads,
    )
