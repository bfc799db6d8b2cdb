"""Rule index_style: check the photographs of snow that the CycleGAN takes its style from."""

from pathlib import Path

from snowdrift.data.style import index_style
from snowdrift.runtime.files import write_table
from snowdrift.runtime.fingerprints import file_fingerprints, record_fingerprints
from snowdrift.runtime.job import job

rejected = Path(snakemake.output.style).with_name("style_rejected.csv")
with job(snakemake.log[0], snakemake.output, beside={rejected: snakemake.output.style}):
    root = Path(snakemake.params.root or snakemake.input.root)
    stamps = file_fingerprints(root)
    index = index_style(
        root,
        max_rejected=snakemake.params.max_rejected,
        rejected=rejected,
        workers=snakemake.threads,
    )
    write_table(index.style, snakemake.output.style)
    record_fingerprints(
        root, stamps, snakemake.params.data, snakemake.output.style, threads=snakemake.threads
    )
