"""Rule index_xray: the table of usable X-rays."""

from pathlib import Path

from snowdrift.runtime.files import write_table
from snowdrift.runtime.fingerprints import file_fingerprints, record_fingerprints
from snowdrift.runtime.job import job
from snowdrift.xray.enough import require_enough
from snowdrift.xray.index import index_xray

rejected = Path(snakemake.output.images).with_name("rejected.csv")
with job(snakemake.log[0], snakemake.output, beside={rejected: snakemake.output.images}):
    root = Path(snakemake.params.root or snakemake.input.root)
    stamps = file_fingerprints(root)
    index = index_xray(
        root,
        class_name=snakemake.params.class_name,
        max_rejected=snakemake.params.max_rejected,
        held_out=snakemake.params.held_out,
        seed=snakemake.params.seed,
        rejected=rejected,
        workers=snakemake.threads,
    )
    require_enough(index.images, snakemake.params.class_name, snakemake.params.scores)
    write_table(index.images, snakemake.output.images)
    record_fingerprints(
        root, stamps, snakemake.params.data, snakemake.output.images, threads=snakemake.threads
    )
