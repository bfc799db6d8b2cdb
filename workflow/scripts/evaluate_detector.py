"""Rule evaluate_detector: one detector on every test set."""

from snowdrift.detection.datasets import read_pictures
from snowdrift.detection.evaluation import EvaluationSettings, evaluate_detector
from snowdrift.runtime.devices import leased_devices
from snowdrift.runtime.files import read_table, scratch_folder, write_table
from snowdrift.runtime.job import job

with (
    job(snakemake.log[0], snakemake.output),
    leased_devices(snakemake.params.device, granted=snakemake.resources.gpu) as (device,),
    scratch_folder(f"{snakemake.output.matches}.scratch") as scratch,
):
    dataset = read_table(f"{snakemake.input.dataset}/frames.csv")
    evaluation = evaluate_detector(
        snakemake.input.model,
        read_pictures(
            snakemake.input.frames,
            snakemake.input.boxes,
            snakemake.params.root,
            snakemake.params.class_names,
            snakemake.input.manifests,
            snakemake.input.true_winter,
            snakemake.params.true_winter_root,
            snakemake.input.cached,
        ),
        dataset[dataset["split"] == "val"][["frame_id", "source"]],
        settings=EvaluationSettings(**snakemake.params.settings),
        test_domains=snakemake.params.test_domains,
        merged=snakemake.params.merged,
        examples=snakemake.params.examples,
        device=device,
        threads=snakemake.threads,
        scratch=scratch,
    )
    for part in evaluation:
        part.insert(0, "train_domain", snakemake.wildcards.domain)
    evaluation.matches.insert(1, "seed", int(snakemake.wildcards.seed))
    write_table(evaluation.matches, snakemake.output.matches)
    write_table(evaluation.examples, snakemake.output.examples)
