"""Rule draw_true_winter: test frames, their translations and true winter side by side, and how far they are apart."""

from pathlib import Path

import pandas as pd

from snowdrift.data.tables import winter_folder
from snowdrift.report.figures.true_winter import (
    distances,
    draw_triples,
    paired_triples,
    unpaired_triples,
)
from snowdrift.runtime.files import read_table, write_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    choose = paired_triples if snakemake.params.paired else unpaired_triples
    triples = choose(
        read_table(snakemake.input.frames),
        pd.concat([read_table(path) for path in snakemake.input.manifests]),
        read_table(snakemake.input.true_winter[0]),
        (
            Path(snakemake.params.root),
            winter_folder(snakemake.input.manifests[0]),
            Path(snakemake.params.true_winter_root),
        ),
    )
    draw_triples(triples, snakemake.output.figure)
    write_table(distances(triples if snakemake.params.paired else []), snakemake.output.distances)
