"""Rule cache_frames: one shard of a source's frames at the detectors' size."""

from pathlib import Path

from snowdrift.data.tables import read_frames, winter_folder
from snowdrift.detection.cache import cache_frames, frames_to_cache
from snowdrift.runtime.job import job
from snowdrift.runtime.resume import job_state

with job(snakemake.log[0], snakemake.output):
    table, winter = snakemake.input.frames, snakemake.input.get("winter")
    frames = frames_to_cache(
        read_frames(table),
        snakemake.params.splits,
        int(snakemake.wildcards.shard),
        snakemake.params.shards,
        winter,
    )
    root = winter_folder(winter) if winter else Path(snakemake.params.root)
    cache_frames(
        frames,
        root,
        snakemake.params.image_size,
        manifest=Path(snakemake.output.manifest),
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[table, *([winter] if winter else [])],
            pictures=[root / image for image in frames["image"]],
        ),
        threads=snakemake.threads,
    )
