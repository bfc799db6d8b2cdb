"""Rule sample_xray: the images of one trained model, a few as pictures and many for the scores."""

from pathlib import Path

import torch

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.xray.index import class_images
from snowdrift.xray.patients import HELD_OUT
from snowdrift.xray.samples import write_samples

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(snakemake.threads)
    few, images = snakemake.params.samples, read_table(snakemake.input.images)
    held_out = class_images(images, HELD_OUT, snakemake.params.class_name)
    write_samples(
        snakemake.wildcards.model,
        snakemake.params.settings,
        Path(snakemake.input.weights),
        count=max(few, snakemake.params.redraws * len(held_out)),
        few=few,
        array=Path(snakemake.output.array),
        folder=Path(snakemake.output.folder),
        sheet=Path(snakemake.output.sheet),
        seed=snakemake.params.seed,
        device=device,
    )
