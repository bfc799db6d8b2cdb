"""Rule train_detector: YOLOv5 on one domain with one seed."""

from snowdrift.detection.datasets import list_files
from snowdrift.detection.training import TrainingSettings, train_detector
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.job import job
from snowdrift.runtime.resume import job_state

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(
        snakemake.params.device, snakemake.params.gpus, granted=snakemake.resources.gpu
    ) as devices,
):
    dataset, pretrained = snakemake.input.dataset, snakemake.input.get("pretrained")
    texts, pictures = list_files(dataset)
    train_detector(
        dataset,
        snakemake.params.folder,
        settings=TrainingSettings(**snakemake.params.settings),
        seed=int(snakemake.wildcards.seed),
        devices=devices,
        threads=snakemake.threads,
        state=job_state(
            snakemake.log[0],
            snakemake.params,
            files=[*texts, *([pretrained] if pretrained else [])],
            pictures=pictures,
        ),
        pretrained=pretrained,
    )
