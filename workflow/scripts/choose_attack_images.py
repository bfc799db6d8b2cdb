"""Rule choose_attack_images: photographs that neither generator nor detector has learned from."""

from snowdrift.data.selection import choose_frames
from snowdrift.data.tables import read_frames
from snowdrift.runtime.files import write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    frames = read_frames(snakemake.input.frames, "test")
    write_table(
        choose_frames(frames, snakemake.params.images, snakemake.params.seed, "attack_images"),
        snakemake.output.images,
    )
