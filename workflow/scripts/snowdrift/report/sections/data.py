"""What was learned from and tested on, and what was left out."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from snowdrift.data.tables import lone_frames
from snowdrift.report.blocks import Section, Table, Text
from snowdrift.report.sections.files import StudyFiles
from snowdrift.report.tables import (
    MOST_REASONS,
    read_rejected,
    rejection_reasons,
    split_counts,
)
from snowdrift.runtime.files import read_table


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
