"""Rule winterize_shard: turn one shard of all frames into winter frames."""

from pathlib import Path

import torch

from snowdrift.cyclegan.weights import load_generator
from snowdrift.cyclegan.winterize import WinterSettings, shard_frames, winterize_shard
from snowdrift.frames.tables import read_frames
from snowdrift.runtime.devices import choose_device
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    torch.set_num_threads(snakemake.threads)
    frames = read_frames(snakemake.input.frames)
    winterize_shard(
        shard_frames(frames, int(snakemake.wildcards.shard), snakemake.params.shards),
        load_generator(snakemake.input.generator),
        WinterSettings(**snakemake.params.settings),
        root=Path(snakemake.params.root),
        output=Path(snakemake.params.winter_root),
        manifest=Path(snakemake.output.manifest),
        device=choose_device(snakemake.params.device),
        threads=snakemake.threads,
    )
