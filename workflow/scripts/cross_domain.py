"""Rule cross_domain: the evaluations of all detectors in one table."""

from snowdrift.detector.cross_domain import cross_domain_table
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    evaluations = [read_table(path) for path in snakemake.input.tables]
    write_table(cross_domain_table(evaluations), snakemake.output.table)
