"""Rule score_xray: scores of the models, the real images and the baselines, and what they decide."""

from pathlib import Path

import torch

from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job
from snowdrift.scores.score_sets import ScoreSettings
from snowdrift.scores.xray_classifier import ClassifierSettings
from snowdrift.xray.evaluation import ExtractorFiles, evaluate_models

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
):
    torch.set_num_threads(snakemake.threads)
    given = {name: Path(path) for name, path in snakemake.input.items() if name in ("classifier", "accuracy")}
    weights = snakemake.input.get("inception")
    evaluation = evaluate_models(
        read_table(snakemake.input.images),
        Path(snakemake.params.root),
        snakemake.params.class_name,
        dict(zip(snakemake.params.models, map(Path, snakemake.input.samples), strict=True)),
        snakemake.params.untrained,
        ExtractorFiles(
            names=snakemake.params.extractors,
            classifier=given.get("classifier"),
            accuracy=given.get("accuracy"),
            inception=Path(weights) if weights else None,
        ),
        ScoreSettings(
            **snakemake.params.settings, two_sample=ClassifierSettings(**snakemake.params.two_sample)
        ),
        seed=snakemake.params.seed,
        device=device,
    )
    for name, table in evaluation._asdict().items():
        write_table(table, Path(snakemake.output[name]))
