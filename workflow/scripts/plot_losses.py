"""Rule plot_losses: the CycleGAN's losses over its epochs."""

from snowdrift.report.figures.plots import plot_losses
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    plot_losses(read_table(snakemake.input.losses), snakemake.output.figure)
