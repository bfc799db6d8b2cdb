"""Rule train_xray_classifier: the `xray_classifier` extractor and its held-out accuracy."""

from pathlib import Path

import torch

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.xray.classifier import train_xray_classifier

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(snakemake.threads)
    train_xray_classifier(
        read_table(snakemake.input.images),
        Path(snakemake.params.root or snakemake.input.root),
        snakemake.params.settings,
        weights=Path(snakemake.output.weights),
        accuracy=Path(snakemake.output.accuracy),
        seed=snakemake.params.seed,
        device=device,
    )
