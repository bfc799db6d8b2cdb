"""Rule draw_attack: protected photographs with what becomes of them, and how far attacks came over queries."""

from pathlib import Path

from snowdrift.report.figures.attack import draw_protected, plot_progress
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    rows = read_table(snakemake.input.results)
    draw_protected(
        rows,
        [Path(folder) for folder in snakemake.input.pictures],
        snakemake.params.method,
        snakemake.params.photographs,
        snakemake.output.sheet,
    )
    plot_progress(rows, read_table(snakemake.input.traces), snakemake.params.queries, snakemake.output.curves)
