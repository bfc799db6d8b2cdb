"""Rule contact_sheet: originals beside their winter versions, for the eye."""

from pathlib import Path

import pandas as pd

from snowdrift.data.tables import winter_folder
from snowdrift.report.figures.contact_sheet import (
    Ranked,
    choose_pairs,
    contact_sheet,
    rank_pairs,
    write_pairs,
)
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

EXTREMES = 2  # frames that are shown of the best and of the worst

with job(snakemake.log[0], snakemake.output):
    study = {
        "frames": read_table(snakemake.input.frames),
        "manifests": pd.concat([read_table(manifest) for manifest in snakemake.input.manifests]),
        "root": Path(snakemake.params.root),
        "winter_root": winter_folder(snakemake.input.manifests[0]),
        "boxes": read_table(snakemake.input.boxes),
    }
    pairs = choose_pairs(**study, count=snakemake.params.pairs)
    contact_sheet(pairs, snakemake.output.figure)
    extremes = rank_pairs(read_table(snakemake.input.quality), **study, count=EXTREMES)
    write_pairs([*map(Ranked, pairs), *extremes], Path(snakemake.output.pairs))
