"""Rule build_dataset: the training and validation pictures of one training set, in YOLO layout."""

from snowdrift.detection.datasets import read_pictures, write_dataset
from snowdrift.detection.domains import training_selections
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    pictures = read_pictures(
        snakemake.input.frames,
        snakemake.input.boxes,
        snakemake.params.root,
        snakemake.params.class_names,
        snakemake.input.manifests,
        snakemake.input.true_winter,
        snakemake.params.true_winter_root,
    )
    selections = training_selections(
        pictures.frames, snakemake.wildcards.domain, snakemake.params.shares, seed=snakemake.params.seed
    )
    write_dataset(snakemake.output.folder, pictures, selections)
