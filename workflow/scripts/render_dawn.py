"""Rule render_dawn: the demo's own snow photographs, laid out as DAWN."""

from pathlib import Path

from snowdrift.demo.dataset import render_dawn
from snowdrift.runtime.job import job

with job(snakemake.log[0]):
    render_dawn(
        Path(snakemake.output.folder),
        images=snakemake.params.images,
        width=snakemake.params.width,
        height=snakemake.params.height,
        seed=snakemake.params.seed,
        workers=snakemake.threads,
    )
