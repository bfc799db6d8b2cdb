"""Rule cross_domain: the evaluations of all detectors in one table, and their precision-recall curves in another."""

from snowdrift.detector.cross_domain import CURVE_COLUMNS, cross_domain_table
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    evaluations, curves = (
        [read_table(path) for path in paths] for paths in (snakemake.input.tables, snakemake.input.curves)
    )
    write_table(cross_domain_table(evaluations), snakemake.output.table)
    write_table(cross_domain_table(curves, CURVE_COLUMNS), snakemake.output.curves)
