"""Charts of the X-ray chapter: scores with their intervals, and the losses of the trainings."""

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd
from plotly.subplots import make_subplots

from snowdrift.report.blocks import Chart, Table
from snowdrift.report.charts.study import COLOURS, FAINT, plain
from snowdrift.report.figures.style import COLD, WARM
from snowdrift.report.figures.xray_plots import SCORE_PANELS, LossPanel, loss_panels
from snowdrift.scores.roles import MODEL, YARDSTICK


def scores_chart(scores: pd.DataFrame, extractor: str) -> Chart:
    """Every score of every model with its interval, by the features of one extractor.

    Args:
        scores: `xray/scores.csv`.
        extractor: whose rows are shown.
    """
    own = scores[scores["extractor"] == extractor]
    columns = 4
    figure = make_subplots(
        -(-len(SCORE_PANELS) // columns),
        columns,
        subplot_titles=[panel.title for panel in SCORE_PANELS.values()],
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.16,
    )
    for place, (score, panel) in enumerate(SCORE_PANELS.items()):
        row, column = place // columns + 1, place % columns + 1
        values = own[score]
        low, high = (own.get(f"{score}_{end}", values) for end in ("low", "high"))
        figure.add_scatter(
            x=values.tolist(),
            y=own["model"].tolist(),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (high - values).tolist(),
                "arrayminus": (values - low).tolist(),
                "color": FAINT,
            },
            mode="markers",
            marker={
                "color": [{MODEL: COLD, YARDSTICK: WARM}.get(role, FAINT) for role in own["role"]],
                "size": 8,
            },
            customdata=np.stack([low, high], axis=1).tolist(),
            hovertemplate="%{y}: %{x:.4g} (%{customdata[0]:.4g} to %{customdata[1]:.4g})<extra></extra>",
            showlegend=False,
            row=row,
            col=column,
        )
        if panel.scale == "log" and (values > 0).all():
            figure.update_xaxes(type="log", row=row, col=column)
        elif limits := _limits_without_outliers(own, values, low, high):
            figure.update_xaxes(range=limits, row=row, col=column)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(nticks=4)
    figure.update_annotations(font_size=11)
    return Chart(
        plain(figure, 180 + 2 * 28 * len(own)),
        f"Every score of every model, with its interval, {extractor} extractor",
        f"Features of the {extractor} extractor. Bars: 95 % intervals of the drawing of images; a second training may "
        "differ by more. Blue: models; orange: held-out real images; gray: training images against each other, other "
        "real images, and the baselines. Gray points far off are left out; the tables below have all figures.",
    )


def _limits_without_outliers(
    rows: pd.DataFrame, values: pd.Series, low: pd.Series, high: pd.Series
) -> list[float] | None:
    """Limits of an axis for models and real images, where a baseline lies so far off that it would squeeze them."""
    compared = rows["role"].isin([MODEL, YARDSTICK])
    bottom, top = float(low[compared].min()), float(high[compared].max())
    span = top - bottom
    if not values.sub(top).gt(2 * span).any() and not (bottom - values).gt(2 * span).any():
        return None
    return [bottom - 0.1 * span, top + 0.1 * span]


def losses_chart(losses: Mapping[str, pd.DataFrame]) -> Chart:
    """What each training reports over its epochs, one panel a model and kind.

    Args:
        losses: each model's `losses.csv`.
    """
    panels = loss_panels(losses)
    columns = 2
    rows = -(-len(panels) // columns)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[_title_with_legend(panel) for panel in panels],
        horizontal_spacing=0.1,
        vertical_spacing=0.35 / rows,
    )
    figure.update_annotations(font_size=13)
    figures = []
    for place, panel in enumerate(panels):
        for (name, values), colour in zip(panel.series.items(), COLOURS, strict=False):
            figure.add_scatter(
                x=panel.epochs.tolist(),
                y=values.round(5).tolist(),
                mode="lines+markers" if len(values) < 10 else "lines",
                line={"color": colour},
                hovertemplate=f"{panel.title}, {name}, epoch %{{x}}: %{{y:.4f}}<extra></extra>",
                showlegend=False,
                row=place // columns + 1,
                col=place % columns + 1,
            )
            figures.append([panel.title, name, *(float(values.iloc[at]) for at in _stages(len(values)))])
    figure.update_xaxes(title="epoch", row=rows)
    return Chart(
        plain(figure, 110 + 210 * rows),
        "Curves of the losses of each model over its epochs",
        "What the trainings report. Only the VAE's losses have to fall.",
        Table(
            "Losses along the trainings", ["training", "of", "first epoch", "halfway", "last epoch"], figures
        ),
    )


def _title_with_legend(panel: LossPanel) -> str:
    names = [
        f'<span style="color:{colour}">{escape(name)}</span>'
        for name, colour in zip(panel.series, COLOURS, strict=False)
    ]
    return f"{escape(panel.title)}<br>{', '.join(names)}"


def _stages(epochs: int) -> tuple[int, int, int]:
    return 0, (epochs - 1) // 2, epochs - 1
