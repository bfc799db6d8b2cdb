"""Rule train_cyclegan: learn to turn summer frames into winter ones, from unpaired pictures."""

from pathlib import Path

import torch

from snowdrift.cyclegan.training import TrainingSettings, train_cyclegan
from snowdrift.runtime.devices import choose_device
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    torch.set_num_threads(snakemake.threads)
    device = choose_device(snakemake.params.device)
    frame_root = Path(snakemake.params.frame_root or snakemake.input.frame_root)
    style_root = Path(snakemake.params.style_root or snakemake.input.style_root)
    content = read_table(snakemake.input.frames)
    style = read_table(snakemake.input.style)
    train_cyclegan(
        [frame_root / image for image in content["image"]],
        [style_root / image for image in style["image"]],
        TrainingSettings(**snakemake.params.settings),
        snapshots=Path(snakemake.output.snapshots),
        samples=Path(snakemake.output.samples),
        losses=Path(snakemake.output.losses),
        seed=snakemake.params.seed,
        device=device,
        workers=snakemake.threads if device.type == "cuda" else 0,
    )
