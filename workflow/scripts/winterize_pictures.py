"""Rule winterize_pictures: turn one shard of a plain folder's pictures into winter."""

from pathlib import Path

import torch

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.runtime.resume import job_state
from snowdrift.snow.translator import load_translator
from snowdrift.snow.winterize import WinterSettings, shard_frames, winterize_shard

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(1)  # the shard has threads of its own
    table, root = snakemake.input.pictures, Path(snakemake.params.folder)
    pictures = shard_frames(read_table(table), int(snakemake.wildcards.shard), snakemake.params.shards)
    kind = load_translator(snakemake.params.name)
    translator = kind.from_config(snakemake.params.translator, snakemake.params.seed)
    translator.load(snakemake.input.generator)
    winterize_shard(
        pictures,
        translator,
        WinterSettings(**snakemake.params.settings, format="own"),
        root=root,
        manifest=Path(snakemake.output.manifest),
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[table, snakemake.input.generator],
            pictures=[root / image for image in pictures["image"]],
        ),
        device=device,
        threads=snakemake.threads,
    )
