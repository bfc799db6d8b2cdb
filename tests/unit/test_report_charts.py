"""The report's charts: they hold the tables' figures, and JSON that a page can."""

import json

import numpy as np
import pandas as pd
import pytest
from report_samples import without_videos
from test_report_attack import table as attack_rows
from test_report_attack import traces
from test_report_page import SCORES, cross_domain, curves
from test_report_xray import scores as xray_scores

from snowdrift.report.charts import study as charts
from snowdrift.report.charts import xray as xray_charts
from snowdrift.report.figures.plots import LOSS_PANELS
from snowdrift.report.figures.style import COLD, WARM
from snowdrift.report.sections.cross_domain import means_with_intervals


def strict(chart):
    """The chart's figure through JSON as browsers read it, which have no NaN."""
    return json.loads(json.dumps(chart.figure, allow_nan=False))


def heat_map(table):
    return charts.cross_domain_chart(means_with_intervals(table, without_videos(table, spread=0.01)))


def test_the_heat_map_has_the_scores_where_their_domains_are():
    table = cross_domain()
    figure = strict(heat_map(table))
    first = figure["data"][0]
    for (trained, tested), score in SCORES.items():
        assert first["z"][first["y"].index(trained)][first["x"].index(tested)] == score
    assert figure["data"][1]["z"][0][0] == pytest.approx(SCORES["original", "original"] / 2)
    low, high = map(float, first["text"][0][0].split(" to "))
    assert low < SCORES["original", "original"] < high
    assert strict(heat_map(table.assign(map50=0.67353)))["data"][0]["z"][0] == [0.674] * 2
    missing = table[(table["train_domain"] != "winter") | (table["test_domain"] != "winter")]
    second = strict(heat_map(missing))["data"][0]
    assert second["z"][1] == [0.3, None] and second["text"][1][1] == "no interval"


def test_a_training_set_more_is_a_row_more_and_a_curve_more():
    three = cross_domain()
    quarter = three[three["train_domain"] == "mixed"].assign(train_domain="quarter")
    more = pd.concat([three, quarter], ignore_index=True)
    first, usual = (strict(heat_map(table)) for table in (more, three))
    assert first["data"][0]["y"] == ["original", "winter", "mixed", "quarter"]
    assert [len(first["data"][0][part]) for part in ("z", "text")] == [4, 4]
    assert first["layout"]["height"] > usual["layout"]["height"]
    lines = strict(charts.curves_chart(pd.concat([curves(), curves().assign(train_domain="quarter")])))
    assert "quarter" in {line["name"] for line in lines["data"]}


def test_every_detector_has_its_curve_in_the_panel_of_each_test_domain():
    two = pd.concat([curves(), curves().assign(seed=1, precision=lambda rows: rows["precision"] / 2)])
    chart = charts.curves_chart(two)
    data = strict(chart)["data"]
    assert [(line["name"], line["xaxis"]) for line in data] == [
        (trained, axis) for axis in ("x", "x2") for trained in ("original", "winter", "mixed")
    ]
    assert data[0]["x"] == [0, 0.5, 1]
    assert data[0]["y"] == [0.75, 0.375, 0]  # the mean over both seeds
    assert [row[:2] for row in chart.table.rows[:2]] == [["original", "original"], ["winter", "original"]]
    assert chart.table.rows[0][2:] == pytest.approx([0.675, 0.525, 0.375, 0.225, 0.075])


def test_losses_have_every_epoch_in_the_chart_and_some_in_the_table():
    names = [name for series in LOSS_PANELS.values() for name in series]
    losses = pd.DataFrame({name: np.linspace(1, 0, 200) for name in names})
    losses = losses.assign(epoch=range(1, 201), learning_rate=2e-4)
    chart = charts.losses_chart(losses)
    data = strict(chart)["data"]
    assert len(data) == len(names)
    assert all(line["x"] == list(range(1, 201)) and line["y"][0] == 1 for line in data)
    assert len(chart.table.rows) == 20
    assert [chart.table.rows[place][0] for place in (0, -1)] == [1, 200]


def test_xray_scores_have_their_intervals_and_may_be_missing():
    scores = xray_scores(("xray_classifier", "inception"))
    scores.loc[scores["model"] == "gan", "kid"] = np.nan
    data = strict(xray_charts.scores_chart(scores, "xray_classifier"))["data"]
    panel = dict(zip(xray_charts.SCORE_PANELS, data, strict=True))
    values, bars = panel["inception_gap"]["x"], panel["inception_gap"]["error_x"]
    assert bars["array"] == pytest.approx([2.1 - value for value in values])
    assert bars["arrayminus"] == pytest.approx([value - 1.2 for value in values])
    assert panel["kid"]["x"][panel["kid"]["y"].index("gan")] is None


def test_a_baseline_far_off_does_not_squeeze_the_models():
    scores = xray_scores()
    near = strict(xray_charts.scores_chart(scores, "xray_classifier"))["layout"]
    baseline = ~scores["role"].isin([xray_charts.MODEL, xray_charts.YARDSTICK])
    scores.loc[baseline, ["kid", "kid_low", "kid_high"]] = 300.0
    far = strict(xray_charts.scores_chart(scores, "xray_classifier"))["layout"]
    axis = f"xaxis{list(xray_charts.SCORE_PANELS).index('kid') + 1}"
    assert "range" not in near[axis]
    assert far[axis]["range"] == pytest.approx([1.11, 2.19])


def test_xray_losses_have_their_epochs_and_probabilities_apart():
    epochs = {"epoch": range(1, 6), "seconds": 1.0}
    gan = pd.DataFrame(epochs | {"generator": [5, 4, 3, 2, 1.0], "real_score": 0.5, "fake_score": np.nan})
    vae = pd.DataFrame(epochs | {"loss": [9, 8, 7, 6, 5.0]})
    chart = xray_charts.losses_chart({"gan": gan, "vae": vae})
    data = strict(chart)["data"]
    assert [(line["xaxis"], line["y"]) for line in data] == [
        ("x", [5, 4, 3, 2, 1]),
        ("x2", [0.5] * 5),
        ("x2", [None] * 5),
        ("x3", [9, 8, 7, 6, 5]),
    ]
    assert chart.table.rows[0] == ["gan: losses", "generator", 5, 3, 1]
    titles = [note["text"] for note in strict(chart)["layout"]["annotations"]]
    assert titles[1].endswith(
        f'<br><span style="color:{COLD}">real</span>, <span style="color:{WARM}">fake</span>'
    )
    assert data[2]["line"]["color"] == WARM
    assert [row[1] for row in chart.table.rows] == ["generator", "real", "fake", "loss"]


def test_attacks_have_shares_and_scores_over_queries():
    rows = attack_rows()
    chart = charts.attack_chart(rows, traces(), 1000, 0.75)
    data = strict(chart)["data"]
    assert {line["name"] for line in data} == {"las_gsa", "rgf"}
    shares = [line for line in data if line["xaxis"] == "x"]
    assert all(line["y"] == sorted(line["y"]) and line["x"][-1] == 1000 for line in shares)
    done = rows[(rows["method"] == "las_gsa") & rows["success"]]
    assert shares[0]["y"][-1] == pytest.approx(len(done) / rows["image"].nunique(), abs=1e-4)


def test_nothing_was_worth_protecting_and_the_chart_still_stands():
    rows = attack_rows(attackable=False)
    assert strict(charts.attack_chart(rows, traces(), 1000, 0.75))["data"] == []


def test_long_curves_are_thinned_and_keep_their_ends():
    x = np.arange(1, 100_001)
    thin_x, thin_y = charts._thinned(x, x / 1e5)
    assert len(thin_x) <= 400
    assert (thin_x[0], thin_x[-1], thin_y[-1]) == (1, 100_000, 1.0)
    assert np.array_equal(thin_y, thin_x / 1e5)


def test_time_and_memory_have_a_bar_for_every_rule():
    times = pd.DataFrame(
        {"rule": ["a", "b"], "jobs": [1, 2], "seconds": [120.0, 30.0], "memory": [2048, np.nan]}
    )
    minutes, memory = strict(charts.times_chart(times))["data"]
    assert (minutes["y"], minutes["x"]) == (["a", "b"], [2.0, 0.5])
    assert memory["x"] == [2.0, None]
