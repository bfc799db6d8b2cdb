"""Which snapshot of a translator's training makes the winter: the nearest to the style whose labels are still true."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from PIL import Image

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.data.tables import OK, Corners, corners_of
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.progress import report
from snowdrift.snow.best_epoch import best_epoch
from snowdrift.snow.names import MOST_COMPARED
from snowdrift.snow.networks.generator import Generator
from snowdrift.snow.networks.inference import accelerated, translate
from snowdrift.snow.pixels import to_picture, to_tensor
from snowdrift.snow.quality import edges_kept
from snowdrift.snow.style_distance import StyleDistance
from snowdrift.snow.translator import TrainedTranslator
from snowdrift.snow.winterize import WinterSettings, resized

logger = logging.getLogger(__name__)

EPOCH_COLUMNS = ["epoch", "style_distance", "style_reached", "edges_kept"]


class LabelledFrame(NamedTuple):
    """A frame's picture, and the corners of its boxes as fractions of it."""

    path: Path
    boxes: Sequence[Corners]


def frames_to_compare(frames: pd.DataFrame, boxes: pd.DataFrame, root: Path) -> list[LabelledFrame]:
    """Validation frames with people, evenly spread: the generator has not learned from them, and no test uses them.

    Args:
        frames: `data/frames.parquet`.
        boxes: `data/boxes.parquet`.
        root: folder that the frames' `image` is relative to.

    Raises:
        SnowdriftError: there is none.
    """
    usable = frames[(frames["split"] == "val") & (frames["status"] == OK) & (frames["boxes"] > 0)]
    if usable.empty:
        raise SnowdriftError(
            "no validation frame shows a person, so the epochs cannot be compared",
            "set the epoch to `last` or to a number, or give splits.val videos that show people",
        )
    chosen = evenly(list(usable.itertuples(index=False)), MOST_COMPARED)
    own = dict(tuple(boxes[boxes["frame_id"].isin([row.frame_id for row in chosen])].groupby("frame_id")))
    return [
        LabelledFrame(root / row.image, [corners for _, corners in corners_of(own[row.frame_id])])
        for row in chosen
    ]


def compare_epochs(
    translator: TrainedTranslator,
    snapshots: Path,
    frames: Sequence[LabelledFrame],
    style: Sequence[Path],
    settings: WinterSettings,
    device: torch.device,
) -> pd.DataFrame:
    """Translate the same frames with every snapshot of a training, and choose one.

    Args:
        translator: which reads the snapshots.
        snapshots: folder of `<epoch>_net_<generator>.pth`.
        frames: see `frames_to_compare`.
        style: the pictures that the training learned its style from.
        settings: those of the winter frames.
        device: where the networks run.

    Returns:
        One row a snapshot, by epoch: epoch; style_distance, see `StyleDistance`; style_reached, the share of the
        originals' distance that is gone, 0 to 1; edges_kept, the mean over the frames of that of the faintest person,
        0 to 1; chosen, true for `best_epoch`.
    """
    distance = StyleDistance([open_picture(path) for path in evenly(style, MOST_COMPARED)], translator.seed)
    originals = [open_picture(frame.path) for frame in frames]
    at_first = distance.of(originals)
    files = snapshot_files(snapshots, translator.generator)
    rows = []
    for done, (epoch, file) in enumerate(files.items()):
        report("comparing epochs", done, len(files), "epochs")
        translator.load(file)
        winter = winter_of(originals, translator.network, settings, device)
        kept = [
            min(edges_kept(original, made, frame.boxes))
            for original, made, frame in zip(originals, winter, frames, strict=True)
        ]
        left = distance.of(winter)
        rows.append((epoch, left, max(0.0, 1 - left / at_first), sum(kept) / len(kept)))
        logger.info("epoch %d: %.3f from the style, %.2f of the way; %.2f of the edges kept", *rows[-1])
    table = pd.DataFrame(rows, columns=EPOCH_COLUMNS)
    return table.assign(chosen=table["epoch"] == best_epoch(table))


def snapshot_files(folder: Path, generator: str) -> dict[int, Path]:
    """The weight files of a training by epoch, in order; `latest` is the last of them once more."""
    named = ((re.match(r"(\d+)_net_", path.name), path) for path in folder.glob(f"*_net_{generator}.pth"))
    return dict(sorted((int(found[1]), path) for found, path in named if found))


def winter_of(
    originals: Sequence[Image.Image], network: Generator, settings: WinterSettings, device: torch.device
) -> list[Image.Image]:
    """Winter versions of the originals' sizes, seen by the network at the size that the settings say."""
    network = accelerated(network) if device.type == "cpu" else network.to(device)
    made = []
    for original in originals:
        seen = to_tensor(resized(original, settings.network_size(*original.size)))
        winter = to_picture(translate(network, seen[None].to(device))[0])
        made.append(resized(winter, original.size))
    return made
