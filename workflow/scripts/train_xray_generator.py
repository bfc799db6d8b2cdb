"""Rule train_xray_generator: one model of X-rays, its losses, and sheets of samples on the way."""

from pathlib import Path

import torch

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.runtime.resume import job_state
from snowdrift.xray.index import class_images
from snowdrift.xray.training import train_model

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(snakemake.threads)
    names = class_images(read_table(snakemake.input.images), "train", snakemake.params.class_name)
    images = [Path(snakemake.params.root or snakemake.input.root) / name for name in names]
    train_model(
        snakemake.wildcards.model,
        snakemake.params.settings,
        images,
        weights=Path(snakemake.output.weights),
        losses=Path(snakemake.output.losses),
        sheets=Path(snakemake.output.sheets),
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[snakemake.input.images],
            pictures=images,
            minutes=snakemake.resources.save_minutes,
        ),
        sample_every=snakemake.params.sample_every,
        samples=snakemake.params.samples,
        seed=snakemake.params.seed,
        device=device,
    )
