"""Rule index_true_winter: check every picture and box of true winter, and leave out what the translator has seen."""

from functools import partial
from pathlib import Path

from snowdrift.data.index import Reading, keep_index
from snowdrift.data.tables import read_frames
from snowdrift.data.true_winter import Classes, index_true_winter
from snowdrift.runtime.files import empty_folder, read_table
from snowdrift.runtime.job import job

rejected = Path(snakemake.output.frames).with_name("rejected.csv")
with job(snakemake.log[0], snakemake.output, beside={rejected: snakemake.output.frames}):
    upright = snakemake.output.get("upright")
    index = partial(
        index_true_winter,
        reading=Reading(**snakemake.params.reading, upright=empty_folder(upright) if upright else None),
        classes=Classes(**snakemake.params.classes),
        splits=snakemake.params.splits,
        group=snakemake.params.group,
        seed=snakemake.params.seed,
        max_rejected=snakemake.params.max_rejected,
        rejected=rejected,
        seen=[digest for table in snakemake.input.style for digest in read_table(table)["digest"]],
        frames=read_frames(snakemake.input.known[0]) if snakemake.input.known else None,
        workers=snakemake.threads,
    )
    keep_index(
        Path(snakemake.params.place or snakemake.input.root),
        index,
        frames=Path(snakemake.output.frames),
        boxes=Path(snakemake.output.boxes),
        state=snakemake.params.data,
        threads=snakemake.threads,
    )
