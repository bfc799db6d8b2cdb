"""Plots of the losses and of the cross-domain matrix."""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snowdrift.report.figures.pictures import INK
from snowdrift.report.figures.style import COLD, GRID, STYLE, WARM, write_figure
from snowdrift.report.sections.cross_domain import means_with_intervals
from snowdrift.report.tables import mean_matrix, training_sets

LOSS_PANELS = {
    "Generator": {"generator_ab": "frames to winter", "generator_ba": "snow to summer"},
    "Discriminator": {"discriminator_a": "of winter", "discriminator_b": "of summer"},
    "Cycle": {"cycle_a": "frames and back", "cycle_b": "snow and back"},
    "Identity": {"identity_a": "snow made winter", "identity_b": "frames made summer"},
}


def plot_losses(losses: pd.DataFrame, output: Path | str) -> None:
    """Plot the CycleGAN's mean losses of each epoch, one panel a kind of loss, and the learning rate.

    Args:
        losses: `snow/cyclegan/losses.csv`.
        output: PNG or SVG, by the suffix.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 7.2), layout="constrained")
        axes = figure.subplots(3, 2).flat
        for axis, (title, series) in zip(axes, LOSS_PANELS.items(), strict=False):
            _panel(axis, losses, title, series)
        _panel(axes[4], losses, "Learning rate", {"learning_rate": ""})
        axes[4].ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
        axes[5].axis("off")
        write_figure(figure, output)


def plot_cross_domain(cross_domain: pd.DataFrame, left_out: pd.DataFrame, output: Path | str) -> None:
    """Plot mAP50 and mAP50-95 over all classes, with intervals, as heat maps: rows trained on, columns tested on.

    Args:
        cross_domain: `detection/cross_domain.csv`; the mean over its seeds is shown.
        left_out: `detection/left_out.parquet`.
        output: PNG or SVG, by the suffix.
    """
    means = means_with_intervals(cross_domain, left_out)
    with matplotlib.rc_context(STYLE):
        titles = {"map50": "mAP50", "map50_95": "mAP50-95"}
        figure = Figure(figsize=(6.4, 2 + 0.5 * len(training_sets(means))), layout="constrained")
        for axis, (metric, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
            _heat_map(axis, means, metric, title)
        write_figure(figure, output)


def _panel(axis: Axes, losses: pd.DataFrame, title: str, series: dict[str, str]) -> None:
    marker = "o" if len(losses) < 10 else ""
    for (column, label), colour in zip(series.items(), (COLD, WARM), strict=False):
        axis.plot(losses["epoch"], losses[column], color=colour, marker=marker, markersize=3, label=label)
    axis.set_title(title, loc="left", fontsize=11)
    axis.set_xlabel("epoch")
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(color=GRID, linewidth=0.6)
    if len(series) > 1:
        axis.legend(frameon=False, fontsize=9)


def _heat_map(axis: Axes, means: pd.DataFrame, metric: str, title: str) -> None:
    matrix, low, high = (mean_matrix(means, f"{metric}{end}") for end in ("", "_low", "_high"))
    axis.imshow(matrix, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for row, scores in enumerate(matrix.to_numpy()):
        for column, value in enumerate(scores):
            text = "none" if pd.isna(value) else f"{value:.3f}"
            colour = "white" if value > 0.55 else INK
            axis.text(column, row, text, ha="center", va="bottom", fontsize=14, color=colour)
            ends = [matrix_of.iloc[row, column] for matrix_of in (low, high)]
            if not any(map(pd.isna, ends)):
                span = f"{ends[0]:.2f} to {ends[1]:.2f}"
                axis.text(column, row + 0.08, span, ha="center", va="top", fontsize=9, color=colour)
    axis.set_title(title, loc="left", fontsize=12)
    axis.set_xticks(range(matrix.shape[1]), matrix.columns)
    axis.set_yticks(range(matrix.shape[0]), matrix.index)
    axis.set_xlabel("tested on")
    axis.set_ylabel("trained on")
    axis.tick_params(length=0, colors=INK)
    axis.spines[:].set_visible(False)
