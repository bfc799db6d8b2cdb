"""Rule winterize_shard: turn one shard of the frames into winter frames, by one translator."""

from pathlib import Path

import torch

from snowdrift.data.splits import UNUSED
from snowdrift.data.tables import read_frames
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.job import job
from snowdrift.runtime.resume import job_state
from snowdrift.snow.translator import load_translator
from snowdrift.snow.winterize import WinterSettings, shard_frames, winterize_shard

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(1)  # the shard has threads of its own
    table, root = snakemake.input.frames, Path(snakemake.params.root)
    wanted = read_frames(table)
    if snakemake.params.frames == "splits":
        wanted = wanted[wanted["split"] != UNUSED]
    frames = shard_frames(wanted, int(snakemake.wildcards.shard), snakemake.params.shards)
    kind = load_translator(snakemake.wildcards.translator)
    translator = kind.from_config(snakemake.params.translator, snakemake.params.seed)
    translator.load(snakemake.input.generator)
    winterize_shard(
        frames,
        translator,
        WinterSettings(**snakemake.params.settings),
        root=root,
        manifest=Path(snakemake.output.manifest),
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[table, snakemake.input.generator, *snakemake.input.weights],
            pictures=[root / image for image in frames["image"]],
        ),
        device=device,
        threads=snakemake.threads,
    )
