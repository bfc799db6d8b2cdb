"""Rule attack_shard: every attack on one shard of the photographs."""

from pathlib import Path

import torch

from snowdrift.attack.shard import AttackSettings, attack_shard
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.runtime.resume import job_state
from snowdrift.snow.translators.cyclegan.weights import load_generator

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(1)  # the shard has threads of its own
    root, second = Path(snakemake.params.root), snakemake.input.get("second")
    images = read_table(snakemake.input.images)
    images = images.iloc[int(snakemake.wildcards.shard) :: snakemake.params.shards]
    attack_shard(
        images,
        load_generator(snakemake.input.generator),
        load_generator(second) if second else None,
        AttackSettings(**snakemake.params.settings),
        root=root,
        table=Path(snakemake.output.table),
        traces=Path(snakemake.output.traces),
        pictures=Path(snakemake.output.pictures),
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[snakemake.input.images, snakemake.input.generator, *([second] if second else [])],
            pictures=[root / image for image in images["image"]],
        ),
        seed=snakemake.params.seed,
        device=device,
        threads=snakemake.threads,
    )
