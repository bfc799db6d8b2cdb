"""Charts with numbers on hover, as plotly's figures; colours that depend on the scheme are set in the page."""

import json
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from snowdrift.attack.names import CEILINGS
from snowdrift.report.blocks import Chart, Table
from snowdrift.report.figures.attack import ceiling_of, mean_scores, shares
from snowdrift.report.figures.pictures import CLASS_COLOURS
from snowdrift.report.figures.plots import LOSS_PANELS
from snowdrift.report.figures.style import COLD, WARM
from snowdrift.report.tables import mean_matrix, test_sets, training_sets

COLOURS = (COLD, WARM, *CLASS_COLOURS[2:4], CLASS_COLOURS[1], CLASS_COLOURS[0])
FAINT = "#8794a1"
_POINTS = 400  # of a curve: more than a screen shows


def cross_domain_chart(means: pd.DataFrame) -> Chart:
    """MAP50 and mAP50-95 over all classes, with intervals, as heat maps: rows trained on, columns tested on.

    Args:
        means: see `means_with_intervals`.
    """
    titles = {"map50": "mAP50", "map50_95": "mAP50-95"}
    figure = make_subplots(1, 2, subplot_titles=list(titles.values()), horizontal_spacing=0.16)
    for column, (metric, title) in enumerate(titles.items(), 1):
        matrix, low, high = (mean_matrix(means, f"{metric}{end}") for end in ("", "_low", "_high"))
        figure.add_heatmap(
            # As the tables round: the page rounds no figure a second time.
            z=[[None if pd.isna(value) else round(value, 3) for value in row] for row in matrix.to_numpy()],
            x=list(matrix.columns),
            y=list(matrix.index),
            text=[
                [_span(*ends) for ends in zip(*row, strict=True)]
                for row in zip(low.to_numpy(), high.to_numpy(), strict=True)
            ],
            texttemplate="%{z:.3f}<br>%{text}",
            hovertemplate=f"trained on %{{y}}, tested on %{{x}}: {title} %{{z:.3f}}, %{{text}}<extra></extra>",
            colorscale="Blues",
            zmin=0,
            zmax=1,
            showscale=False,
            row=1,
            col=column,
        )
        figure.update_yaxes(autorange="reversed", row=1, col=column)
    figure.update_xaxes(title="tested on")
    figure.update_yaxes(title="trained on", col=1)
    return Chart(
        plain(figure, 120 + 60 * len(training_sets(means))),
        "Heat maps of mAP50 and mAP50-95 by training and test set",
        "All classes together, with 95 % intervals. 1 is perfect, 0 finds nothing. The tables below have the figures.",
    )


def _span(low: float, high: float) -> str:
    return "no interval" if pd.isna(low) else f"{low:.2f} to {high:.2f}"


def curves_chart(curves: pd.DataFrame) -> Chart:
    """Precision over recall of every detector, one panel a test set, all classes together, means over the seeds.

    Args:
        curves: `detection/curves.csv`.
    """
    keys = ["test_domain", "train_domain", "recall"]
    means = curves[curves["class_name"] == "all"].groupby(keys)["precision"].mean()
    tests = test_sets(curves)
    colour_of = dict(zip(training_sets(curves), cycle(COLOURS), strict=False))
    figure = make_subplots(
        1,
        len(tests),
        subplot_titles=[f"tested on {name}" for name in tests],
        shared_yaxes=True,
        horizontal_spacing=0.06,
    )
    rows = []
    for column, tested in enumerate(tests, 1):
        for trained, colour in colour_of.items():
            if (tested, trained) not in means.index.droplevel("recall"):
                continue
            curve = means.loc[tested, trained]
            _line(figure, curve.index, curve, trained, colour, column, f"trained on {trained}")
            at = [float(np.interp(recall, curve.index, curve)) for recall in (0.1, 0.3, 0.5, 0.7, 0.9)]
            rows.append([trained, tested, *at])
    figure.update_xaxes(title="recall", range=[0, 1.02])
    figure.update_yaxes(range=[0, 1.02])
    figure.update_yaxes(title="precision", col=1)
    header = ["trained on", "tested on", *(f"at recall {recall}" for recall in (0.1, 0.3, 0.5, 0.7, 0.9))]
    return Chart(
        plain(figure, 380),
        "Precision over recall of every detector on every test set",
        "Precision over recall at an overlap (IoU) of 0.5, mean over the classes that occur.",
        Table("Precision at some recalls", header, rows),
    )


def quality_chart(values: Mapping[str, pd.Series]) -> Chart:
    """Shares of the winter frames with people that keep at most so many of their edges, a curve a translator.

    Args:
        values: of each translator, the edges kept by each frame, 0 to 1, see `quality.frame_quality`.
    """
    figure = make_subplots(1, 1)
    rows = []
    for (name, kept), colour in zip(values.items(), cycle(COLOURS), strict=False):
        x, y = np.sort(kept.to_numpy(float)), np.arange(1, len(kept) + 1) / len(kept)
        _line(figure, *_thinned_evenly(x, y), name, colour, 1, f"{name}: share of the frames", step=True)
        quantiles = (float(part) for part in kept.quantile([0.05, 0.25, 0.5, 0.75]))
        rows.append([name, len(kept), *quantiles])
    figure.update_xaxes(title="edges of the faintest person that are kept", range=[0, 1])
    figure.update_yaxes(title="share of the frames", range=[0, 1.02])
    header = ["translator", "frames with people", "5 % keep less than", "a quarter", "half", "three quarters"]
    return Chart(
        plain(figure, 340),
        "Share of winter frames over the edges that their faintest person keeps, for each translator",
        "How far labels are still true: the lower a curve, the more frames keep the edges of all their people.",
        Table("Edges kept", header, rows),
    )


def losses_chart(losses: pd.DataFrame) -> Chart:
    """The CycleGAN's mean losses of each epoch, one panel a kind.

    Args:
        losses: `snow/cyclegan/losses.csv`.
    """
    panels = {title: series for title, series in LOSS_PANELS.items() if set(series) <= set(losses.columns)}
    figure = make_subplots(2, 2, subplot_titles=list(panels), horizontal_spacing=0.1, vertical_spacing=0.2)
    for place, (title, series) in enumerate(panels.items()):
        row, column = place // 2 + 1, place % 2 + 1
        for (name, label), colour in zip(series.items(), COLOURS, strict=False):
            hover = f"{title.lower()} {label}, epoch %{{x}}: %{{y:.4f}}<extra></extra>"
            figure.add_scatter(
                x=losses["epoch"].tolist(),
                y=losses[name].round(5).tolist(),
                mode="lines+markers" if len(losses) < 10 else "lines",
                name=label,
                line={"color": colour},
                hovertemplate=hover,
                showlegend=False,
                row=row,
                col=column,
            )
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(title="epoch", row=2)
    names = [name for series in panels.values() for name in series]
    shown = losses.iloc[np.unique(np.linspace(0, len(losses) - 1, min(len(losses), 20)).round().astype(int))]
    return Chart(
        plain(figure, 520),
        "Curves of the CycleGAN's losses over the epochs",
        "Mean losses of each epoch, weighted as in training. Blue: from frames to winter, and the judge of winter; "
        "orange: from snow to summer, and the judge of summer.",
        Table(
            "Losses of up to 20 epochs",
            ["epoch", *(name.replace("_", " ") for name in names), "learning rate"],
            [
                [int(row["epoch"]), *(float(row[name]) for name in names), f"{row['learning_rate']:.1e}"]
                for row in shown.to_dict("records")
            ],
        ),
    )


def attack_chart(rows: pd.DataFrame, traces: pd.DataFrame, queries: int, success: float) -> Chart:
    """The share of photographs that each attack has protected, and their mean score, over queries.

    Args:
        rows: `attack/results.csv`.
        traces: `attack/traces.parquet`.
        queries: most that an image was given.
        success: the score that counts as protected.
    """
    rows = rows[rows["is_attackable"]]
    ceiling = ceiling_of(rows)
    figure = make_subplots(
        1, 2, subplot_titles=["Photographs protected", "Mean score"], horizontal_spacing=0.1
    )
    black_box = [method for method in rows["method"].unique() if method not in CEILINGS]
    for method, colour in zip(black_box, (*COLOURS, FAINT, *COLOURS), strict=False):
        own = rows[rows["method"] == method]
        reached = np.sort(own.loc[own["success"], "queries"].to_numpy())
        means = mean_scores(traces[traces["method"] == method], own["image"], queries)
        for column, (x, y) in enumerate((shares(reached, len(own), queries), means), 1):
            _line(figure, *_thinned(x, y), method, colour, column, method, step=True)
    for column, top in enumerate((ceiling["success"].mean(), ceiling["score"].mean()), 1):
        if pd.notna(top):
            figure.add_hline(float(top), line={"dash": "dot", "color": FAINT}, row=1, col=column)
    figure.update_xaxes(type="log", title="queries for one photograph")
    figure.update_yaxes(range=[-0.03, 1.03])
    figure.update_yaxes(tickformat=".0%", col=1)
    return Chart(
        plain(figure, 380),
        "Share of photographs protected, and their mean score, over the queries spent",
        f"Protected: a score of {success:g} or more. Attacks stop there, `las_gsa_published` apart. Dotted: the "
        "better of two attacks that see the generator's gradients. The table below has the figures.",
    )


def times_chart(times: pd.DataFrame) -> Chart:
    """Time and memory of each rule, longest first.

    Args:
        times: see `tables.rule_times`.
    """
    figure = make_subplots(
        1,
        2,
        subplot_titles=["minutes, all jobs", "largest memory, GB"],
        shared_yaxes=True,
        horizontal_spacing=0.04,
    )
    values = {"min": times["seconds"] / 60, "GB": times["memory"] / 1024}
    for column, ((unit, amounts), colour) in enumerate(zip(values.items(), COLOURS, strict=False), 1):
        figure.add_bar(
            x=amounts.round(3).tolist(),
            y=times["rule"].tolist(),
            orientation="h",
            marker={"color": colour},
            hovertemplate=f"%{{y}}: %{{x:.2f}} {unit}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
    figure.update_yaxes(autorange="reversed")
    return Chart(
        plain(figure, 130 + 20 * len(times)),
        "Bars of the time and the largest memory of each rule",
        "From Snakemake's benchmark files. The table below has the figures.",
    )


def _line(
    figure: go.Figure,
    x: Sequence[float] | np.ndarray,
    y: Sequence[float] | np.ndarray,
    name: str,
    colour: str,
    column: int,
    label: str,
    *,
    step: bool = False,
) -> None:
    """One curve of a chart with a panel a column; the first panel's are in the legend."""
    figure.add_scatter(
        x=np.asarray(x).tolist(),
        y=np.asarray(y, float).round(5).tolist(),
        mode="lines",
        name=name,
        legendgroup=name,
        showlegend=column == 1,
        line={"color": colour, "shape": "hv" if step else "linear"},
        hovertemplate=f"{label}: %{{y:.3f}} at %{{x:.4g}}<extra></extra>",
        row=1,
        col=column,
    )


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most _POINTS of a curve's points, evenly over the logarithm of x, with its ends."""
    if len(x) <= _POINTS:
        return x, y
    wanted = np.searchsorted(x, np.geomspace(max(x[0], 1), x[-1], _POINTS - 2))
    kept = np.unique([0, *wanted.clip(max=len(x) - 1), len(x) - 1])
    return x[kept], y[kept]


def _thinned_evenly(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most _POINTS of a curve's points, evenly, with its ends."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).round().astype(int))
    return x[kept], y[kept]


def plain(figure: go.Figure, height: int) -> Mapping[str, Any]:
    """The figure as JSON's types, without plotly's own colours."""
    figure.update_yaxes(automargin=True, title_standoff=12)
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 60, "r": 15, "t": 40, "b": 45},
        legend={"orientation": "h", "y": -0.22},
        hoverlabel={"namelength": -1},
    )
    plain: dict[str, Any] = json.loads(figure.to_json())  # which makes null of NaN
    plain["layout"].pop("template", None)
    return plain
