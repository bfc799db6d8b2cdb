"""Rule choose_attack_images: photographs that neither generator nor detector has learned from."""

from snowdrift.data.selection import choose_frames
from snowdrift.data.tables import read_frames
from snowdrift.runtime.files import write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    frames = read_frames(snakemake.input.frames, "test")
    chosen = choose_frames(frames, snakemake.params.images, snakemake.params.seed, "attack_images")
    # The intervals are over these.
    write_table(chosen.merge(frames[["frame_id", "group"]], on="frame_id"), snakemake.output.images)
