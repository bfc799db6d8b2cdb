"""Plots of the X-ray chapter: scores with their intervals, and what the trainings report."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from snowdrift.report.figures.pictures import CLASS_COLOURS, FAINT, INK
from snowdrift.report.figures.style import COLD, GRID, STYLE, WARM, write_figure
from snowdrift.scores.roles import MODEL, YARDSTICK


class Panel(NamedTuple):
    """One score: its title, and the scale of its axis as matplotlib names it."""

    title: str
    scale: str = "linear"


class LossPanel(NamedTuple):
    """What one training reports of one kind: a title, its epochs, and each series by its name."""

    title: str
    epochs: pd.Series
    series: dict[str, pd.Series]


SCORE_PANELS = {
    "study_inception_score": Panel("Inception Score as in the study"),
    "inception_gap": Panel("Its gap to real images"),
    "fid": Panel("FID, lower is better", "log"),
    "kid": Panel("KID, lower is better", "symlog"),
    "precision": Panel("Precision"),
    "coverage": Panel("Coverage"),
    "distance_ratio": Panel("Distances between images"),
    "near_copies": Panel("Near-copies"),
    "auc": Panel("Told from real, 0.5 is perfect"),
    "sharpness": Panel("Sharpness"),
}
"""Columns of `xray/scores.csv`, in the order of their panels."""


def plot_scores(scores: pd.DataFrame, output: Path | str) -> None:
    """Plot every score, models as rows: a block of panels for each extractor.

    Models are drawn strong, held-out real images as a yardstick with a line through the panel, baselines
    faint. Bars are 95 % intervals; scores without one are points.

    Args:
        scores: `xray/scores.csv`.
        output: PNG or SVG, by the suffix.
    """
    extractors = list(scores["extractor"].unique())
    with matplotlib.rc_context({**STYLE, "font.size": 9}):
        rows = scores["model"].nunique()
        figure = Figure(figsize=(9.6, len(extractors) * (2 + 0.45 * rows)), layout="constrained")
        blocks = figure.subfigures(len(extractors), 1, squeeze=False)[:, 0]
        for block, extractor in zip(blocks, extractors, strict=True):
            block.suptitle(f"Features of the {extractor} extractor", x=0.01, ha="left", fontsize=11)
            axes = block.subplots(2, len(SCORE_PANELS) // 2, sharey=True).flat
            own = scores[scores["extractor"] == extractor]
            for axis, (score, panel) in zip(axes, SCORE_PANELS.items(), strict=True):
                _score_panel(axis, own, score, panel)
        write_figure(figure, output)


def plot_training(losses: Mapping[str, pd.DataFrame], output: Path | str) -> None:
    """Plot the losses of each model over its epochs, one panel a model and one for what else it reports.

    Args:
        losses: each model's `losses.csv`.
        output: PNG or SVG, by the suffix.
    """
    panels = loss_panels(losses)
    with matplotlib.rc_context(STYLE):
        lines = -(-len(panels) // 2)
        figure = Figure(figsize=(6.8, 2.4 * lines), layout="constrained")
        axes = list(figure.subplots(lines, 2, squeeze=False).flat)
        for axis, panel in zip(axes, panels, strict=False):
            _draw_losses(axis, panel)
        for axis in axes[len(panels) :]:
            axis.axis("off")
        write_figure(figure, output)


def loss_panels(losses: Mapping[str, pd.DataFrame]) -> list[LossPanel]:
    """What the trainings report, by model, with probabilities apart from losses.

    Args:
        losses: each model's `losses.csv`; columns that end in `_score` are probabilities.
    """
    panels = []
    for model, table in losses.items():
        reported = table.drop(columns=["epoch", "seconds"], errors="ignore")
        chances = reported.filter(regex="_score$")
        kinds = {
            "losses": reported.drop(columns=chances.columns),
            "called real by the discriminator": chances,
        }
        panels += [
            LossPanel(
                f"{model}: {kind}",
                table["epoch"],
                {name.removesuffix("_score").replace("_", " "): values for name, values in columns.items()},
            )
            for kind, columns in kinds.items()
            if len(columns.columns)
        ]
    return panels


def _draw_losses(axis: Axes, panel: LossPanel) -> None:
    marker = "o" if len(panel.epochs) < 10 else ""
    for (label, values), colour in zip(panel.series.items(), (COLD, WARM, *CLASS_COLOURS[2:4]), strict=False):
        axis.plot(panel.epochs, values, color=colour, marker=marker, markersize=3, label=label)
    axis.set_title(panel.title, loc="left", fontsize=10)
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(color=GRID, linewidth=0.6)
    axis.legend(frameon=False, fontsize=8)


def _score_panel(axis: Axes, scores: pd.DataFrame, score: str, panel: Panel) -> None:
    for place, row in enumerate(scores.itertuples()):
        value = getattr(row, score)
        colour = {MODEL: COLD, YARDSTICK: INK}.get(row.role, FAINT)
        low, high = (getattr(row, f"{score}_{end}", value) for end in ("low", "high"))
        axis.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        axis.plot(value, place, "o" if row.role == MODEL else "D", color=colour, markersize=4.5)
        if row.role == YARDSTICK:
            axis.axvline(value, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    _scale(axis, scores, score, panel)
    axis.set_title(panel.title, loc="left", fontsize=9)
    axis.set_yticks(range(len(scores)), scores["model"], color=INK)
    axis.set_ylim(len(scores) - 0.4, -0.6)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.tick_params(axis="y", length=0)


def _scale(axis: Axes, scores: pd.DataFrame, score: str, panel: Panel) -> None:
    """Logarithmic where baselines lie far off; linear about 0 where a score can be negative."""
    if panel.scale == "symlog":
        positive = scores[score][scores[score] > 0]
        axis.set_xscale("symlog", linthresh=float(positive.min()) if len(positive) else 1.0)
    elif panel.scale == "log" and (scores[score] > 0).all():
        axis.set_xscale("log")
    if panel.scale == "linear":
        axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_minor_formatter(NullFormatter())
