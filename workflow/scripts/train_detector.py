"""Rule train_detector: YOLOv5 on one domain with one seed."""

from snowdrift.detector.training import TrainingSettings, train_detector
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    train_detector(
        snakemake.input.dataset,
        snakemake.params.folder,
        settings=TrainingSettings(**snakemake.params.settings),
        seed=int(snakemake.wildcards.seed),
        device=snakemake.params.device,
        threads=snakemake.threads,
        pretrained=snakemake.input.get("pretrained"),
    )
