"""Sheets and plots: what is chosen, what is drawn, and that it repeats byte by byte."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageColor
from report_samples import without_videos

from snowdrift.report.figures.contact_sheet import (
    Ranked,
    choose_pairs,
    contact_sheet,
    rank_pairs,
    write_pairs,
)
from snowdrift.report.figures.detections import draw_detections
from snowdrift.report.figures.pictures import colour_of, data_uri, draw_label
from snowdrift.report.figures.plots import LOSS_PANELS, plot_cross_domain, plot_losses
from snowdrift.runtime.errors import SnowdriftError

BOX_COLUMNS = ["frame_id", "class_id", "x_center", "y_center", "box_width", "box_height"]
NO_BOXES = pd.DataFrame(columns=BOX_COLUMNS)


def frames_table(videos, length=4, without_people=()):
    rows = [
        (
            f"{video}/{index}",
            video,
            f"{video}/images/{index}.png",
            split,
            int(index not in without_people),
            "ok",
        )
        for video, split in videos.items()
        for index in range(length)
    ]
    return pd.DataFrame(rows, columns=["frame_id", "video", "image", "split", "boxes", "status"])


def manifest_of(frames):
    return pd.DataFrame({"frame_id": frames["frame_id"], "image": frames["image"]})


def choose(frames, count, tmp_path, boxes=NO_BOXES):
    return choose_pairs(frames, manifest_of(frames), tmp_path / "summer", tmp_path / "winter", count, boxes)


def has_colour(picture, colour, tolerance=40):
    distance = np.abs(np.asarray(picture, dtype=int) - ImageColor.getrgb(colour)).max(axis=-1)
    return bool((distance < tolerance).any())


def test_pairs_take_every_test_video_before_any_other(tmp_path):
    frames = frames_table({"a": "train", "b": "test", "c": "test", "d": "val"})
    chosen = choose(frames, 4, tmp_path)
    assert [pair.frame_id.split("/")[0] for pair in chosen] == ["b", "b", "c", "c"]
    more = choose(frames, 10, tmp_path)
    assert [pair.split for pair in more] == ["test"] * 8 + ["val"] * 2


def test_pairs_spread_over_videos_where_there_are_more_than_asked_for(tmp_path):
    frames = frames_table({f"v{index}": "test" for index in range(6)})
    chosen = [pair.frame_id.split("/")[0] for pair in choose(frames, 3, tmp_path)]
    assert chosen == ["v1", "v3", "v5"]


def test_pairs_prefer_frames_with_people_and_leave_out_faulty_ones(tmp_path):
    frames = frames_table({"a": "test"}, without_people=(0, 1, 2))
    assert [pair.frame_id for pair in choose(frames, 1, tmp_path)] == ["a/3"]
    frames["status"] = "rejected"
    with pytest.raises(SnowdriftError, match="manifests"):
        choose(frames, 1, tmp_path)


def test_contact_sheet_shows_both_versions_with_boxes_and_repeats(tmp_path):
    frames = frames_table({"a": "test"}, length=1)
    for folder, colour in (("summer", "#008000"), ("winter", "#e0f0ff")):
        path = tmp_path / folder / frames["image"][0]
        path.parent.mkdir(parents=True)
        Image.new("RGB", (80, 45), colour).save(path)
    boxes = pd.DataFrame([("a/0", 1, 0.5, 0.5, 0.4, 0.4)], columns=BOX_COLUMNS)
    pairs = choose(frames, 1, tmp_path, boxes)
    for name in ("one.png", "two.png"):
        contact_sheet(pairs, tmp_path / name)
    sheet = Image.open(tmp_path / "one.png")
    left, right = (
        sheet.crop((0, 0, sheet.width // 2, sheet.height)),
        sheet.crop((sheet.width // 2, 0, *sheet.size)),
    )
    assert has_colour(left, "#008000")
    assert not has_colour(right, "#008000")
    assert has_colour(left, "#d55e00", 5)
    assert has_colour(right, "#d55e00", 5)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    write_pairs([Ranked(*pairs)], tmp_path / "pairs")
    assert (tmp_path / "pairs/pairs.csv").read_text().splitlines() == [
        "number,frame_id,split,kind,edges_kept",
        "0,a/0,test,spread,",
    ]
    original, winter = (Image.open(tmp_path / f"pairs/0_{name}.jpg") for name in ("original", "winter"))
    assert original.size == winter.size == (800, 450)
    assert np.asarray(winter).mean() > 2 * np.asarray(original).mean()


def test_best_and_worst_frames_have_people_and_do_not_overlap(tmp_path):
    frames = frames_table({"a": "train", "b": "test"})
    known = frames["frame_id"].tolist()[:5]
    quality = pd.DataFrame({"frame_id": known, "box": 0, "edges_kept": [0.2, 0.9, 0.1, 0.5, 0.7]})
    roots = (tmp_path / "summer", tmp_path / "winter")

    def ranked(table: pd.DataFrame) -> list[tuple]:
        found = rank_pairs(table, frames, manifest_of(frames), *roots, 2, NO_BOXES)
        return [(each.pair.frame_id, each.kind, each.edges_kept) for each in found]

    order = [known[1], known[4], known[2], known[0]]
    kinds = ["best", "best", "worst", "worst"]
    assert ranked(quality) == list(zip(order, kinds, [0.9, 0.7, 0.1, 0.2], strict=True))
    assert [kind for _, kind, _ in ranked(quality[:3])] == ["best", "worst"]
    assert ranked(quality[:0]) == []


def test_contact_sheet_names_a_picture_that_is_missing(tmp_path):
    pairs = choose(frames_table({"a": "test"}, length=1), 1, tmp_path)
    with pytest.raises(SnowdriftError, match=r"summer/a/images/0\.png: cannot be read"):
        contact_sheet(pairs, tmp_path / "sheet.jpg")


def examples(tmp_path, **changes):
    path = tmp_path / "frame.png"
    Image.new("RGB", (200, 100), "#303030").save(path)
    rows = [
        {
            "train_domain": train_domain,
            "test_domain": test_domain,
            "frame_id": "v/0",
            "image_path": str(path),
            "class_name": "fallen",
            "confidence": 0.9,
            **{"x1": 20.0, "y1": 40.0, "x2": 80.0, "y2": 90.0},
        }
        | changes
        for train_domain in ("original", "winter", "mixed")
        for test_domain in ("original", "winter")
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("changes", "drawn"),
    [
        ({}, True),
        ({"confidence": 0.1}, False),
        ({"class_name": None, "confidence": None, "x1": None, "y1": None, "x2": None, "y2": None}, False),
    ],
)
def test_detections_are_drawn_when_there_are_any_and_confident(tmp_path, changes, drawn):
    draw_detections(examples(tmp_path, **changes), NO_BOXES, ["normal", "fallen"], tmp_path / "sheet.png")
    sheet = Image.open(tmp_path / "sheet.png")
    below_the_legend = sheet.crop((0, 60, *sheet.size))
    assert has_colour(below_the_legend, colour_of(1), 5) is drawn
    assert not has_colour(below_the_legend, colour_of(0), 5)


def test_a_frame_of_true_winter_has_a_row_of_its_own(tmp_path):
    both = examples(tmp_path)
    row = both[both["test_domain"] == "winter"].assign(frame_id="true_winter/v/0", test_domain="true_winter")
    heights = []
    for table in (both, pd.concat([both, row])):
        draw_detections(table, NO_BOXES, ["normal", "fallen"], tmp_path / "sheet.png")
        with Image.open(tmp_path / "sheet.png") as sheet:
            heights.append(sheet.height)
    assert heights[1] - heights[0] == 222 + 6, "a label, a picture of 400 x 200, and the gap"


def test_detections_of_a_missing_model_are_named(tmp_path):
    table = examples(tmp_path)
    with pytest.raises(SnowdriftError, match="mixed detector"):
        gone = (table["train_domain"] == "mixed") & (table["test_domain"] == "winter")
        draw_detections(table[~gone], NO_BOXES, ["normal", "fallen"], tmp_path / "s.png")
    with pytest.raises(SnowdriftError, match="no frame"):
        draw_detections(table.iloc[:0], NO_BOXES, ["normal", "fallen"], tmp_path / "s.png")


def test_labels_avoid_each_other_and_stay_inside():
    picture = Image.new("RGB", (200, 100))
    taken = []
    for _ in range(3):
        taken.append(draw_label(picture, (60, 40, 90, 80), "#ffffff", "fallen 0.50", taken))
    for index, one in enumerate(taken):
        for other in taken[:index]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    left, top, right, bottom = draw_label(picture, (190, -5, 230, 120), "#ffffff", "fallen 0.50", [])
    assert 0 <= left < right <= 200
    assert 0 <= top < bottom <= 100


def losses_table(epochs):
    columns = [column for series in LOSS_PANELS.values() for column in series]
    table = pd.DataFrame({column: np.linspace(1, 0.5, epochs) for column in columns})
    return table.assign(epoch=range(1, epochs + 1), learning_rate=2e-4)


@pytest.mark.parametrize(("suffix", "epochs"), [("svg", 30), ("png", 1)])
def test_losses_plot_repeats_byte_by_byte(tmp_path, suffix, epochs):
    for name in ("one", "two"):
        plot_losses(losses_table(epochs), tmp_path / f"{name}.{suffix}")
    content = (tmp_path / f"one.{suffix}").read_bytes()
    assert content == (tmp_path / f"two.{suffix}").read_bytes()
    assert len(content) > 5000


def test_heat_map_takes_a_missing_figure_and_a_missing_interval(tmp_path):
    rows = [("original", 0.8), ("winter", np.nan), ("mixed", 0.5)]
    table = pd.DataFrame(rows, columns=["train_domain", "map50"])
    table = table.assign(
        test_domain="original", class_name="all", seed=0, instances=9, precision=0.5, recall=0.5
    )
    table["map50_95"] = table["map50"]
    left_out = without_videos(table)
    left_out.loc[left_out["train_domain"] == "mixed", "map50"] = 0.5
    plot_cross_domain(table, left_out, tmp_path / "map.svg")
    texts = re.findall(r"<!-- ([^>]*) -->", (tmp_path / "map.svg").read_text())
    assert (texts.count("0.800"), texts.count("none"), texts.count("0.500")) == (2, 2, 2)
    spans = [text for text in texts if " to " in text]
    assert len(spans) == 3, "the videos all agree on one of the four figures"


def test_wide_pictures_are_scaled_for_the_page(tmp_path):
    Image.effect_noise((900, 300), 90).save(tmp_path / "wide.png")
    whole, scaled = data_uri(tmp_path / "wide.png"), data_uri(tmp_path / "wide.png", 300)
    assert whole.startswith("data:image/png;base64,")
    assert scaled.startswith("data:image/jpeg;base64,")
    assert len(scaled) < len(whole) / 5
