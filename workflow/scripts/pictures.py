"""Rule pictures: the winter pictures in the folder where they are wanted, under the names of their originals."""

from pathlib import Path

from snowdrift.runtime.job import job
from snowdrift.snow.folder import place_pictures

with job(snakemake.log[0]):
    manifests = [Path(manifest) for manifest in snakemake.input.manifests]
    place_pictures(manifests, Path(snakemake.params.folder), record=Path(snakemake.params.record))
