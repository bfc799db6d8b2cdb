"""Rule evaluate_detector: one detector on every test set."""

from snowdrift.detector.datasets import read_pictures
from snowdrift.detector.evaluation import EvaluationSettings, evaluate_detector
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import scratch_folder, write_table
from snowdrift.runtime.job import job

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
    scratch_folder(f"{snakemake.output.table}.scratch") as scratch,
):
    evaluation = evaluate_detector(
        snakemake.input.model,
        read_pictures(
            snakemake.input.frames,
            snakemake.input.boxes,
            snakemake.params.root,
            snakemake.params.class_names,
            snakemake.params.winter_root,
            snakemake.input.manifests,
            snakemake.input.true_winter,
            snakemake.params.true_winter_root,
        ),
        settings=EvaluationSettings(**snakemake.params.settings),
        test_domains=snakemake.params.test_domains,
        examples=snakemake.params.examples,
        device=device,
        threads=snakemake.threads,
        scratch=scratch,
    )
    for part in evaluation:
        part.insert(0, "train_domain", snakemake.wildcards.domain)
    for part in (evaluation.metrics, evaluation.curves):
        part.insert(3, "seed", int(snakemake.wildcards.seed))
    write_table(evaluation.metrics, snakemake.output.table)
    write_table(evaluation.curves, snakemake.output.curves)
    write_table(evaluation.examples, snakemake.output.examples)
