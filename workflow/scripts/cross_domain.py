"""Rule cross_domain: every detector's metrics on every test set, with intervals, curves and differences."""

from snowdrift.detection.cross_domain import cross_domain
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    results = cross_domain(map(read_table, snakemake.input.matches), snakemake.params.classes)
    for name, table in results._asdict().items():
        write_table(table, snakemake.output[name])
