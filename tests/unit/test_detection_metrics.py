"""The table of matches and the metrics from it: against Ultralytics, torchmetrics and cases worked out by hand."""

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from snowdrift.detection.cross_domain import cross_domain
from snowdrift.detection.in_use import HEIGHTS, measure_in_use
from snowdrift.detection.intervals import METRICS, compare, jackknives
from snowdrift.detection.matches import TRUE_POSITIVE, join_matches, match_table
from snowdrift.detection.metrics import MOST_GROUPS, measure, video_clusters
from snowdrift.detection.ultralytics_api import prepare_ultralytics

CLASS_NAMES = ["normal", "fallen"]
CLASSES = {"same": CLASS_NAMES}
SIDE = 640


def boxes_of_frames(videos: int, frames: int, seed: int) -> list[tuple[dict, dict]]:
    """Detections and objects of frames, as the validator has them: some objects are missed, some detections wrong."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(videos * frames):
        count = random.integers(0, 5)
        corners = random.uniform(0, SIDE - 150, (count, 2))
        objects = np.hstack([corners, corners + random.uniform(40, 150, (count, 2))])
        labels = random.integers(0, 2, count)
        found = random.random(count) < 0.8
        near = objects[found] + random.normal(0, 6, (found.sum(), 4))
        wrong = random.uniform(0, SIDE - 150, (random.integers(0, 4), 2))
        boxes = np.vstack([near, np.hstack([wrong, wrong + 80])])
        kinds = np.concatenate([labels[found], random.integers(0, 2, len(wrong))])
        confidence = np.concatenate([random.uniform(0.3, 1, found.sum()), random.uniform(0, 0.7, len(wrong))])
        order = np.argsort(-confidence)
        detections = {"bboxes": boxes[order], "conf": confidence[order], "cls": kinds[order]}
        truth = {"bboxes": objects, "cls": labels}
        pairs.append(
            tuple({k: torch.tensor(v).float() for k, v in part.items()} for part in (detections, truth))
        )
    return pairs


def matched(pairs: list[tuple[dict, dict]], videos: int, folder) -> pd.DataFrame:
    """The match table of those frames, through the validator's own matching."""
    prepare_ultralytics()
    from snowdrift.detection.validator import MatchingValidator

    validator = MatchingValidator(save_dir=folder)
    whole = {"imgsz": (SIDE, SIDE), "ori_shape": (SIDE, SIDE), "ratio_pad": ((1.0, 1.0), (0.0, 0.0))}
    frame_ids = [f"v{number % videos}/{number}" for number in range(len(pairs))]
    for frame_id, (detections, truth) in zip(frame_ids, pairs, strict=True):
        validator._process_batch(detections, truth | whole | {"im_file": frame_id})
    video_of = {frame_id: frame_id.split("/")[0] for frame_id in frame_ids}
    return match_table(validator.frames, frame_ids, video_of, video_of, CLASS_NAMES)


@pytest.fixture(scope="module")
def pairs():
    return boxes_of_frames(videos=6, frames=20, seed=0)


@pytest.fixture(scope="module")
def matches(pairs, tmp_path_factory):
    return matched(pairs, 6, tmp_path_factory.mktemp("validator"))


def test_average_precision_agrees_with_torchmetrics(pairs, matches, monkeypatch):
    """With its evaluation in plain torch, which asks for pycocotools, although it uses them for masks alone."""
    from torchmetrics.detection import _mean_ap

    monkeypatch.setattr(_mean_ap, "_PYCOCOTOOLS_AVAILABLE", True)
    for name in ("pycocotools", "pycocotools.mask"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["pycocotools"], "mask", sys.modules["pycocotools.mask"], raising=False)
    metric = _mean_ap.MeanAveragePrecision(class_metrics=True)
    for detections, truth in pairs:
        found = {
            "boxes": detections["bboxes"],
            "scores": detections["conf"],
            "labels": detections["cls"].int(),
        }
        metric.update([found], [{"boxes": truth["bboxes"], "labels": truth["cls"].int()}])
    theirs = metric.compute()
    ours = measure(matches).metrics.set_index("class_name")
    assert 0.3 < ours.loc["all", "map50_95"] < ours.loc["all", "map50"] < 0.95
    assert ours.loc["all", "map50"] == pytest.approx(float(theirs["map_50"]), abs=0.01)
    assert ours.loc["all", "map50_95"] == pytest.approx(float(theirs["map"]), abs=0.01)
    assert ours.loc[CLASS_NAMES, "map50_95"].to_numpy() == pytest.approx(
        theirs["map_per_class"].numpy(), abs=0.01
    )


def test_without_a_video_the_metrics_are_those_of_the_others(matches):
    left_out = measure(matches).left_out
    assert left_out["left_out"].unique().tolist() == [f"v{number}" for number in range(6)]
    for video, rows in left_out.groupby("left_out"):
        others = measure(matches[matches["video"] != video]).metrics
        assert rows[list(METRICS)].to_numpy() == pytest.approx(others[list(METRICS)].to_numpy(), abs=1e-12)
    assert set(left_out["clusters"]) == {6}


def test_each_detection_claims_the_best_object_that_none_has_taken():
    from snowdrift.detection.validator import claimed_objects

    objects = {
        "cls": torch.tensor([0.0, 0, 1]),
        "bboxes": torch.tensor([[0, 0, 10, 10.0], [0, 0, 10, 9], [50, 50, 60, 60]]),
    }
    boxes = torch.tensor([[0, 0, 10, 10.0], [0, 0, 10, 10], [50, 50, 60, 60], [50, 50, 60, 60]])
    detections = {"cls": torch.tensor([0.0, 0, 0, 1]), "bboxes": boxes}
    hits = np.array([True, True, False, True])
    assert claimed_objects(detections, objects, hits).tolist() == [0, 1, -1, 2]
    assert claimed_objects(detections, objects, hits & False).tolist() == [-1] * 4


def made_up(rows: list[tuple], seed: int = 0, train: str = "one", group=lambda video: video) -> pd.DataFrame:
    """A match table of test set `same`: rows of video, class, confidence, whether right at every IoU, and object."""
    columns = ["video", "class_name", "confidence", "right", "object_height"]
    table = pd.DataFrame(rows, columns=columns)
    table["class_name"] = pd.Categorical(table["class_name"], CLASS_NAMES)
    table["frame_id"] = table["video"] + "/0"
    hits = {name: table["right"].to_numpy(bool) for name in TRUE_POSITIVE}
    table = (
        table.drop(columns="right")
        .assign(height=0.5, group=table["video"].map(group), **hits)
        .astype({"video": "category", "group": "category", "frame_id": "category"})
    )
    table = join_matches({("test", "same"): table, ("val", None): table})
    return table.assign(train_domain=train, seed=seed)


def of_videos(count: int, *, missed: int = 0, **more) -> pd.DataFrame:
    """Three people of each class in each video, found by a sure detection but for the first `missed` in v0 to v2."""
    rows = []
    for number in range(count):
        for name in CLASS_NAMES:
            lost = missed if number < 3 else 0
            rows += [(f"v{number}", name, np.nan, False, 0.3)] * lost
            rows += [(f"v{number}", name, 0.9 - number / 100, True, 0.3)] * (3 - lost)
            rows += [(f"v{number}", name, 0.1 + number / 100, False, np.nan)]
    return made_up(rows, **more)


def test_a_class_that_one_video_shows_has_no_interval():
    table = of_videos(6, missed=1)
    table = table[(table["class_name"] == "normal") | (table["video"] == "v1")]
    result = cross_domain([table], CLASSES)
    row = result.table.set_index("class_name")
    assert row.loc["normal", "map50_low"] < row.loc["normal", "map50"] < row.loc["normal", "map50_high"]
    assert row.loc[["all", "fallen"], ["map50_low", "map50_high"]].isna().all(axis=None)
    assert row.loc[["all", "fallen"], "map50"].notna().all()


def test_misses_and_false_alarms_are_counted_at_the_chosen_confidence():
    """Three of six people are found above 0.5, one below, in two videos of one frame each."""
    rows = [
        ("a", "fallen", 0.9, True, 0.3),
        ("a", "fallen", 0.8, True, 0.3),
        ("a", "fallen", np.nan, False, 0.3),
    ]
    rows += [
        ("b", "fallen", 0.7, True, 0.3),
        ("b", "fallen", 0.4, True, 0.3),
        ("b", "normal", np.nan, False, 0.3),
    ]
    rows += [("b", "normal", 0.6, False, np.nan), ("b", "fallen", 0.1, False, np.nan)]
    matches = made_up(rows)
    used = measure_in_use(matches[matches["split"] == "test"], confidence=0.5)
    rates = used.rates.set_index("class_name")
    assert rates["missed"].to_dict() == pytest.approx({"all": 3 / 6, "normal": 1, "fallen": 2 / 5})
    assert rates["false_alarms"].to_dict() == pytest.approx({"all": 50, "normal": 50, "fallen": 0})
    assert rates["clusters"].to_dict() == {"all": 2, "normal": 1, "fallen": 2}
    without = used.rates_left_out.set_index(["left_out", "class_name"])
    assert without.loc[("b", "fallen"), "missed"] == pytest.approx(1 / 3)
    assert without.loc[("a", "all"), "false_alarms"] == pytest.approx(100)


def test_small_people_have_a_precision_of_their_own(matches):
    """With the small ones as the only objects and wrong detections there are, and the large ones nowhere."""
    used = measure_in_use(matches, confidence=0.5)
    heights = used.heights.set_index(["class_name", "height"])
    low, high = HEIGHTS["10 to 20 %"]
    assert heights.loc["all", "instances"].sum() == matches["object_height"].notna().sum()
    shown = matches["object_height"].between(low, high, inclusive="left")
    wrong = matches["object_height"].isna() & matches["height"].between(low, high, inclusive="left")
    expected = measure(matches[shown | wrong]).metrics.set_index("class_name")["map50"]
    for name in ("all", *CLASS_NAMES):
        assert heights.loc[(name, "10 to 20 %"), "map50"] == pytest.approx(expected[name])
    assert heights.loc[(slice(None), "above 20 %"), "map50"].notna().all()
    assert set(used.heights_left_out["left_out"]) == {f"v{number}" for number in range(6)}


def test_the_tables_of_use_have_a_row_for_each_cell_over_all_seeds():
    result = cross_domain([of_videos(6, missed=1, seed=seed) for seed in (0, 1)], CLASSES)
    assert result.in_use["class_name"].tolist() == ["all", *CLASS_NAMES]
    row = result.in_use.iloc[0]
    assert (row["seeds"], row["clusters"], row["missed"]) == (2, 6, pytest.approx(1 / 6))
    assert 0 < row["missed_low"] < row["missed"] < row["missed_high"] < 1
    assert 0.2 < row["confidence"] < 0.9
    assert row["false_alarms"] == 0 and np.isnan(row["false_alarms_low"])
    assert result.by_height.groupby("height", sort=False)["instances"].first().to_dict() == {
        "below 10 %": 0,
        "10 to 20 %": 0,
        "above 20 %": 36,
    }


def blind(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """The same detections, of which none on the split's videos is right any more."""
    right = (table["split"] == split) & table["tp50"]
    missed = table[right].assign(confidence=np.nan, height=np.nan, **dict.fromkeys(TRUE_POSITIVE, False))
    wrong = table[right].assign(object_height=np.nan, **dict.fromkeys(TRUE_POSITIVE, False))
    return pd.concat([table[~right], missed, wrong], ignore_index=True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("detections", ["wrong", "none"])
@pytest.mark.parametrize("seeds", [1, 2])
def test_a_detector_that_finds_nobody_in_validation_has_no_confidence_to_be_used_at(
    detections: str, seeds: int
):
    sound = [of_videos(6, missed=1, seed=seed) for seed in range(seeds)]
    worse = blind(of_videos(6, missed=1, train="two"), "val")
    if detections == "none":
        worse = worse[(worse["split"] == "test") | worse["confidence"].isna()]
    more = [of_videos(6, missed=1, train="two", seed=seed) for seed in range(1, seeds)]
    used = cross_domain([*sound, worse, *more], CLASSES).in_use.set_index("train_domain")
    figures = [name for name in used if name.startswith(("confidence", "missed", "false_alarms"))]
    assert len(figures) == 7
    assert used.loc["two", figures].isna().all(axis=None)
    assert used.loc["one", ["confidence", "missed", "false_alarms"]].notna().all(axis=None)
    whole = cross_domain([*sound, worse, *more], CLASSES).table
    assert whole["map50"].notna().all()


def test_a_detector_that_finds_nobody_in_the_test_has_its_confidence_and_its_misses():
    used = cross_domain([blind(of_videos(6, missed=1), "test")], CLASSES).in_use.iloc[0]
    assert 0.2 < used["confidence"] < 0.9
    assert used["missed"] == 1 and used["false_alarms"] > 0


def test_videos_that_agree_have_no_interval():
    row = cross_domain([of_videos(4)], CLASSES).table.iloc[0]
    assert row["map50"] == pytest.approx(0.995, abs=0.01)
    assert np.isnan(row["map50_low"]) and np.isnan(row["map50_high"])


def test_rows_come_by_training_set_test_set_and_seed_as_they_came_in():
    tables = [
        of_videos(4, train=train, seed=seed) for train, seed in (("b", 1), ("b", 0), ("a", 1), ("a", 0))
    ]
    result = cross_domain(tables, CLASSES)
    keys = result.table[["train_domain", "seed", "class_name"]].drop_duplicates(["train_domain", "seed"])
    assert keys[["train_domain", "seed"]].to_numpy().tolist() == [["b", 0], ["b", 1], ["a", 0], ["a", 1]]
    assert result.table["class_name"].tolist()[:3] == ["all", *CLASS_NAMES]
    assert set(result.comparisons["first"]) == {"a"} and set(result.comparisons["second"]) == {"b"}
    assert set(result.comparisons["seeds"]) == {2}


def test_paired_differences_are_surer_than_their_parts():
    """Both detectors do worse on the same videos; the one is a little worse everywhere."""
    random = np.random.default_rng(0)
    hard = random.normal(0, 0.15, 8)
    values = {"good": 0.6 + hard.mean(), "bad": 0.5 + hard.mean()}
    rows, left = [], []
    for train, value in values.items():
        key = {"train_domain": train, "test_domain": "same", "class_name": "all", "seed": 0}
        rows.append(key | dict.fromkeys(METRICS, value))
        for video in range(8):
            without = value + (hard.mean() - hard[video]) / 7 + random.normal(0, 0.002)
            left.append(key | {"left_out": f"v{video}", "clusters": 8} | dict.fromkeys(METRICS, without))
    table, left = pd.DataFrame(rows), pd.DataFrame(left)
    difference = compare(table, left).set_index("metric").loc["map50"]
    assert (difference["first"], difference["second"]) == ("bad", "good")
    assert difference["low"] < -0.1 < difference["high"] < 0
    single = jackknives(table, left, "map50")["good", "same", "all"].interval(0.95)
    assert single.high - single.low > 3 * (difference["high"] - difference["low"])
    assert difference["clusters"] == 8 and 3 < difference["freedom"] <= 7


def uneven(copies: int, **more) -> pd.DataFrame:
    """Six videos that are hard in different degrees, each there so many times, as `<video>-<copy>`."""
    rows = []
    for video, copy in np.ndindex(6, copies):
        name = f"v{video}-{copy}"
        for place, each in enumerate(CLASS_NAMES):
            rows += [(name, each, np.nan, False, 0.3)] * ((video + place) % 4)
            rows += [(name, each, 0.9 - video / 100, True, 0.3)] * 4
            rows += [(name, each, 0.5 + video / 50, False, np.nan)] * (video % 3)
    return made_up(rows, **more)


def test_copies_of_a_video_in_one_group_are_no_more_videos():
    """The intervals of twelve videos, two each of a scene, are those of six, and not those of twelve."""
    six = cross_domain([uneven(1)], CLASSES)
    scenes = cross_domain([uneven(2, group=lambda video: video.partition("-")[0])], CLASSES)
    twelve = cross_domain([uneven(2)], CLASSES)
    assert set(six.left_out["clusters"]) == set(scenes.left_out["clusters"]) == {6}
    assert set(twelve.left_out["clusters"]) == {12}
    for one, other, name, column in (
        (six.table, scenes.table, "map50", "map50"),
        (six.in_use, scenes.in_use, "missed", "missed"),
        (six.in_use, scenes.in_use, "false_alarms", "false_alarms"),
        (six.by_height, scenes.by_height, "map50", "map50"),
    ):
        ends = [column, f"{column}_low", f"{column}_high"]
        assert one[ends].notna().any(axis=None), name
        np.testing.assert_allclose(one[ends], other[ends], atol=0.01, err_msg=name)
    width = {
        name: found.table["map50_high"] - found.table["map50_low"]
        for name, found in (("6", six), ("12", twelve))
    }
    assert (width["12"] < 0.8 * width["6"]).all()


def test_many_photographs_are_left_out_in_groups_of_neighbours():
    videos = pd.Series([f"p{number:04d}" for number in range(1003)])
    names, groups = video_clusters(videos)
    assert len(names) == MOST_GROUPS and names[0] == "p0000..p0020"
    assert (np.diff(groups) >= 0).all() and np.bincount(groups).tolist() == [21] * 3 + [20] * 47


@pytest.mark.filterwarnings("error")
def test_a_single_test_video_has_figures_and_no_interval():
    table = of_videos(1)
    table = table[table["class_name"] == "normal"]
    result = cross_domain([table], CLASSES)
    row = result.table.set_index("class_name")
    assert row.loc["all", "map50"] == row.loc["normal", "map50"] > 0.9
    assert row.filter(regex="_low|_high").isna().all(axis=None)
    assert row.loc["fallen", "instances"] == 0
    assert result.in_use.set_index("class_name")["missed"].to_dict() == {
        "all": 0,
        "normal": 0,
        "fallen": pytest.approx(np.nan, nan_ok=True),
    }
    assert result.comparisons.empty
