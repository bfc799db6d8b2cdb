"""Rule summarise_attack: what the attacks reached, image by image and method by method."""

from pathlib import Path

from snowdrift.attack.summary import join_shards, summarise
from snowdrift.runtime.files import write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    rows = join_shards([Path(path) for path in snakemake.input.shards])
    write_table(rows, snakemake.output.results)
    write_table(join_shards([Path(path) for path in snakemake.input.traces]), snakemake.output.traces)
    write_table(summarise(rows), snakemake.output.summary)
