"""Rule verify: read every winter frame and hold it against its manifest."""

from pathlib import Path

from snowdrift.cyclegan.verify import verify_winter
from snowdrift.frames.tables import read_frames
from snowdrift.runtime.job import job

with job(snakemake.log[0]):
    verify_winter(
        read_frames(snakemake.input.frames),
        [Path(path) for path in snakemake.input.manifests],
        Path(snakemake.params.winter_root),
        snakemake.threads,
    )
