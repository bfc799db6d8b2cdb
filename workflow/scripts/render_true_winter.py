"""Rule render_true_winter: the demo's test videos once more, under snow, and others of other scenes to train on."""

from pathlib import Path

from snowdrift.data.tables import read_frames
from snowdrift.demo.dataset import render_true_winter
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    render_true_winter(
        Path(snakemake.output.folder),
        same=set(read_frames(snakemake.input.frames, "test")["video"]),
        **snakemake.params.settings,
        seed=snakemake.params.seed,
        workers=snakemake.threads,
    )
