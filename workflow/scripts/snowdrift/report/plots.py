"""Plots of the losses and of the cross-domain matrix."""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snowdrift.report.pictures import INK
from snowdrift.report.style import COLD, GRID, STYLE, WARM, write_figure
from snowdrift.report.tables import mean_matrix

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


def plot_cross_domain(cross_domain: pd.DataFrame, output: Path | str) -> None:
    """Plot mAP50 and mAP50-95 over all classes as heat maps: rows trained on, columns tested on.

    Args:
        cross_domain: `detection/cross_domain.csv`; the mean over its seeds is shown.
        output: PNG or SVG, by the suffix.
    """
    with matplotlib.rc_context(STYLE):
        titles = {"map50": "mAP50", "map50_95": "mAP50-95"}
        matrices = {title: mean_matrix(cross_domain, metric) for metric, title in titles.items()}
        height = 2 + 0.5 * len(matrices["mAP50"])
        figure = Figure(figsize=(6.4, height), layout="constrained")
        for axis, (title, matrix) in zip(figure.subplots(1, 2), matrices.items(), strict=True):
            _heat_map(axis, matrix, title)
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


def _heat_map(axis: Axes, matrix: pd.DataFrame, title: str) -> None:
    axis.imshow(matrix, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for row, scores in enumerate(matrix.to_numpy()):
        for column, value in enumerate(scores):
            text = "none" if pd.isna(value) else f"{value:.3f}"
            colour = "white" if value > 0.55 else INK
            axis.text(column, row, text, ha="center", va="center", fontsize=14, color=colour)
    axis.set_title(title, loc="left", fontsize=12)
    axis.set_xticks(range(matrix.shape[1]), matrix.columns)
    axis.set_yticks(range(matrix.shape[0]), matrix.index)
    axis.set_xlabel("tested on")
    axis.set_ylabel("trained on")
    axis.tick_params(length=0, colors=INK)
    axis.spines[:].set_visible(False)
