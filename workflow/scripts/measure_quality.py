"""Rule measure_quality: whether the labels of one shard of winter frames are still true."""

from pathlib import Path

from snowdrift.data.tables import winter_folder
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job
from snowdrift.snow.quality import measure_quality, versions_of

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    judge = None
    if snakemake.input.detector:
        from snowdrift.detection.judge import load_judge

        judge = load_judge(
            snakemake.input.detector[0], device=device, threads=snakemake.threads, **snakemake.params.settings
        )
    manifest = snakemake.input.manifest
    versions = versions_of(
        read_table(snakemake.input.frames),
        read_table(snakemake.input.boxes),
        read_table(manifest),
        Path(snakemake.params.root),
        winter_folder(manifest),
    )
    write_table(
        measure_quality([*versions], judge=judge, threads=snakemake.threads), snakemake.output.quality
    )
