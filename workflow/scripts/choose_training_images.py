"""Rule choose_training_images: draw the CycleGAN's frames, from training videos alone, and its snow photographs."""

from snowdrift.data.selection import choose_style_images, choose_training_frames
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    settings, seed = snakemake.params.settings, snakemake.params.seed
    frames = choose_training_frames(read_table(snakemake.input.frames), settings["frames"], seed)
    write_table(frames, snakemake.output.frames)
    style = choose_style_images(read_table(snakemake.input.style), settings["style_images"], seed)
    write_table(style, snakemake.output.style)
