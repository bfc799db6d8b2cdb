"""What the winter looks like, and where the generator is from."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from snowdrift.data.sets import TRANSLATOR
from snowdrift.report.blocks import Chart, Comparison, Figure, Section, Table, Text
from snowdrift.report.charts.study import (
    losses_chart,
    quality_chart,
)
from snowdrift.report.figures.pictures import data_uri
from snowdrift.report.sections.files import StudyFiles
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table
from snowdrift.snow.best_epoch import chosen_epoch
from snowdrift.snow.quality import frame_quality

_WIDTH = 1000


_EXTREMES = (
    "The best and the worst of all frames with people, by how much of the edges in and around each box is found again "
    "in winter (100 %: all; the figure is that of the frame's faintest person). If they are gone, the person has faded "
    "and the label stands for nothing. A training set can leave such frames out (`keep`)."
)


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
            *([Text(_EXTREMES)] if len(extremes) else []),
            *_comparisons(files.pairs, extremes),
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
                data_uri(sheet, _WIDTH),
                f"Sample pictures: {sheet.stem}",
                f"Fixed samples after the last snapshot ({sheet.stem.replace('_', ' ')}): a picture, its "
                "translation, and the translation's way back. First frames, then style photographs.",
            )
        )
    return Section("snow", title, blocks)


def _used_epoch(wanted: int | str, losses: pd.DataFrame, compared: pd.DataFrame | None) -> int:
    if compared is not None:
        return chosen_epoch(compared)
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
            "delete the folder and run again to make it again",
        )
    return sheets[max(sheets)]
