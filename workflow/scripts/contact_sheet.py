"""Rule contact_sheet: originals beside their winter versions, for the eye."""

from pathlib import Path

import pandas as pd

from snowdrift.report.contact_sheet import choose_pairs, contact_sheet, write_pairs
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    pairs = choose_pairs(
        read_table(snakemake.input.frames),
        pd.concat([read_table(manifest) for manifest in snakemake.input.manifests]),
        root=Path(snakemake.params.root),
        winter_root=Path(snakemake.params.winter_root),
        count=snakemake.params.pairs,
        boxes=read_table(snakemake.input.boxes),
    )
    contact_sheet(pairs, snakemake.output.figure)
    write_pairs(pairs, Path(snakemake.output.pairs))
