"""Rule score_videos: the Inception Score of each video in both versions, and the FID of both to the style pictures."""

from pathlib import Path

import pandas as pd
import torch

from snowdrift.data.tables import winter_folder
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job
from snowdrift.scores.inception import load_inception
from snowdrift.snow.video_scores import pairs_of_videos, score_videos

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(snakemake.threads)
    manifests = snakemake.input.manifests
    videos = pairs_of_videos(
        read_table(snakemake.input.frames),
        pd.concat([read_table(path) for path in manifests]),
        Path(snakemake.params.root),
        winter_folder(manifests[0]),
    )
    style_root = Path(snakemake.params.style_root or snakemake.input.style_root)
    style = [style_root / image for image in read_table(snakemake.input.style)["image"]]
    extractor = load_inception(Path(snakemake.input.weights), device)
    write_table(score_videos(videos, style, extractor), snakemake.output.scores)
