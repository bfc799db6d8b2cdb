"""The report's sections: each function reads what it needs and returns one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from snowdrift.data.sets import ORIGINAL, TRANSLATOR, TRUE_WINTER, in_words, shows_all
from snowdrift.data.tables import lone_frames
from snowdrift.detection.intervals import CELL
from snowdrift.report import provenance
from snowdrift.report.blocks import Chart, Code, Comparison, Figure, Section, Table, Text
from snowdrift.report.charts.study import (
    cross_domain_chart,
    curves_chart,
    losses_chart,
    quality_chart,
    times_chart,
)
from snowdrift.report.figures.detections import DRAWN_CONFIDENCE
from snowdrift.report.figures.pictures import data_uri
from snowdrift.report.sections.cross_domain import means_with_intervals
from snowdrift.report.tables import (
    METRICS,
    between,
    drawn_units,
    read_rejected,
    rejection_reasons,
    rule_times,
    split_counts,
)
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table
from snowdrift.snow.quality import frame_quality

PAGE_WIDTH, DETECTIONS_WIDTH = 1000, 1300
_EXTREMES = (
    "The best and the worst of all frames with people, by how much of the edges in and around each box is found again "
    "in winter (100 %: all; the figure is that of the frame's faintest person). If they are gone, the person has faded "
    "and the label stands for nothing. A training set can leave such frames out (`keep`)."
)
_IN_USE = (
    "In use, a detector runs at one confidence. Here it is the one with the best F1 on the detector's own validation "
    "videos, the same on every test set. Missed are people whom no detection of their class covers (IoU of 0.5 or "
    "more); a false alarm is a detection that covers no such person. Test sets whose people are larger are easier, so "
    "a difference between test sets says little without the heights."
)
MOST_REASONS = 20


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study that the report shows.

    `quality` has a table, and `losses` that of each trained translator, in the folder of its name. The last four are
    empty if there was no such thing: no style images are read, and no losses and samples written, if
    `cyclegan.pretrained` gives the generator.
    """

    frames: Path
    boxes: Path
    rejected: Path
    pairs: Path
    quality: Sequence[Path]
    cross_domain: Path
    curves: Path
    left_out: Path
    comparisons: Path
    in_use: Path
    by_height: Path
    detections: Path
    style: Path | None = None
    losses: Sequence[Path] = ()
    epochs: Sequence[Path] = ()
    samples: Path | None = None


def winter_section(files: StudyFiles, config: Mapping[str, Any]) -> Section:
    """Original frames beside their winter versions."""
    seen = "" if config["cyclegan"]["pretrained"] else ": the generator has never seen those"
    pairs = read_table(files.pairs / "pairs.csv")
    extremes = pairs[pairs["kind"] != "spread"]
    return Section(
        "winter",
        "What the winter looks like",
        [
            Text(
                "Move the slider from the original to its winter version. The frames are spread evenly over the "
                f"videos, those of test videos first{seen}. Winter frames keep the originals' labels (thin boxes), "
                "so people have to stay where they were."
            ),
            *_comparisons(files.pairs, pairs[pairs["kind"] == "spread"]),
            *([Text(_EXTREMES), *_comparisons(files.pairs, extremes)] if len(extremes) else []),
            *_quality(files.quality),
        ],
    )


def _quality(tables: Sequence[Path]) -> list[Chart]:
    """The quality of each translator's frames, whose table lies in the folder of its name; none without people."""
    values = {path.parent.name: frame_quality(read_table(path), "edges_kept") for path in tables}
    return [quality_chart(values)] if any(len(kept) for kept in values.values()) else []


def snow_section(files: StudyFiles, config: Mapping[str, Any]) -> Section:
    """How the generator was trained, or which one was given."""
    title = "The snow generator"
    pretrained = config["cyclegan"]["pretrained"]
    if pretrained is not None:
        text = (
            f"Not trained here, so there are no losses: cyclegan.pretrained names the generator {pretrained}."
        )
        return Section("snow", title, [Text(text)])
    (own,) = (path for path in files.losses if path.parent.name == TRANSLATOR)
    losses = read_table(own)
    hours = losses["seconds"].sum() / 3600
    compared = read_table(files.epochs[0]) if files.epochs else None
    epoch = _used_epoch(config["winterize"]["epoch"], losses, compared)
    blocks: list[Text | Table | Figure | Chart] = [
        Text(
            f"A CycleGAN, trained for {len(losses):,} epochs in {hours:.2f} hours. The winter frames are "
            f"from the generator after epoch {epoch}. Adversarial losses hover rather than fall, since both "
            "sides learn; the cycle and identity losses should fall. No loss says when the winter looks "
            "right: look at the pictures."
        ),
        losses_chart(losses),
        *([] if compared is None else [_epochs_table(compared)]),
    ]
    if files.samples is not None:
        sheet = _last_sheet(files.samples)
        blocks.append(
            Figure(
                data_uri(sheet, PAGE_WIDTH),
                f"Sample pictures: {sheet.stem}",
                f"Fixed samples after the last snapshot ({sheet.stem.replace('_', ' ')}): a picture, its "
                "translation, and the translation's way back. First frames, then style photographs.",
            )
        )
    return Section("snow", title, blocks)


def _used_epoch(wanted: int | str, losses: pd.DataFrame, compared: pd.DataFrame | None) -> int:
    if compared is not None:
        return int(compared.loc[compared["chosen"], "epoch"].item())
    return int(losses["epoch"].max()) if wanted == "last" else int(wanted)


def _epochs_table(compared: pd.DataFrame) -> Table:
    return Table(
        "Epochs, compared by their winter of validation frames: how much of the way to the style pictures it has come, "
        "and how much it keeps of the people's edges. The highest product of both is taken",
        ["epoch", "of the way to the style", "of the edges kept", ""],
        [
            [row.epoch, f"{row.style_reached:.1%}", f"{row.edges_kept:.1%}", "taken" if row.chosen else ""]
            for row in compared.itertuples(index=False)
        ],
    )


def cross_domain_section(files: StudyFiles, config: Mapping[str, Any]) -> Section:
    """Every detector on every test set: heat map, precision-recall curves, tables of all and of each class."""
    means = means_with_intervals(read_table(files.cross_domain), read_table(files.left_out))
    seeds = int(means["seeds"].max())
    over = "one training of each" if seeds == 1 else f"{seeds} trainings of each, and means over them"
    training_sets = config["training_sets"]
    true = ", and on true winter (true_winter)" if TRUE_WINTER in config["test_sets"] else ""
    longer = [name for name, shares in training_sets.items() if len(shares) > 1 and shows_all(shares)]
    in_use = read_table(files.in_use)
    together, each = means[means["class_name"] == "all"], means[means["class_name"] != "all"]
    return Section(
        "detection",
        "Cross-domain evaluation",
        [
            Text(
                "Detectors that differ in nothing but their training data, each on the original (original) and the "
                f"generated winter version (winter) of the same test videos{true}. The figures are from {over}."
                + "".join(map(_trains_longer, longer))
            ),
            Table(
                "What each detector learned from",
                ["trained on", "training videos"],
                [
                    [name, in_words(shares, config["gates"].get(name))]
                    for name, shares in training_sets.items()
                ],
            ),
            Text(_intervals_text(int(together["clusters"].min()), drawn_units(config, ORIGINAL), seeds)),
            cross_domain_chart(means),
            _metrics_table("All classes together", together, per_class=False),
            curves_chart(read_table(files.curves)),
            _metrics_table("Each class", each, per_class=True),
            _differences_table(read_table(files.comparisons)),
            Text(_IN_USE + _without_confidence(in_use)),
            _in_use_table(in_use),
            _heights_table(read_table(files.by_height)),
        ],
    )


def _intervals_text(clusters: int, units: str, seeds: int) -> str:
    trainings = (
        "They do not hold what another training of the same detector would give."
        if seeds == 1
        else f"They also hold how far the {seeds} trainings differ."
    )
    return (
        f"In brackets are 95 % intervals: what these figures might be on other test videos of the same kind, judged by "
        f"leaving out each of the {clusters} {units} in turn. {trainings} Where there is none, fewer than two show the "
        "class, or all of them agree. Precision and recall are taken at the confidence with the best F1 on the test "
        "videos themselves, for each detector and test set its own."
    )


def _differences_table(comparisons: pd.DataFrame) -> Table:
    rows = comparisons[comparisons["class_name"] == "all"]
    rows = rows.rename(columns={"low": "difference_low", "high": "difference_high"})
    titles = {"map50": "mAP50", "map50_95": "mAP50-95"}
    return Table(
        "Differences between the detectors on the same videos, all classes together; each interval holds by itself",
        ["tested on", "metric", "first", "second", "first less second"],
        [
            [
                *(row["test_domain"], titles[row["metric"]], row["first"], row["second"]),
                between(row, "difference", "+.3f"),
            ]
            for row in rows.to_dict("records")
        ],
    )


def _without_confidence(in_use: pd.DataFrame) -> str:
    """A sentence on the detectors that find nothing on their validation videos; empty if all find something."""
    names = in_use.loc[in_use["confidence"].isna(), "train_domain"].unique()
    if not len(names):
        return ""
    some = "some training of it" if in_use["seeds"].max() > 1 else "it"
    return " " + " ".join(
        f"For the detector of {name} there is no such confidence: {some} finds nobody on the validation videos, so "
        "nothing can be said of its use."
        for name in names
    )


def _in_use_table(in_use: pd.DataFrame) -> Table:
    return Table(
        "What each detector misses, and its false alarms, at its own confidence",
        ["trained on", "tested on", "class", "at confidence", "missed", "false alarms in 100 frames"],
        [
            [
                *(row[key] for key in CELL),
                *_used(row),
            ]
            for row in in_use.to_dict("records")
        ],
    )


def _used(row: Mapping[str, Any]) -> tuple[str | float, str, str]:
    """The cells of confidence, misses and false alarms; words if there is no confidence, or nobody to miss."""
    if pd.isna(row["confidence"]):
        return "no confidence", "not told", "not told"
    missed = "not shown" if pd.isna(row["missed"]) else between(row, "missed", ".1%")
    return float(row["confidence"]), missed, between(row, "false_alarms", ".1f")


def _heights_table(by_height: pd.DataFrame) -> Table:
    rows = by_height[(by_height["class_name"] == "all") & (by_height["instances"] > 0)]
    return Table(
        "mAP50 by the height of people, as a share of the picture's; all classes together",
        ["trained on", "tested on", "height", "mAP50", "objects"],
        [
            [*(row[key] for key in CELL[:2]), row["height"], between(row, "map50", ".3f"), row["instances"]]
            for row in rows.to_dict("records")
        ],
    )


def detections_section(files: StudyFiles) -> Section:
    """What the detectors find on a few test frames."""
    return Section(
        "examples",
        "Detections on test frames",
        [
            Figure(
                data_uri(files.detections, DETECTIONS_WIDTH),
                "Test frames with the boxes that each detector found",
                "Each frame in every test set, as each detector sees it. Thin magenta boxes: ground truth. "
                f"Detections of at least {DRAWN_CONFIDENCE} confidence are drawn with class and confidence.",
                wide=True,
            )
        ],
    )


def data_section(files: StudyFiles, config: Mapping[str, Any]) -> Section:
    """Frames, videos and boxes of each split, and what was left out."""
    frames = read_table(files.frames)
    counts = split_counts(frames, read_table(files.boxes), config["data"]["class_names"])
    rejected = read_rejected(files.rejected)
    source = config["data"]["vfp290k"]
    origin = "Rendered for this study (data.vfp290k is null)." if source is None else f"Read from {source}."
    blocks: list[Text | Table] = [
        Text(f"{origin} {_neighbours(frames)}"),
        Table("Frames and boxes of each split", list(counts.columns), counts.values.tolist()),
    ]
    if rejected.empty:
        blocks.append(Text("No frame was faulty."))
    else:
        reasons = rejection_reasons(rejected)
        shown = reasons.head(MOST_REASONS)
        more = f", the {MOST_REASONS} most frequent kinds" if len(reasons) > MOST_REASONS else ""
        caption = f"{len(rejected):,} faulty frames were left out{more}"
        blocks.append(Table(caption, list(shown.columns), shown.values.tolist()))
    if files.style is not None:
        kind = "rendered" if config["data"]["dawn"] is None else f"from {config['data']['dawn']}"
        blocks.append(
            Text(f"The CycleGAN learned from {len(read_table(files.style)):,} style photographs, {kind}.")
        )
    return Section("data", "Data", blocks)


def _neighbours(frames: pd.DataFrame) -> str:
    """Whether a test frame can have a near-copy in training."""
    whole = "Videos are split as a whole, so no test frame has a neighbour in training."
    lone = lone_frames(frames)
    if not lone:
        return whole
    which = "No frame belongs to a video" if lone == len(frames) else f"{lone:,} frames belong to no video"
    return (
        f"{which}, and each of them is split by itself. Equal pictures are never in two splits, but near-copies of a "
        "test frame among the training frames were not ruled out; `splits.group` can say which belong together."
    )


def run_section(config: Mapping[str, Any], benchmarks: Path, command: str) -> Section:
    """What was run: command, source, versions, machine, time of each rule, configuration."""
    facts = {"commit": provenance.source_state(Path(__file__).parent)}
    facts |= provenance.versions() | provenance.machine()
    times = rule_times(benchmarks)
    rows = [
        [row.rule, int(row.jobs), row.seconds / 60, row.memory / 1024]
        for row in times.itertuples(index=False)
    ]
    return Section(
        "run",
        "What was run",
        [
            Code(command, "Command"),
            Table(
                "Source, versions, and the machine that made this page",
                ["what", "value"],
                list(facts.items()),
            ),
            times_chart(times),
            Table(
                "Time of each rule",
                ["rule", "jobs", "minutes, all jobs", "largest memory, GB"],
                rows,
                decimals=2,
            ),
            Code(yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True), "Configuration"),
        ],
    )


def _comparisons(folder: Path, pairs: pd.DataFrame) -> list[Comparison]:
    return [
        Comparison(
            data_uri(folder / f"{pair.number}_original.jpg"),
            data_uri(folder / f"{pair.number}_winter.jpg"),
            f"{pair.frame_id} ({pair.split})"
            + ("" if pair.kind == "spread" else f", {pair.kind}: {pair.edges_kept:.0%} of the edges"),
        )
        for pair in pairs.itertuples()
    ]


def _trains_longer(name: str) -> str:
    return (
        f" The detector of {name} sees several versions of every training frame, and so more frames than the others: "
        "a part of its lead may be that it trains longer."
    )


def _metrics_table(caption: str, means: pd.DataFrame, *, per_class: bool) -> Table:
    keys = ["train_domain", "test_domain", *(["class_name"] if per_class else [])]
    titles = ["trained on", "tested on", *(["class"] if per_class else [])]
    rows = [
        [
            *(str(row[key]) for key in keys),
            *(between(row, metric, ".3f") for metric in METRICS),
            round(row["instances"]),
        ]
        for row in means.to_dict("records")
    ]
    return Table(caption, [*titles, "mAP50", "mAP50-95", "precision", "recall", "objects"], rows)


def _last_sheet(samples: Path) -> Path:
    """The sample sheet of the latest epoch: `epoch_<epoch>.jpg`."""
    sheets = {
        int(found[1]): path
        for path in samples.iterdir()
        if (found := re.fullmatch(r"epoch_(\d+)", path.stem))
    }
    if not sheets:
        raise SnowdriftError(
            f"{samples}: holds no sample sheet epoch_<epoch>.jpg",
            "delete the folder and run again to make it anew",
        )
    return sheets[max(sheets)]


def _plain(value: Any) -> Any:
    """The same value in plain dicts and lists, which YAML can write."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
