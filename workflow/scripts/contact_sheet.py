"""Rule contact_sheet: originals beside their winter versions, for the eye."""

from functools import partial
from pathlib import Path

import pandas as pd

from snowdrift.data.tables import winter_folder
from snowdrift.report.contact_sheet import Ranked, choose_pairs, contact_sheet, write_pairs
from snowdrift.report.fading import rank_pairs
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

RANKED, EXTREMES = 200, 2  # frames that are held against each other, and shown of the best and of the worst

with job(snakemake.log[0], snakemake.output):
    choose = partial(
        choose_pairs,
        read_table(snakemake.input.frames),
        pd.concat([read_table(manifest) for manifest in snakemake.input.manifests]),
        root=Path(snakemake.params.root),
        winter_root=winter_folder(snakemake.input.manifests[0]),
        boxes=read_table(snakemake.input.boxes),
    )
    pairs = choose(count=snakemake.params.pairs)
    contact_sheet(pairs, snakemake.output.figure)
    extremes = rank_pairs(choose(count=RANKED), EXTREMES)
    write_pairs([*map(Ranked, pairs), *extremes], Path(snakemake.output.pairs))
