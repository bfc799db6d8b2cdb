"""Rule export_xray: the reference and the samples for other tools."""

from pathlib import Path

import torch

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.xray.export import export_xrays

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(snakemake.threads)
    weights = snakemake.input.get("inception")
    export_xrays(
        read_table(snakemake.input.images),
        Path(snakemake.params.root),
        snakemake.params.class_name,
        dict(zip(snakemake.params.models, map(Path, snakemake.input.samples), strict=True)),
        Path(weights) if weights else None,
        Path(snakemake.output.folder),
        device=device,
    )
