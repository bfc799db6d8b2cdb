"""Rule index_frames: check every frame and box of the dataset, and split its videos."""

from functools import partial
from pathlib import Path

from snowdrift.data.index import Reading, index_frames, keep_index
from snowdrift.runtime.files import empty_folder
from snowdrift.runtime.job import job

rejected = Path(snakemake.output.frames).with_name("rejected.csv")
with job(snakemake.log[0], snakemake.output, beside={rejected: snakemake.output.frames}):
    upright = snakemake.output.get("upright")
    index = partial(
        index_frames,
        reading=Reading(**snakemake.params.reading, upright=empty_folder(upright) if upright else None),
        splits=snakemake.params.splits,
        split_file=snakemake.params.split_file,
        group=snakemake.params.splits["group"],
        seed=snakemake.params.seed,
        max_rejected=snakemake.params.max_rejected,
        rejected=rejected,
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
