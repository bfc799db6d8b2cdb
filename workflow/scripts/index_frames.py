"""Rule index_frames: check every frame and box of the dataset, and split its videos."""

from pathlib import Path

from snowdrift.data.index import Reading, index_frames, write_index
from snowdrift.data.places import data_root
from snowdrift.runtime.data_state import read_stamps, remember
from snowdrift.runtime.files import empty_folder
from snowdrift.runtime.job import job

rejected = Path(snakemake.output.frames).with_name("rejected.csv")
with job(snakemake.log[0], snakemake.output, beside={rejected: snakemake.output.frames}):
    place = Path(snakemake.params.place or snakemake.input.root)
    root = Path(data_root(place))
    upright = snakemake.output.get("upright")
    stamps = read_stamps(root)
    index = index_frames(
        place,
        reading=Reading(**snakemake.params.reading, upright=empty_folder(upright) if upright else None),
        splits=snakemake.params.splits,
        split_file=snakemake.params.split_file,
        group=snakemake.params.splits["group"],
        seed=snakemake.params.seed,
        max_rejected=snakemake.params.max_rejected,
        rejected=rejected,
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
