"""Rule draw_xray: sheets of real and generated X-rays, their scores, nearest training images and losses."""

from pathlib import Path

from snowdrift.report.figures.xray_plots import plot_scores, plot_training
from snowdrift.report.figures.xray_sheets import draw_neighbours, draw_sheet
from snowdrift.runtime.files import read_table
from snowdrift.runtime.job import job
from snowdrift.xray.index import class_images
from snowdrift.xray.samples import read_samples

with job(snakemake.log[0], snakemake.output):
    root, models = Path(snakemake.params.root), snakemake.params.models
    names = class_images(read_table(snakemake.input.images), "train", snakemake.params.class_name)
    pictures = [sorted(Path(folder).glob("*.png")) for folder in snakemake.input.pictures]
    draw_sheet(
        [root / name for name in names], dict(zip(models, pictures, strict=True)), snakemake.output.sheet
    )
    samples = [read_samples(Path(path)) for path in snakemake.input.samples]
    draw_neighbours(
        read_table(snakemake.input.neighbours),
        dict(zip(models, samples, strict=True)),
        root,
        snakemake.output.neighbours_picture,
    )
    plot_scores(read_table(snakemake.input.scores), snakemake.output.scores_plot)
    losses = [read_table(path) for path in snakemake.input.losses]
    plot_training(dict(zip(models, losses, strict=True)), snakemake.output.losses_plot)
