"""Rule sum_up_quality: how far the labels of a translator's winter frames are still true, for each box and video."""

import pandas as pd

from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job
from snowdrift.snow.quality import by_video

with job(snakemake.log[0], snakemake.output):
    quality = pd.concat([read_table(shard) for shard in snakemake.input.shards], ignore_index=True)
    write_table(quality, snakemake.output.quality)
    videos = by_video(quality, read_table(snakemake.input.frames))
    if scores := snakemake.input.get("scores"):
        videos = videos.merge(read_table(scores).astype({"video": str}), on="video", how="outer")
    write_table(videos, snakemake.output.by_video)
