"""Rule attack_shard: every attack on one shard of the photographs."""

from pathlib import Path

import torch

from snowdrift.cyclegan.weights import load_generator
from snowdrift.nullify.shard import AttackSettings, attack_shard
from snowdrift.runtime.devices import choose_device
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

with job(snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    images = read_table(snakemake.input.images)
    second = snakemake.input.get("second")
    attack_shard(
        images.iloc[int(snakemake.wildcards.shard) :: snakemake.params.shards],
        load_generator(snakemake.input.generator),
        load_generator(second) if second else None,
        AttackSettings(**snakemake.params.settings),
        root=Path(snakemake.input.root),
        table=Path(snakemake.output.table),
        traces=Path(snakemake.output.traces),
        pictures=Path(snakemake.output.pictures),
        seed=snakemake.params.seed,
        device=choose_device(snakemake.params.device),
    )
