"""The training of any model of X-rays, with samples at fixed seeds on the way."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from snowdrift.runtime.files import write_table
from snowdrift.runtime.progress import report
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.seeds import derive_seed
from snowdrift.xray.generators import load_model
from snowdrift.xray.images import load_images, to_uint8, write_sheet


def train_model(
    name: str,
    section: Mapping[str, Any],
    images: list[Path],
    *,
    weights: Path,
    losses: Path,
    sheets: Path,
    state: JobState,
    sample_every: int,
    samples: int,
    seed: int,
    device: torch.device,
) -> None:
    """Train a model and write its weights, its losses, and a sheet of samples every few epochs.

    Args:
        name: of the model, see `generators`.
        section: the config's `xray.<name>`.
        images: the real X-rays.
        weights: file for what `samples` needs.
        losses: CSV, one row an epoch.
        sheets: folder for `epoch_<epoch>.png`; the same latent vectors every time.
        state: what a killed training continues from.
        sample_every: epochs between two sheets.
        samples: images on a sheet.
        seed: the study's.
        device: where to compute.

    Raises:
        SnowdriftError: see `GenerativeModel.train`.
    """
    seed = derive_seed(seed, "xray", name)
    torch.manual_seed(seed)  # for dropout, which takes no generator of its own
    model = load_model(name).from_config(section, seed=seed, device=device)
    data = load_images(images, model.settings.image_size, model.settings.channels)
    folder = state.folder / "sheets"

    def after_epoch(row: Mapping[str, float]) -> None:
        epoch = int(row["epoch"])
        report("training", epoch, model.settings.epochs, "epochs", row)
        if epoch % sample_every == 0:
            write_sheet(to_uint8(model.sample(samples, seed)), folder / f"epoch_{epoch:04d}.png")

    rows = model.train(data, seed=seed, after_epoch=after_epoch, state=state)
    write_sheet(to_uint8(model.sample(samples, seed)), folder / "final.png")
    state.publish("sheets", sheets)
    model.save(weights)
    write_table(rows, losses)
    state.finish()
