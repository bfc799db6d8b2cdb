"""Rule plot_cross_domain: the cross-domain table as a heat map."""

from snowdrift.report.figures.plots import plot_cross_domain
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    plot_cross_domain(
        read_table(snakemake.input.table), read_table(snakemake.input.left_out), snakemake.output.figure
    )
