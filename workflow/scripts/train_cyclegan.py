"""Rule train_cyclegan: learn to turn summer frames into winter ones, from unpaired pictures."""

from pathlib import Path

import torch

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.runtime.leases import smallest_memory, visible_devices
from snowdrift.runtime.resume import job_state
from snowdrift.snow.memory import memory_advice
from snowdrift.snow.translators.cyclegan.training import TrainingSettings, train_cyclegan

with (
    job(snakemake.log[0], snakemake.output) as logger,
    leased_devices(
        snakemake.params.device, max(1, snakemake.resources.gpu), snakemake.resources.gpu
    ) as devices,
):
    card = smallest_memory(visible_devices()) if devices[0].type == "cuda" else None
    if advice := memory_advice("cyclegan", snakemake.params.settings, len(devices), card):
        logger.warning(advice)
    torch.set_num_threads(snakemake.threads)
    frame_root = Path(snakemake.params.frame_root or snakemake.input.frame_root)
    style_root = Path(snakemake.params.style_root or snakemake.input.style_root)
    frames, style = snakemake.input.frames, snakemake.input.style
    content_images = [frame_root / image for image in read_table(frames)["image"]]
    style_images = [style_root / image for image in read_table(style)["image"]]
    train_cyclegan(
        content_images,
        style_images,
        TrainingSettings(**snakemake.params.settings),
        snapshots=Path(snakemake.output.snapshots),
        samples=Path(snakemake.output.samples),
        losses=Path(snakemake.output.losses),
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[frames, style],
            pictures=[*content_images, *style_images],
            minutes=snakemake.resources.save_minutes,
        ),
        seed=snakemake.params.seed,
        devices=devices,
        workers=snakemake.threads // len(devices) if devices[0].type == "cuda" else 0,
    )
