"""Rule build_dataset: the training and validation pictures of one training set, in YOLO layout."""

from pathlib import Path

from snowdrift.data.sets import Gate
from snowdrift.detection.datasets import read_pictures, write_dataset
from snowdrift.detection.domains import training_selections
from snowdrift.runtime.files import read_table
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
        snakemake.input.cached,
    )
    selections = training_selections(
        pictures.frames,
        snakemake.wildcards.domain,
        snakemake.params.shares,
        seed=snakemake.params.seed,
        gates={source: Gate(**gate) for source, gate in snakemake.params.gates.items()},
        quality={Path(path).parent.name: read_table(path) for path in snakemake.input.quality},
    )
    write_dataset(snakemake.output.folder, pictures, selections)
