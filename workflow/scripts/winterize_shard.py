"""Rule winterize_shard: turn one shard of all frames into winter frames."""

from pathlib import Path

import torch

from snowdrift.data.tables import read_frames
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.job import job
from snowdrift.runtime.resume import job_state
from snowdrift.snow.translators.cyclegan.weights import load_generator
from snowdrift.snow.winterize import WinterSettings, shard_frames, winterize_shard

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(1)  # the shard has threads of its own
    table, root = snakemake.input.frames, Path(snakemake.params.root)
    frames = shard_frames(read_frames(table), int(snakemake.wildcards.shard), snakemake.params.shards)
    winterize_shard(
        frames,
        load_generator(snakemake.input.generator),
        WinterSettings(**snakemake.params.settings),
        root=root,
        output=Path(snakemake.params.winter_root),
        manifest=Path(snakemake.output.manifest),
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[table, snakemake.input.generator],
            pictures=[root / image for image in frames["image"]],
        ),
        device=device,
        threads=snakemake.threads,
    )
