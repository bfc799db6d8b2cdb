"""The report page: what it says, what it contains, and that it needs nothing else."""

import html
import json
import re
import time
from dataclasses import MISSING, fields
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_samples import without_videos

from snowdrift.detection.intervals import compare
from snowdrift.report import provenance
from snowdrift.report.figures.plots import LOSS_PANELS
from snowdrift.report.page import build_report
from snowdrift.report.sections.files import StudyFiles
from snowdrift.report.sections.finding import finding
from snowdrift.report.sections.headline import headline
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.settings.config import complete_config, load_schema

ROOT = Path(__file__).parents[2]
SCHEMA = load_schema(ROOT / "workflow/schemas/config.schema.yaml")
SCORES = {
    ("original", "original"): 0.8,
    ("original", "winter"): 0.4,
    ("winter", "original"): 0.3,
    ("winter", "winter"): 0.7,
    ("mixed", "original"): 0.75,
    ("mixed", "winter"): 0.65,
}
VOID = {"meta", "img", "link", "br", "input"}


class Page(HTMLParser):
    """Collects tags and text, and fails on tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def cross_domain(**changes):
    scores = SCORES | {tuple(key.split("_")): value for key, value in changes.items()}
    rows = [
        (train, test, name, 0, 100, 200, 0.5, 0.5, score, score / 2)
        for (train, test), score in scores.items()
        for name in ("all", "normal", "fallen")
    ]
    columns = "train_domain test_domain class_name seed images instances precision recall map50 map50_95"
    return pd.DataFrame(rows, columns=columns.split())


def curves():
    """Of detectors whose precision falls from 1 to 0 as recall rises."""
    rows = [
        (train, test, "all", 0, recall, 1 - recall) for train, test in SCORES for recall in (0.0, 0.5, 1.0)
    ]
    columns = ["train_domain", "test_domain", "class_name", "seed", "recall", "precision"]
    return pd.DataFrame(rows, columns=columns)


def write_comparisons(folder, **changes):
    """Of detectors that hardly depend on which videos they are tested on."""
    table = cross_domain(**changes)
    left_out = without_videos(table)
    table.to_csv(folder / "cross_domain.csv", index=False)
    left_out.to_parquet(folder / "left_out.parquet")
    compare(table, left_out).to_csv(folder / "comparisons.csv", index=False)


def answer_of(table, spread=0.002):
    return headline(finding(table, without_videos(table, spread)))


@pytest.fixture
def study(tmp_path):
    """Files of a small study whose names try to break the page."""
    frames = pd.DataFrame(
        {
            "frame_id": ["a/0", "b/0", "b/1"],
            "video": ["a", "b", "b"],
            "split": ["train", "test", "test"],
            "status": ["ok", "ok", "rejected"],
        }
    )
    frames.to_parquet(tmp_path / "frames.parquet")
    pd.DataFrame({"frame_id": ["a/0"], "class_id": [1]}).to_parquet(tmp_path / "boxes.parquet")
    rejected = {"frame_id": ["b/1"], "file": ["<script>alert(1)</script>.jpg"], "reason": ["image empty"]}
    pd.DataFrame(rejected).to_csv(tmp_path / "rejected.csv", index=False)
    pd.DataFrame({"image": ["s.jpg"] * 7}).to_parquet(tmp_path / "style.parquet")
    losses = {name: [1.0, 0.5] for series in LOSS_PANELS.values() for name in series}
    more = {"epoch": [1, 2], "seconds": [1800.0, 1800.0], "learning_rate": [2e-4, 1e-4]}
    (tmp_path / "cyclegan").mkdir()
    pd.DataFrame(more | losses).to_csv(tmp_path / "cyclegan/losses.csv", index=False)
    curves().to_csv(tmp_path / "curves.csv", index=False)
    write_comparisons(tmp_path)
    cell = {"train_domain": ["mixed"], "test_domain": ["winter"], "class_name": ["all"], "seeds": [1]}
    rates = {"missed": [0.25], "missed_low": [0.125], "missed_high": [0.5], "confidence": [0.321]}
    rates |= {"false_alarms": [12.0], "false_alarms_low": [None], "false_alarms_high": [None]}
    pd.DataFrame(cell | rates).to_csv(tmp_path / "in_use.csv", index=False)
    heights = {"height": ["below 10 %"], "instances": [77], "map50": [0.11]}
    heights |= {"map50_low": [0.05], "map50_high": [0.22]}
    pd.DataFrame(cell | heights).to_csv(tmp_path / "by_height.csv", index=False)
    for folder in ("samples", "pairs"):
        (tmp_path / folder).mkdir()
    pairs = {"number": [0, 1], "frame_id": ["a/0", "<img src=x>/0"], "split": ["train", "test"]}
    pairs |= {"kind": ["spread", "worst"], "edges_kept": [None, 0.25]}
    pd.DataFrame(pairs).to_csv(tmp_path / "pairs/pairs.csv", index=False)
    for name in (
        *(f"pairs/{number}_{version}.jpg" for number in (0, 1) for version in ("original", "winter")),
        "detections.jpg",
        "samples/epoch_2.jpg",
        "samples/epoch_10.jpg",
    ):
        Image.new("RGB", (40, 30)).save(tmp_path / name)
    quality = {"frame_id": ["a/0", "b/0", "b/0"], "box": [0, 0, 1], "edges_kept": [0.75, 0.5, 0.125]}
    pd.DataFrame(quality).to_parquet(tmp_path / "cyclegan/quality.parquet")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/index_frames.tsv").write_text("s\tmax_rss\n90.0\t2048\n")
    return StudyFiles(
        frames=tmp_path / "frames.parquet",
        boxes=tmp_path / "boxes.parquet",
        rejected=tmp_path / "rejected.csv",
        pairs=tmp_path / "pairs",
        quality=[tmp_path / "cyclegan/quality.parquet"],
        cross_domain=tmp_path / "cross_domain.csv",
        curves=tmp_path / "curves.csv",
        left_out=tmp_path / "left_out.parquet",
        comparisons=tmp_path / "comparisons.csv",
        in_use=tmp_path / "in_use.csv",
        by_height=tmp_path / "by_height.csv",
        detections=tmp_path / "detections.jpg",
        style=tmp_path / "style.parquet",
        losses=[tmp_path / "cyclegan/losses.csv"],
        samples=tmp_path / "samples",
    )


def without_scripts(text):
    """The page but for plotly, which names addresses that it does not ask."""
    return re.sub(r"<script nonce=.*?</script>", "", text, flags=re.DOTALL)


def build(files, tmp_path, xray=None, true_winter=None, **config):
    build_report(
        files,
        true_winter,
        xray,
        None,
        complete_config(config, SCHEMA),
        template=ROOT / "workflow/report/report.html.j2",
        benchmarks=tmp_path / "benchmarks",
        command="snakemake --cores 2 && echo '<b>'",
        output=tmp_path / "report.html",
    )
    return (tmp_path / "report.html").read_text()


def test_page_holds_everything_and_needs_nothing(study, tmp_path):
    text = build(study, tmp_path, study="mine")
    page = Page(text)
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 6
    assert all(source.startswith("data:image/") for source in sources)
    assert all(attributes["alt"] for tag, attributes in page.tags if tag == "img")
    assert not re.search(r"https?://|@import|url\(|<link", without_scripts(text))
    figures = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert [bool(json.loads(figure)["data"]) for figure in figures] == [True] * 5
    assert "study mine" in page.text
    for part in (
        "epoch 10",
        "1.00 hours",
        "after epoch 20",
        "7 style photographs",
        "1 faulty frames",
        "image empty",
        "0.750 (0.7",
        "25.0% (12.5% to 50.0%)",
        "0.110 (0.050 to 0.220)",
        "6 test videos in turn",
    ):
        assert part in page.text
    assert "worst: 25% of the edges" in page.text
    for part in ("index_frames", "1.50", "torch", "commit", "batch_size: 4", "normal boxes"):
        assert part in page.text


def test_the_page_gives_no_figure_for_a_detector_without_a_confidence(study, tmp_path):
    assert "there is no such confidence" not in Page(build(study, tmp_path)).text
    used = pd.read_csv(study.in_use)
    figures = [name for name in used if name.startswith(("confidence", "missed", "false_alarms"))]
    pd.concat([used, used.assign(train_domain="blind", **dict.fromkeys(figures, np.nan))]).to_csv(
        study.in_use, index=False
    )
    text = Page(build(study, tmp_path)).text
    assert (
        "For the detector of blind there is no such confidence: it finds nobody on the validation videos"
        in text
    )
    assert " blind winter all no confidence not told not told " in text
    assert "0.321 25.0% (12.5% to 50.0%)" in text


def test_the_page_says_that_intervals_are_over_groups_if_videos_have_some(study, tmp_path):
    page = Page(build(study, tmp_path, splits={"group": "(scene[0-9]+)"})).text
    assert page.count("6 groups of test videos (splits.group)") == 2
    assert "6 test videos" not in page
    alone = Page(build(study, tmp_path)).text
    assert "groups of test videos" not in alone and alone.count("6 test videos") == 2


def test_the_page_of_the_study_at_full_scale_stays_small_and_is_soon_made(study, tmp_path):
    """178 videos with 294,713 frames, 589,426 boxes, 200 epochs and pictures of real sizes that pack badly."""
    count, random = 294_713, np.random.default_rng(0)
    videos = np.char.add("GOPR", (np.arange(count) % 178).astype(str))
    frames = pd.DataFrame({"video": videos, "split": "test", "status": "ok"})
    frames.insert(0, "frame_id", videos + "/" + np.arange(count).astype(str))
    frames.to_parquet(study.frames)
    boxes = pd.DataFrame(
        {"frame_id": np.tile(frames["frame_id"], 2), "class_id": random.integers(0, 2, 2 * count)}
    )
    boxes.to_parquet(study.boxes)
    losses = pd.DataFrame({name: random.random(200) for group in LOSS_PANELS.values() for name in group})
    losses.assign(epoch=range(1, 201), seconds=900.0, learning_rate=2e-4).to_csv(study.losses[0], index=False)
    noise = Image.fromarray(random.integers(0, 255, (450, 800, 3), np.uint8))
    table = pd.DataFrame({"number": range(12), "frame_id": "a/0", "split": "test", "kind": "spread"})
    table.to_csv(study.pairs / "pairs.csv", index=False)
    for number in range(12):
        for version in ("original", "winter"):
            noise.save(study.pairs / f"{number}_{version}.jpg", quality=88)
    noise.resize((2600, 4000)).save(study.detections)
    started = time.monotonic()
    build(study, tmp_path)
    assert time.monotonic() - started < 60
    assert (tmp_path / "report.html").stat().st_size < 25e6


def test_names_and_commands_are_escaped(study, tmp_path):
    text = build(study, tmp_path)
    assert "<script>alert" not in text
    assert html.escape("<script>alert(1)</script>.jpg") in text
    assert "&lt;b&gt;" in text
    assert "<img src=x>" not in without_scripts(text)


def test_no_script_runs_but_the_pages_own(study, tmp_path):
    nonces = [re.findall(r"nonce[-=\"']+([\w-]{20,})", build(study, tmp_path)) for _ in range(2)]
    assert all(len(set(found)) == 1 and len(found) == 3 for found in nonces)
    assert nonces[0] != nonces[1]


def test_links_lead_to_sections(study, tmp_path):
    page = Page(build(study, tmp_path))
    targets = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert targets == {attributes["id"] for tag, attributes in page.tags if tag == "section"}
    assert len(targets) == 7


def test_page_without_a_training_names_the_generator(study, tmp_path):
    needed = [field.name for field in fields(StudyFiles) if field.default is MISSING]
    bare = StudyFiles(**{name: getattr(study, name) for name in needed})
    page = Page(build(bare, tmp_path, cyclegan={"pretrained": "nets/snow_G_A.pth"}))
    assert "nets/snow_G_A.pth" in page.text
    assert "Mean losses" not in page.text


def test_a_samples_folder_without_sheets_is_named(study, tmp_path):
    for path in study.samples.iterdir():
        path.unlink()
    with pytest.raises(SnowdriftError, match="samples: holds no sample sheet"):
        build(study, tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_mixture_of_both_versions_is_said_to_train_longer(study, tmp_path):
    said = "may be that it trains longer"
    page = build(study, tmp_path, training_sets={"mixed": {"original": 1, "cyclegan": 1}})
    assert "The detector of mixed sees several versions of every training frame" in page and said in page
    assert said not in build(study, tmp_path)


def test_the_page_says_what_each_detector_learned_from(study, tmp_path):
    page = Page(build(study, tmp_path, training_sets={"quarter": {"original": 0.75, "cyclegan": 0.25}}))
    assert "quarter 75 % original, 25 % cyclegan" in page.text


def test_headline_gives_the_finding_with_its_figures():
    answer = answer_of(cross_domain())
    assert answer.holds
    assert "finding shows" in answer.answer
    for figure in (
        "0.800",
        "0.400",
        "0.700",
        "0.300",
        "0.600 (original)",
        "0.700 (mixed)",
        "+0.100",
        "one training",
        "6 test videos",
        "Bonferroni",
    ):
        assert figure in answer.figures


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"original_winter": 0.85}, "trained on original frames does no worse on winter ones"),
        ({"winter_original": 0.70}, "trained on winter frames does no worse on original ones"),
        ({"mixed_original": 0.10}, "the mixed detector is not the best"),
    ],
)
def test_headline_says_when_the_finding_does_not_show(changes, fault):
    answer = answer_of(cross_domain(**changes))
    assert not answer.holds
    assert "does not show" in answer.answer
    assert fault in answer.answer


def test_headline_does_not_read_a_finding_off_detectors_that_learned_nothing():
    dead = {"_".join(pair): score / 1000 for pair, score in SCORES.items()}
    answer = answer_of(cross_domain(**dead))
    assert not answer.holds
    assert "too little to tell: trained on original frames and winter frames" in answer.answer


def test_a_lead_that_other_videos_may_turn_is_not_called_a_finding():
    answer = answer_of(cross_domain(), spread=0.02)
    assert not answer.holds
    assert "is not decided here" in answer.answer
    assert "leave open whether the mixed detector is better over both domains" in answer.answer
    assert "does worse" not in answer.answer


def test_the_page_says_so_when_the_intervals_decide_nothing():
    answer = answer_of(cross_domain(), spread=0.3)
    assert not answer.holds
    assert answer.answer.startswith("The intervals decide nothing here")


def test_two_trainings_with_a_tiny_lead_do_not_show_the_finding():
    """Mixed leads by 0.001 on average with both seeds; videos and trainings move every figure by far more."""
    tiny = {"mixed_original": 0.601, "mixed_winter": 0.601}
    table = pd.concat([cross_domain(**tiny).assign(seed=seed) for seed in (0, 1)], ignore_index=True)
    table["map50"] += np.random.default_rng(0).normal(0, 1e-4, len(table))
    for spread in (0.002, 0.02):
        answer = answer_of(table, spread)
        assert not answer.holds
        assert "finding shows" not in answer.answer
    assert "2 trainings of each detector" in answer.figures


def test_trainings_that_differ_keep_a_finding_open():
    first, second = cross_domain(mixed_original=0.85), cross_domain(mixed_original=0.55).assign(seed=1)
    alike = answer_of(pd.concat([first, first.assign(seed=1)], ignore_index=True))
    apart = answer_of(pd.concat([first, second], ignore_index=True))
    assert alike.holds and not apart.holds
    assert "is not decided here" in apart.answer


def test_a_narrow_lead_is_said_to_be_one_with_any_number_of_trainings():
    one = cross_domain(mixed_original=0.57)
    for table in (one, pd.concat([one, one.assign(seed=1)], ignore_index=True)):
        answer = answer_of(table, spread=1e-4)
        assert answer.holds
        assert "but by no more than 0.010" in answer.answer


def test_page_marks_a_finding_that_does_not_show(study, tmp_path):
    assert 'class="answer holds"' in build(study, tmp_path)
    write_comparisons(tmp_path, mixed_original=0.1)
    text = build(study, tmp_path)
    assert 'class="answer"' in text
    assert "does not show here" in text


def test_source_state_outside_a_checkout_says_so(tmp_path):
    assert "no git commit" in provenance.source_state(tmp_path)


def test_source_state_tells_changed_files(tmp_path):
    for command in (
        ["init", "-q"],
        ["config", "user.name", "t"],
        ["config", "user.email", "t@example.org"],
        ["add", "file"],
        ["commit", "-qm", "first"],
    ):
        (tmp_path / "file").write_text("one")
        assert provenance._git(tmp_path, *command) is not None
    assert re.fullmatch(r"[0-9a-f]{40}, unchanged", provenance.source_state(tmp_path))
    (tmp_path / "file").write_text("two")
    assert provenance.source_state(tmp_path).endswith("with 1 changed files")


def test_versions_and_machine_are_known():
    assert {"python", "torch", "torchvision", "ultralytics", "snakemake"} <= provenance.versions().keys()
    assert int(provenance.machine()["processors"]) >= 1
