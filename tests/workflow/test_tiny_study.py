"""The whole DAG on tiny data, through Snakemake: what it leaves, and what it does not do again."""

import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

import pandas as pd
import pytest
import torch
import yaml
from conftest import REPOSITORY, TINY, as_yolo, succeed

from snowdrift.scores.inception import build_network

CONFIG = yaml.safe_load(TINY.read_text())


@pytest.fixture
def copied(tiny_study: Path, tmp_path: Path) -> Path:
    """A copy of the finished study that a test may damage."""
    return Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))


def test_every_result_of_the_contract_is_there(tiny_study: Path):
    results = tiny_study / "results/tiny"
    expected = {
        "data/frames.parquet": ["frame_id", "video", "image", "width", "height", "split", "boxes", "status"],
        "data/boxes.parquet": ["frame_id", "class_id", "x_center", "y_center", "box_width", "box_height"],
        "data/true_winter/frames.parquet": [
            "frame_id",
            "video",
            "image",
            "split",
            "boxes",
            "status",
            "digest",
        ],
        "snow/true_winter.csv": ["frame_id", "original", "winter"],
        "snow/cyclegan/shards/0.parquet": ["frame_id", "image", "digest"],
        "detection/cross_domain.csv": [
            *("train_domain", "test_domain", "class_name", "seed", "images"),
            *("precision", "recall", "map50", "map50_95"),
            *("precision_low", "recall_high", "map50_low", "map50_95_high"),
        ],
        "detection/matches/mixed-seed0.parquet": [
            *(
                "train_domain",
                "seed",
                "split",
                "test_domain",
                "video",
                "frame_id",
                "class_name",
                "confidence",
            ),
            *("tp50", "tp95", "height", "object_height"),
        ],
        "detection/comparisons.csv": [
            *("test_domain", "class_name", "metric", "first", "second"),
            *("difference", "low", "high", "clusters", "seeds"),
        ],
        "detection/in_use.csv": ["confidence", "missed", "missed_low", "false_alarms", "false_alarms_high"],
        "detection/by_height.csv": ["height", "instances", "map50", "map50_low", "map50_high"],
    }
    for name, columns in expected.items():
        path = results / name
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        assert set(columns) <= set(table), name
    assert not (results / "progress").exists(), "no job runs any more"
    page = (results / "report.html").read_text()
    assert "<html" in page
    scriptless = re.sub(
        r"<script.*?</script>", "", page, flags=re.DOTALL
    )  # plotly's own text names addresses
    assert not re.search(r"(src|href)=[\"']https?://", scriptless)


def test_the_cross_domain_table_has_every_combination_once(tiny_study: Path):
    table = pd.read_csv(tiny_study / "results/tiny/detection/cross_domain.csv")
    keys = table[["train_domain", "test_domain", "class_name", "seed"]]
    assert len(keys.drop_duplicates()) == len(table) == 4 * 3 * 3
    assert set(table["class_name"]) == {"all", "normal", "fallen"}
    videos = CONFIG["splits"]["test"]
    assert set(table.loc[table["class_name"] == "all", "images"]) == {videos * CONFIG["demo"]["frames"]}


def test_no_video_is_in_two_splits_and_the_generator_saw_training_videos_alone(tiny_study: Path):
    results = tiny_study / "results/tiny"
    frames = pd.read_parquet(results / "data/frames.parquet")
    videos = frames.groupby("video", observed=True)["split"].nunique()
    assert (videos == 1).all()
    counts = frames.drop_duplicates("video")["split"].value_counts().to_dict()
    assert counts == {"train": 2, "val": 1, "test": 2, "unused": 1}
    seen = pd.read_csv(results / "snow/training_frames.csv")["frame_id"]
    assert set(frames.set_index("frame_id").loc[seen, "split"]) == {"train"}


def test_every_frame_has_its_winter_version_under_the_same_name(tiny_study: Path):
    results = tiny_study / "results/tiny"
    originals = results / "data/rendered/VFP290K"
    winter = results / "snow/cyclegan/frames"
    names = sorted(path.relative_to(originals).as_posix() for path in originals.rglob("*.jpg"))
    assert names == sorted(
        path.relative_to(winter).as_posix() for path in winter.rglob("*") if path.is_file()
    )
    assert len(names) == CONFIG["demo"]["videos"] * CONFIG["demo"]["frames"]


def test_the_detectors_see_equally_many_frames_and_differ_in_nothing_else(tiny_study: Path):
    detection = tiny_study / "results/tiny/detection"
    domains = ("original", "winter", "mixed", "oracle")
    counts = {d: len(list((detection / "datasets" / d / "images/train").rglob("*.jpg"))) for d in domains}
    assert set(counts.values()) == {8}
    arguments = [
        yaml.safe_load((detection / "models" / f"{domain}-seed0" / "args.yaml").read_text())
        for domain in domains
    ]
    different = {key for key in arguments[0] if len({str(each[key]) for each in arguments}) > 1}
    assert different <= {"data", "name", "save_dir", "project"}


def test_true_winter_has_the_videos_and_the_splits_of_the_frames_and_their_test_scenes(tiny_study: Path):
    data = tiny_study / "results/tiny/data"
    tables = {
        name: [pd.read_parquet(data / part / f"{name}.parquet") for part in ("", "true_winter")]
        for name in ("frames", "boxes")
    }
    ours, winter = tables["frames"]
    pd.testing.assert_frame_equal(
        ours.drop(columns=["digest", "boxes"]), winter.drop(columns=["digest", "boxes"])
    )
    videos = dict(zip(ours["frame_id"], ours["split"], strict=True))
    tested, others = (
        [boxes[(boxes["frame_id"].map(videos) == "test") == there] for boxes in tables["boxes"]]
        for there in (True, False)
    )
    pd.testing.assert_frame_equal(*(boxes.reset_index(drop=True) for boxes in tested))
    assert len(others[0]) and others[0].merge(others[1], on=list(others[0])).empty, "all other scenes differ"
    oracle = pd.read_csv(tiny_study / "results/tiny/detection/datasets/oracle/frames.csv")
    assert (
        set(oracle["source"]) == {"true_winter"} and oracle["frame_id"].str.startswith("true_winter/").all()
    )


def test_the_page_opens_with_true_winter(tiny_study: Path):
    page = (tiny_study / "results/tiny/report.html").read_text()
    sections = re.findall(r'<section id="([\w-]+)"', page)
    assert sections[0] == "true-winter" and "rendered for this study" in page


def test_a_second_run_does_nothing(tiny_study: Path):
    assert "Nothing to be done" in succeed(tiny_study)


def cpu_seconds(*arguments: str) -> float:
    """What a call of Snakemake costs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], check=True, cwd=REPOSITORY, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_plan_without_work_takes_hardly_longer_than_snakemakes_own_start(tiny_study: Path):
    """In turn, since another job's share of the processor's caches and clock comes and goes."""
    plan = ["-n", "--directory", str(tiny_study), "--configfile", str(TINY)]
    ratios = []
    while len(ratios) < 9 and (len(ratios) < 3 or median(ratios) >= 1.5):
        ratios.append(cpu_seconds(*plan) / cpu_seconds("--version"))
    print(f"a plan takes {median(ratios):.2f} times as long as `snakemake --version`")
    assert median(ratios) < 1.5, ratios


def test_a_second_study_stands_beside_the_first(copied: Path, tmp_path: Path):
    other = tmp_path / "other.yaml"
    other.write_text("study: other\nseed: 1\n")
    succeed(copied, "results/other/data/frames.parquet", configs=(TINY, other))
    assert (copied / "results/tiny/report.html").is_file()
    assert (copied / "results/other/data/frames.parquet").is_file()
    assert "Nothing to be done" in succeed(copied)


OWN = """
study: own
chapters: [attack]
data: {layout: yolo, vfp290k: my frames, class_names: [upright, lying]}
cyclegan: {pretrained: mine.pth}
winterize: {format: png, size: 40}
training_sets: {mixed: {original: 1, cyclegan: 1}}
detector: {seeds: [0, 1]}
"""


def test_an_own_dataset_and_generator_go_through_the_study_and_the_attack(copied: Path, tmp_path: Path):
    """YOLO layout, a given generator, PNG at another scale, both versions in the mixture, two seeds."""
    tiny, own = copied / "results/tiny", copied / "results/own"
    as_yolo(
        tiny / "data/rendered/VFP290K", pd.read_parquet(tiny / "data/boxes.parquet"), copied / "my frames"
    )
    shutil.copy(tiny / "snow/cyclegan/snapshots/1_net_G_A.pth", copied / "mine.pth")
    (tmp_path / "own.yaml").write_text(OWN)
    text = succeed(copied, configs=(TINY, tmp_path / "own.yaml"))
    assert "train_cyclegan" not in text
    manifest = pd.read_parquet(own / "snow/cyclegan/shards/0.parquet")
    assert manifest["image"].str.fullmatch(r"GOPR\d{4}/images/GOPR\d{4}_\d{5}\.png").all()
    assert (own / "snow/cyclegan/frames" / manifest["image"][0]).read_bytes().startswith(b"\x89PNG")
    assert set(zip(manifest["width"], manifest["height"], strict=True)) == {(128, 72)}
    table = pd.read_csv(own / "detection/cross_domain.csv")
    assert len(table) == 3 * 2 * 3 * 2
    assert set(table["class_name"]) == {"all", "upright", "lying"}
    counts = [
        len(list((own / f"detection/datasets/{d}/images/train").rglob("*.*"))) for d in ("original", "mixed")
    ]
    assert counts == [8, 16]
    assert "cannot answer whether synthetic snow" in (own / "report.html").read_text(), "no true winter"
    assert "mine.pth" in (own / "report.html").read_text()


OTHER_SETS = """
training_sets: {painted: {original: 0.5, rendered: 0.5}, truth: {true_winter: 1}}
test_sets: [original, winter]
"""


def test_a_detector_is_validated_on_what_it_learned_from_though_no_test_shows_it(copied: Path):
    (copied / "sets.yaml").write_text(OTHER_SETS)
    config = copied / "tiny.yaml"
    config.write_text(TINY.read_text().replace("test_sets: [original, winter, true_winter]\n", ""))
    matches = [f"results/tiny/detection/matches/{name}-seed0.parquet" for name in ("painted", "truth")]
    succeed(copied, *matches, configs=(config, copied / "sets.yaml"))
    for path in matches:
        shown = pd.read_parquet(copied / path)["test_domain"].astype(object).fillna("validation")
        assert set(shown) == {"original", "winter", "validation"}


def test_snakemakes_own_report_holds_the_figures(copied: Path):
    succeed(copied, "--report", "snakemake_report.html")
    page = (copied / "snakemake_report.html").read_text()
    for caption in (
        "Original and winter frames",
        "Original, generated and true winter",
        "Cross-domain mAP",
        "CycleGAN losses",
    ):
        assert caption in page


def test_videos_are_scored_by_inception_if_its_weights_are_given(copied: Path):
    torch.manual_seed(0)
    torch.save(build_network().state_dict(), copied / "inception.pth")
    (copied / "inception.yaml").write_text("scores: {inception_weights: inception.pth}\n")
    table = "results/tiny/snow/cyclegan/quality_by_video.csv"
    before = pd.read_csv(copied / table)
    succeed(copied, table, configs=(TINY, copied / "inception.yaml"))
    scores = pd.read_csv(copied / table)
    pd.testing.assert_frame_equal(scores[before.columns], before)
    assert (scores["scored"] == 4).all()
    assert scores[["inception_score_original", "inception_score_winter"]].ge(1 - 1e-9).all(axis=None)
    assert scores[["fid_original", "fid_winter"]].ge(0).all(axis=None)


def test_the_best_epoch_makes_the_winter(copied: Path):
    (copied / "best.yaml").write_text("winterize: {epoch: best}\n")
    snow = copied / "results/tiny/snow/cyclegan"
    succeed(copied, "results/tiny/snow/cyclegan/generator.pth", configs=(TINY, copied / "best.yaml"))
    epochs = pd.read_csv(snow / "epochs.csv")
    assert list(epochs["epoch"]) == [1, 2]
    (best,) = epochs.loc[epochs["chosen"], "epoch"]
    chosen, snapshot = (
        torch.load(path, weights_only=True)
        for path in (snow / "generator.pth", snow / f"snapshots/{best}_net_G_A.pth")
    )
    assert all(torch.equal(chosen[key], snapshot[key]) for key in snapshot)


def test_frames_of_the_splits_alone_can_be_translated(tiny_study: Path, copied: Path):
    (copied / "splits.yaml").write_text("winterize: {frames: splits}\n")
    shards = [f"results/tiny/snow/cyclegan/shards/{shard}.parquet" for shard in (0, 1)]
    succeed(copied, *shards, configs=(TINY, copied / "splits.yaml"))
    whole, part = (
        pd.concat([pd.read_parquet(folder / shard) for shard in shards]).set_index("frame_id")["digest"]
        for folder in (tiny_study, copied)
    )
    frames = pd.read_parquet(copied / "results/tiny/data/frames.parquet").set_index("frame_id")
    assert set(part.index) == set(frames.index[frames["split"] != "unused"]) < set(whole.index)
    assert part.equals(whole[part.index]), "each is what it was"
