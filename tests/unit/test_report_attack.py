"""The attack's section and figures, from tables of known content."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from snowdrift.attack.names import CEILINGS, TRANSFORMATIONS
from snowdrift.attack.summary import summarise
from snowdrift.report.blocks import Table, Text
from snowdrift.report.figures.attack import CELL, draw_protected, mean_scores, plot_progress, shares
from snowdrift.report.sections.attack import AttackFiles, attack_section
from snowdrift.runtime.errors import SnowdriftError

METHODS = ("las_gsa", "rgf")
SETTINGS = {
    "methods": list(METHODS),
    "epsilon": 0.1,
    "success": 0.75,
    "queries": 1000,
    "ceiling_steps": 50,
    "size": 32,
}
CONFIG = {"attack": SETTINGS, "report": {"protected": 2}}


def table(top=0.9, attackable=True):
    rows = []
    for method in (*CEILINGS, *METHODS):
        for number in range(3):
            score = {"las_gsa": 0.8, "rgf": 0.3}.get(method, top)
            rows.append(
                {
                    "image": f"<V>/{number}",
                    "method": method,
                    "queries": 100 + number,
                    "spent": 1000,
                    "score": score,
                    "success": score >= 0.75,
                    "passed": score >= 0.75,
                    "is_attackable": attackable,
                    "translation_energy": 0.04 * 3 * 32**2,
                    "ceiling": top,
                    "half_ceiling_queries": 50.0,
                    "group": f"V{number}",
                    "budget": 1000,
                    "linf": 0.1,
                    "psnr": 30.0,
                    "ssim": 0.9,
                    **{f"score_{name}": 0.5 for name in TRANSFORMATIONS},
                    "score_transfer": np.nan,
                }
            )
    return pd.DataFrame(rows)


def traces():
    rows = table()
    steps = [
        (row.image, row.method, queries, row.score * queries / 100)
        for row in rows.itertuples()
        for queries in (50, 100)
    ]
    return pd.DataFrame(steps, columns=["image", "method", "queries", "score"])


@pytest.fixture
def pictures(tmp_path):
    for number in range(3):
        folder = tmp_path / "pictures/0/<V>" / str(number)
        folder.mkdir(parents=True)
        names = [
            "original",
            "winter",
            *(f"{m}_{kind}" for m in (*CEILINGS, *METHODS) for kind in ("protected", "winter")),
        ]
        for shade, name in enumerate(names):
            Image.new("RGB", (32, 32), (100 + shade, 100, 100)).save(folder / f"{name}.png")
    return [tmp_path / "pictures/0"]


def section(tmp_path, rows):
    rows.to_csv(tmp_path / "results.csv", index=False)
    summarise(rows).to_csv(tmp_path / "summary.csv", index=False)
    (tmp_path / "protected.png").write_bytes(b"x")
    traces().to_parquet(tmp_path / "traces.parquet")
    files = AttackFiles(
        *(tmp_path / name for name in ("results.csv", "summary.csv", "protected.png", "traces.parquet"))
    )
    return attack_section(files, CONFIG)


def texts(found):
    return " ".join(block.text for block in found.blocks if isinstance(block, Text))


def test_the_section_answers_with_the_first_method_and_the_ceiling(tmp_path):
    found = section(tmp_path, table())
    assert "3 of 3 photographs were protected" in texts(found)
    assert "101 (99 to 103) queries" in texts(found)
    assert "3 of 3 protected, mean score 0.90" in texts(found)
    assert "even gradients leave" not in texts(found)


def test_a_low_ceiling_is_explained(tmp_path):
    found = texts(section(tmp_path, table(top=0.4)))
    assert "changes these photographs by 0.20 (root mean square), where 0.1 may be spent" in found
    weak = table(top=0.4).assign(translation_energy=0.0001)
    assert "More steps may raise it" in texts(section(tmp_path, weak))


def test_photographs_that_do_not_count_are_mentioned_and_left_out_of_all_figures(tmp_path):
    rows = table()
    rows.loc[rows["image"] == "<V>/0", ["is_attackable", "psnr"]] = (False, np.inf)
    found = texts(section(tmp_path, rows))
    assert "2 of 2 photographs" in found and "30.0 dB" in found
    assert "1 more do not count" in found


def test_a_generator_that_changes_nothing_is_said_to(tmp_path):
    assert "nothing to protect them from" in texts(section(tmp_path, table(attackable=False)))


def test_no_figures_are_given_of_a_change_that_is_none(tmp_path):
    rows = table()
    rows.loc[rows["method"] == "las_gsa", ["linf", "score", "success"]] = (0.0, 0.0, False)
    assert "las_gsa changed none of 3 photographs" in texts(section(tmp_path, rows))


def test_attacks_that_changed_nothing_are_named(tmp_path):
    assert "No photograph was changed" not in texts(section(tmp_path, table()))
    rows = table()
    rows.loc[rows["method"] == "rgf", "linf"] = 0.0
    assert "No photograph was changed by rgf: a first step may cost more" in texts(section(tmp_path, rows))


def test_tables_have_all_methods_and_no_column_for_a_generator_that_was_not_named(tmp_path):
    reached, lasting = (block for block in section(tmp_path, table()).blocks if isinstance(block, Table))
    assert [row[0] for row in reached.rows] == [*CEILINGS, *METHODS]
    assert "second generator" not in lasting.header
    assert "JPEG 75" in lasting.header
    transferred = table().assign(score_transfer=0.1)
    _, lasting = (block for block in section(tmp_path, transferred).blocks if isinstance(block, Table))
    assert lasting.header[-1] == "second generator"


def test_the_sheet_shows_eight_pictures_a_photograph_and_the_change_magnified(tmp_path, pictures):
    draw_protected(table(), pictures, "las_gsa", 2, tmp_path / "sheet.png")
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.width == 8 * (CELL + 6) + 6
    change = sheet.getpixel((6 + 3 * (CELL + 6) + CELL // 2, 6 + 20 + CELL // 2))
    # las_gsa_protected is 6 levels redder than the original, on a scale about gray.
    assert change == (127 + 60, 127, 127)


def test_a_photograph_without_pictures_is_named(tmp_path, pictures):
    with pytest.raises(SnowdriftError, match="V>/0"):
        draw_protected(table(), [tmp_path / "elsewhere"], "las_gsa", 2, tmp_path / "sheet.png")


def test_progress_is_plotted_the_same_way_twice_with_every_method(tmp_path):
    for name in ("one.svg", "two.svg"):
        plot_progress(table(), traces(), 1000, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_progress_is_the_share_of_images_and_the_mean_of_their_scores():
    queries, reached = shares(np.array([10, 20]), 4, 100)
    assert queries.tolist() == [1, 10, 20, 100]
    assert reached.tolist() == [0, 0.25, 0.5, 0.5]
    steps = pd.DataFrame(
        {"image": ["a", "b", "a"], "queries": [10, 20, 30], "score": [0.2, 0.4, 0.6], "method": "las_gsa"}
    )
    queries, means = mean_scores(steps, pd.Series(["a", "b"]), 100)
    assert queries.tolist() == [1, 10, 20, 30, 100]
    assert means == pytest.approx([0, 0.1, 0.3, 0.5, 0.5])


def test_progress_of_attacks_that_never_answered_is_flat(tmp_path):
    plot_progress(table(), traces()[:0], 1000, tmp_path / "flat.svg")
    assert (tmp_path / "flat.svg").stat().st_size > 1000
