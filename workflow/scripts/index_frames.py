"""Rule index_frames: check every frame and box of the dataset, and split its videos."""

from pathlib import Path

from snowdrift.data.index import index_frames, write_index
from snowdrift.runtime.data_state import read_stamps, remember
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    root = Path(snakemake.params.root or snakemake.input.root)
    stamps = read_stamps(root)
    index = index_frames(
        root,
        layout=snakemake.params.layout,
        class_names=snakemake.params.class_names,
        splits=snakemake.params.splits,
        seed=snakemake.params.seed,
        max_rejected=snakemake.params.max_rejected,
        workers=snakemake.threads,
    )
    write_index(
        index, Path(snakemake.output.frames), Path(snakemake.output.boxes), Path(snakemake.output.rejected)
    )
    remember(
        root,
        stamps,
        snakemake.params.data,
        snakemake.output.frames,
        threads=snakemake.threads,
        known=dict(zip(index.frames["image"], index.frames["digest"], strict=True)),
    )
