"""Rule index_true_winter: check every picture and box of true winter, and leave out what the translator has seen."""

from pathlib import Path

from snowdrift.data.index import write_index
from snowdrift.data.places import data_root
from snowdrift.data.true_winter import Classes, index_true_winter
from snowdrift.runtime.data_state import read_stamps, remember
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

rejected = Path(snakemake.output.frames).with_name("rejected.csv")
with job(snakemake.log[0], snakemake.output, beside={rejected: snakemake.output.frames}):
    place = Path(snakemake.params.place or snakemake.input.root)
    root = Path(data_root(place))
    stamps = read_stamps(root)
    index = index_true_winter(
        place,
        layout=snakemake.params.layout,
        classes=Classes(**snakemake.params.classes),
        splits=snakemake.params.splits,
        group=snakemake.params.group,
        seed=snakemake.params.seed,
        max_rejected=snakemake.params.max_rejected,
        rejected=rejected,
        seen=[digest for table in snakemake.input.style for digest in read_table(table)["digest"]],
        workers=snakemake.threads,
    )
    write_index(index, Path(snakemake.output.frames), Path(snakemake.output.boxes))
    remember(
        root,
        stamps,
        snakemake.params.data,
        snakemake.output.frames,
        threads=snakemake.threads,
        known=dict(zip(index.frames["image"], index.frames["digest"], strict=True)),
    )
