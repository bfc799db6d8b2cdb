"""Rule draw_detections: what each model finds on the same few test frames."""

import pandas as pd

from snowdrift.detection.datasets import read_boxes
from snowdrift.report.figures.detections import draw_detections
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job

with job(snakemake.log[0], snakemake.output):
    draw_detections(
        pd.concat([read_table(table) for table in snakemake.input.examples]),
        read_boxes(snakemake.input.boxes, snakemake.input.true_winter),
        snakemake.params.class_names,
        snakemake.output.figure,
    )
